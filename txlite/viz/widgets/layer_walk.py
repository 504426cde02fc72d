"""One vector through half a layer: norm, feed-forward layer, residual, norm, step by step.

The figure carries a vector and the two matrices of a feed-forward layer without biases. The reader
makes the vector larger or shifts it, moves the norm and takes the residual away. :func:`walk` is
the same computation in float64, and what the browser is tested against.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, get_args

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from txlite._checks import check_shape
from txlite.viz.widgets.base import Widget

__all__ = ["LayerWalk", "Walked", "walk"]

EPS = 1e-5

WhereTheNormIs = Literal["none", "pre", "post"]


class Walked(NamedTuple):
    """The vector at each step of the way.

    Parameters
    ----------
    entering : Tensor, shape (D,)
        What enters the layer.
    normed : Tensor, shape (D,)
        What enters the branch: normalised in pre-norm, else as it came.
    hidden : Tensor, shape (F,)
        The hidden units.
    branch : Tensor, shape (D,)
        What the feed-forward layer returns.
    out : Tensor, shape (D,)
        What leaves the layer: with the residual the sum, in post-norm normalised.
    """

    entering: Float[Tensor, " D"]
    normed: Float[Tensor, " D"]
    hidden: Float[Tensor, " F"]
    branch: Float[Tensor, " D"]
    out: Float[Tensor, " D"]


def walk(
    vector: Float[Tensor, " D"],
    up: Float[Tensor, "D F"],
    down: Float[Tensor, "F D"],
    *,
    norm: WhereTheNormIs = "pre",
    residual: bool = True,
    scale: float = 1.0,
    shift: float = 0.0,
) -> Walked:
    """Send a vector through a feed-forward layer in its residual branch.

    Parameters
    ----------
    vector : Tensor, shape (D,)
        The vector, before it is scaled and shifted.
    up, down : Tensor, shapes (D, F) and (F, D)
        The two matrices.
    norm : str
        ``"none"``, ``"pre"`` (what enters the branch is normalised) or ``"post"`` (what leaves).
    residual : bool
        Whether the branch is added to what entered.
    scale, shift : float
        What the vector's entries are multiplied by, and what is added to each.

    Returns
    -------
    Walked
        The vector at each step.

    Raises
    ------
    ValueError
        If the shapes do not fit, or there is no such norm.
    """
    sizes = check_shape("up", up, "D F")
    check_shape("vector", vector, "D", D=sizes["D"])
    check_shape("down", down, "F D", **sizes)
    if norm not in get_args(WhereTheNormIs):
        raise ValueError(f"norm should be one of none, pre, post, got {norm!r}")
    entering = scale * vector + shift
    normed = _norm(entering) if norm == "pre" else entering
    hidden = (normed @ up).relu()
    branch = hidden @ down
    summed = entering + branch if residual else branch
    return Walked(entering, normed, hidden, branch, _norm(summed) if norm == "post" else summed)


def _norm(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], eps=EPS)


class LayerWalk(Widget):
    """Change a vector, the norm and the residual; watch every step of the layer.

    Parameters
    ----------
    vector : sequence of float
        The D entries of the vector.
    up, down : sequences of sequences of float
        The two matrices, (D, F) and (F, D).
    **traits : object
        Where the figure starts: ``norm``, ``residual``, ``scale``, ``shift``.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """

    title = traitlets.Unicode("One vector through the layer").tag(sync=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "pictures")
    vector = traitlets.List(traitlets.Float()).tag(sync=True)
    up = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    down = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    norm = traitlets.Enum(get_args(WhereTheNormIs), "pre").tag(sync=True, choice=True)
    residual = traitlets.Bool(True).tag(sync=True, choice=True)
    scale = traitlets.Float(1.0, min=0.125, max=8.0).tag(sync=True, choice=True)
    shift = traitlets.Float(0.0, min=-3.0, max=3.0).tag(sync=True, choice=True)

    def __init__(
        self,
        vector: Sequence[float],
        up: Sequence[Sequence[float]],
        down: Sequence[Sequence[float]],
        **traits: object,
    ) -> None:
        super().__init__(
            vector=[*vector], up=[[*row] for row in up], down=[[*row] for row in down], **traits
        )
        self.walked()

    def walked(self) -> Walked:
        """Compute what the browser shows.

        Returns
        -------
        Walked
            The vector at each step, in float64.
        """
        tensors = [torch.tensor(x).double() for x in (self.vector, self.up, self.down)]
        return walk(
            *tensors,
            norm=self.norm,
            residual=self.residual,
            scale=self.scale,
            shift=self.shift,
        )
