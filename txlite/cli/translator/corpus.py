"""What ``txlite train`` learns from: a corpus that the package brings, or a file of one's own."""

from pathlib import Path
from typing import NamedTuple

from txlite.cli._console import WrongCall
from txlite.data.corpora import ParallelCorpus, chinese_english, french_english, tidy

__all__ = ["CORPORA", "Lesson", "check_corpus", "read_lesson"]

CORPORA = {
    "french-english": ("French → English", french_english),
    "chinese-english": ("Chinese → English", chinese_english),
}
HELD_OUT = 20  # one line of a file in so many is kept to score the result, at least one


class Lesson(NamedTuple):
    """Pairs to learn from, and pairs to be scored on, which are not among them."""

    direction: str
    train: list[tuple[str, str]]
    held_out: list[tuple[str, str]]


def check_corpus(name: str) -> None:
    """Refuse what is neither a corpus of the package nor a file."""
    if name not in CORPORA and not Path(name).is_file():
        raise WrongCall(
            f"the corpus should be one of {', '.join(CORPORA)}, or a file with a tab in every "
            f"line, got {name!r}"
        )


def read_lesson(name: str, num_pairs: int | None = None) -> Lesson:
    """Return the pairs of a corpus.

    Parameters
    ----------
    name : str
        ``"french-english"``, ``"chinese-english"``, or the path of a text file in UTF-8 with one
        pair a line: a sentence, a tab, its translation.
    num_pairs : int, optional
        How many pairs to learn from, at most. The default is what a corpus of the package thinks
        best, and all of a file that is not held out.

    Returns
    -------
    Lesson
        The pairs.

    Raises
    ------
    ValueError
        If there is no such corpus or file, or a line of the file is no pair.
    """
    check_corpus(name)
    if name in CORPORA:
        direction, make = CORPORA[name]
        corpus: ParallelCorpus = make() if num_pairs is None else make(num_pairs)
        held_out = [(pair.source, pair.target) for pair in corpus.test_combination]
        return Lesson(direction, [(p.source, p.target) for p in corpus.train], held_out)
    path = Path(name)
    pairs = _read_pairs(path)
    held_out = pairs[::HELD_OUT]
    known = set(held_out)
    train = [pair for pair in pairs if pair not in known]
    return Lesson(path.stem, train[:num_pairs], held_out)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()  # Windows may put a mark first
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} should be a text in UTF-8: {error}") from None


def _read_pairs(path: Path) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        source, *rest = line.split("\t")
        parts = [tidy(source), *(part.strip() for part in rest)]  # as the user's will be
        if len(parts) != 2 or not all(parts):
            raise ValueError(f"{path}:{number} should hold a sentence, a tab and its translation")
        pairs.append((parts[0], parts[1]))
    if len(set(pairs)) < 2:
        raise ValueError(f"{path} should hold at least two different pairs, got {len(set(pairs))}")
    return list(dict.fromkeys(pairs))
