import random
from itertools import pairwise

import pytest

from tests.checks.written import earns
from txlite import checks
from txlite.data.tokenizers import train_bpe

check = checks.merge_pieces


def as_text(word, merges):
    """Pieces as text with bars around each, so that a half of a piece is never found."""
    text = "|" + "".join(f"{c}|" for c in word)
    for a, b in merges:
        left = f"|{a}|{b}|"
        while left in text:
            text = text.replace(left, f"|{a}{b}|", 1)
    return [piece for piece in text.split("|") if piece]


def by_rank(word, merges):
    """As tokenizers do it: of all pairs side by side, the one that was learned first."""
    rank = {pair: number for number, pair in enumerate(merges)}
    pieces = list(word)
    while True:
        found = [(rank[two], i) for i, two in enumerate(pairwise(pieces)) if two in rank]
        if not found:
            return pieces
        i = min(found)[1]
        pieces[i : i + 2] = ["".join(pieces[i : i + 2])]


def steps(word, merges, step):
    """Make the merges by a step of one's own."""
    pieces = [*word]
    for a, b in merges:
        pieces = step(pieces, a, b)
    return pieces


def blanks(word, merges):
    text = " ".join(word)
    for a, b in merges:
        text = text.replace(a + " " + b, a + b)
    return text.split(" ")


def once(pieces, a, b):
    for i in range(1, len(pieces)):
        if pieces[i - 1] == a and pieces[i] == b:
            del pieces[i]
            pieces[i - 1] = a + b
            break
    return pieces


def from_the_end(pieces, a, b):
    i = len(pieces) - 1
    while i > 0:
        if pieces[i - 1] == a and pieces[i] == b:
            pieces[i - 1 : i + 1] = [a + b]
            i -= 1
        i -= 1
    return pieces


def overlapping(pieces, a, b):
    hits = [i for i in range(len(pieces) - 1) if pieces[i : i + 2] == [a, b]]
    out = []
    for i, piece in enumerate(pieces):
        if i in hits:
            out += [a + b]
        elif i - 1 not in hits:
            out += [piece]
    return out


def either_way(pieces, a, b):
    out = []
    for piece in pieces:
        if out and out[-1] is not None and (out[-1], piece) in {(a, b), (b, a)}:
            out[-1:] = [out[-1] + piece, None]
        else:
            out = [x for x in out if x is not None] + [piece]
    return [x for x in out if x is not None]


def tail_dropped(pieces, a, b):
    out, skip = [], False
    for one, two in pairwise(pieces):
        if skip:
            skip = False
        elif (one, two) == (a, b):
            out.append(one + two)
            skip = True
        else:
            out.append(one)
    return out


def longest(word, merges):
    if not word:
        return []
    known = {a + b for a, b in merges}
    for end in range(len(word), 1, -1):
        if word[:end] in known:
            return [word[:end], *longest(word[end:], merges)]
    return [word[0], *longest(word[1:], merges)]


def leftmost(word, merges):
    pieces = list(word)
    while True:
        at = [i for i, two in enumerate(pairwise(pieces)) if two in merges]
        if not at:
            return pieces
        i = at[0]
        pieces = [*pieces[:i], pieces[i] + pieces[i + 1], *pieces[i + 2 :]]


def first_that_works(word, merges):
    for pair in merges:
        if (found := as_text(word, [pair])) != list(word):
            return found
    return list(word)


WRITTEN = {
    "ends of longer pieces merged": blanks,
    "the longest piece first": longest,
    "the leftmost pair first": leftmost,
    "last merges first": lambda word, merges: as_text(word, reversed(merges)),
    "longest merges first": lambda w, m: as_text(
        w, sorted(m, key=lambda ab: len(ab[0] + ab[1]), reverse=True)
    ),
    "each merge made once": lambda word, merges: steps(word, merges, once),
    "from the right": lambda word, merges: steps(word, merges, from_the_end),
    "a piece used twice": lambda word, merges: steps(word, merges, overlapping),
    "either way round": lambda word, merges: steps(word, merges, either_way),
    "last piece lost": lambda word, merges: steps(word, merges, tail_dropped),
    "one merge only": first_that_works,
    "a text, not a list": lambda word, merges: " ".join(as_text(word, merges)),
}


@pytest.mark.parametrize("answer", [as_text, by_rank])
def test_right_answers_in_other_words_pass(answer):
    check(answer).require()


def test_it_cuts_as_the_library_does():
    """On every word of a small text, and on words that no text had."""
    draw = random.Random(5)
    syllables = ["man", "ge", "ra", "s", "dan", "se", "ne", "i", "tan", "ent"]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(300)]
    bpe = train_bpe(words[:200], 60)
    known = [(a.replace("▁", " "), b.replace("▁", " ")) for a, b in bpe.merges]
    lengths = set()
    for word in words:
        pieces = check.reference(f" {word}", known)
        assert [piece.strip() for piece in pieces if piece.strip()] == [
            piece for piece in bpe.pieces(word) if piece
        ]
        lengths.add(len(pieces))
    assert len(lengths) > 3


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
