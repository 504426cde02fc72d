"""Nothing that is not finite is kept: what is looked at, and the name of the first that is not.

A weight that has become infinite spoils every step after it, and a checkpoint that holds it spoils
the training for good. So weights are looked at after every step, and what an optimiser keeps
before anything is written.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from txlite._checks import check_number, dtype_name
from txlite.training._wrapped import buffers, weights
from txlite.training.distributed import Team

__all__ = [
    "all_finite",
    "check_rates",
    "check_trainable",
    "endless_buffers",
    "first_not_finite",
    "gradients",
    "kept",
]

Named = Iterable[tuple[str, Tensor]]


def gradients(model: nn.Module, trained: Iterable[nn.Parameter]) -> Iterator[tuple[str, Tensor]]:
    """Yield the gradients of what is trained, by the name of the parameter."""
    names = {id(p): name for name, p in weights(model)}
    for p in trained:
        if p.grad is not None:
            yield f"the gradient of {names.get(id(p), 'a parameter')}", p.grad


def kept(
    model: nn.Module, optimizer: torch.optim.Optimizer, constant: frozenset[str] | None = None
) -> Iterator[tuple[str, Tensor]]:
    """Yield all that a checkpoint would hold, by name.

    Parameters
    ----------
    model : Module
        Whose parameters and buffers are kept.
    optimizer : Optimizer
        Whose running means are.
    constant : set of str, optional
        Buffers that may hold infinities, but no NaN, as the table of a mask does by design. None
        stands for all that do.
    """
    yield from weights(model)
    names = {id(p): name for name, p in weights(model)}
    for p, entries in optimizer.state.items():
        for kind, value in entries.items():
            if isinstance(value, Tensor):
                yield f"{names.get(id(p), 'a parameter')}:{kind}", value
    endless = endless_buffers(model) if constant is None else constant
    for name, x in buffers(model):
        yield name, x.nan_to_num(math.nan, posinf=0.0, neginf=0.0) if name in endless else x


def endless_buffers(model: nn.Module) -> frozenset[str]:
    """Return the names of the buffers that hold an infinity, and no NaN."""
    return frozenset(
        name
        for name, x in buffers(model)
        if x.is_floating_point() and bool(x.isinf().any()) and not bool(x.isnan().any())
    )


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether no tensor holds an infinity or a NaN; of tensors in pieces, this process's pieces."""
    here = [_here(x) for x in tensors if x.is_floating_point()]
    filled = [x for x in here if x.numel()]
    if not filled:
        return True
    return bool(nn.utils.get_total_norm(filled, math.inf).isfinite())


def first_not_finite(named: Named, crew: Team) -> str | None:
    """Return the name of the first tensor that is not finite in some process, in every process."""
    pairs = list(named)
    if not pairs:
        return None
    sound = all_finite(x for _, x in pairs)
    if crew.size > 1:
        (spoilt,) = crew.total([not sound], _here(pairs[0][1]).device)
        sound = spoilt == 0
    if sound:
        return None
    bad = [name for name, x in pairs if not all_finite([x])]
    names: list[str] = [name for found in crew.gathered(bad) for name in found]
    return names[0]


def _here(x: Tensor) -> Tensor:
    local = getattr(x, "to_local", None)
    return x if local is None else local()


def check_trainable(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Refuse what cannot be trained without becoming infinite: weights, eps, rates.

    Raises
    ------
    ValueError
        If the optimiser trains nothing of the model, a weight that is trained is float16 or not
        finite, ``eps`` rounds to zero among them, or a learning rate is no rate.
    """
    check_rates(optimizer, "the optimizer's learning rate")
    names = {id(p): name for name, p in weights(model)}
    if not any(id(p) in names for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("optimizer should train parameters of the model, got others")
    for group in optimizer.param_groups:
        for p in group["params"]:
            name = names.get(id(p), "a parameter")
            if p.dtype == torch.float16:
                raise ValueError(
                    f"model should be trained in float32, float64 or bfloat16, got float16 in "
                    f"{name}; amp=True computes in half precision and keeps the weights"
                )
            check_eps(group.get("eps"), p)
    for name, x in weights(model):
        if x.is_meta:
            raise ValueError(f"model should hold numbers, got {name} on meta")
        if not all_finite([x]):
            raise ValueError(
                f"model should have finite weights to begin with, got others in {name}"
            )


def check_eps(eps: Any, p: Tensor) -> None:
    """Refuse an eps that is no longer there among numbers of a parameter's dtype."""
    if eps is not None and not torch.tensor(float(eps), dtype=p.dtype, device="cpu") > 0:
        raise ValueError(
            f"eps should be positive among numbers of the weights' {dtype_name(p)}, got {eps!r}"
        )


def check_rates(optimizer: torch.optim.Optimizer, name: str) -> float:
    """Require that every group has a finite learning rate, not negative; return the first's."""
    rates = [
        check_number(name, group["lr"], "finite and at least zero", lambda x: 0 <= x < math.inf)
        for group in optimizer.param_groups
    ]
    return rates[0]
