import pytest

from tests.checks.translation.counting import precision
from tests.checks.written import earns
from txlite import checks

check = checks.clipped_precision


def test_the_papers_example_of_clipping():
    """Papineni et al. (2002), section 2.1: "the the the the the the the" scores 2/7."""
    the, cat, sat, on, mat = range(5)
    said, reference = [the] * 7, [the, cat, sat, on, the, mat]
    assert check.reference(said, reference, 1) == pytest.approx(2 / 7)
    assert check.reference(said, reference, 2) == 0


def test_right_answers_in_other_words_pass():
    check(precision).require()


def windows(tokens, n):
    """Return the n-grams as strings."""
    return ["-".join(map(str, gram)) for gram in zip(*(tokens[i:] for i in range(n)), strict=False)]


def overlap(ours, theirs):
    """Strike every match out, so that it is there once less."""
    left, hits = list(theirs), 0
    for gram in ours:
        if gram in left:
            left.remove(gram)
            hits += 1
    return hits


def naive(hypothesis, reference, n):
    grams = [hypothesis[i : i + n] for i in range(len(hypothesis) - n + 1)]
    theirs = [reference[i : i + n] for i in range(len(reference) - n + 1)]
    return sum(gram in theirs for gram in grams) / max(1, len(grams))


def of_windows(change):
    """The precision of other n-grams than those that are meant."""

    def answer(hypothesis, reference, n):
        ours, theirs = change(hypothesis, n), change(reference, n)
        return overlap(ours, theirs) / max(1, len(ours))

    return answer


def position_by_position(hypothesis, reference, n):
    ours, theirs = windows(hypothesis, n), windows(reference, n)
    hits = sum(i < len(theirs) and gram == theirs[i] for i, gram in enumerate(ours))
    return hits / max(1, len(ours))


def at_most_once(hypothesis, reference, n):
    ours, theirs = windows(hypothesis, n), windows(reference, n)
    return sum(gram in theirs for gram in set(ours)) / max(1, len(ours))


WRITTEN = {
    "not clipped": naive,
    "recall": lambda h, r, n: precision(r, h, n),
    "single words only": lambda h, r, n: precision(h, r, 1),
    "one n-gram missing": of_windows(lambda x, n: [x[i : i + n] for i in range(len(x) - n)]),
    "shortened n-grams at the end": of_windows(
        lambda x, n: [x[i : i + n] for i, _ in enumerate(x)]
    ),
    "every n-gram counted once": of_windows(lambda x, n: set(windows(x, n))),
    "position by position": position_by_position,
    "clipped at one": at_most_once,
    "per cent": lambda h, r, n: 100 * precision(h, r, n),
    "order within the n-gram forgotten": of_windows(
        lambda x, n: [sorted(x[i : i + n]) for i in range(len(x) - n + 1)]
    ),
    "a number, not a share": lambda h, r, n: overlap(windows(h, n), windows(r, n)),
}


def test_striking_matches_out_is_right():
    check(of_windows(windows)).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
