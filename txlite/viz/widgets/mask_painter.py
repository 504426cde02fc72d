"""The mask painter: rules under ``&``, ``|`` and ``~``, cells painted by hand, live weights.

The reader switches rules on, paints over them, and sees at once the expression that makes the
mask, the softmax of every row, and which rows see nothing. :func:`filled_softmax` is the
arithmetic of the figure in Python.
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
import traitlets
from jaxtyping import Bool, Float
from torch import Tensor

from txlite._checks import check_shape
from txlite.viz.widgets.base import Widget

__all__ = ["Fill", "MaskPainter", "filled_softmax", "scene"]

Fill = Literal["zero", "inf", "1e9", "after"]


def filled_softmax(
    scores: Float[Tensor, "T S"], allowed: Bool[Tensor, "T S"], fill: Fill = "zero"
) -> Float[Tensor, "T S"]:
    """Softmax over the keys that are allowed, in one of the four ways that the figure compares.

    Parameters
    ----------
    scores : Tensor
        The scaled scores.
    allowed : Tensor
        True where the query may attend to the key.
    fill : {"zero", "inf", "1e9", "after"}
        ``"inf"`` writes −∞ into the forbidden scores, so that a row without any key is NaN;
        ``"zero"`` does the same and makes such a row zero, as txlite does; ``"1e9"`` writes −10⁹;
        ``"after"`` leaves the scores alone and clears the forbidden weights after the softmax.

    Returns
    -------
    Tensor
        The weights.

    Raises
    ------
    ValueError
        If ``fill`` is none of the four.

    Examples
    --------
    >>> row, nothing = torch.zeros(1, 2), torch.tensor([[False, False]])
    >>> [filled_softmax(row, nothing, fill).tolist() for fill in ("zero", "inf", "1e9", "after")]
    [[[0.0, 0.0]], [[nan, nan]], [[0.5, 0.5]], [[0.0, 0.0]]]
    """
    if fill == "after":
        return scores.softmax(-1).masked_fill(~allowed, 0.0)
    if fill == "1e9":
        return scores.masked_fill(~allowed, -1e9).softmax(-1)
    if fill not in ("inf", "zero"):
        raise ValueError(f"fill should be one of zero, inf, 1e9, after, got {fill!r}")
    weights = scores.masked_fill(~allowed, -math.inf).softmax(-1)
    return weights if fill == "inf" else weights.masked_fill(~allowed.any(-1, keepdim=True), 0.0)


def scene(
    name: str,
    words: Sequence[str],
    scores: Float[Tensor, "T T"],
    keep: Bool[Tensor, " T"] | None = None,
) -> dict[str, Any]:
    """One text on which masks can be painted.

    Parameters
    ----------
    name : str
        What the reader chooses it by.
    words : sequence of str
        Its positions, at least two.
    scores : Tensor
        The scores of every word, as a query, with every word, as a key.
    keep : Tensor, optional
        False where a word is padding. By default none is.

    Returns
    -------
    dict
        Plain values for the trait ``scenes`` of :class:`MaskPainter`.

    Raises
    ------
    ValueError
        If ``scores`` or ``keep`` do not fit the words, or there are fewer than two words.
    """
    if len(words) < 2:
        raise ValueError(f"words should be at least two, got {list(words)}")
    check_shape("scores", scores, "T S", T=len(words), S=len(words))
    real = torch.ones(len(words), dtype=torch.bool) if keep is None else keep
    check_shape("keep", real, "T", T=len(words))
    return {
        "name": name,
        "words": list(words),
        "scores": scores.detach().double().cpu().tolist(),
        "keep": real.tolist(),
    }


class MaskPainter(Widget):
    """Combine rules, paint over them, and watch the weights.

    Parameters
    ----------
    scenes : list of dict
        The texts to choose from, each made by :func:`scene`.

    Attributes
    ----------
    code : str
        The lines of Python that make the mask on display. With a kernel behind the page it can
        be read in the next cell.
    allowed : list of list of bool
        The mask itself.
    painting : dict
        What the reader has chosen and painted: a figure that is given it goes on from there.
    """

    title = traitlets.Unicode("Paint a mask").tag(sync=True)
    scenes: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True, output=True)
    allowed: traitlets.List[list[bool]] = traitlets.List().tag(sync=True, output=True)
    painting = traitlets.Dict().tag(sync=True, output=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("controls",)

    @traitlets.validate("scenes")
    def _has_scenes(self, proposal: Any) -> Any:
        if not proposal["value"]:
            raise traitlets.TraitError("scenes should hold at least one scene, got none")
        return proposal["value"]
