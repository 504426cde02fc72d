"""Texts as people have them, for every test of a door by which text comes in.

``fragments`` are what breaks a reader of text: normal forms, apostrophes, what looks like a mark of
a tokenizer, line separators that are none, marks of byte order, scripts from right to left, emoji,
and blanks of all kinds. A door of another language can be given the same texts: they are strings
and nothing else. TXLITE_EXAMPLES asks for more examples than a quick run has.
"""

import os
import unicodedata
from collections.abc import Collection

from hypothesis import settings
from hypothesis import strategies as st

__all__ = ["FRAGMENTS", "LINE_ENDS", "SEPARATORS", "alphabet_of", "many", "one_line", "texts"]

EXAMPLES = int(os.environ.get("TXLITE_EXAMPLES", "300"))
many = settings(max_examples=EXAMPLES)

LINE_ENDS = ["\n", "\r\n", "\r"]
SEPARATORS = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]  # end no line
BLANKS = [" ", "  ", "\t", "\xa0", "\u202f", "\u3000", "\u2009"]
APOSTROPHES = [
    "'",
    "' ",
    " '",
    "''",
    "' '",
    "don't",
    "'t",
    "dogs' ",
    "l'homme",
    "rock 'n' roll",
    "’",
]
MARKS = ["<pad>", "<s>", "</s>", "<unk>", "<", "/s>", "▁", "␛", "␛0", "␛1", "[SEP]", "##ing", "@@"]
FORMS = ["é", "e\u0301", "E\u0301", "ﬁ", "Å", "한", "\u1112\u1161\u11ab", "q\u0307\u0323", "İ", "ß"]
SCRIPTS = ["שלום", "مرحبا", "\u200fعربي 5", "我爱你", "5月3日", "ひらがな", "ไทย", "नमस्ते", "Ж", "Ω"]
SIGNS = ["👋🏽", "👨‍👩‍👧", "🇫🇷", "♥\ufe0f", "𝔘", "½", "٣", "25", "-t-il", " ?", "？", ",", "…", "«"]
ODD = [
    "\ufeff",
    "\u200b",
    "\u200d",
    "\x00",
    "\x1b[31m",
    "\x7f",
    "\u202e",
    "[bold]",
    ":smile:",
    "\\",
]
WORDS = ["je", "vois", "un", "chat", "A", "Marie", "x"]
FRAGMENTS = [
    *SEPARATORS, *BLANKS, *APOSTROPHES, *MARKS, *FORMS, *SCRIPTS, *SIGNS, *ODD, *WORDS,
]  # fmt: skip


def alphabet_of(texts: Collection[str]) -> set[str]:
    """Return the characters of some texts, as a tokenizer that learns from them meets them."""
    return set().union(*(unicodedata.normalize("NFC", text) for text in texts))


def texts(fragments: Collection[str] = FRAGMENTS, min_size: int = 0) -> st.SearchStrategy[str]:
    """Fragments in any order, side by side."""
    return st.lists(st.sampled_from(sorted(fragments)), min_size=min_size, max_size=8).map("".join)


def one_line(fragments: Collection[str] = FRAGMENTS) -> st.SearchStrategy[str]:
    """Texts that an editor shows as one line: with what ends no line, and nothing that does."""
    return texts([text for text in fragments if not set(text) & {"\n", "\r"}])
