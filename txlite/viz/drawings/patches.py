"""ViT: how a picture becomes a sequence, and what of it answers."""

from txlite.viz.drawings.sizes import Sizes, shape
from txlite.viz.schematic import Arrow, Box, Column, Row, Schematic, Space, chain

__all__ = ["vit"]

_WIDE, _GAP, _TOKEN = 58.0, 6, 88.0
_PATCHES = ("patch 1", "…", "patch N")


def vit(num_layers: int = 12, *, sizes: Sizes | None = None) -> Schematic:
    """Draw a ViT: patches through one map, a class token, positions, an encoder, a classifier.

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
    whole = across + _TOKEN + 2 * _GAP
    cut = [
        Box(text, name=text, look="plain" if text == "…" else "data", wide=_WIDE)
        for text in _PATCHES
    ]
    picture = Box("picture", name="picture", look="data", wide=across)
    token = Box("class token", name="class token", color="ochre", wide=_TOKEN,
                says="one learned vector, the same for every picture")  # fmt: skip
    one_map = Box("one map for all patches", name="patches", color="ochre", wide=across,
                  says="the same matrix for every patch: a convolution with a stride")  # fmt: skip
    positions = Box("positions are added", shape("T D", sizes), name="positions", color="pink",
                    wide=whole, says="a row for the class token and each patch")  # fmt: skip
    encoder = Box("encoder", f"× {num_layers}", name="encoder", color="blue", wide=whole,
                  says="all positions attend to all, as in an encoder of words")  # fmt: skip
    classifier = Box("classifier", name="classifier", color="violet", wide=_TOKEN,
                     says="reads the class token's state only")  # fmt: skip
    label = Box("label", name="label", look="data", wide=_TOKEN)
    body = Column(
        Row(Space(_TOKEN, 1), picture, gap=2 * _GAP),
        Row(Space(_TOKEN, 1), Row(*cut, gap=_GAP), gap=2 * _GAP),
        Row(token, one_map, gap=2 * _GAP),
        positions,
        encoder,
        Row(classifier, Space(across, 1), gap=2 * _GAP),
        Row(label, Space(across, 1), gap=2 * _GAP),
        gap=20,
        up=True,
    )
    arrows = [
        *(Arrow("picture", text) for text in _PATCHES if text != "…"),
        *(Arrow(text, "patches") for text in _PATCHES if text != "…"),
        Arrow("class token", "positions"),
        Arrow("patches", "positions"),
        *chain("positions", "encoder"),
        Arrow("encoder", "classifier"),
        Arrow("classifier", "label"),
    ]
    return Schematic(
        body,
        arrows,
        "A ViT. A picture is cut into patches, and each goes through one and the same map. A "
        "learned class token is put before them, and a learned position is added to each. "
        f"{num_layers} encoder layers follow; a classifier reads the class token's state.",
    )
