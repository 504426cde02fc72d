"""Signal up, gradient down: what residual and norm do to both, layer by layer.

A stack of feed-forward layers, 24 wide, with weights that the browser draws by itself: the
generator is a few lines of whole-number arithmetic, the same in Python and in JavaScript, so that
the page carries no weights and can draw new ones. :func:`flow` is the same computation in
float64, with torch's own gradients, and what the browser is tested against.

Sources
    Xiong et al. (2020), "On Layer Normalization in the Transformer Architecture", section 3.
"""

import math
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np
import torch
import traitlets
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from txlite._checks import check_positive
from txlite.viz.widgets.base import Widget

__all__ = ["Flow", "GradientDepth", "flow"]

WIDTH, HIDDEN, VECTORS, MAX_DEPTH = 24, 48, 8, 48
EPS, STEP = 1e-5, 1e-4
STRIDE = np.uint32(0x6D2B79F5)

NormPlace = Literal["none", "pre", "post"]


class Flow(NamedTuple):
    """What passes through a stack of L layers, and what comes back.

    Parameters
    ----------
    signal : Tensor, shape (L + 1,)
        Root mean square of the vectors before the first layer, and after each.
    gradient : Tensor, shape (L + 1,)
        Root mean square of the loss's gradient at the same depths.
    weights : Tensor, shape (L,)
        Length of the gradient that reaches each layer's two matrices, together.
    step : float
        By how much of its own size the output moves when every weight takes Adam's first step:
        0.0001 against the sign of its gradient.
    """

    signal: Float[Tensor, " L1"]
    gradient: Float[Tensor, " L1"]
    weights: Float[Tensor, " L"]
    step: float


def _uniform(seed: int, count: int) -> Float[Tensor, " count"]:
    """Draw numbers in [−1, 1): the generator “mulberry32”, all of them at once."""
    steps = np.arange(1, count + 1, dtype=np.uint32)
    a: NDArray[np.uint32] = np.uint32(seed % 2**32) + steps * STRIDE
    t = (a ^ (a >> np.uint32(15))) * (a | np.uint32(1))
    t = (t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))) ^ t
    t ^= t >> np.uint32(14)
    return torch.from_numpy(t.astype(np.float64) / 2**31 - 1.0)


def _draw(seed: int, depth: int) -> tuple[Tensor, Tensor, list[tuple[Tensor, Tensor]]]:
    """Return input (N, D), the loss's direction (N, D), and each layer's two matrices."""
    n, d, f = VECTORS, WIDTH, HIDDEN
    numbers = _uniform(seed, 2 * n * d + 2 * MAX_DEPTH * d * f)
    x, probe = (numbers[i * n * d : (i + 1) * n * d].view(n, d) for i in range(2))
    matrices = numbers[2 * n * d :].view(MAX_DEPTH, 2, d * f) * math.sqrt(6 / (d + f))
    layers = [(m[0].view(d, f), m[1].view(f, d)) for m in matrices[:depth]]
    return x * math.sqrt(3), probe / probe.norm(), layers


def flow(
    depth: int,
    *,
    residual: bool = True,
    norm: NormPlace = "pre",
    scale: float = 1.0,
    seed: int = 7,
) -> Flow:
    """Send a signal through a stack of feed-forward layers, and a gradient back.

    Parameters
    ----------
    depth : int
        Number of layers, at most 48.
    residual : bool
        Whether each layer's output is added to its input.
    norm : str
        ``"none"``, ``"pre"`` (each layer's input is normalised, and the last output) or
        ``"post"`` (each layer's output, the sum if there is a residual).
    scale : float
        What the Xavier-uniform weights are multiplied by.
    seed : int
        Names the weights.

    Returns
    -------
    Flow
        Sizes of signal and gradient. The loss is linear in the output, with a gradient of length
        one there.

    Raises
    ------
    ValueError
        If the depth is not between 1 and 48, or there is no such norm.
    """
    check_positive("depth", depth)
    if depth > MAX_DEPTH:
        raise ValueError(f"depth should be at most {MAX_DEPTH}, got {depth}")
    if norm not in get_args(NormPlace):
        raise ValueError(f"norm should be one of none, pre, post, got {norm!r}")
    x, probe, layers = _draw(seed, depth)
    matrices = [w.mul(scale).requires_grad_() for pair in layers for w in pair]
    places, out = _climb(x.requires_grad_(), matrices, residual, norm)
    grads = torch.autograd.grad((out * probe).sum(), [*places, *matrices])
    at, of = grads[: depth + 1], grads[depth + 1 :]
    pairs = zip(of[::2], of[1::2], strict=True)
    lengths = [torch.cat([a.flatten(), b.flatten()]).norm() for a, b in pairs]
    moved = [w.detach() - STEP * g.sign() for w, g in zip(matrices, of, strict=True)]
    after = _climb(x.detach(), moved, residual, norm)[1]
    return Flow(
        torch.stack([p.detach().square().mean().sqrt() for p in places]),
        torch.stack([g.square().mean().sqrt() for g in at]),
        torch.stack(lengths),
        float((after - out.detach()).norm() / out.detach().norm()),
    )


def _climb(
    x: Tensor, matrices: list[Tensor], residual: bool, norm: NormPlace
) -> tuple[list[Tensor], Tensor]:
    """Return the vectors before the first layer and after each, and the stack's output."""
    places = [x]
    for up, down in zip(matrices[::2], matrices[1::2], strict=True):
        x = places[-1]
        y = (_norm(x) if norm == "pre" else x).matmul(up).relu() @ down
        y = x + y if residual else y
        places.append(_norm(y) if norm == "post" else y)
    return places, _norm(places[-1]) if norm == "pre" else places[-1]


def _norm(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], eps=EPS)


class GradientDepth(Widget):
    """Change depth, residual, norm and the weights' size; watch signal and gradient.

    Parameters
    ----------
    depth : int
        Number of layers at first, 1 to 48.
    residual : bool
        Whether there are residual connections at first.
    norm : str
        ``"none"``, ``"pre"`` or ``"post"``.
    scale : float
        Size of the weights at first, in units of Xavier's.
    seed : int
        Names the weights.
    """

    title = traitlets.Unicode("Signal up, gradient down").tag(sync=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "pictures")
    depth = traitlets.Int(24, min=1, max=MAX_DEPTH).tag(sync=True, choice=True)
    residual = traitlets.Bool(False).tag(sync=True, choice=True)
    norm = traitlets.Enum(get_args(NormPlace), "none").tag(sync=True, choice=True)
    scale = traitlets.Float(1.0, min=0.25, max=4.0).tag(sync=True, choice=True)
    seed = traitlets.Int(7).tag(sync=True, choice=True)
