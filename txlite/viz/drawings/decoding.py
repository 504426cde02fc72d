"""One step of decoding with a cache, and the tree of a beam search."""

from txlite.viz.schematic import Arrow, Box, Column, Either, Frame, Row, Schematic, Tokens

__all__ = ["beams", "cached_step"]


def cached_step() -> Schematic:
    """Draw what is computed for a new token, and what is taken from the cache.

    Returns
    -------
    Schematic
        One token's query beside the keys and values of all earlier ones.
    """
    new = Box("new token", "(1, D)", name="token", look="data")
    q, k, v = (Box(n, "(1, E)", name=n, color="blue", look="data") for n in "qkv")
    keys = Tokens(["k₁", "k₂", "k₃"], "keys", color="ochre", says="computed in earlier steps")
    values = Tokens(["v₁", "v₂", "v₃"], "values", color="ochre", says="computed in earlier steps")
    cache = Frame(Column(keys, values, gap=10), "cache", color="ochre", pad=12)
    mix = Box("attention", "one row of weights", name="attention", color="blue")
    out = Box("output", "(1, E)", name="output", look="data")
    wide = Row(new, Column(k, v, q, gap=18), cache, mix, out, gap=34)
    tall = Column(new, Row(q, k, v, gap=40), cache, Row(mix, out, gap=26), gap=28)
    arrows = [
        *(Arrow("token", n) for n in "qkv"),
        Arrow("k", "cache", color="ochre", says="appended"),
        Arrow("v", "cache", color="ochre", says="appended"),
        Arrow("q", "attention", side="below", phone="left"),
        Arrow("cache", "attention", color="ochre", says="all keys and values so far"),
        Arrow("attention", "output"),
    ]
    return Schematic(
        Either(wide, tall),
        arrows,
        "One step with a cache. Only the new token is projected. Its key and value are appended to "
        "those of the earlier tokens; its query attends to all of them. Without the cache every "
        "earlier token would be projected again at every step.",
    )


def beams() -> Schematic:
    """Draw two steps of a beam search of width two.

    Returns
    -------
    Schematic
        Hypotheses, their continuations, and the two that are kept in each step.
    """
    first = [Box(words, "kept", name=words, color="blue") for words in ("the", "a")]
    more = [
        Box(words, "kept" if kept else "dropped", name=words, color="blue" if kept else "ink")
        for words, kept in (("the cat", 1), ("the dog", 0), ("a cat", 1), ("a dog", 0))
    ]
    begin = Box("begin", look="data")
    body = Row(begin, Column(*first, gap=70), Column(*more, gap=14), gap=56)
    arrows = [
        *(Arrow("begin", part.called) for part in first),
        *(
            Arrow(
                part.called.split()[0], part.called, look="flow" if part.color == "blue" else "gate"
            )
            for part in more
        ),
    ]
    return Schematic(
        body,
        arrows,
        "Two steps of a beam search of width two. Each hypothesis is continued by every token; of "
        "all continuations the two with the best sums of log-probabilities are kept, here in blue.",
    )
