"""The whole model, and one of its stacks."""

from txlite.viz.drawings.sizes import Sizes, count, shape
from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic, Space, chain
from txlite.viz.schematic.parts import Part

__all__ = ["model", "stack"]

_WIDE, _STACK = 100.0, 130.0
_COLORS = {"encoder": "blue", "decoder": "rust"}
_LENGTH = {"encoder": "S", "decoder": "T"}
_SAYS = {
    "encoder": "reads the source; every layer refines the hidden states of all its tokens",
    "decoder": "reads what is written so far, and attends to what the encoder made of the source",
}


def _tower(stack: str, count: int) -> Frame:
    """Return a stack of layers in its frame; its layers are called ``encoder.0`` and so on."""
    layers = [
        Box(f"layer {i + 1}", name=f"{stack}.{i}", color=_COLORS[stack], wide=_WIDE)
        for i in range(count)
    ]
    column = Column(*layers, gap=5, up=True)
    says = _SAYS[stack]
    return Frame(column, stack, name=stack, note=f"× {count}", pad=10, says=says)


def model(
    num_layers: int = 6, *, num_decoder_layers: int | None = None, sizes: Sizes | None = None
) -> Schematic:
    """Draw an encoder–decoder: two towers of layers, what they read and what comes out.

    Parameters
    ----------
    num_layers : int
        How many layers each stack has.
    num_decoder_layers : int, optional
        How many the decoder has, where it differs.
    sizes : mapping of str to int, optional
        What S, T, D and V stand for; without them the drawing shows letters.

    Returns
    -------
    Schematic
        For the page and for a phone; parts are named like the model's modules.
    """
    counts = {"encoder": num_layers, "decoder": num_decoder_layers or num_layers}

    def side(stack: str, reads: str, *above: Part) -> Column:
        """Return one tower with what it reads below it."""
        length = _LENGTH[stack]
        read = Box(
            "embedding\n+ positions",
            shape(f"{length} D", sizes),
            name=f"{stack}_positions",
            color="ochre",
            wide=_WIDE + 22,
            says="each token becomes a vector, and its position is added",
        )
        tokens = Box(
            reads, count(length, "tokens", sizes), name=f"{stack} tokens", look="data", wide=_WIDE
        )
        return Column(tokens, read, _tower(stack, counts[stack]), *above, gap=18, up=True)

    scores = Box(
        "score\nevery token",
        shape("T V", sizes),
        name="output",
        color="violet",
        wide=_WIDE + 22,
        says="one score for each token of the vocabulary, at each position",
    )
    guess = Box("next token", look="data")
    body = Row(
        side("encoder", "source", Space(1, 22)),
        side("decoder", "written so far", scores, guess),
        gap=36,
        align="end",
    )
    arrows = [
        Arrow("encoder tokens", "encoder_positions"),
        Arrow("encoder_positions", "encoder"),
        Arrow("decoder tokens", "decoder_positions"),
        Arrow("decoder_positions", "decoder"),
        Arrow("encoder", "decoder", color="rust", says="every layer of the decoder attends to it"),
        Arrow("decoder", "output"),
        Arrow("output", "next token"),
    ]
    return Schematic(
        body,
        arrows,
        f"The Transformer. On the left {num_layers} encoder layers read the source; on the right "
        f"{counts['decoder']} decoder layers read what is written so far and attend to what "
        "the encoder made of the source; at the top every token of the vocabulary is scored.",
    )


def stack(
    num_layers: int = 6,
    *,
    name: str = "encoder",
    final_norm: bool = True,
    sizes: Sizes | None = None,
) -> Schematic:
    """Draw a stack: layer after layer reads from one residual path and adds to it.

    Parameters
    ----------
    num_layers : int
        How many layers it has.
    name : {"encoder", "decoder"}
        Which stack.
    final_norm : bool
        Whether a norm stands at its end, as in pre-norm stacks.
    sizes : mapping of str to int, optional
        What S, T and D stand for.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    layers: list[Box] = [
        Box(f"layer {i + 1}", name=f"{name}.{i}", color=_COLORS[name], wide=_STACK)
        for i in range(num_layers)
    ]
    states = shape(f"{_LENGTH[name]} D", sizes)
    says = "embedding and position of each token"
    x = Box("x", states, name="x", look="data", wide=_STACK + 20, says=says)
    y = Box("hidden states", states, name="hidden states", look="data", wide=_STACK + 20)
    last = Box("norm", name=f"{name}.norm", color="pink", wide=_STACK + 20)
    ends = [last] if final_norm else []
    order = [x, *layers, *ends, y]
    arrows = chain(*(part.called for part in order), like=Arrow("", "", look="residual"))
    body: Part = Column(*order, gap=16, up=True)
    memory = ""
    if name == "decoder":
        frame = Frame(Column(*layers, gap=16, up=True), name="decoder", pad=10)
        source = Box(
            "memory",
            shape("S D", sizes, fold=True),
            name="memory",
            color="rust",
            look="data",
            says="the encoder's last hidden states, the same for every layer",
        )
        body = Column(x, Row(source, frame, gap=30), *ends, y, gap=16, up=True, align="end")
        arrows += [Arrow("memory", "decoder", color="rust", says="every layer attends to it")]
        memory = " Every layer attends to the memory, which the encoder has made."
    return Schematic(
        body,
        arrows,
        f"A stack of {num_layers} layers. The residual path runs through all of them from x to the "
        f"hidden states{', with one norm at its end' if final_norm else ''}.{memory}",
    )
