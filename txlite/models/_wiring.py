"""What the published systems share: checks of sizes and masks, and how their weights begin.

A system's file holds what is its own. :class:`txlite.models.Transformer` does not use this: it is
the paper's, and draws its weights as its parts do.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from txlite._checks import check_bool, check_divides, check_positive, check_shape
from txlite.nn import LayerOptions

__all__ = ["check_keep", "check_sizes", "draw_normal"]

SIZES = ("vocab_size", "d_model", "num_heads", "d_ff", "num_layers", "max_len")
WRITERS = ("output_proj.weight", "down_proj.weight")  # they write into the residual path


def check_sizes(config: LayerOptions, names: Iterable[str] = SIZES) -> None:
    """Require positive sizes, and heads that divide; keep each as Python's number.

    Raises
    ------
    ValueError
        If a size is not positive, or the heads do not divide.
    """
    for name in names:
        config._keep(name, check_positive(name, getattr(config, name)))
    width, heads = getattr(config, "d_model"), getattr(config, "num_heads")  # noqa: B009
    if config.head_dim is None:
        check_divides("num_heads", heads, "d_model", width)
    if config.num_kv_heads is not None:
        check_divides("num_kv_heads", config.num_kv_heads, "num_heads", heads)


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


def draw_normal(model: nn.Module, std: float, *, writers: int = 1) -> None:
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
    """
    for name, p in model.named_parameters():
        if p.ndim > 1:
            nn.init.normal_(p, std=std / writers**0.5 if name.endswith(WRITERS) else std)
        elif name.endswith("bias"):
            nn.init.zeros_(p)
