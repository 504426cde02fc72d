"""What the published systems share: checks of sizes and masks, and how their weights begin.

A system's file holds what is its own.
"""

from collections.abc import Iterable
from typing import Any, TypeVar, get_args

import torch
from torch import Tensor, nn

from txlite._checks import (
    check_bool,
    check_choice,
    check_divides,
    check_positive,
    check_rate,
    check_shape,
    check_tokens,
    dtype_name,
)
from txlite.nn import LayerOptions
from txlite.nn.positions.scheme import SchemeName

__all__ = ["check_config", "check_keep", "check_rows", "draw_by_inputs", "draw_normal"]

Module = TypeVar("Module", bound=nn.Module)
SIZES = ("vocab_size", "d_model", "num_heads", "d_ff", "num_layers", "max_len")
WRITERS = ("output_proj.weight", "down_proj.weight")  # they write into the residual path


def check_config(config: LayerOptions, *sizes: str, optional: Iterable[str] = ()) -> None:
    """Require what every system's config has, and keep each number as Python's.

    Parameters
    ----------
    config : LayerOptions
        A config that extends it.
    *sizes : str
        Sizes that it has beside the usual ones.
    optional : iterable of str
        Sizes that may be None.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, there is no ``positions`` of that name,
        or ``init_std`` is not positive.
    """
    have: Any = config  # what it adds to LayerOptions
    given = (name for name in optional if getattr(have, name) is not None)
    usual = (name for name in SIZES if hasattr(have, name))  # of pictures there is no vocabulary
    for name in (*usual, *sizes, *given):
        config._keep(name, check_positive(name, getattr(have, name)))
    if config.head_dim is None:
        check_divides("num_heads", have.num_heads, "d_model", have.d_model)
    if config.num_kv_heads is not None:
        check_divides("num_kv_heads", config.num_kv_heads, "num_heads", have.num_heads)
    if hasattr(have, "positions"):
        check_choice("positions", have.positions, get_args(SchemeName))
    if hasattr(have, "init_std"):
        config._keep("init_std", check_rate("init_std", have.init_std))


def check_keep(name: str, keep: Tensor | None, batch: int, length: int) -> None:
    """Refuse a mask by the name that the caller knows it by.

    Raises
    ------
    ValueError
        If there is one, and it is not a bool tensor of shape (B, L).
    """
    if keep is not None:
        check_bool(name, keep)
        check_shape(name, keep, "B L", B=batch, L=length)


def check_rows(name: str, numbers: Tensor, batch: int, length: int, **size: int) -> None:
    """Refuse numbers that have no row in a table, which has ``size`` of them.

    Raises
    ------
    ValueError
        If they are not whole numbers of shape (B, T), or one lies outside the table.
    """
    check_shape(name, numbers, "B T", B=batch, T=length)
    if numbers.dtype not in (torch.int32, torch.int64):
        raise ValueError(f"{name} should hold int32 or int64 numbers, got {dtype_name(numbers)}")
    ((wanted, rows),) = size.items()
    check_tokens(name, numbers, rows, wanted)


def draw_normal(model: Module, std: float, *, writers: int = 1) -> Module:
    """Draw every matrix from a normal distribution, and set every bias to zero.

    Parameters
    ----------
    model : Module
        Its norms keep their scales.
    std : float
        Standard deviation.
    writers : int
        How many maps write into the residual path: each is narrower by the root of their number,
        so that their sum has one size, however deep the stack (GPT-2, section 2.3).

    Returns
    -------
    Module
        The same.
    """
    for name, p in model.named_parameters():
        if p.ndim > 1:
            nn.init.normal_(p, std=std / writers**0.5 if name.endswith(WRITERS) else std)
        elif name.endswith("bias"):
            nn.init.zeros_(p)
    return model


def draw_by_inputs(model: nn.Module) -> None:
    """Draw every matrix anew with variance 1/inputs, so that no map changes the size of vectors.

    On the meta device there is nothing to draw, and of a hundred thousand experts it is felt.
    """
    for p in model.parameters():
        if p.ndim > 1 and not p.is_meta:
            nn.init.normal_(p, std=p.shape[1] ** -0.5)
