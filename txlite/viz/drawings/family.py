"""Whole models of the family: BERT, GPT and T5, each from its tokens to what it answers."""

from dataclasses import replace

from txlite.viz.drawings.sizes import Sizes, count, shape
from txlite.viz.schematic import (
    Arrow,
    Box,
    Column,
    Frame,
    Row,
    Schematic,
    Space,
    Sum,
    chain,
)
from txlite.viz.schematic.parts import Part

__all__ = ["bert", "gpt", "t5"]

_WIDE, _SHOWN = 118.0, 2  # CSS pixels; layers of a tall stack below its dots
_POSITIONS = "one vector for each position, learned"


def _tower(
    stack: str, layers: int, color: str, *below: Part, says: str, wide: float = _WIDE
) -> Frame:
    """Return a stack in its frame: two layers, and the last; they are called ``encoder.0`` etc."""
    shown = layers if layers <= _SHOWN + 1 else _SHOWN
    boxes: list[Part] = [
        Box(f"layer {i + 1}", name=f"{stack}.{i}", color=color, wide=wide) for i in range(shown)
    ]
    if shown < layers:
        boxes += [
            Box("⋮", name=f"{stack}.more", look="plain"),
            Box(f"layer {layers}", name=f"{stack}.{layers - 1}", color=color, wide=wide),
        ]
    column: Part = Column(*boxes, gap=5, up=True)
    if below:
        column = Column(*below, column, gap=22, up=True)
    return Frame(column, stack, name=stack, note=f"× {layers}", pad=16 if below else 10, says=says)


def bert(num_layers: int = 12, *, sizes: Sizes | None = None) -> Schematic:
    """Draw BERT: three embeddings, a norm, an encoder, and the two heads of its pre-training.

    Parameters
    ----------
    num_layers : int
        How many layers it has.
    sizes : mapping of str to int, optional
        What T, D and V stand for; without them the drawing shows letters.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    states = shape("T D", sizes)
    tokens = Box("[CLS] A [SEP] B [SEP]", count("T", "tokens", sizes), name="tokens", look="data")
    rows = [
        Box("token", name="embedding", color="ochre", wide=84, says="a row for each token"),
        Box("segment", name="segments", color="ochre", wide=84, says="A or B, learned"),
        Box("position", name="positions", color="pink", wide=84, says=_POSITIONS),
    ]
    plus = Sum("sum", says="the three vectors of each token are added")
    norm = Box("norm", name="embedding_norm", color="pink", wide=_WIDE, says="before any layer")
    tower = _tower(
        "encoder",
        num_layers,
        "blue",
        says="every position attends to all others, on both sides",
    )
    hidden = Box("hidden states", states, name="hidden states", look="data", wide=_WIDE)
    pooler = Box(
        "pooler",
        f"of [CLS] {shape('D', sizes)}",
        name="pooler",
        color="violet",
        wide=_WIDE,
        says="the first hidden state through a map and tanh: a vector of the whole text",
    )
    order = Box(
        "does B follow A?",
        name="next_sentence",
        color="violet",
        wide=_WIDE,
        says="two scores of the pooled vector",
    )
    head = Box(
        "masked-LM head",
        shape("T V", sizes),
        name="head",
        color="violet",
        wide=_WIDE,
        says="a map, a norm, and a score for every token of the vocabulary",
    )
    word = Box("hidden words", name="words", look="data", wide=_WIDE)
    answers = Row(
        Column(head, word, gap=22, up=True), Column(pooler, order, gap=22, up=True), gap=18
    )
    body = Column(tokens, Row(*rows, gap=10), plus, norm, tower, hidden, answers, gap=22, up=True)
    arrows = [
        *(Arrow("tokens", part.called) for part in rows),
        *(Arrow(part.called, "sum", bend="" if part is rows[1] else "none") for part in rows),
        *chain("sum", "embedding_norm", "encoder", "hidden states"),
        Arrow("hidden states", "head"),
        Arrow("hidden states", "pooler"),
        Arrow("head", "words"),
        Arrow("pooler", "next_sentence"),
    ]
    return Schematic(
        body,
        arrows,
        "BERT. Vectors of the token, of its segment and of its position are added and normalised; "
        f"{num_layers} encoder layers refine them, each position attending to both sides. Above, "
        "one head names the hidden words, and another says whether the second sentence follows.",
    )


def gpt(num_layers: int = 12, *, sizes: Sizes | None = None) -> Schematic:
    """Draw GPT: learned positions, a causal stack, a norm at its end, and the next token.

    Parameters
    ----------
    num_layers : int
        How many layers it has.
    sizes : mapping of str to int, optional
        What T, D and V stand for; without them the drawing shows letters.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    wide = _WIDE + 22
    tokens = Box("what is written", count("T", "tokens", sizes), name="tokens", look="data")
    look_up = Box(
        "embedding", name="embedding", color="ochre", wide=100, says="a row for each token"
    )
    place = Box("position", name="positions", color="pink", wide=100, says=_POSITIONS)
    plus = Sum("sum", says="the vector of the token and the vector of its position")
    tower = _tower(
        "decoder",
        num_layers,
        "blue",
        says="causal: a position attends to itself and to earlier ones; there is no encoder",
    )
    norm = Box("norm", name="decoder.norm", color="pink", wide=wide, says="of a pre-norm stack")
    scores = Box(
        "score\nevery token",
        shape("T V", sizes),
        name="output",
        color="violet",
        wide=wide,
        says="the dot product with every row of the embedding",
    )
    guess = Box("next token", name="next token", look="data", wide=wide)
    entrance = Row(look_up, place, gap=14)
    body = Column(tokens, entrance, plus, tower, norm, scores, guess, gap=22, up=True)
    arrows = [
        *(Arrow("tokens", name) for name in ("embedding", "positions")),
        *(Arrow(name, "sum", bend="none") for name in ("embedding", "positions")),
        *chain("sum", "decoder", "decoder.norm", "output", "next token"),
    ]
    return Schematic(
        body,
        arrows,
        "GPT. The vector of each token and a learned vector of its position are added; "
        f"{num_layers} causal layers follow, then a norm, and every token of the vocabulary is "
        "scored with the rows of the embedding. No encoder, and no attention to one.",
    )


