"""Does a language model look at what it is to predict? A probe that any model can be put to.

A prediction may depend on the tokens up to its own position and on nothing else. So the probe
changes what it must not depend on, and looks whether it moves: every token after a position, one
alone and all together, with several values; the length of the text; the other rows of the batch;
and what the model was shown before. It asks the model and not its code, so that it finds what no
one thought of.

What it cannot find: a model that was trained on the held-out text, and one that leaks only for
texts or lengths on which it was not probed. Probe it with the text on which it is scored.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from txlite._checks import (
    check_callable,
    check_generator,
    check_positive,
    check_rate,
    check_shape,
    check_tokens,
    check_whole,
    dtype_name,
)
from txlite.training._modes import evaluating
from txlite.training._tensors import device_of

__all__ = ["Leak", "causality_leaks", "name_leak"]

Model = Callable[[Int[Tensor, "B T"]], Float[Tensor, "B T V"]]


class Leak(NamedTuple):
    """A prediction that moved, and what moved it."""

    kind: str
    """``"memory"``, ``"batch"``, ``"length"`` or ``"future"``."""
    prediction: int
    """Position whose prediction moved: that of the token after it."""
    token: int
    """Position from which tokens were changed or cut off; for the batch and memory, −1."""
    alone: bool
    """Whether this token alone was changed, or all from it on."""
    moved: float
    """By how much a log-probability has changed, in nats."""

    def __str__(self) -> str:
        """Say what was done and what happened."""
        done = {
            "memory": "the same tokens were read again",
            "batch": "another row of the batch was changed",
            "length": f"the text was cut off before position {self.token}",
            "future": f"the token at position {self.token} was changed"
            if self.alone
            else f"the tokens from position {self.token} on were changed",
        }[self.kind]
        return f"the prediction at position {self.prediction} moved by {self.moved:.2g} when {done}"


@torch.no_grad()
def causality_leaks(
    model: Model,
    tokens: Int[Tensor, "B T"],
    *,
    vocab_size: int,
    generator: torch.Generator,
    values: int = 3,
    cuts: Sequence[int] | None = None,
    tolerance: float = 1e-4,
) -> list[Leak]:
    """Change what predictions must not depend on, and return those that move.

    Parameters
    ----------
    model : callable
        From tokens (B, T) to logits (B, T, V). Any other way to call a model fits into a lambda. A
        module is probed in evaluation mode and left as it was.
    tokens : Tensor of int, shape (B, T)
        Texts of at least two tokens, such as the model is scored on. With two rows or more the
        batch is probed too.
    vocab_size : int
        Tokens that are put in are drawn from as many.
    generator : torch.Generator
        On the CPU; draws them.
    values : int
        How many different texts are put in at each position.
    cuts : sequence of int, optional
        Positions from 1 to T - 1 at which tokens are changed. By default all, which calls the model
        about 2 T ``values`` times.
    tolerance : float
        Log-probabilities that differ by no more are equal. What rounding does is about 1e-5 in
        float32.

    Returns
    -------
    list of Leak
        For each change the earlier predictions that it moved, each once, by the largest amount;
        empty for a causal model.

    Raises
    ------
    ValueError
        If shapes or numbers are wrong, or the logits are not (B, T, V).

    Examples
    --------
    >>> def honest(tokens):
    ...     return torch.nn.functional.one_hot(tokens, 5).double().cumsum(1)
    >>> def reads_the_target(tokens):
    ...     return torch.nn.functional.one_hot(tokens.roll(-1, 1), 5).double()
    >>> chance = torch.Generator().manual_seed(0)
    >>> tokens = torch.tensor([[0, 1, 2, 3], [4, 3, 1, 0]])
    >>> causality_leaks(honest, tokens, vocab_size=5, generator=chance)
    []
    >>> leaks = causality_leaks(reads_the_target, tokens, vocab_size=5, generator=chance)
    >>> name_leak(leaks)
    'a prediction looks at its own target, the token one position later'
    """
    check_callable("model", model, "from tokens to logits")
    check_generator("generator", generator)
    if tokens.is_floating_point() or tokens.dtype == torch.bool:
        raise ValueError(f"tokens should hold whole numbers, got {dtype_name(tokens)}")
    length = check_shape("tokens", tokens, "B T")["T"]
    if length < 2 or not len(tokens):
        raise ValueError(
            f"tokens should have a row of at least two, got shape {tuple(tokens.shape)}"
        )
    wanted = "a whole number of at least 2, or no token can be changed"
    vocab_size = check_whole("vocab_size", vocab_size, wanted, lambda n: n >= 2)
    check_tokens("tokens", tokens, vocab_size, "vocab_size")
    values, tolerance = check_positive("values", values), check_rate("tolerance", tolerance)
    positions = _cuts(cuts, length)

    def read(tokens: Tensor) -> Tensor:
        device = device_of(model) if isinstance(model, nn.Module) else tokens.device
        logits = model(tokens.to(device))
        check_shape("the model's logits", logits, "B T V", B=tokens.shape[0], T=tokens.shape[1])
        if bool(logits.isnan().any()):
            raise ValueError("the model's logits should be numbers, got NaN")
        return logits.double().log_softmax(-1)

    def other(tokens: Tensor) -> Tensor:
        """Return as many tokens, each another one than it was."""
        step = torch.randint(1, vocab_size, tokens.shape, generator=generator, device="cpu")
        return (tokens + step.to(tokens)) % vocab_size

    with evaluating(model) if isinstance(model, nn.Module) else nullcontext():
        first = read(tokens)
        found = [_moved("memory", read(tokens), first, -1, True)]
        if len(tokens) > 1:
            for _ in range(values):
                changed = torch.cat([tokens[:1], other(tokens[1:])])
                found.append(_moved("batch", read(changed)[:1], first[:1], -1, True))
        for cut in positions:
            found.append(_moved("length", read(tokens[:, :cut]), first[:, :cut], cut, False))
            for _ in range(values):
                poisoned = torch.cat([tokens[:, :cut], other(tokens[:, cut:])], 1)
                found.append(_moved("future", read(poisoned)[:, :cut], first[:, :cut], cut, False))
                alone = torch.cat([poisoned[:, : cut + 1], tokens[:, cut + 1 :]], 1)
                found.append(_moved("future", read(alone)[:, :cut], first[:, :cut], cut, True))
        found.append(_moved("memory", read(tokens), first, -1, True))  # after all it was shown
    return _list(found, tolerance)


class _Change(NamedTuple):
    """By how much each prediction moved after a change."""

    kind: str
    token: int
    alone: bool
    moved: Float[Tensor, " T"]


def _moved(kind: str, found: Tensor, wanted: Tensor, token: int, alone: bool) -> _Change:
    """Compare log-probabilities; two that are both minus infinity are equal."""
    apart = torch.where(found == wanted, 0.0, (found - wanted).abs())
    return _Change(kind, token, alone, apart.amax((0, 2)))


def _list(changes: Sequence[_Change], tolerance: float) -> list[Leak]:
    """Return what has moved, of several values the largest."""
    largest: dict[tuple[str, int, bool], Tensor] = {}
    for kind, token, alone, moved in changes:
        key = kind, token, alone
        largest[key] = torch.maximum(largest[key], moved) if key in largest else moved
    amounts = torch.cat(list(largest.values())).cpu().tolist()
    leaks, at = [], 0
    for (kind, token, alone), moved in largest.items():
        here = amounts[at : at + len(moved)]
        at += len(moved)
        leaks += [
            Leak(kind, position, token, alone, amount)
            for position, amount in enumerate(here)
            if not amount <= tolerance
        ]
    return leaks


def _cuts(cuts: Sequence[int] | None, length: int) -> list[int]:
    if cuts is None:
        return list(range(1, length))
    wanted = f"positions from 1 to T - 1 = {length - 1}"
    found = sorted({check_whole("cuts", cut, wanted, lambda n: 1 <= n < length) for cut in cuts})
    if not found:
        raise ValueError(f"cuts should be {wanted}, got none")
    return found


def name_leak(leaks: Sequence[Leak]) -> str:
    """Say in words what a model does that it must not, from all the predictions that moved.

    Parameters
    ----------
    leaks : sequence of Leak
        What :func:`causality_leaks` has found.

    Returns
    -------
    str
        The gravest kind and how it shows itself; empty where there is no leak.

    Examples
    --------
    >>> name_leak([])
    ''
    >>> name_leak([Leak("batch", 2, -1, True, 0.5)])
    'predictions depend on the other rows of the batch, as where one normalises over it'
    """
    kinds = {leak.kind for leak in leaks}
    if "memory" in kinds:
        return (
            "the same tokens give other predictions when they are read again: the model remembers "
            "what it was shown, or draws random numbers such as dropout"
        )
    if "batch" in kinds:
        return "predictions depend on the other rows of the batch, as where one normalises over it"
    if "length" in kinds and "future" not in kinds:
        return "predictions depend on the text's length, as where positions count from its end"
    if not kinds:
        return ""
    alone = [leak for leak in leaks if leak.kind == "future" and leak.alone]
    if not alone:
        return "predictions depend on several later tokens together, though on none of them alone"
    ahead = {leak.token - leak.prediction for leak in alone}
    if ahead == {1}:
        return "a prediction looks at its own target, the token one position later"
    cuts = {leak.token for leak in alone}
    reach = max(ahead)
    if reach < max(cuts):
        return (
            f"predictions look up to {reach} positions ahead, as with a convolution that is padded "
            "on both sides, or a text that is read in blocks"
        )
    return (
        "predictions look at the whole text, as with attention in both directions, or a mean or "
        "norm over all positions"
    )
