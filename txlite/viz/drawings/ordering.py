"""Where positions enter: added to the embedding, as a rotation, or as a bias of the scores."""

from txlite.viz.schematic import Arrow, Box, Column, Either, Row, Schematic, Space, Sum

__all__ = ["added_positions", "positions_in_the_score"]


def added_positions() -> Schematic:
    """Draw how a vector for each position is added to the embedding of each token.

    Returns
    -------
    Schematic
        Tokens, embeddings, position vectors and their sums.
    """
    tokens = ("我", "爱", "中", "国")
    columns = [
        Column(
            Box(token, name=token, look="data", wide=52),
            Box(f"e({token})", name=f"e{i}", color="ochre", wide=52),
            Sum(f"sum{i}"),
            Box(f"x_{i}", name=f"x{i}", look="data", wide=52),
            gap=20,
        )
        for i, token in enumerate(tokens)
    ]
    positions = [Box(f"p({i})", name=f"p{i}", color="pink", wide=52) for i in range(len(tokens))]
    level = Space(0, 49)  # brings a position's vector to the height of its sum
    pairs = [
        Row(column, Column(level, p, gap=0), gap=22)
        for column, p in zip(columns, positions, strict=True)
    ]
    arrows = [
        arrow
        for i, token in enumerate(tokens)
        for arrow in (
            Arrow(token, f"e{i}"),
            Arrow(f"e{i}", f"sum{i}"),
            Arrow(f"p{i}", f"sum{i}"),
            Arrow(f"sum{i}", f"x{i}"),
        )
    ]
    body = Either(Row(*pairs, gap=22), Column(Row(*pairs[:2], gap=22), Row(*pairs[2:], gap=22)))
    return Schematic(
        body,
        arrows,
        "Positions are added to embeddings. Each token has its embedding, wherever it stands; each "
        "position has its vector, whatever token stands there; attention reads the sums.",
    )


def positions_in_the_score() -> Schematic:
    """Draw the three places at which a position can enter the score of a query and a key.

    Returns
    -------
    Schematic
        From x to the weights, with what the schemes of the chapter put where.
    """
    x = Box("x", "(T, D)", name="x", look="data")
    added = Box(
        "+ p(i)",
        "sinusoidal, learned",
        name="added",
        color="pink",
        look="block",
        says="a vector for each position, before anything is compared",
    )
    project = Box("W^Q, W^K", name="project")
    turned = Box(
        "rotation by i · θ",
        "rotary",
        name="turned",
        color="pink",
        says="query and key turn by their positions; only the difference is left",
    )
    product = Box("q · k", name="product", color="blue")
    bias = Box(
        "+ b(i − j)",
        "ALiBi, T5",
        name="bias",
        color="pink",
        says="a number for each distance, whatever the tokens are",
    )
    soft = Box("softmax", name="softmax", color="blue")
    pairs = [(project, added), (product, turned), (soft, bias)]
    wide = Row(x, *(Column(*pair, gap=30) for pair in pairs), gap=30, align="start")
    rows = [Row(Column(a, Space(96), gap=0), b, gap=34) for a, b in pairs]
    tall = Column(Column(x, Space(96), gap=0), *rows, gap=24, align="start")
    arrows = [
        Arrow("x", "project"),
        Arrow("project", "product"),
        Arrow("product", "softmax"),
        Arrow("added", "project", look="gate", color="pink"),
        Arrow("turned", "product", look="gate", color="pink"),
        Arrow("bias", "softmax", look="gate", color="pink"),
    ]
    return Schematic(
        Either(wide, tall),
        arrows,
        "Three places at which a position can enter a score: as a vector added to x before the "
        "projections, as a rotation of query and key before their product, or as a bias that is "
        "added to the product before the softmax.",
    )
