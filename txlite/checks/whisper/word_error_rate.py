"""Exercise: the word error rate of a set of transcripts.

Sources
    Levenshtein (1966), "Binary Codes Capable of Correcting Deletions, Insertions, and Reversals".
    Morris, Maier and Green (2004), "From WER and RIL to MER and WIL", section 2: the rate is that
    of the sums.
"""

import math
from collections import Counter
from collections.abc import Sequence
from functools import partial

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["word_error_rate"]


def _edits(
    said: Sequence[str], written: Sequence[str], other: int = 1, missing: int = 1, more: int = 1
) -> int:
    """Return the least that it costs to get from one to the other."""
    row = [more * j for j in range(len(written) + 1)]
    for i, word in enumerate(said, 1):
        above, row = row, [missing * i]
        for j, found in enumerate(written, 1):
            same = above[j - 1] + (other if word != found else 0)
            row.append(min(same, above[j] + missing, row[-1] + more))
    return row[-1]


def _words(text: str) -> list[str]:
    return text.split()


def _said(said: Sequence[str], written: Sequence[str]) -> int:
    return len(said)


def _of_the_sums(errors: list[int], sizes: list[int]) -> float:
    return sum(errors) / sum(sizes)


def _all(said: Sequence[str]) -> bool:
    return True


def _rate_recipe(
    references: list[str],
    transcripts: list[str],
    units: Step = _words,
    edits: Step = _edits,
    size: Step = _said,
    kept: Step = _all,
    rate: Step = _of_the_sums,
    scale: float = 1.0,
) -> float:
    pairs = [(units(a), units(b)) for a, b in zip(references, transcripts, strict=True)]
    pairs = [pair for pair in pairs if kept(pair[0])]
    value: float = rate([edits(*pair) for pair in pairs], [size(*pair) for pair in pairs])
    return scale * value


def _mean_of_rates(errors: list[int], sizes: list[int]) -> float:
    rates = [e / n if n else (math.inf if e else 0.0) for e, n in zip(errors, sizes, strict=True)]
    return sum(rates) / len(rates)


def _side_by_side(said: Sequence[str], written: Sequence[str]) -> int:
    both = zip(said, written, strict=False)
    return sum(a != b for a, b in both) + abs(len(said) - len(written))


def _as_a_bag(said: Sequence[str], written: Sequence[str]) -> int:
    return (Counter(said) - Counter(written)).total()


def _sentences(references: list[str], transcripts: list[str]) -> float:
    wrong = [a.split() != b.split() for a, b in zip(references, transcripts, strict=True)]
    return sum(wrong) / len(wrong)


def _one_text(references: list[str], transcripts: list[str]) -> float:
    return _rate_recipe([" ".join(references)], [" ".join(transcripts)])


def _accuracy(references: list[str], transcripts: list[str]) -> float:
    return 1 - _rate_recipe(references, transcripts)


word_error_rate = Exercise(
    name="word_error_rate",
    signature="f(references: list[str], transcripts: list[str]) -> float",
    task=(
        "Return the word error rate of all transcripts together: the fewest words that have to be "
        "replaced, put in or taken out, added up over all pairs, for each word of the references. "
        "An empty reference has no word, and what was written for it is an error all the same."
    ),
    inputs=("references", "transcripts"),
    reference=_rate_recipe,
    cases=(
        (["four two"], ["four ten"]),
        (["one two three"], ["two three four"]),
        (["one two three", "four"], ["one two tree", "for"]),
        (["six", "one two"], ["sick ex", "one or two"]),
        (["nine ten", "one"], ["nine", "ten one"]),
        (["seven"], ["sell van even now"]),
        (["", "one two three four"], ["thank you", "one three four four"]),
        (
            ["two five eight", "one three", "nine nine six four", "ten"],
            ["two eight eight nine", "three one", "nine six four", "ten"],
        ),
    ),
    bank=(
        swapped(
            _rate_recipe,
            "mean of rates",
            "Each sentence has a rate and the rates are averaged, so that a wrong word of a short "
            "sentence counts for more. Add up errors and words first, and divide once.",
            rate=_mean_of_rates,
        ),
        swapped(
            _rate_recipe,
            "empty references dropped",
            "Pairs with an empty reference are left out, and with them what was written where "
            "there was nothing to write.",
            kept=bool,
        ),
        swapped(
            _rate_recipe,
            "per word that was written",
            "The errors are divided by the words of the transcripts: who writes more gets a "
            "better rate.",
            size=lambda said, written: len(written),
        ),
        swapped(
            _rate_recipe,
            "per word of the longer",
            "The errors of each pair are divided by the longer of the two, so that no rate is "
            "above 1. The word error rate may be.",
            size=lambda *pair: max(map(len, pair)),
        ),
        swapped(
            _rate_recipe,
            "insertions for nothing",
            "Words that are too many cost nothing: a model that never ends has no errors.",
            edits=partial(_edits, more=0),
        ),
        swapped(
            _rate_recipe,
            "deletions for nothing",
            "Words that are missing cost nothing: to write nothing would be best.",
            edits=partial(_edits, missing=0),
        ),
        swapped(
            _rate_recipe,
            "replaced twice",
            "A word that is replaced counts as one that is missing and one that is too many. It "
            "is one error.",
            edits=partial(_edits, other=2),
        ),
        swapped(
            _rate_recipe,
            "word by word",
            "The first word is compared with the first, the second with the second: after one "
            "missing word all that follows is wrong.",
            edits=_side_by_side,
        ),
        swapped(
            _rate_recipe,
            "a bag of words",
            "It is counted which words are missing, whatever their order is and whatever was "
            "written beside them.",
            edits=_as_a_bag,
        ),
        swapped(
            _rate_recipe,
            "characters",
            "This is a rate of characters, spaces included. A word with one wrong character is a "
            "wrong word.",
            units=list,
        ),
        Mistake(
            "sentences",
            "This is the share of sentences with an error.",
            _sentences,
        ),
        Mistake(
            "one long text",
            "All sentences are joined before they are compared, so that a word of one can make "
            "up for one of the next.",
            _one_text,
        ),
        swapped(
            _rate_recipe,
            "never above 1",
            "The rate is cut off at 1. With many words too many it is larger, and that is told.",
            rate=lambda errors, sizes: min(1.0, _of_the_sums(errors, sizes)),
        ),
        Mistake(
            "what is right",
            "This is 1 minus the rate. Words too many can make it negative, so it is no share of "
            "right words.",
            _accuracy,
        ),
        swapped(
            _rate_recipe,
            "in per cent",
            "This is in per cent. Wanted is the rate itself.",
            scale=100.0,
        ),
    ),
    praise="Errors of all sentences for each word of all sentences.",
    differentiable=False,
)
