"""From logits to one token in each row: the rules, the temperature, the filters, the draw."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from txlite._checks import (
    as_whole,
    check_callable,
    check_length,
    check_number,
    check_positive,
    check_rate,
    check_shape,
    check_share,
)
from txlite.generation import processors, sampling
from txlite.generation._arguments import Tokens

__all__ = ["STUCK", "Choice", "Processor", "stuck"]

Processor = Callable[[Tensor, Tensor], Tensor]
STUCK = "logits should leave at least one token, got all ruled out in a row"


def _check_temperature(name: str, x: float) -> float:
    return check_number(name, x, "a positive number, or zero", lambda x: 0 <= x < math.inf)


_CHECKS: dict[str, Callable[[str, Any], float]] = {
    "temperature": _check_temperature,
    "top_k": check_positive,
    "top_p": check_share,
    "min_p": check_share,
    "repetition_penalty": check_rate,
    "no_repeat_ngram": check_positive,
    "min_new_tokens": check_length,
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is done to the logits of a step before a token is taken, and how it is taken."""

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    no_repeat_ngram: int | None = None
    min_new_tokens: int = 0
    eos: tuple[int, ...] = ()
    forced: Mapping[int, int] | None = None
    suppress: tuple[int, ...] = ()
    suppress_first: tuple[int, ...] = ()
    processors: Sequence[Processor] = ()
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        """Check each number by the name that the caller knows, before the model runs."""
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None or name in ("temperature", "min_new_tokens"):
                object.__setattr__(self, name, check(name, value))
        object.__setattr__(self, "forced", _checked_forced(self.forced))
        for process in self.processors:
            check_callable("processors", process, "from logits (B, V) and tokens (B, T) to logits")

    @property
    def rules_out(self) -> bool:
        """Whether anything but the filters can rule a token out."""
        some = (self.no_repeat_ngram, self.min_new_tokens, self.forced, self.processors)
        return any(some) or bool(self.suppress or self.suppress_first)

    def ids(self, pad_id: int) -> dict[str, Tokens]:
        """Return all tokens with a meaning, by the caller's names for them."""
        return {
            "eos_id": self.eos,
            "pad_id": (pad_id,),  # one, and no more
            "forced": tuple((self.forced or {}).values()),
            "suppress": self.suppress,
            "suppress_first": self.suppress_first,
        }

    def scores(
        self,
        logits: Float[Tensor, "N V"],
        tokens: Int[Tensor, "N T"],
        keep: Bool[Tensor, "N T"] | None,
        step: int,
        done: Bool[Tensor, " N"],
    ) -> Float[Tensor, "N V"]:
        """Return what the token is taken from; ``step`` counts the new tokens before it."""
        ruled = self.ruled(logits, tokens, keep, step)
        if self.rules_out:  # a row that has ended may have used up what is allowed
            ruled = ruled.where(~done[:, None], logits)
        logits = ruled
        return logits if self.temperature == 0 else self._filter(logits)

    def ruled(self, logits: Tensor, tokens: Tensor, keep: Tensor | None, step: int) -> Tensor:
        """Apply the penalty and the rules, which hold at temperature zero too."""
        if self.repetition_penalty is not None:
            logits = sampling.repetition_penalty(logits, tokens, self.repetition_penalty, keep)
        if self.no_repeat_ngram is not None:
            logits = processors.no_repeat_ngram(logits, tokens, self.no_repeat_ngram, keep)
        if step < self.min_new_tokens:
            logits = processors.suppress(logits, self.eos)
        if self.forced and step in self.forced:
            logits = processors.force(logits, self.forced[step])
        if self.suppress:
            logits = processors.suppress(logits, self.suppress)
        if self.suppress_first and step == 0:
            logits = processors.suppress(logits, self.suppress_first)
        for process in self.processors:
            sizes = dict(zip("NV", logits.shape, strict=True))
            logits = process(logits, tokens)
            check_shape("the logits of processors", logits, "N V", **sizes)
        return logits

    def take(self, scores: Float[Tensor, "N V"]) -> Int[Tensor, " N"]:
        """Return one token in each row."""
        if self.temperature != 0:
            return sampling.sample(scores, self.generator)
        if self.rules_out and bool(stuck(scores).any()):
            raise ValueError(STUCK)
        return scores.argmax(-1)

    def probabilities(self, scores: Float[Tensor, "*N V"]) -> Float[Tensor, "*N V"]:
        """Return the distribution that the token is taken from, on the CPU, in double precision."""
        if self.temperature == 0:
            return one_hot(scores.argmax(-1), scores.shape[-1]).cpu().double()
        return scores.cpu().double().softmax(-1)

    def log_probs(
        self, logits: Float[Tensor, "N V"], scores: Float[Tensor, "N V"], token: Int[Tensor, " N"]
    ) -> tuple[Tensor, Tensor]:
        """Return log p(token) under the model, and under what the token was taken from."""
        model = _log_prob(logits, token)
        if self.temperature == 0:  # the most probable token is certain
            return model, torch.zeros_like(model)
        return model, _log_prob(scores, token)

    def _filter(self, logits: Tensor) -> Tensor:
        logits = sampling.temperature(logits, self.temperature)
        if self.top_k is not None:
            logits = sampling.top_k(logits, self.top_k)
        if self.top_p is not None:
            logits = sampling.top_p(logits, self.top_p)
        return logits if self.min_p is None else sampling.min_p(logits, self.min_p)


def stuck(scores: Tensor) -> Tensor:
    """Whether a row leaves no token."""
    return scores.amax(-1).isneginf()


def _log_prob(logits: Tensor, token: Tensor) -> Tensor:
    """Return log softmax(logits) of one token in each row, in single precision or better."""
    wide = logits.to(torch.promote_types(logits.dtype, torch.float))
    return wide.log_softmax(-1).gather(-1, token.long()[..., None])[..., 0]


def _checked_forced(forced: Mapping[int, int] | None) -> dict[int, int]:
    """Require new tokens by their number; the reader sees to it that they exist."""
    if forced is None:
        return {}
    if not isinstance(forced, Mapping):
        raise ValueError(f"forced should map numbers of new tokens to tokens, got {forced!r}")
    wanted = "forced should count new tokens by whole numbers from 0, got"
    steps = {as_whole(step): token for step, token in forced.items()}
    for given, step in zip(forced, steps, strict=True):
        if step is None or step < 0:
            raise ValueError(f"{wanted} {given!r}")
    return {step: token for step, token in steps.items() if step is not None}
