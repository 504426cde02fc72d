"""Beam search: the most probable sequence, looked for along several paths at once.

The chapter on decoding derives it. A beam is a sequence that is still being written. At each step
all beams are extended by all tokens, the best extensions go on, and those that end compete for a
place among the finished by their score

    log p(y | x) / length ** length_penalty     (length: new tokens, the end token included)

Sources
    Wu et al. (2016), "Google's Neural Machine Translation System", section 7, and Freitag &
    Al-Onaizan (2017), "Beam Search Strategies for Neural Machine Translation", section 2. The
    normalisation by a power of the length and the rules for stopping are Hugging Face's, to whose
    ``generate`` the result is equal token for token.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from txlite._checks import check_positive
from txlite.generation._arguments import Tokens, as_tokens
from txlite.generation._beams import Rules, Sequences, compete, extend, no_better, start
from txlite.generation._choice import Choice, Processor
from txlite.generation._reader import CacheKind, Reader, evaluating

__all__ = ["BeamResult", "BeamStep", "beam_search"]


class BeamResult(NamedTuple):
    """The best sequences of each row, best first, and their scores.

    Parameters
    ----------
    tokens : Tensor of int, shape (B * R, T)
        R sequences for each of the B prompts, beside each other, padded to one length.
    scores : Tensor, shape (B * R,)
        Minus infinity where fewer sequences exist than were asked for.
    """

    tokens: Int[Tensor, "B*R T"]
    scores: Float[Tensor, "B*R"]


class BeamStep(NamedTuple):
    """What one step of the search looked at: C candidates for K beams, best first.

    C is K times 2, or with more than one end token K times one more than there are.

    Parameters
    ----------
    parents : Tensor of int, shape (B, C)
        Which beam of the step before a candidate extends.
    tokens : Tensor of int, shape (B, C)
        By which token.
    scores : Tensor, shape (B, C)
        The log-probability of the whole continuation, not normalised. Minus infinity for what
        does not exist: a vocabulary may hold fewer than C tokens.
    finishes : Tensor of bool, shape (B, C)
        Whether it ended, among the first K, and so took part in the competition of the finished.
    survivors : Tensor of int, shape (B, K)
        Which candidates are the beams of the next step.
    """

    parents: Int[Tensor, "B C"]
    tokens: Int[Tensor, "B C"]
    scores: Float[Tensor, "B C"]
    finishes: Bool[Tensor, "B C"]
    survivors: Int[Tensor, "B K"]


def beam_search(
    model: Callable[..., Float[Tensor, "B T V"]],
    prompt: Int[Tensor, "B T"],
    *,
    num_beams: int,
    max_new_tokens: int,
    eos_id: Tokens,
    source: Shaped[Tensor, "B ..."] | None = None,
    source_keep: Bool[Tensor, "B S"] | None = None,
    prompt_keep: Bool[Tensor, "B T"] | None = None,
    pad_id: int = 0,
    length_penalty: float = 1.0,
    early_stopping: bool | Literal["never"] = False,
    repetition_penalty: float | None = None,
    no_repeat_ngram: int | None = None,
    min_new_tokens: int = 0,
    forced: Mapping[int, int] | None = None,
    suppress: Collection[int] = (),
    suppress_first: Collection[int] = (),
    processors: Sequence[Processor] = (),
    num_return_sequences: int = 1,
    use_cache: bool = True,
    cache: CacheKind = "growing",
    prefill_chunk: int | None = None,
    record: list[BeamStep] | None = None,
) -> BeamResult:
    """Search for the sequences of the highest score.

    Parameters
    ----------
    model : callable
        As for :func:`txlite.generation.generate`.
    prompt : Tensor of int, shape (B, T)
        At least one token in each row.
    num_beams : int
        How many sequences are written side by side, and how many finished ones are kept. One beam
        is greedy search.
    max_new_tokens : int
        How many tokens to add at most. What has not ended by then competes as it is.
    eos_id : int, collection of int or None
        The token that ends a sequence, or several; None to write on to the last.
    source : Tensor, shape (B, ...), optional
        What the encoder reads.
    source_keep : Tensor of bool, shape (B, S), optional
        False where the source is padding.
    prompt_keep : Tensor of bool, shape (B, T), optional
        False where the prompt is padding, which must be on the left.
    pad_id : int
        What fills a row after its end.
    length_penalty : float
        The power of the length by which a log-probability is divided: zero compares sums, one
        means for each token, more favours longer sequences. Scores are negative.
    early_stopping : bool or "never"
        When a row's search ends, once ``num_beams`` sequences are finished. True: at once. False:
        when the best beam, if it ended now, would not displace one of them. "never": when no beam
        could displace one any more, however it went on.
    repetition_penalty, no_repeat_ngram : number, optional
        As for :func:`txlite.generation.generate`; so are the next five. They are applied to the
        log-probabilities of each step, in this order, and what they leave is added to the scores.
    min_new_tokens : int
        Before so many tokens are written, ``eos_id`` may not come.
    forced : mapping of int to int, optional
        Tokens that must come, by how many new ones stand before them.
    suppress, suppress_first : collection of int
        Tokens that may never come, or not as the first new one.
    processors : sequence of callable
        Rules of your own: from log-probabilities (N, V) and all tokens (N, T) to scores.
    num_return_sequences : int
        How many of the finished to return, at most ``num_beams``.
    use_cache : bool
        Whether keys and values are remembered. It changes the time, not the tokens.
    cache : str
        ``"growing"``, or ``"static"``: memory for all positions is taken once.
    prefill_chunk : int, optional
        How many tokens of the prompt are read at once at most.
    record : list, optional
        A list to which a :class:`BeamStep` is appended for each step.

    Returns
    -------
    BeamResult
        Tokens (B * R, T + new), padded with ``pad_id``, the R sequences of a row beside each other,
        and their scores (B * R,).

    Raises
    ------
    ValueError
        If an argument is outside its range, ``eos_id`` or ``pad_id`` is no token of the vocabulary,
        a shape is wrong, or the model gives NaN or does not use the cache.
    """
    eos = as_tokens(eos_id)
    rules = Rules(num_beams, max_new_tokens, eos, pad_id, length_penalty, early_stopping)
    rules = rules.checked()
    choice = Choice(
        repetition_penalty=repetition_penalty,
        no_repeat_ngram=no_repeat_ngram,
        min_new_tokens=min_new_tokens,
        eos=eos,
        forced=forced,
        suppress=as_tokens(suppress),
        suppress_first=as_tokens(suppress_first),
        processors=processors,
    )
    num_return_sequences = check_positive("num_return_sequences", num_return_sequences)
    if num_return_sequences > rules.num_beams:
        raise ValueError(
            f"num_return_sequences should be at most num_beams={rules.num_beams}, "
            f"got {num_return_sequences}"
        )
    reader = Reader(
        model,
        prompt,
        prompt_keep=prompt_keep,
        source=source,
        source_keep=source_keep,
        use_cache=use_cache,
        ids=choice.ids(rules.pad_id),
        cache=cache,
        new=rules.max_new_tokens,
        chunk=prefill_chunk,
    )
    with evaluating(model):
        finished = _search(reader, prompt, rules, choice, record)
    chosen = Sequences(*(x[:, :num_return_sequences] for x in finished))
    longest = prompt.shape[1] + int(chosen.lengths.max())
    return BeamResult(chosen.tokens[..., :longest].flatten(0, 1), chosen.scores.flatten())


def _search(
    reader: Reader,
    prompt: Tensor,
    rules: Rules,
    choice: Choice,
    record: list[BeamStep] | None,
) -> Sequences:
    """Write until every row is done; return the finished sequences."""
    beams, finished = start(prompt, rules.num_beams)
    done = torch.zeros_like(prompt[:, 0], dtype=torch.bool)
    for step in range(rules.max_new_tokens):
        tokens = beams.tokens.flatten(0, 1)  # (B * K, T)
        log_probs = choice.ruled(_log_softmax(reader(tokens)), tokens, reader.keep, step)
        log_probs = log_probs.reshape(*beams.scores.shape, -1)  # (B, K, V)
        candidates, parents = extend(beams, log_probs, rules.num_candidates)
        ends, exists = rules.end(candidates), candidates.scores > -math.inf
        finishes = ends & exists & ~done[:, None]
        finishes[:, rules.num_beams :] = False  # the others are there to replace what ends
        going = candidates._replace(scores=candidates.scores.masked_fill(ends, -math.inf))
        survivors = going.scores.topk(rules.num_beams).indices
        if record is not None:
            newest = candidates.tokens[..., -1]
            record.append(BeamStep(parents, newest, candidates.scores, finishes, survivors))
        finished = compete(finished, candidates, finishes, rules)
        reader.reorder(_places(parents.gather(1, survivors), beams.scores.shape[1]))
        beams = going.choose(survivors)
        done = done | no_better(beams, finished, rules)
        if bool(done.all()):
            break
    return finished


def _log_softmax(logits: Tensor) -> Tensor:
    """Log-probabilities, in single precision or better."""
    return logits.to(torch.promote_types(logits.dtype, torch.float)).log_softmax(-1)


def _places(parents: Tensor, num_beams: int) -> Tensor:
    """Turn places among the beams of a row into places in the whole batch."""
    first = torch.arange(parents.shape[0], device=parents.device)[:, None] * num_beams
    return (first + parents).flatten()
