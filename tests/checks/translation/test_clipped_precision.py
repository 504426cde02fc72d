import pytest

from tests.checks.translation.counting import precision
from txlite import checks


def test_the_papers_example_of_clipping():
    """Papineni et al. (2002), section 2.1: "the the the the the the the" scores 2/7."""
    the, cat, sat, on, mat = range(5)
    said, reference = [the] * 7, [the, cat, sat, on, the, mat]
    assert checks.clipped_precision.reference(said, reference, 1) == pytest.approx(2 / 7)
    assert checks.clipped_precision.reference(said, reference, 2) == 0


def test_right_answers_in_other_words_pass():
    checks.clipped_precision(precision).require()


def test_natural_mistakes_are_named():
    def naive(hypothesis, reference, n):
        grams = [hypothesis[i : i + n] for i in range(len(hypothesis) - n + 1)]
        theirs = [reference[i : i + n] for i in range(len(reference) - n + 1)]
        return sum(gram in theirs for gram in grams) / max(1, len(grams))

    assert checks.clipped_precision(naive).mistake == "not clipped"
