"""Who can reach whom: a recurrent network, a convolution and attention."""

from txlite.viz.schematic import Arrow, Box, Column, Frame, Row, Schematic, Tokens, chain

__all__ = ["reach"]

_LENGTH = 5


def _panel(title: str, key: str, note: str) -> Frame:
    """Return inputs below, states above, and what the panel says about their distance."""
    inputs = Tokens([str(i + 1) for i in range(_LENGTH)], f"{key}in", apart=10)
    states = Row(
        *(Box(" ", name=f"{key}{i}", color=_COLORS[key], wide=30) for i in range(_LENGTH)), gap=10
    )
    words = Box(note, look="plain", name=f"{key}note")
    return Frame(Column(inputs, states, words, gap=30, up=True), title, pad=12)


_COLORS = {"rnn": "teal", "cnn": "ochre", "att": "blue"}


def reach() -> Schematic:
    """Draw on which ways the last position can be reached from the first one.

    Returns
    -------
    Schematic
        Three networks, side by side on the page and below each other on a phone.
    """
    last = _LENGTH - 1
    arrows = [
        *(Arrow(f"rnnin[{i}]", f"rnn{i}", color="teal") for i in range(_LENGTH)),
        *chain(*(f"rnn{i}" for i in range(_LENGTH)), like=Arrow("", "", color="teal")),
        *(
            Arrow(f"cnnin[{i}]", f"cnn{last}", color="ochre", bend="none")
            for i in range(last - 2, _LENGTH)
        ),
        *(Arrow(f"attin[{i}]", f"att{last}", color="blue", bend="none") for i in range(_LENGTH)),
    ]
    return Schematic(
        Row(
            _panel("RNN", "rnn", "n − 1 steps"),
            _panel("CNN", "cnn", "not past its window"),
            _panel("attention", "att", "one step"),
            gap=10,
            folds=True,
        ),
        arrows,
        "How the first of five tokens reaches the last position. In a recurrent network it "
        "passes every state between them. In one layer of a convolution with a window of three it "
        "does not arrive at all. With attention it is one step away, as every other token is.",
    )
