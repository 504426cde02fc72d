"""What stands around attention: the entrance, a norm, a feed-forward block, and the exit."""

from txlite.viz.drawings.sizes import Sizes, count, shape
from txlite.viz.schematic import Arrow, Box, Column, Row, Schematic, Space, Sum, chain

__all__ = ["embedding", "feed_forward", "norm", "output"]

_WIDE = 150.0


def embedding(*, rows: str = "T", sizes: Sizes | None = None) -> Schematic:
    """Draw the entrance: a token picks a row of a matrix, and its position is added.

    Parameters
    ----------
    rows : {"T", "S"}
        The letter for the number of tokens.
    sizes : mapping of str to int, optional
        What the letters S, T, D and V stand for.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    states = shape(f"{rows} D", sizes)
    tokens = Box("tokens", count(rows, "tokens", sizes), name="tokens", look="data", wide=_WIDE)
    look_up = Box(
        "√D · E[token]",
        f"rows of E {shape('V D', sizes)}",
        name="lookup",
        color="ochre",
        wide=_WIDE + 30,
        says="each token picks its row of the embedding matrix",
    )
    positions = Box(
        "positions",
        shape(f"{rows} D", sizes, fold=True),
        name="position",
        color="ochre",
        says="one vector for each position, the same for all tokens",
    )
    plus = Sum("sum", says="the vector of the token and the vector of its position")
    x = Box("x", states, name="x", look="data", wide=_WIDE, says="what enters the first layer")
    beside = positions.size(narrow=False)[0]
    body = Column(tokens, look_up, Row(Space(beside), plus, positions, gap=40), x, gap=22, up=True)
    arrows = [*chain("tokens", "lookup", "sum", "x"), Arrow("position", "sum")]
    return Schematic(
        body,
        arrows,
        "The entrance. Each token picks its row of the embedding matrix E, times √D; the vector "
        "of its position is added; the sum enters the first layer.",
    )


def norm(*, rows: str = "T", sizes: Sizes | None = None) -> Schematic:
    """Draw a layer norm: mean off, spread one, then a learned scale and shift.

    Parameters
    ----------
    rows : {"T", "S"}
        The letter for the number of positions.
    sizes : mapping of str to int, optional
        What the letters S, T and D stand for.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    states = shape(f"{rows} D", sizes)
    center = Box("− mean", "of each row", name="center", color="pink", wide=_WIDE)
    divide = Box("/ spread", "of each row", name="divide", color="pink", wide=_WIDE)
    scale = Box(
        "· γ + β",
        "one pair for each column",
        name="scale",
        color="pink",
        wide=_WIDE,
        says="a scale and a shift for each column, learned",
    )
    x, y = (Box(n, states, name=n, look="data", wide=_WIDE) for n in ("x", "y"))
    return Schematic(
        Column(x, center, divide, scale, y, gap=22, up=True),
        chain("x", "center", "divide", "scale", "y"),
        "A layer norm. Each row of x by itself: its mean is taken off, it is divided by its "
        "spread, and each column is scaled and shifted by learned numbers.",
    )


def feed_forward(*, rows: str = "T", sizes: Sizes | None = None) -> Schematic:
    """Draw a feed-forward block: to a wider hidden layer, and back.

    Parameters
    ----------
    rows : {"T", "S"}
        The letter for the number of positions.
    sizes : mapping of str to int, optional
        What the letters S, T, D and F stand for.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    states = shape(f"{rows} D", sizes)
    up = Box("W_1", "D to F columns", name="W1", color="teal", wide=_WIDE, says="to the wide layer")
    hidden = Box(
        "max(0, ·)",
        f"hidden {shape(f'{rows} F', sizes)}",
        name="hidden",
        color="teal",
        wide=_WIDE,
        says="negative numbers become zero",
    )
    down = Box("W_2", "F to D columns", name="W2", color="teal", wide=_WIDE, says="and back")
    x = Box("x", states, name="x", look="data", wide=_WIDE)
    branch = Box("branch", states, name="branch", look="data", wide=_WIDE)
    return Schematic(
        Column(x, up, hidden, down, branch, gap=22, up=True),
        chain("x", "W1", "hidden", "W2", "branch"),
        "A feed-forward block. Each position by itself goes through a matrix to F numbers, the "
        "negative ones become zero, and a second matrix leads back to D numbers.",
    )


def output(*, sizes: Sizes | None = None) -> Schematic:
    """Draw the exit: a score for every token of the vocabulary, then probabilities.

    Parameters
    ----------
    sizes : mapping of str to int, optional
        What the letters T, D and V stand for.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    x = Box("hidden states", shape("T D", sizes), name="x", look="data", wide=_WIDE)
    scores = Box(
        "x Eᵀ",
        f"logits {shape('T V', sizes)}",
        name="logits",
        color="violet",
        wide=_WIDE + 46,
        says="the dot product with every row of the embedding matrix",
    )
    soft = Box(
        "softmax",
        f"probabilities {shape('T V', sizes)}",
        name="probabilities",
        color="violet",
        wide=_WIDE + 46,
        says="in each row they sum to one",
    )
    guess = Box("next token", name="next token", look="data", wide=_WIDE)
    return Schematic(
        Column(x, scores, soft, guess, gap=22, up=True),
        chain("x", "logits", "probabilities", "next token"),
        "The exit. The hidden states of the decoder are compared with every row of the embedding "
        "matrix, softmax makes probabilities of the scores, and the likeliest token is next.",
    )
