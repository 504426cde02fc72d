"""BERT's first task: some tokens are chosen, most of them hidden, and all of them asked for."""

from txlite.viz.schematic import Arrow, Box, Column, Row, Schematic, chain
from txlite.viz.schematic.parts import Part

__all__ = ["masked_lm"]

_WIDE = 72.0
# What is written, what the model reads of it, and what has become of it.
_TOKENS = (
    ("she", "she", ""),
    ("reads", "[MASK]", "masked"),
    ("old", "green", "random"),
    ("books", "books", "kept"),
)


def masked_lm(share: float = 0.15, masked: float = 0.8, random: float = 0.1) -> Schematic:
    """Draw how tokens are hidden from BERT, and where its loss counts.

    Parameters
    ----------
    share : float
        Share of the tokens that are chosen.
    masked, random : float
        Shares of the chosen tokens that become ``[MASK]``, or another token; the others stay.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    told = {"masked": masked, "random": random, "kept": 1 - masked - random}
    says = {
        "masked": "a chosen token that is hidden",
        "random": "a chosen token in whose place another stands",
        "kept": "a chosen token that stays, and is asked for all the same",
    }
    written, fates, read, asked = [], [], [], []
    arrows: list[Arrow] = []
    for i, (text, shown, fate) in enumerate(_TOKENS):
        written.append(Box(text, name=f"text {i}", look="data", wide=_WIDE))
        read.append(Box(shown, name=f"read {i}", look="data", wide=_WIDE))
        if not fate:
            fates.append(Box("not chosen", name="not chosen", look="plain", wide=_WIDE))
            asked.append(Box("no loss", name="no loss", look="plain", wide=_WIDE))
            arrows.append(Arrow("read 0", "bert"))
            continue
        fates.append(
            Box(f"{told[fate]:.0%}", name=fate, color="violet", wide=_WIDE, says=says[fate])
        )
        asked.append(Box(text, name=f"asked {i}", color="violet", look="data", wide=_WIDE))
        arrows += [
            *chain(f"text {i}", fate, f"read {i}", "bert"),
            Arrow("bert", f"asked {i}"),
        ]
    wide = 4 * _WIDE + 3 * 10
    model = Box("BERT", "reads from both sides", name="bert", color="blue", wide=wide)
    head = Box(f"{share:.0%} are chosen; of these", name="share", look="plain")
    loss = Box(
        "loss",
        "of the chosen tokens only",
        name="loss",
        color="violet",
        wide=wide,
        says="minus the logarithm of the probability of the token that stood there",
    )
    arrows += [Arrow(f"asked {i}", "loss") for i, (_, _, fate) in enumerate(_TOKENS) if fate]
    rows: list[Part] = [Row(*part, gap=10) for part in (written, fates, read, asked)]
    body = Column(head, *rows[:3], model, rows[3], loss, gap=20)
    return Schematic(
        body,
        arrows,
        f"Masked language modelling. {share:.0%} of the tokens are chosen. Of these {masked:.0%} "
        f"become [MASK], {random:.0%} another token, and {told['kept']:.0%} stay. BERT reads the "
        "result from both sides, and the loss asks for what stood at the chosen positions only.",
    )
