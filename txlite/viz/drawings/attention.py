"""One head, several heads side by side, and one product of a query and a key."""

from txlite.viz.drawings.sizes import Sizes, shape
from txlite.viz.schematic import Arrow, Box, Column, Either, Row, Schematic, Space, Sum, chain
from txlite.viz.schematic.parts import Part

__all__ = ["head", "heads", "product"]

_SHOWN = 8  # products of a query and a key that are drawn one by one


def head(
    *,
    masked: bool = False,
    cross: bool = False,
    rows: str = "T",
    sizes: Sizes | None = None,
) -> Schematic:
    """Draw one head: from x to queries, keys and values, to weights, to the output.

    Parameters
    ----------
    masked : bool
        Whether a mask stands before the softmax.
    cross : bool
        Whether keys and values come from another sequence, the memory.
    rows : {"T", "S"}
        The letter for the number of queries.
    sizes : mapping of str to int, optional
        What the letters S, T, D and E stand for; keys are then as many as there are rows, unless
        they come from the memory.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    keys = "S" if cross or not sizes else rows
    x = Box(
        "x",
        shape(f"{rows} D", sizes, fold=True),
        name="x",
        look="data",
        says="the tokens that come in, one row each",
    )
    memory = Box(
        "memory",
        shape("S D", sizes, fold=True),
        name="memory",
        color="rust",
        look="data",
        says="the encoder's hidden states, from which keys and values are made",
    )
    q, k, v = (
        Box(
            name,
            shape(f"{n} E", sizes, fold=True),
            name=name[0],
            color="blue",
            look="data",
            says=says,
        )
        for name, n, says in (
            ("q", rows, "what each position looks for"),
            ("k", keys, "what each position is found by"),
            ("v", keys, "what each position gives"),
        )
    )
    wq, wk, wv = (
        Box(f"W^{{{n}}}", name=f"W{n}", says=f"the {what} projection, learned")
        for n, what in (("Q", "query"), ("K", "key"), ("V", "value"))
    )
    pairs, gap = f"{rows} {keys}", "\n" if sizes else " "
    scores = Box(
        "q · kᵀ / √d_k",
        f"scores{gap}{shape(pairs, sizes)}",
        name="scores",
        color="blue",
        says="each query times each key",
    )
    gate = Box("mask", "blocked: −∞", name="mask", says="closes pairs of positions")
    soft = Box(
        "softmax",
        f"weights{gap}{shape(pairs, sizes)}",
        name="weights",
        color="blue",
        says="in each row the weights sum to one",
    )
    mix = Box(
        "weights · v",
        f"output{gap}{shape(f'{rows} E', sizes)}",
        name="output",
        color="blue",
        says="each position takes the values in these proportions",
    )
    columns = Row(
        *(Column(w, t, gap=20) for w, t in ((wq, q), (wk, k), (wv, v))), gap=22, align="start"
    )
    middle = [scores, *([gate] if masked else []), soft]
    entrance: Part = Row(x, memory, gap=26) if cross else x
    wide = Row(
        Column(x, memory, gap=60) if cross else x,
        Column(*(Row(w, t, gap=24) for w, t in ((wq, q), (wk, k), (wv, v))), gap=16),
        Column(Row(*middle, gap=26), mix, gap=22, align="end"),
        gap=34,
    )
    tall = Column(entrance, columns, *middle, mix, gap=24)
    arrows = [
        *(Arrow("memory" if cross and n != "Q" else "x", f"W{n}") for n in "QKV"),
        *(Arrow(f"W{n}", n.lower()) for n in "QKV"),
        Arrow("q", "scores"),
        Arrow("k", "scores"),
        *([Arrow("scores", "mask"), Arrow("mask", "weights")] if masked else []),
        *([] if masked else [Arrow("scores", "weights")]),
        Arrow("weights", "output"),
        Arrow("v", "output", phone="right"),
    ]
    source = "keys and values come from the memory" if cross else "keys and values too"
    return Schematic(
        Either(wide, tall),
        arrows,
        "One head. The rows of x become queries by a learned matrix; "
        f"{source}, by two more. Each query is compared with every key, softmax turns the scores "
        "into weights, and the output is the sum of the values with these weights.",
    )


def heads(
    num_heads: int = 8,
    *,
    cross: bool = False,
    rows: str = "T",
    sizes: Sizes | None = None,
) -> Schematic:
    """Draw multi-head attention: the columns of q, k and v are split, attended with, and joined.

    Parameters
    ----------
    num_heads : int
        How many heads there are; the first, the second and the last are drawn.
    cross : bool
        Whether keys and values come from another sequence, the memory.
    rows : {"T", "S"}
        The letter for the number of queries.
    sizes : mapping of str to int, optional
        What the letters S, T, D and E stand for.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    kept = [*range(1, min(num_heads, 3)), num_heads]
    says = {1: "columns 1 to E", num_heads: "the last E columns"}
    states = shape(f"{rows} D", sizes)
    x = Box("x", shape(f"{rows} D", sizes, fold=cross), name="x", look="data")
    memory = Box("memory", shape("S D", sizes, fold=True), name="memory", color="rust", look="data")
    project = Box(
        "q from x;  k, v from memory" if cross else "q, k, v = x W^Q, x W^K, x W^V",
        "three matrices, each D × D" if cross else f"each {states}",
        name="project",
        color="blue",
        wide=216,
        says="three linear maps: queries, keys and values, for all heads at once",
    )
    lanes: list[Part] = [
        Box(
            f"head {n}",
            shape(f"{rows} E", sizes, fold=True),
            name=f"head {n}",
            color="blue",
            wide=70,
            says=says.get(n, "the next E columns"),
        )
        for n in kept
    ]
    drawn = [f"head {n}" for n in kept]
    if num_heads > len(kept):
        lanes.insert(-1, Box("⋯", look="plain"))
    join = Box("join", "H · E = D columns", name="join", says="the heads' outputs side by side")
    mix = Box("W^O", states, name="WO", says="mixes what the heads found")
    out = Box("output", states, name="output", look="data")
    entrance: Part = Row(x, memory, gap=26) if cross else x
    body = Column(entrance, project, Row(*lanes, gap=12), join, mix, out, gap=24)
    arrows = [
        Arrow("x", "project"),
        *([Arrow("memory", "project", color="rust")] if cross else []),
        *(Arrow("project", lane) for lane in drawn),
        *(Arrow(lane, "join") for lane in drawn),
        Arrow("join", "WO"),
        Arrow("WO", "output"),
    ]
    return Schematic(
        body,
        arrows,
        f"Multi-head attention with {num_heads} heads. "
        + ("Queries are made of x, keys and values of the memory; " if cross else "x is projected "
           "once to queries, keys and values; ")
        + "each head gets its own columns of all three and attends with them; the outputs "
        "are joined and mixed by one more matrix.",
    )  # fmt: skip


