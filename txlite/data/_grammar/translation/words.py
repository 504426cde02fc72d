"""What the grammar knows about a single word: one entry for each noun, adjective, name and verb.

An entry holds facts about the word in all three languages, and none about sentences. Its ``key`` is
the English word that a dictionary lists; it names the word wherever a meaning is written down.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Adjective", "Name", "Noun", "Verb", "entries"]

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Noun:
    """A noun.

    Parameters
    ----------
    english : tuple of str
        Singular and plural; a noun that is not counted has no plural, "".
    french : tuple of str
        Singular and plural.
    gender : str
        The French gender, "m" or "f".
    chinese : str
        The word, in simplified characters.
    measure : str
        The measure word that stands between a number and the noun.
    kinds : frozenset of str
        What it is, which decides what verbs may do to it: "person", "food", "text" and so on.
    """

    english: tuple[str, str]
    french: tuple[str, str]
    gender: str
    chinese: str
    measure: str
    kinds: frozenset[str]

    @property
    def key(self) -> str:
        """The English singular."""
        return self.english[0]

    @property
    def counted(self) -> bool:
        """Whether there can be two of them; water and rice are not counted."""
        return bool(self.english[1])


@dataclass(frozen=True)
class Adjective:
    """An adjective.

    Parameters
    ----------
    english : str
        The word.
    comparative : str
        "taller", "more beautiful"; "" for an adjective that is not compared here.
    french : tuple of str
        Masculine, feminine, and their plurals.
    liaison : str
        The masculine before a vowel: «un vieil homme».
    before : bool
        Whether it stands before a French noun, as few do.
    chinese : str
        The word.
    kinds : frozenset of str
        The kinds of nouns that it describes.
    """

    english: str
    comparative: str
    french: tuple[str, str, str, str]
    liaison: str
    before: bool
    chinese: str
    kinds: frozenset[str]

    @property
    def key(self) -> str:
        """The English word."""
        return self.english


@dataclass(frozen=True)
class Name:
    """A person, a country or a city by name.

    Parameters
    ----------
    english, french, chinese : str
        The name in each language.
    gender : str
        "m" or "f"; for a country that of its French article, "" where a name has no article.
    kind : str
        "person", "country" or "city".
    """

    english: str
    french: str
    chinese: str
    gender: str
    kind: str

    @property
    def key(self) -> str:
        """The English name."""
        return self.english


@dataclass(frozen=True)
class Verb:
    """A verb.

    Parameters
    ----------
    english : tuple of str
        "eat", "eats", "ate", "eaten", "eating".
    french : str
        The infinitive, looked up in :mod:`txlite.data._grammar.translation.conjugation`.
    chinese : str
        The word.
    frame : str
        What follows: "" nothing, "object", "gift" (something, to someone), "to" (a place),
        "suit" or "report".
    objects : frozenset of str
        Kinds of what it is done to.
    subjects : frozenset of str
        Kinds of who does it.
    stative : bool
        Whether it tells how things are (*know*) rather than what happens (*eat*).
    """

    english: tuple[str, str, str, str, str]
    french: str
    chinese: str
    frame: str
    objects: frozenset[str]
    subjects: frozenset[str]
    stative: bool

    @property
    def key(self) -> str:
        """The English base form."""
        return self.english[0]


def entries(table: str, entry: Callable[..., Entry]) -> dict[str, Entry]:
    """Read a table of words: a line for each, its cells between bars, "_" for a blank in a cell.

    Parameters
    ----------
    table : str
        The lines; empty ones are left out.
    entry : callable
        Makes an entry from the cells of a line, each a list of words.

    Returns
    -------
    dict of str to Entry
        The entries by their ``key``.

    Raises
    ------
    ValueError
        If two lines have the same key.
    """
    found: dict[str, Entry] = {}
    for line in filter(None, map(str.strip, table.splitlines())):
        cells = [[w.replace("_", " ") for w in cell.split()] for cell in line.split("|")]
        word = entry(*cells)
        key = str(getattr(word, "key"))  # noqa: B009 - every entry has one
        if key in found:
            raise ValueError(f"table should name every word once, got {key!r} twice")
        found[key] = word
    return found
