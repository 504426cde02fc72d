"""What ``txlite train`` learns from: a corpus that the package brings, or a file of one's own."""

import unicodedata
from pathlib import Path
from typing import NamedTuple

from txlite.cli._console import WrongCall
from txlite.cli._lines import line_of
from txlite.data.corpora import ParallelCorpus, chinese_english, french_english, tidy

__all__ = ["CORPORA", "Lesson", "check_corpus", "read_lesson"]

CORPORA = {
    "french-english": ("French → English", french_english),
    "chinese-english": ("Chinese → English", chinese_english),
}
HELD_OUT = 20  # one sentence of a file in so many is kept to score the result, at least one
MARK = "\ufeff"  # of byte order: Windows puts it before a file, and joined files have it inside


class Lesson(NamedTuple):
    """Pairs to learn from, and pairs to be scored on, none of whose sources is learned from."""

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
        If there is no such corpus or file, a line of the file is no pair, or there are not two
        sentences.
    """
    check_corpus(name)
    if name in CORPORA:
        direction, make = CORPORA[name]
        corpus: ParallelCorpus = make() if num_pairs is None else make(num_pairs)
        held_out = [(pair.source, pair.target) for pair in corpus.test_combination]
        return Lesson(direction, [(p.source, p.target) for p in corpus.train], held_out)
    path = Path(name)
    pairs = _read_pairs(path)
    asked = set(list(dict.fromkeys(source for source, _ in pairs))[::HELD_OUT])
    held_out = [pair for pair in pairs if pair[0] in asked]
    train = [pair for pair in pairs if pair[0] not in asked]
    return Lesson(path.stem, train[:num_pairs], held_out)


def _lines(path: Path) -> list[str]:
    """Return the lines of a file as an editor counts them: what else may part a text does not."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = line_of(content, error.start)
        raise ValueError(f"{path}:{line} should be text in UTF-8: {error.reason}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _read_pairs(path: Path) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.replace(MARK, "").strip():
            continue
        source, *rest = unicodedata.normalize("NFC", line).split("\t")
        parts = [tidy(source), *(part.strip() for part in rest)]  # as the user's will be
        if len(parts) != 2 or not all(parts):
            came = "a side without words" if len(parts) == 2 else f"{len(parts) - 1} tabs"
            raise ValueError(
                f"{path}:{number} should hold a sentence, a tab and its translation, got {came}"
            )
        pairs.append((parts[0], parts[1]))
    if (count := len({source for source, _ in pairs})) < 2:
        raise ValueError(f"{path} should hold at least two different sentences, got {count}")
    return list(dict.fromkeys(pairs))
