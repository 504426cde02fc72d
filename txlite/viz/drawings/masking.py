"""The mask as a gate between the scores and the weights."""

import math

from txlite.viz.schematic import Arrow, Box, Grid, Row, Schematic

__all__ = ["gate"]

_TOKENS = ("je", "suis", "là")


def _weights(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def gate() -> Schematic:
    """Draw a causal mask between scores and weights.

    Returns
    -------
    Schematic
        Scores, the mask, the softmax and the weights.
    """
    scores = [[0.9, 0.5, 0.7], [0.3, 0.8, 0.6], [0.5, 0.4, 0.9]]
    kept = [[float(j <= i) for j in range(3)] for i in range(3)]
    weights = [_weights(row[: i + 1]) + [0.0] * (2 - i) for i, row in enumerate(scores)]
    grids = [
        Grid(
            cells,
            name,
            _TOKENS if name == "scores" else (),
            color=color,
            cell=26,
            title=title,
            crossed=crossed,
            says=says,
        )
        for cells, name, color, title, crossed, says in (
            (scores, "scores", "blue", "scores", False, "each query beside each key"),
            (kept, "mask", "ink", "mask", True, "filled: may attend; crossed: blocked"),
            (weights, "weights", "blue", "weights", True, "each row adds up to one"),
        )
    ]
    soft = Box("softmax", "of each row", name="softmax", says="blocked pairs are −∞ to it, hence 0")
    body = Row(grids[0], grids[1], soft, grids[2], gap=30, folds=True)
    arrows = [
        Arrow("scores", "mask", says="the mask lets a score pass, or puts −∞ in its place"),
        Arrow("mask", "softmax", look="gate"),
        Arrow("softmax", "weights"),
    ]
    return Schematic(
        body,
        arrows,
        "The mask is a gate between scores and weights. It lets a score pass or puts minus "
        "infinity in its place; after the softmax a blocked pair has weight zero, and the others "
        "of its row share the whole weight.",
    )
