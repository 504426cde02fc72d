"""Who feeds whom: the encoder's hidden states in every layer of the decoder."""

from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic

__all__ = ["feeding"]


def feeding() -> Schematic:
    """Draw one layer of the decoder with what it gets from the encoder.

    Returns
    -------
    Schematic
        The encoder's hidden states give keys and values, the decoder's give the queries.
    """
    source = Box("source", "(S) tokens", name="source", look="data")
    encoder = Box("encoder", "reads once", name="encoder", color="blue", wide=104)
    memory = Box(
        "hidden states",
        "(S, D)",
        name="memory",
        look="data",
        color="blue",
        says="computed once, used by every layer and at every step",
    )
    below = Box("x", "(T, D)", name="x", look="data")
    own = Box(
        "masked\nself-attention",
        "q, k, v from x",
        name="self",
        color="blue",
        says="sees what is written so far, and nothing after it",
    )
    cross = Box(
        "cross-attention",
        "q from here,\nk and v from there",
        name="cross",
        color="rust",
        says="each position of the target attends to all of the source",
    )
    feed = Box("feed-forward", name="feed", color="teal", wide=130)
    above = Box("next layer", look="plain", name="next layer")
    layer = Frame(Column(own, cross, feed, gap=26, up=True), "layer", note="× 6")
    body = Row(
        Column(source, encoder, memory, gap=40, up=True),
        Column(below, layer, above, gap=24, up=True),
        gap=26,
    )
    arrows = [
        Arrow("source", "encoder"),
        Arrow("encoder", "memory"),
        Arrow("memory", "cross", color="rust", says="keys and values"),
        Arrow("x", "self"),
        Arrow("self", "cross", says="queries"),
        Arrow("cross", "feed"),
        Arrow("feed", "next layer"),
    ]
    return Schematic(
        body,
        arrows,
        "Who feeds whom. The encoder reads the source once. In every decoder layer masked "
        "self-attention looks at what is written so far; then cross-attention takes its queries "
        "from the target, and its keys and values from the encoder's hidden states.",
    )
