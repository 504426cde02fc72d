"""Speculative decoding: a small model drafts several tokens, the large one checks them at once.

Reading k + 1 positions costs a large model little more than reading one. So the draft writes k
tokens, the model scores all of them in one call, and what it would have drawn by itself is kept.
The rule by which it is kept leaves the distribution what it is without a draft: whatever the
draft says, it changes the time only.

Sources
    Leviathan, Kalman & Matias (2023), "Fast Inference from Transformers via Speculative Decoding",
    algorithm 1 and appendix A.1; Chen et al. (2023), "Accelerating Large Language Model Decoding
    with Speculative Sampling", algorithm 2.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot, pad

from txlite._checks import check_generator, check_shape
from txlite.generation import sampling
from txlite.generation._choice import STUCK, Choice, stuck
from txlite.generation._endings import Endings, Step
from txlite.generation._reader import Reader

__all__ = ["speculate", "verify"]


def verify(
    target: Float[Tensor, "B L V"],
    draft: Float[Tensor, "B K V"],
    drafted: Int[Tensor, "B K"],
    generator: torch.Generator | None = None,
) -> tuple[Int[Tensor, " B"], Int[Tensor, " B"]]:
    r"""Accept drafted tokens from the left until one fails, and draw the one that follows.

    A token x that the draft drew with probability q(x) is accepted with probability
    min(1, p(x) / q(x)). Instead of the first that fails comes one drawn from
    :math:`\max(p - q, 0)`, normalised; if none fails, one more from the model's next p. So every
    token is distributed as the model's own: q(x) min(1, p(x)/q(x)) + (share rejected) times the
    rest at x is p(x). This happens on the CPU in double precision, as in
    :func:`txlite.generation.sample`.

    Parameters
    ----------
    target : Tensor, shape (B, L, V)
        The model's distribution p at each drafted token, and after the last: L = K + 1.
    draft : Tensor, shape (B, K, V)
        The distribution q that each token was drawn from. It must be that one, with its temperature
        and filters, or the result is another distribution.
    drafted : Tensor of int, shape (B, K)
        The tokens.
    generator : torch.Generator, optional
        On the CPU.

    Returns
    -------
    accepted : Tensor of int, shape (B,)
        How many tokens are accepted in each row, 0 to K.
    following : Tensor of int, shape (B,)
        The token that comes after them.

    Raises
    ------
    ValueError
        If the shapes disagree.

    References
    ----------
    Leviathan, Kalman & Matias (2023), algorithm 1.

    Examples
    --------
    >>> sure = torch.tensor([[[0.0, 1.0, 0.0]] * 3])  # the model writes 1, 1, 1
    >>> q = torch.tensor([[[0.5, 0.5, 0.0]] * 2])
    >>> verify(sure, q, torch.tensor([[1, 0]]))  # the first is right, the second is not
    (tensor([1]), tensor([1]))
    """
    sizes = check_shape("drafted", drafted, "B K")
    rows, count = sizes["B"], sizes["K"]
    sizes = check_shape("draft", draft, "B K V", **sizes)
    if target.ndim != 3 or target.shape != (rows, count + 1, sizes["V"]):
        raise ValueError(
            f"target should have shape (B={rows}, L=K+1={count + 1}, V={sizes['V']}), got "
            f"{tuple(target.shape)}"
        )
    if generator is not None:
        check_generator("generator", generator)
    device, chosen = drafted.device, drafted.cpu().long()[..., None]
    target, draft = target.detach().cpu().double(), draft.detach().cpu().double()
    p, q = (x.gather(-1, chosen)[..., 0] for x in (target[:, :count], draft))
    drawn = torch.rand(p.shape, generator=generator, dtype=torch.float64, device="cpu")
    accepted = (drawn * q < p).long().cumprod(1).sum(1)
    here = accepted[:, None, None].expand(-1, 1, sizes["V"])
    wanted = target.gather(1, here)[:, 0]  # (B, V)
    rest = (wanted - pad(draft, (0, 0, 0, 1)).gather(1, here)[:, 0]).clamp(min=0)
    nothing = rest.sum(-1, keepdim=True) <= 0  # p = q but for rounding
    following = sampling.sample(rest.where(~nothing, wanted).log(), generator)
    return accepted.to(device), following.to(device)


def speculate(
    reader: Reader,
    drafter: Reader,
    choice: Choice,
    endings: Endings,
    tokens: Int[Tensor, "N T"],
    *,
    max_new_tokens: int,
    num_drafted: int,
    counts: tuple[Int[Tensor, " N"], Int[Tensor, " N"]],
    with_log_probs: bool,
) -> Iterator[Step]:
    """Write, several tokens a round; ``counts`` are added to: drafted and accepted.

    All rows go on together, as far as the row that accepts least: where another accepts more, that
    is drafted again. What a row has accepted until then does not know it, so that its distribution
    stays.
    """
    chance = choice.generator if choice.temperature != 0 else torch.Generator()  # which draws none
    written = 0
    while written < max_new_tokens:
        count = min(num_drafted, max_new_tokens - written - 1)
        width = tokens.shape[1]
        ahead, drawn_from = _draft(drafter, choice, tokens, count, written, endings.done)
        drafted = ahead[:, width:]
        logits = reader.read(ahead, count + 1)  # (N, K + 1, V)
        scores = _scores(reader, choice, logits, ahead, written, endings.done)
        q = torch.stack(drawn_from, dim=1) if count else scores[:, :0]
        if q.shape[-1] != scores.shape[-1]:
            raise ValueError(
                f"draft should have the vocabulary of the model, V={scores.shape[-1]}, got one of "
                f"V={q.shape[-1]}"
            )
        blocked = stuck(scores)  # nothing is left here, which matters if the row comes here
        p = choice.probabilities(scores.where(~blocked[..., None], _other(ahead, scores)))
        accepted, following = (x.to(tokens) for x in verify(p, q, drafted, chance))
        going = ~endings.done
        counts[0].add_(going * count)
        counts[1].add_(accepted * going)
        within = torch.arange(count, device=tokens.device) < accepted[:, None]
        waiting = going & ~(endings.ends(drafted) & within).any(1)
        keep = int(accepted.where(waiting, count).min())
        if bool((waiting & (accepted == keep) & blocked[:, keep]).any()):
            raise ValueError(STUCK)
        last = drafted[:, keep].where(accepted > keep, following) if keep < count else following
        for i, token in enumerate([*drafted[:, :keep].unbind(1), last]):
            both = choice.log_probs(logits[:, i], scores[:, i], token) if with_log_probs else ()
            token = endings.take(token)
            tokens = torch.cat([tokens, token[:, None]], dim=1)
            yield Step(token, *both)
            if bool(endings.done.all()):
                return
        written += keep + 1
        reader.crop(width + keep)
        drafter.crop(width + keep)


def _draft(
    drafter: Reader, choice: Choice, tokens: Tensor, count: int, written: int, done: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Write ``count`` tokens with the small model; return them and what they were drawn from."""
    distributions = []
    for i in range(count):
        logits = drafter(tokens)
        scores = choice.scores(logits, tokens, drafter.keep, written + i, done)
        scores = scores.where(~stuck(scores)[:, None], logits)  # the model has the last word
        distributions.append(choice.probabilities(scores))
        token = choice.take(scores)
        tokens = torch.cat([tokens, token.to(tokens.dtype)[:, None]], dim=1)
    return tokens, distributions


def _scores(
    reader: Reader, choice: Choice, logits: Tensor, ahead: Tensor, written: int, done: Tensor
) -> Tensor:
    """Return what the model would take each drafted token from, and the one after them."""
    first = ahead.shape[1] - logits.shape[1] + 1
    return torch.stack(
        [
            choice.scores(
                logits[:, i],
                ahead[:, : first + i],
                None if reader.keep is None else reader.keep[:, : first + i],
                written + i,
                done,
            )
            for i in range(logits.shape[1])
        ],
        dim=1,
    )


def _other(ahead: Tensor, scores: Tensor) -> Tensor:
    """Scores that leave one token, and not the drafted one: it is not accepted."""
    _, count, vocabulary = scores.shape
    following = torch.cat([ahead[:, ahead.shape[1] - count + 1 :], ahead[:, -1:]], dim=1)
    other = one_hot((following.long() + 1) % vocabulary, vocabulary).to(scores.dtype)
    return other.log()