def product(width: int = 8) -> Schematic:
    """Draw how one query and one key become one weight, number by number.

    Parameters
    ----------
    width : int
        How many numbers a query has, d_k; of more than eight the first six and the last are drawn.

    Returns
    -------
    Schematic
        For the page and for a phone. The boxes ``q.0``, ``k.0``, ``p.0``, …, ``sum``, ``scaled``,
        ``power`` and ``weight`` hold a number each, which a figure may write into them.
    """
    lines = [*range(width)] if width <= _SHOWN else [*range(_SHOWN - 2), width - 1]

    def line(i: int) -> Part:
        cell = {"look": "data", "wide": 68.0}
        return Row(
            Box("−0.00", name=f"q.{i}", color="blue", **cell),  # type: ignore[arg-type]
            Box("×", name=f"times.{i}", look="plain"),
            Box("−0.00", name=f"k.{i}", color="rust", **cell),  # type: ignore[arg-type]
            Box("=", name=f"equals.{i}", look="plain"),
            Box("−0.00", name=f"p.{i}", **cell),  # type: ignore[arg-type]
            gap=5,
        )

    heads_of = Row(
        Box("query", name="query", look="plain", wide=68),
        Space(14),
        Box("key", name="key", look="plain", wide=68),
        Space(14),
        Box("product", name="product", look="plain", wide=68),
        gap=5,
    )
    table: list[Part] = [heads_of, *(line(i) for i in lines)]
    if width > len(lines):
        table.insert(-1, Box("⋮", look="plain"))
    add = Sum("add", "Σ", says=f"the {width} products are added")

    def number(words: str, name: str, says: str, color: str = "ink") -> Part:
        value = Box("−00.00", name=name, look="data", color=color, wide=68, says=says)
        return Row(Box(words, name=f"{name} of", wide=150), value, gap=22)

    steps = [
        number("q · k", "sum", "the dot product of query and key"),
        number("/ √d_k", "scaled", "the score, whose size does not depend on d_k"),
        number("e^x", "power", "positive, and larger for larger scores"),
        number("/ sum of the row", "weight", "the share that this key gets", "blue"),
    ]
    body = Column(Column(*table, gap=4, align="end"), add, *steps, gap=16, align="end")
    order = ["sum", "scaled", "power", "weight"]
    arrows = [
        Arrow(f"p.{lines[-1]}", "add"),
        Arrow("add", "sum"),
        *chain(*order),
        *(Arrow(f"{name} of", name) for name in order),
    ]
    return Schematic(
        body,
        arrows,
        f"One query times one key. Their {width} numbers are multiplied pair by pair and added. "
        "The sum is divided by √d_k; softmax raises e to this power and divides by the sum over "
        "all keys. What comes out is one weight.",
    )
