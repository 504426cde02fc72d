"""Exercise: the pieces of a word, from a list of merges.

Sources
    Sennrich, Haddow and Birch (2016), "Neural Machine Translation of Rare Words with Subword
    Units", section 3.2 and algorithm 1.
"""

from collections.abc import Sequence

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["merge_pieces"]

Pieces = list[str]
Pair = tuple[str, str]


def _joined(pieces: Pieces, fits: Step, before: int = 0) -> Pieces:
    """Join two neighbours that fit wherever they stand, from left to right."""
    found: Pieces = []
    i = 0
    while i < len(pieces) - before:
        merged = fits(tuple(pieces[i : i + 2]))
        found.append("".join(pieces[i : i + 2]) if merged else pieces[i])
        i += 2 if merged else 1
    return found


def _everywhere(pieces: Pieces, pair: Pair) -> Pieces:
    return _joined(pieces, lambda two: two == pair)


def _merge_recipe(
    word: str,
    merges: Sequence[Pair],
    order: Step = list,
    apply: Step = _everywhere,
    finish: Step = lambda pieces: pieces,
) -> object:
    pieces = list(word)
    for pair in order(merges):
        pieces = apply(pieces, pair)
    return finish(pieces)


def _in_the_text(pieces: Pieces, pair: Pair) -> Pieces:
    return " ".join(pieces).replace(" ".join(pair), "".join(pair)).split()


def _first_only(pieces: Pieces, pair: Pair) -> Pieces:
    for i in range(len(pieces) - 1):
        if (pieces[i], pieces[i + 1]) == pair:
            return [*pieces[:i], "".join(pair), *pieces[i + 2 :]]
    return pieces


def _from_the_right(pieces: Pieces, pair: Pair) -> Pieces:
    found: Pieces = []
    for piece in reversed(pieces):
        if found and (piece, found[0]) == pair:
            found[0] = "".join(pair)
        else:
            found.insert(0, piece)
    return found


def _overlapping(pieces: Pieces, pair: Pair) -> Pieces:
    found: Pieces = []
    covered = False  # by the piece before
    for i, piece in enumerate(pieces):
        merged = tuple(pieces[i : i + 2]) == pair
        if merged or not covered:
            found.append("".join(pair) if merged else piece)
        covered = merged
    return found


def _vocabulary(word: str, merges: Sequence[Pair]) -> set[str]:
    return {*word, *("".join(pair) for pair in merges)}


def _longest_first(word: str, merges: Sequence[Pair]) -> object:
    known, found, i = _vocabulary(word, merges), [], 0
    while i < len(word):
        j = max(j for j in range(i + 1, len(word) + 1) if word[i:j] in known)
        found.append(word[i:j])
        i = j
    return found


def _leftmost(word: str, merges: Sequence[Pair]) -> object:
    pieces, known = list(word), set(merges)
    i = 0
    while i < len(pieces) - 1:
        if (pieces[i], pieces[i + 1]) in known:
            pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
            i = 0
        else:
            i += 1
    return pieces


def _one_merge(word: str, merges: Sequence[Pair]) -> object:
    pieces = list(word)
    for pair in merges:
        merged = _everywhere(pieces, pair)
        if merged != pieces:
            return merged
    return pieces


def _list(text: str) -> list[Pair]:
    """Read pairs such as ``a+n d+an``."""
    return [(left, right) for left, _, right in (two.partition("+") for two in text.split())]


merge_pieces = Exercise(
    name="merge_pieces",
    signature="f(word: str, merges: list[tuple[str, str]]) -> list[str]",
    task="The pieces of a word. Begin with its characters. For each pair of the list, in the "
    "list's order, join the two wherever they stand as pieces side by side, from left to right.",
    inputs=("word", "merges"),
    reference=_merge_recipe,
    cases=(
        ("abc", _list("a+b b+c")),
        ("abc", _list("b+c a+b")),
        ("aaa", _list("a+a")),
        ("cabs", _list("b+c c+a ca+b")),  # the first pair stands nowhere
        ("ababa", _list("a+b")),
        ("abcde", _list("c+d a+b b+cd d+e")),
        ("dansent", _list("a+n d+an n+t s+e an+s e+nt an+se")),
        ("banana", _list("n+a a+na b+a a+n an+a na+na")),
        ("entendent", _list("n+t e+nt e+n d+ent t+en en+d n+d")),
    ),
    bank=(
        swapped(
            _merge_recipe,
            "ends of longer pieces merged",
            "A pair is found in the text, where its left half may be only the end of a longer "
            "piece (or its right half only the beginning of one). Both halves have to be whole "
            "pieces: compare pieces, not text.",
            apply=_in_the_text,
        ),
        Mistake(
            "the longest piece first",
            "From the left, the longest piece of the vocabulary is taken. That is another "
            "encoding, which also is in use; this one was trained by merges, and makes them again "
            "in their order.",
            _longest_first,
        ),
        Mistake(
            "the leftmost pair first",
            "The leftmost pair that stands anywhere in the list is merged. The *list* decides: its "
            "first pair is merged wherever it stands, before the second is looked at.",
            _leftmost,
        ),
        swapped(
            _merge_recipe,
            "last merges first",
            "The list is gone through from its end. The first merges are those of the most "
            "frequent pairs, and the later ones are made of their pieces.",
            order=lambda merges: list(merges)[::-1],
        ),
        swapped(
            _merge_recipe,
            "longest merges first",
            "The merges are sorted by length. Their order is the order in which they were learned.",
            order=lambda merges: sorted(merges, key=lambda pair: -len("".join(pair))),
        ),
        swapped(
            _merge_recipe,
            "each merge made once",
            "A pair is merged where it stands first, and not where it stands again.",
            apply=_first_only,
        ),
        swapped(
            _merge_recipe,
            "from the right",
            "Where a pair overlaps with itself, the right one is merged. Go from left to right.",
            apply=_from_the_right,
        ),
        swapped(
            _merge_recipe,
            "a piece used twice",
            "A piece that has just been merged is merged again with the one after it, so that its "
            "letters stand twice in the result. Go on behind both halves.",
            apply=_overlapping,
        ),
        swapped(
            _merge_recipe,
            "either way round",
            "The pair is merged also where its halves stand the other way round.",
            apply=lambda pieces, pair: _joined(pieces, lambda two: two in (pair, pair[::-1])),
        ),
        swapped(
            _merge_recipe,
            "last piece lost",
            "The loop ends before the last piece, which has no right neighbour, and drops it. It "
            "stays as it is.",
            apply=lambda pieces, pair: _joined(pieces, lambda two: two == pair, before=1),
        ),
        Mistake(
            "one merge only",
            "The function returns after the first pair that was found. Go through the whole list.",
            _one_merge,
        ),
        swapped(
            _merge_recipe,
            "a text, not a list",
            "This is one text with spaces in it. Return the list of pieces.",
            finish=" ".join,
        ),
    ),
    praise="Cut as the tokenizer cuts: the merges, in the order in which they were learned.",
)
