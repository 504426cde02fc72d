"""A mixture of experts: a router, experts with few places, and a token that finds none."""

from txlite.viz.schematic import Arrow, Box, Column, Row, Schematic
from txlite.viz.schematic.parts import Part

__all__ = ["experts"]

_WIDE, _GAP = 72.0, 6.0
_ALL = 4 * _WIDE + 3 * _GAP
_CHOICES = {1: ("0.7", 0), 2: ("0.9", 0), 3: ("0.6", 1), 4: ("0.8", 0)}  # gate, expert
_DROPPED = 4  # the third one for expert 0, which has two places


def experts() -> Schematic:
    """Draw four tokens on their way through a layer with two experts of two places each.

    Returns
    -------
    Schematic
        For the page and for a phone: the router's choice, the experts, the dropped token.
    """
    tokens: list[Part] = []
    choices: list[Part] = []
    ends: list[Part] = []
    arrows: list[Arrow] = []
    for t, (gate, expert) in _CHOICES.items():
        dropped = t == _DROPPED
        token, choice, end = f"token {t}", f"choice {t}", f"result {t}"
        tokens.append(Box(f"x_{t}", name=token, look="data", color="ochre", wide=_WIDE))
        choices.append(
            Box(
                gate,
                f"for {expert}",
                name=choice,
                look="data",
                color="violet",
                wide=_WIDE,
                says=f"the probability of expert {expert}, to which token {t} goes",
            )
        )
        ends.append(
            Box(
                f"y_{t}",
                "x" if dropped else f"x + {gate} E",
                name=end,
                look="data",
                wide=_WIDE,
                says="the token as it was"
                if dropped
                else f"the token, and {gate} times what its expert answers",
            )
        )
        arrows += [Arrow(token, "router"), Arrow("router", choice)]
        target = "dropped" if dropped else f"expert {expert}"
        arrows.append(Arrow(choice, target, look="gate" if dropped else "flow"))
        if dropped:
            road = "the residual path: around the experts goes every token, this one nowhere else"
            arrows.append(Arrow(token, end, look="residual", side="right", says=road))
        else:
            arrows.append(Arrow(target, end))
    router = Box("router", "softmax(x W)", color="violet", wide=_ALL, says="scores both experts")
    crew = Row(
        Box("expert 0", "2 of 2 places", color="teal", wide=2 * _WIDE + _GAP, says="is full"),
        Box("expert 1", "1 of 2", color="teal", wide=_WIDE, says="has a place left"),
        Box(
            "dropped",
            "0 is full",
            look="plain",
            wide=_WIDE,
            says="no expert works on it: what the experts add is zero",
        ),
        gap=_GAP,
    )
    rows: list[Part] = [
        Row(*tokens, gap=_GAP),
        router,
        Row(*choices, gap=_GAP),
        crew,
        Row(*ends, gap=_GAP),
    ]
    return Schematic(
        Column(*rows, gap=24, up=True),
        arrows,
        "A layer with two experts. The router gives each token a probability for each expert, and "
        "the token goes to the likelier one. Each expert has two places, which are taken in the "
        "order of the tokens. The fourth token comes third to expert 0 and is dropped: it leaves "
        "the layer by the residual path alone. The others leave as themselves plus what their "
        "expert answers, times the probability.",
    )
