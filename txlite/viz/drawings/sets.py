"""A set of predictions: what a DETR computes, and how its predictions find their objects."""

from txlite.viz.schematic import Arrow, Box, Column, Row, Schematic, chain

__all__ = ["set_prediction"]

_WIDE = 124.0


def set_prediction() -> Schematic:
    """Draw a DETR: trunk and encoder, a decoder with its queries, two heads, and the matching.

    Returns
    -------
    Schematic
        For the page and for a phone; parts are named like the model's modules.
    """
    picture = Box("picture", name="picture", look="data", wide=_WIDE)
    trunk = Box(
        "trunk",
        "I · J places",
        name="backbone",
        color="teal",
        wide=_WIDE,
        says="convolutions make a small picture of many channels",
    )
    encoder = Box(
        "encoder",
        "places attend to places",
        name="encoder",
        color="blue",
        wide=_WIDE,
        says="where a place stands is added to queries and keys, in every layer",
    )
    queries = Box(
        "Q vectors", "learned", name="queries", color="ochre", wide=_WIDE, says="one for each query"
    )
    decoder = Box(
        "decoder",
        "begins with zeros",
        name="decoder",
        color="rust",
        wide=_WIDE,
        says="queries attend to each other, and to what the encoder made of the picture",
    )
    classes = Box(
        "class", "or none", name="classifier", color="violet", wide=56, says="a linear map"
    )
    boxes = Box(
        "box", "x y w h", name="box_head", color="violet", wide=56, says="three linear maps"
    )
    match = Box(
        "cheapest matching",
        "in training only",
        name="matching",
        color="violet",
        wide=_WIDE,
        says="each object is given one prediction, no prediction two objects",
    )
    objects = Box("objects", "in any order", name="objects", look="data", wide=_WIDE)
    left = Column(picture, trunk, encoder, gap=22, up=True)
    right = Column(queries, decoder, Row(classes, boxes, gap=10), match, objects, gap=22, up=True)
    arrows = [
        *chain("picture", "backbone", "encoder"),
        Arrow("encoder", "decoder", color="rust", says="keys and values of every decoder layer"),
        Arrow("queries", "decoder"),
        Arrow("decoder", "classifier"),
        Arrow("decoder", "box_head"),
        Arrow("classifier", "matching"),
        Arrow("box_head", "matching"),
        Arrow("objects", "matching"),
    ]
    return Schematic(
        Row(left, right, gap=22, align="end"),
        arrows,
        "A DETR. A trunk of convolutions makes a small picture, and an encoder relates its places. "
        "A decoder begins with zeros; one learned vector for each query is added in every layer. "
        "Each query ends as a class, or none, and a box. In training the cheapest matching gives "
        "each object one of the predictions.",
    )