def t5(num_layers: int = 12, *, buckets: int = 32, sizes: Sizes | None = None) -> Schematic:
    """Draw T5: both stacks, in each a table of biases by distance that all its layers share.

    Parameters
    ----------
    num_layers : int
        How many layers each stack has.
    buckets : int
        How many kinds of distance a table tells apart.
    sizes : mapping of str to int, optional
        What S, T, D and V stand for; without them the drawing shows letters.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    colors, length = {"encoder": "blue", "decoder": "rust"}, {"encoder": "S", "decoder": "T"}
    does = {
        "encoder": "reads the source; every layer refines the hidden states of all its tokens",
        "decoder": "reads what is written so far, and attends to the encoder's hidden states",
    }
    arrows: list[Arrow] = []

    def side(stack: str, reads: str, *above: Part) -> Column:
        """Return one stack, what it reads, and the table beside its layers."""
        says = "added to the scores of self-attention in every layer; positions are nowhere else"
        table = Box(
            "bias",
            f"{buckets} distances",
            name=f"{stack}_positions",
            color="pink",
            wide=_WIDE - 14,
            says=says,
        )
        color = colors[stack]
        tower = _tower(stack, num_layers, color, table, says=does[stack], wide=_WIDE - 14)
        read = Box(
            "embedding",
            shape(f"{length[stack]} D", sizes, fold=True),
            name=f"{stack} embedding",
            color="ochre",
            wide=_WIDE,
            says="not scaled, and no position is added",
        )
        tokens = Box(
            reads,
            count(length[stack], "tokens", sizes),
            name=f"{stack} tokens",
            look="data",
            wide=_WIDE,
        )
        norm = Box("norm", name=f"{stack}.norm", color="pink", wide=_WIDE, says="RMS, no mean")
        arrows.extend(chain(*(part.called for part in (tokens, read, tower, norm))))
        arrows.append(Arrow(table.called, f"{stack}.0", look="gate", color="pink"))
        outside = "left" if stack == "encoder" else "right"
        shared = Arrow("", "", look="gate", color="pink", far=8, side=outside)
        arrows.extend(
            replace(shared, start=table.called, end=f"{stack}.{i}")
            for i in sorted({1, num_layers - 1} - {0})
            if i < num_layers
        )
        return Column(tokens, read, tower, norm, *above, gap=20, up=True)

    scores = Box(
        "· 1/√D, score\nevery token",
        shape("T V", sizes, fold=True),
        name="output",
        color="violet",
        wide=_WIDE,
        says="the dot product with every row of the embedding",
    )
    guess = Box("next token", name="next token", look="data", wide=_WIDE)
    left, right = (
        side("encoder", "task and source", Space()),
        side("decoder", "written", scores, guess),
    )
    body = Row(left, right, gap=30, align="end")
    arrows += [
        Arrow("encoder.norm", "decoder", color="rust", says="every layer attends to it"),
        *chain("decoder.norm", "output", "next token"),
    ]
    return Schematic(
        body,
        arrows,
        f"T5. An encoder and a decoder of {num_layers} layers, RMS norms in the branches and at "
        "each stack's end. Positions are a table of learned numbers by distance, one for each "
        "stack, added to the scores of every layer. The last states are divided by √D and scored.",
    )
