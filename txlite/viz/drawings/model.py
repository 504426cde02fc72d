"""The whole model, and one of its stacks."""

import itertools

from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic, Space
from txlite.viz.schematic.parts import Part

__all__ = ["model", "stack"]

_WIDE = 112.0


def _tower(stack: str, count: int) -> Frame:
    """Return a stack of layers in its frame; its layers are called ``encoder.0`` and so on."""
    layers = [
        Box(f"layer {i + 1}", name=f"{stack}.{i}", color=_COLORS[stack], wide=_WIDE)
        for i in range(count)
    ]
    return Frame(Column(*layers, gap=5, up=True), stack, name=stack, note=f"× {count}", pad=10)


_COLORS = {"encoder": "blue", "decoder": "rust"}


def model(num_layers: int = 6) -> Schematic:
    """Draw an encoder–decoder: two towers of layers, what they read and what comes out.

    Parameters
    ----------
    num_layers : int
        How many layers each stack has.

    Returns
    -------
    Schematic
        For the page and for a phone; parts are named like the model's modules.
    """

    def side(stack: str, tokens: str, *above: Part) -> Column:
        """Return one tower with what it reads below it."""
        read = Box(
            "embedding\n+ positions", name=f"{stack}_positions", color="ochre", wide=_WIDE + 22
        )
        return Column(
            Box(tokens, name=f"{stack} tokens", look="data"),
            read,
            _tower(stack, num_layers),
            *above,
            gap=18,
            up=True,
        )

    scores = Box("score\nevery token", name="output", color="violet", wide=_WIDE + 22)
    guess = Box("next token", look="data")
    body = Row(
        side("encoder", "je suis étudiant", Space(1, 22)),
        side("decoder", "begin i am", scores, guess),
        gap=34,
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
        f"{num_layers} decoder layers read what is written so far and attend to what the encoder "
        "made of the source; at the top every token of the vocabulary is scored.",
    )


def stack(num_layers: int = 6, *, name: str = "encoder") -> Schematic:
    """Draw a stack: layer after layer reads from one residual path and adds to it.

    Parameters
    ----------
    num_layers : int
        How many layers it has.
    name : {"encoder", "decoder"}
        Which stack.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    layers = [
        Box(f"layer {i + 1}", name=f"{name}.{i}", color=_COLORS[name], wide=150)
        for i in range(num_layers)
    ]
    x, y = (Box(words, "(T, D)", name=words, look="data") for words in ("x", "hidden states"))
    norm = Box("norm", name="norm", color="pink", wide=150)
    order = [x, *layers, norm, y]
    names = [part.called for part in order]
    arrows = [Arrow(a, b, look="residual") for a, b in itertools.pairwise(names)]
    return Schematic(
        Column(*order, gap=16, up=True),
        arrows,
        f"A stack of {num_layers} layers. The residual path runs through all of them from x to the "
        "hidden states, with one norm at its end.",
    )
