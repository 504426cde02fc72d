"""Two towers and one space: what CLIP computes, and which of its scores the loss wants high."""

from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic, chain
from txlite.viz.schematic.parts import Part

__all__ = ["two_towers"]

_WIDE = 118.0


def two_towers(pairs: int = 3) -> Schematic:
    """Draw two towers, their projections, and the table of cosines of a batch.

    Parameters
    ----------
    pairs : int
        How many pairs the table has.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    columns: list[Part] = []
    arrows: list[Arrow] = []
    for side, color, inside in (
        ("pictures", "teal", "ViT, or convolutions"),
        ("texts", "blue", "causal, state of the end"),
    ):
        what = f"of {side}"
        boxes = [
            Box(f"B {side}", name=side, look="data", wide=_WIDE),
            Box("tower", inside, name=f"tower {what}", color=color, wide=_WIDE),
            Box("projection", "length one", name=f"map {what}", color="violet", wide=_WIDE),
            Box("vectors", "(B, E)", name=f"vectors {what}", look="data", wide=_WIDE),
        ]
        columns.append(Column(*boxes, gap=20))
        arrows += chain(*(box.called for box in boxes), "scale")
    scale = Box(
        "all cosines × scale",
        name="scale",
        color="violet",
        wide=2 * _WIDE,
        says="the exponential of a number that is learned, at most 100",
    )
    rows: list[Part] = [
        Row(
            *(
                Box(
                    "own" if i == j else "other",
                    name=f"score {i} {j}",
                    color="violet" if i == j else "ink",
                    look="block" if i == j else "plain",
                    wide=56,
                    says=f"picture {i + 1} with text {j + 1}",
                )
                for j in range(pairs)
            ),
            gap=8,
        )
        for i in range(pairs)
    ]
    table = Frame(Column(*rows, gap=6), "scores", name="scores", pad=10)
    loss = Box(
        "softmax over rows and columns",
        "the loss wants own high",
        name="loss",
        color="violet",
        wide=2 * _WIDE,
    )
    arrows += chain("scale", "scores", "loss")
    return Schematic(
        Column(Row(*columns, gap=22), scale, table, loss, gap=22),
        arrows,
        f"CLIP. Pictures go through a tower and a projection, texts through another tower and "
        f"another projection; all vectors have length one. Each of {pairs} pictures is compared "
        f"with each of {pairs} texts by the cosine, times a scale. The loss is a softmax over "
        "rows and one over columns, and wants the scores of own pairs, on the diagonal, high.",
    )
