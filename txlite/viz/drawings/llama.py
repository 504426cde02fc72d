"""One layer of a Llama, opened: what it has in the places of GPT's choices."""

from txlite.viz.drawings.lanes import lane
from txlite.viz.drawings.sizes import Sizes, shape
from txlite.viz.schematic import Arrow, Box, Column, Row, Schematic, Space, Sum, chain
from txlite.viz.schematic.parts import Part

__all__ = ["llama_layer"]

_BRANCH = 220.0  # CSS pixels, which a phone has beside the residual path


def _heads(number: int) -> str:
    return f"{number} head" if number == 1 else f"{number} heads"


def llama_layer(
    num_heads: int = 9, num_kv_heads: int = 3, *, sizes: Sizes | None = None
) -> Schematic:
    """Draw a Llama's layer: RMS norms, turned queries and keys, shared keys, a gated feed-forward.

    Parameters
    ----------
    num_heads : int
        How many query heads it has.
    num_kv_heads : int
        How many key and value heads, each of which serves several query heads.
    sizes : mapping of str to int, optional
        What T, D and F stand for; without them the drawing shows letters.

    Returns
    -------
    Schematic
        For the page and for a phone.
    """
    rescales = "each row is divided by its root mean square; the mean stays where it is"

    def norm(name: str) -> Box:
        return Box("RMS norm", name=name, color="pink", wide=_BRANCH, says=rescales)

    q, k, v = (
        Box(name, _heads(number), name=name, color="blue", look="data", wide=66, says=says)
        for name, number, says in (
            ("q", num_heads, "what each position looks for"),
            ("k", num_kv_heads, "what each position is found by, shared by several query heads"),
            ("v", num_kv_heads, "what each position gives, shared as the keys are"),
        )
    )
    turns = [
        Box("turn", name=f"turn {x}", color="pink", wide=66, says="a rotation by the position")
        for x in "qk"
    ]
    attend = Box("attention", name="attention", color="blue", wide=_BRANCH, says="causal")
    maps = Row(q, k, v, gap=11)
    turned = Row(*turns, Space(66), gap=11)
    plus = Sum("attention_sum", says="what comes in and what attention adds")
    gate = Box(
        "SiLU(x W_gate)",
        shape("T F", sizes, fold=True),
        name="gate",
        color="teal",
        says="opens and closes",
    )
    up = Box(
        "x W_up",
        shape("T F", sizes, fold=True),
        name="up",
        color="teal",
        wide=82,
        says="what passes",
    )
    times = Sum("product", "×", "teal", "entry by entry")
    down = Box("W_down", name="down", color="teal", wide=_BRANCH, says="back to D columns")
    second = Sum("feed_forward_sum", says="what comes in and what the feed-forward block adds")

    def end(words: str) -> Part:
        """Return x or y on the residual path, and beside it the shape of its states."""
        states = Box(shape("T D", sizes), name=f"{words}s", look="plain", wide=_BRANCH)
        return lane(Box(words, name=words, look="data", wide=40), states)

    empty = Space(_BRANCH)
    rows: list[Part] = [
        end("x"),
        lane(Space(), norm("attention_norm")),
        lane(Space(), maps),
        lane(Space(), turned),
        lane(Space(), attend),
        lane(plus, empty),
        lane(Space(), norm("feed_forward_norm")),
        lane(Space(), Row(gate, up, gap=8)),
        lane(Space(), Column(times, Space(_BRANCH), gap=0)),
        lane(Space(), down),
        lane(second, empty),
        end("y"),
    ]
    path = chain("x", "attention_sum", "feed_forward_sum", "y", like=Arrow("", "", look="residual"))
    arrows = [
        *path,
        Arrow("x", "attention_norm", bend="last"),
        *(Arrow("attention_norm", name) for name in "qkv"),
        *(Arrow(name, f"turn {name}") for name in "qk"),
        *(Arrow(f"turn {name}", "attention") for name in "qk"),
        Arrow("v", "attention"),
        Arrow("attention", "attention_sum", bend="last"),
        Arrow("attention_sum", "feed_forward_norm", bend="last"),
        *(Arrow("feed_forward_norm", name) for name in ("gate", "up")),
        *(Arrow(name, "product", bend="last") for name in ("gate", "up")),
        Arrow("product", "down"),
        Arrow("down", "feed_forward_sum", bend="last"),
    ]
    return Schematic(
        Column(*rows, gap=18, up=True, align="start"),
        arrows,
        f"A Llama's layer. RMS norms stand in the branches. {_heads(num_heads)} of queries share "
        f"{_heads(num_kv_heads)} of keys and values; queries and keys are turned by their "
        "positions. The feed-forward block multiplies a gate with what passes it. Nothing has a "
        "bias.",
    )
