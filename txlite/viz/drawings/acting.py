"""A Decision Transformer: three tokens a step, and where the action is asked for."""

from txlite.viz.schematic import Arrow, Box, Column, Row, Schematic
from txlite.viz.schematic.parts import Part

__all__ = ["decision_transformer"]

_WIDE, _GAP = 46.0, 8.0
_STEP = 3 * _WIDE + 2 * _GAP
_STEPS = ("t−1", "t")  # the last step is the one in which it acts
_KINDS = {
    "return": ("R", "what is still asked for"),
    "state": ("s", "what is observed"),
    "action": ("a", "what is done"),
}


def decision_transformer() -> Schematic:
    """Draw two steps of an episode on their way through a Decision Transformer.

    Returns
    -------
    Schematic
        For the page and for a phone: tokens, what is added to them, the stack, and its answers.
    """
    tokens: list[Part] = []
    steps: list[Part] = []
    heads: list[Part] = []
    arrows: list[Arrow] = []
    for step in _STEPS:
        for kind, (letter, says) in _KINDS.items():
            token, head = f"{kind} {step}", f"{kind} head {step}"
            asked = step == "t" and kind == "action"  # not done yet
            tokens.append(
                Box(
                    "?" if asked else letter,
                    step,
                    name=token,
                    look="plain" if asked else "data",
                    color="ink" if asked else "ochre",
                    wide=_WIDE,
                    says="to be chosen" if asked else says,
                )
            )
            if not asked:
                arrows.append(Arrow(token, f"embedding {step}"))
            if kind == "state":
                chosen = Box("a", step, name=head, color="violet", wide=_WIDE, says="what to do")
                heads.append(chosen)
                arrows.append(Arrow("decoder", head))
            else:
                heads.append(Box(" ", " ", name=head, look="plain", wide=_WIDE))
        steps.append(
            Box(
                f"embed, + step {step}",
                "a map for each kind",
                name=f"embedding {step}",
                color="ochre",
                wide=_STEP,
                says="one vector for the step, added to its three tokens",
            )
        )
        arrows.append(Arrow(f"embedding {step}", "decoder"))
    decoder = Box(
        "causal Transformer",
        "each token attends to itself and those before it",
        name="decoder",
        color="blue",
        wide=2 * _STEP + _GAP,
    )
    rows: list[Part] = [
        Row(*tokens, gap=_GAP),
        Row(*steps, gap=_GAP),
        decoder,
        Row(*heads, gap=_GAP),
    ]
    return Schematic(
        Column(*rows, gap=24, up=True),
        arrows,
        "A Decision Transformer. Each step of an episode is three tokens: the return that is still "
        "asked for, the state, and the action. Each kind has a map of its own, and one vector for "
        "the step is added to all three. A causal Transformer reads them, and says what to do at "
        "the token of the state: there the return and the state are known, and the action is not.",
    )
