"""What a run of ``generate`` has to say beside its tokens."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite.generation._endings import Endings, Step

__all__ = ["GenerateResult", "collect"]


class GenerateResult(NamedTuple):
    """The sequences, how long they are, why they ended, and how probable their tokens were.

    N counts the sequences: B prompts, times ``num_return_sequences``, those of one prompt beside
    each other.

    Parameters
    ----------
    tokens : Tensor of int, shape (N, T + new)
        The prompts and what follows them, padded after the end.
    lengths : Tensor of int, shape (N,)
        How many tokens are new in each row, the end token included.
    reasons : list of str
        Why each row ended: ``"eos"``, ``"stop"``, or ``"length"`` for want of room.
    model_log_probs : Tensor, shape (N, new)
        What the model says of each token: log softmax of its logits as they are. Zero after the
        end, so that the sum of a row is the log-probability of what was written.
    sampler_log_probs : Tensor, shape (N, new)
        The same under the distribution that the token was taken from, after penalties, rules,
        temperature and filters. At temperature zero that token is certain, and it is zero.
    texts : list of str or None
        What each row says, up to its stop, if there was a ``decode``.
    drafted, accepted : Tensor of int, shape (N,), or None
        With a draft model: how many of its tokens were looked at, and how many were accepted, in
        the rounds until a row's end.
    """

    tokens: Int[Tensor, "N L"]
    lengths: Int[Tensor, " N"]
    reasons: list[str]
    model_log_probs: Float[Tensor, "N M"]
    sampler_log_probs: Float[Tensor, "N M"]
    texts: list[str] | None = None
    drafted: Int[Tensor, " N"] | None = None
    accepted: Int[Tensor, " N"] | None = None


def collect(
    prompt: Int[Tensor, "B T"],
    steps: list[Step],
    endings: Endings,
    counts: tuple[Int[Tensor, " N"], Int[Tensor, " N"]] | None,
) -> GenerateResult:
    """Put the steps of a run beside each other."""
    copies = len(endings.done) // len(prompt)
    tokens = [prompt.repeat_interleave(copies, 0), *(step.tokens[:, None] for step in steps)]
    lengths = endings.lengths()
    real = torch.arange(len(steps), device=prompt.device) < lengths[:, None]
    model, sampler = (
        torch.stack([x for x in column if x is not None], dim=1).where(real, 0.0)
        for column in ([s.model for s in steps], [s.sampler for s in steps])
    )
    drafted, accepted = (None, None) if counts is None else counts
    return GenerateResult(
        torch.cat(tokens, dim=1),
        lengths,
        endings.reasons(),
        model,
        sampler,
        endings.texts(),
        drafted,
        accepted,
    )
