"""The steps of a beam search: extend every beam, let what has ended compete, see who is done."""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from txlite._checks import check_finite, check_positive
from txlite.generation._arguments import as_token

__all__ = ["Rules", "Sequences", "compete", "extend", "no_better", "start"]


class Rules(NamedTuple):
    """The settings of a search."""

    num_beams: int
    max_new_tokens: int
    eos: tuple[int, ...]
    pad_id: int
    length_penalty: float
    early_stopping: bool | Literal["never"]

    def checked(self) -> "Rules":
        """Require settings that make sense, and return them as Python's numbers."""
        if not (isinstance(self.early_stopping, bool) or self.early_stopping == "never"):
            raise ValueError(
                f"early_stopping should be True, False or 'never', got {self.early_stopping!r}"
            )
        return self._replace(
            num_beams=check_positive("num_beams", self.num_beams),
            max_new_tokens=check_positive("max_new_tokens", self.max_new_tokens),
            pad_id=as_token(self.pad_id),
            length_penalty=check_finite("length_penalty", self.length_penalty),
        )

    def normalise(self, log_probs: Tensor, lengths: Tensor) -> Tensor:
        """Return the scores by which finished sequences are compared."""
        return log_probs / lengths.to(log_probs.dtype) ** self.length_penalty

    def end(self, candidates: "Sequences") -> Tensor:
        """Whether a sequence ends: by the end token, or because there is no more room."""
        full = candidates.lengths == self.max_new_tokens
        for token in self.eos:
            full = full | (candidates.tokens[..., -1] == token)
        return full

    @property
    def num_candidates(self) -> int:
        """How many extensions to look at, so that enough are left when each beam ends every way."""
        return max(2, 1 + len(self.eos)) * self.num_beams


class Sequences(NamedTuple):
    """K sequences in each row, best first, all of one width."""

    tokens: Tensor  # (B, K, T)
    scores: Tensor  # (B, K)
    lengths: Tensor  # (B, K), new tokens only

    def choose(self, index: Tensor) -> "Sequences":
        """Return the sequences that ``index`` (B, N) names in each row."""
        wide = index[..., None].expand(-1, -1, self.tokens.shape[-1])
        return Sequences(
            self.tokens.gather(1, wide), self.scores.gather(1, index), self.lengths.gather(1, index)
        )


def start(prompt: Tensor, num_beams: int) -> tuple[Sequences, Sequences]:
    """Return the one beam that each row begins with, the prompt, and the empty finished places."""
    root = prompt.new_zeros(prompt.shape[0], 1)
    places = root.expand(-1, num_beams)
    free = Sequences(
        prompt[:, None].expand(-1, num_beams, -1),
        torch.full_like(places, -math.inf, dtype=torch.float),
        places,
    )
    return Sequences(prompt[:, None], root.float(), root), free


def extend(beams: Sequences, log_probs: Tensor, count: int) -> tuple[Sequences, Tensor]:
    """Return the ``count`` best extensions by one token, and the places of what they extend."""
    vocabulary = log_probs.shape[-1]
    totals = (beams.scores[..., None] + log_probs).flatten(1)  # (B, K * V)
    totals = pad(totals, (0, max(0, count - totals.shape[1])), value=-math.inf)
    scores, places = totals.topk(count)
    parents = (places // vocabulary).clamp(max=beams.scores.shape[1] - 1)
    tokens = (places % vocabulary).to(beams.tokens.dtype)
    shorter = beams.choose(parents)
    longer = torch.cat([shorter.tokens, tokens[..., None]], dim=-1)
    return Sequences(longer, scores, shorter.lengths + 1), parents


def compete(finished: Sequences, ended: Sequences, finishes: Tensor, rules: Rules) -> Sequences:
    """Give the finished places to the best of those who hold one and those who just ended."""
    scores = rules.normalise(ended.scores, ended.lengths).masked_fill(~finishes, -math.inf)
    both = Sequences(
        torch.cat([pad(finished.tokens, (0, 1), value=rules.pad_id), ended.tokens], dim=1),
        torch.cat([finished.scores.to(scores.dtype), scores], dim=1),
        torch.cat([finished.lengths, ended.lengths], dim=1),
    )
    order = both.scores.argsort(dim=1, descending=True, stable=True)
    return both.choose(order[:, : rules.num_beams])


def no_better(beams: Sequences, finished: Sequences, rules: Rules) -> Tensor:
    """Whether a row's search may end: see ``early_stopping`` of :func:`beam_search`."""
    worst = finished.scores[:, -1]  # minus infinity while a place is free
    best, lengths = beams.scores[:, 0], beams.lengths[:, 0]
    if rules.early_stopping is True:
        return worst.isfinite() | best.isneginf()
    if rules.early_stopping == "never" and rules.length_penalty > 0:
        lengths = torch.full_like(lengths, rules.max_new_tokens)
    return rules.normalise(best, lengths) <= worst
