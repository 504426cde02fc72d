"""The way of the gradient through a tower of layers, without and with a residual path."""

from txlite.viz.drawings.lanes import lane
from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic, Space, Sum, chain
from txlite.viz.schematic.parts import Part

__all__ = ["gradient_ways"]

_LAYERS = 3


def _row(road: Part, branch: Part | None = None) -> Row:
    return lane(road, branch or Space(110))


def gradient_ways() -> Schematic:
    """Draw how the gradient comes back from the loss to the first layer.

    Returns
    -------
    Schematic
        A plain tower beside one with a residual path.
    """
    plain = [
        Box("loss", name="plain loss", look="data", color="violet"),
        *(
            Box(f"layer {i}", f"× J_{i - 1}", name=f"plain {i}", color="teal", wide=110)
            for i in range(_LAYERS, 0, -1)
        ),
        Box("x", name="plain x", look="data", wide=40),
    ]
    arrows = chain(*(part.called for part in plain), like=Arrow("", "", color="violet"))
    rows = [_row(Box("loss", name="loss", look="data", color="violet"))]
    road = "loss"
    for i in range(_LAYERS, 0, -1):
        fork, plus = Sum(f"fork {i}", "•", "violet"), Sum(f"sum {i}", color="violet")
        layer = Box(f"layer {i}", f"× J_{i - 1}", name=f"layer {i}", color="teal", wide=110)
        rows += [_row(fork), _row(Space(), layer), _row(plus)]
        arrows += [
            Arrow(road, fork.name, look="residual", color="violet", tip=False),
            Arrow(fork.name, plus.name, look="residual", color="violet"),
            Arrow(fork.name, layer.called, color="violet", bend="first"),
            Arrow(layer.called, plus.name, color="violet", bend="last"),
        ]
        road = plus.name
    rows += [_row(Box("x", name="x", look="data", wide=40))]
    arrows += [Arrow(road, "x", look="residual", color="violet")]
    left = Frame(
        Column(*plain, Box("a product of J", name="product", look="plain"), gap=38),
        "plain",
    )
    right = Frame(
        Column(*rows, Box("a product of (1 + J)", name="with one", look="plain"), gap=12),
        "with a residual path",
    )
    return Schematic(
        Row(left, right, gap=36, folds=True, align="start"),
        arrows,
        "The way of the gradient from the loss back to x. In a plain tower it is multiplied by the "
        "Jacobian J of every layer. With a residual path each factor is one plus J: one of the "
        "ways back leads past all layers.",
    )
