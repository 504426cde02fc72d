"""A forecaster: how a series becomes a short sequence of patches, and comes back."""

from txlite.viz.drawings.sizes import Sizes, shape
from txlite.viz.schematic import Arrow, Box, Column, Row, Schematic, Space, chain

__all__ = ["forecaster"]

_WIDE, _GAP, _NOTE = 62.0, 6, 96.0
_PATCHES = ("patch 1", "…", "patch N")


def forecaster(num_layers: int = 3, *, sizes: Sizes | None = None) -> Schematic:
    """Draw a PatchTST: a series on its own scale, in patches, through an encoder, and back.

    Parameters
    ----------
    num_layers : int
        How many layers it has.
    sizes : mapping of str to int, optional
        What T and D stand for; without them the drawing shows letters.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    across = len(_PATCHES) * _WIDE + (len(_PATCHES) - 1) * _GAP
    cut = [
        Box(text, name=text, look="plain" if text == "…" else "data", wide=_WIDE)
        for text in _PATCHES
    ]
    series = Box("one series", name="series", look="data", wide=across,
                 says="each channel by itself, with the same weights")  # fmt: skip
    norm = Box("to its own scale", name="norm", color="pink", wide=across,
               says="less its mean, over its deviation: those of this window")  # fmt: skip
    kept = Box("mean and", "deviation", name="kept", look="data", wide=_NOTE)
    one_map = Box("one map for all patches", name="map", color="ochre", wide=across,
                  says="the same matrix for every patch; patches may overlap")  # fmt: skip
    positions = Box("positions are added", shape("T D", sizes), name="positions", color="pink",
                    wide=across, says="a row for each patch")  # fmt: skip
    encoder = Box("encoder", f"× {num_layers}", name="encoder", color="blue", wide=across,
                  says="all patches attend to all: the future is in none of them")  # fmt: skip
    head = Box("head", name="head", color="violet", wide=across,
               says="all states side by side, and one map to the whole horizon")  # fmt: skip
    undo = Box("back to the series' scale", name="undo", color="pink", wide=across,
               says="times the deviation, plus the mean")  # fmt: skip
    future = Box("quantiles of each step", name="future", look="data", color="violet", wide=across)
    left = Space(_NOTE, 1)
    body = Column(
        *(Row(left, part, gap=3 * _GAP) for part in (series, norm, Row(*cut, gap=_GAP))),
        Row(left, one_map, gap=3 * _GAP),
        Row(kept, positions, gap=3 * _GAP),
        *(Row(left, part, gap=3 * _GAP) for part in (encoder, head, undo, future)),
        gap=20,
        up=True,
    )
    arrows = [
        *chain("series", "norm"),
        *(Arrow("norm", text) for text in _PATCHES if text != "…"),
        *(Arrow(text, "map") for text in _PATCHES if text != "…"),
        *chain("map", "positions", "encoder", "head", "undo", "future"),
        Arrow("norm", "kept", bend="first"),
        Arrow("kept", "undo", bend="last"),
    ]
    return Schematic(
        body,
        arrows,
        "A forecaster. A series is put on its own scale by the mean and the deviation of this "
        "window, and cut into patches, each of which goes through one and the same map. A learned "
        f"position is added to each, {num_layers} encoder layers follow, and a head makes the "
        "whole horizon of all states at once. Mean and deviation, kept aside, put it back on the "
        "series' scale.",
    )
