"""One head, and several heads side by side."""

from txlite.viz.schematic import Arrow, Box, Column, Either, Row, Schematic

__all__ = ["head", "heads"]


def head(*, masked: bool = False) -> Schematic:
    """Draw one head: from x to queries, keys and values, to weights, to the output.

    Parameters
    ----------
    masked : bool
        Whether a mask stands before the softmax.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    x = Box("x", "(T, D)", name="x", look="data", says="the tokens that come in, one row each")
    q, k, v = (
        Box(name, shape, name=name[0], color="blue", look="data", says=says)
        for name, shape, says in (
            ("q", "(T, E)", "what each position looks for"),
            ("k", "(S, E)", "what each position is found by"),
            ("v", "(S, E)", "what each position gives"),
        )
    )
    wq, wk, wv = (
        Box(f"W^{{{n}}}", name=f"W{n}", says=f"the {what} projection, learned")
        for n, what in (("Q", "query"), ("K", "key"), ("V", "value"))
    )
    scores = Box("q · kᵀ / √d_k", "scores (T, S)", name="scores", color="blue")
    gate = Box("mask", "blocked: −∞", name="mask", says="closes pairs of positions")
    soft = Box("softmax", "weights (T, S)", name="weights", color="blue")
    mix = Box("weights · v", "output (T, E)", name="output", color="blue")
    pairs = Row(
        *(Column(w, t, gap=20) for w, t in ((wq, q), (wk, k), (wv, v))), gap=22, align="start"
    )
    middle = [scores, *([gate] if masked else []), soft]
    wide = Row(
        x,
        Column(*(Row(w, t, gap=24) for w, t in ((wq, q), (wk, k), (wv, v))), gap=16),
        Column(Row(*middle, gap=26), mix, gap=22, align="end"),
        gap=34,
    )
    tall = Column(x, pairs, *middle, mix, gap=24)
    arrows = [
        *(Arrow("x", f"W{n}") for n in "QKV"),
        *(Arrow(f"W{n}", n.lower()) for n in "QKV"),
        Arrow("q", "scores"),
        Arrow("k", "scores"),
        *([Arrow("scores", "mask"), Arrow("mask", "weights")] if masked else []),
        *([] if masked else [Arrow("scores", "weights")]),
        Arrow("weights", "output"),
        Arrow("v", "output", phone="right"),
    ]
    return Schematic(
        Either(wide, tall),
        arrows,
        "One head. The rows of x become queries, keys and values by three learned matrices. Each "
        "query is compared with every key, softmax turns the scores into weights, and the output "
        "is the sum of the values with these weights.",
    )


def heads(num_heads: int = 8) -> Schematic:
    """Draw multi-head attention: the columns of q, k and v are split, attended with, and joined.

    Parameters
    ----------
    num_heads : int
        How many heads there are; the first, the second and the last are drawn.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    drawn = ("1", "2", str(num_heads))
    x = Box("x", "(T, D)", name="x", look="data")
    project = Box(
        "q, k, v = x W^Q, x W^K, x W^V", "three matrices, each (T, D)", name="project", color="blue"
    )
    lanes = [
        Box(f"head {n}", "(T, E)", name=f"head {n}", color="blue", wide=86, says=says)
        for n, says in zip(drawn, ("columns 1 to E", "the next E", "the last E"), strict=True)
    ]
    join = Box("join", "H · E = D columns", name="join", says="the heads' outputs side by side")
    mix = Box("W^O", "(T, D)", name="WO", says="mixes what the heads found")
    out = Box("output", "(T, D)", name="output", look="data")
    middle = Row(*lanes[:2], Box("⋯", look="plain"), lanes[2], gap=14)
    body = Column(x, project, middle, join, mix, out, gap=24)
    arrows = [
        Arrow("x", "project"),
        *(Arrow("project", lane.called) for lane in lanes),
        *(Arrow(lane.called, "join") for lane in lanes),
        Arrow("join", "WO"),
        Arrow("WO", "output"),
    ]
    return Schematic(
        body,
        arrows,
        f"Multi-head attention with {num_heads} heads. x is projected once to queries, keys and "
        "values; each head gets its own columns of all three and attends with them; the outputs "
        "are joined and mixed by one more matrix.",
    )
