"""One per cent: the French Transformer, trained from nothing with a few deeper sentences.

The chapter's cure trains the finished model on, with one deeper sentence in ten. Here the training
is the chapter's own, and only one pair in a hundred is another one: a sentence with two
subordinations, or, as a control, a longer one that goes no deeper. Both are then asked for two and
for three subordinations. As trained without them is the French Transformer of
``studies/translation.py``: same first weights, same steps.
"""

from collections.abc import Sequence

import txlite
from studies import translation
from studies.translation import Examined, Language
from txlite.data.depths import pairs_of_depth

REPLACED = 350  # of 35,000
DEEPER, LONGER = 2, 1  # subordinations of what is put in
LONG = translation.LONG  # words of the control's translations, at least
SEED = 2  # of the sentences that are put in
KINDS = {"deeper": (DEEPER, 0), "longer": (LONGER, LONG)}


def replaced(data: Language, depth: int, shortest: int) -> list[tuple[list[int], list[int]]]:
    """Return the pairs of the training, the last of them replaced by sentences of one depth."""
    asked = {pair.source for deep in translation.DEEP for pair in data.deep(deep)}
    drawn = pairs_of_depth(data.key, depth, (8 if shortest else 2) * REPLACED, seed=SEED)
    fits = [
        pair
        for pair in drawn
        if pair.source not in asked and translation.words(pair.target) >= shortest
    ]
    if len(fits) < REPLACED:
        raise ValueError(f"there should be {REPLACED} sentences to put in, got {len(fits)}")
    return [*data.encoded[:-REPLACED], *data.encode(fits[:REPLACED])]


def taught(data: Language, encoded: Sequence[tuple[list[int], list[int]]]) -> Examined:
    """Train as the chapter's page does, and return the scores and marks of the three exams."""
    order = txlite.seed(0).initial_seed()
    model = translation.transformer(data)
    seconds = translation.train(model, encoded, order, translation.STEPS)
    exams = {"combination": data.corpus.test_combination}
    exams |= {f"depth {depth}": data.deep(depth) for depth in translation.DEEP}
    numbers, marks = {"seconds": seconds}, {}
    for exam, pairs in exams.items():
        said = translation.translate(model, data, [pair.source for pair in pairs])
        marks[exam] = translation.right(said, pairs)
        found = {**translation.scores(said, pairs), **translation.ends(said, pairs)}
        numbers |= {f"{exam}, {name}": value for name, value in found.items()}
    return Examined(numbers, marks)


def measure() -> dict[str, float]:
    """Train both, and return what they translate and how they compare, sentence by sentence."""
    data = translation.language("fr")
    examined = {name: taught(data, replaced(data, *kind)) for name, kind in KINDS.items()}
    numbers = {
        f"{name}, {what}": value
        for name, result in examined.items()
        for what, value in result.numbers.items()
    }
    compared = translation.compare(examined["deeper"], examined["longer"])
    numbers |= {f"deeper - longer, {what}": value for what, value in compared.items()}
    return {name: round(value, 4) for name, value in numbers.items()}
