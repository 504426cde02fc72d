"""Pairs that people wrote: made plain, each said once, and parted so that nothing leaks.

The messages and help pages of programs are full of near-copies: with another variable, another
number, another capital, another full stop. A test sentence whose near-copy was trained on tests
nothing. So two sentences count as one if their letters agree, and of pairs that share a sentence
on either side only the first is kept. Which pairs are held out depends on the English letters
alone: the same ones from every language, whatever else is in the corpus.
"""

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from txlite._checks import check_positive
from txlite.data.pairs import Pair

__all__ = ["SLOT", "RealText", "letters", "plain", "real_text"]

SLOT = "□"
"""What stands where a program fills in a name or a number."""

_SLOTS = re.compile(
    r"%\(\w+\)[#0+-]?\d*(?:\.\d+)?[a-zA-Z]"  # %(name)s
    r"|%(?:\d+\$)?[#0+-]?\d*(?:\.\d+)?[acdeEfgGiorsuxX]"  # %s, %1$s, %5.1f
    r"|\{[\w.\[\]]*(?:![ars])?(?::[^{}]*)?\}"  # {}, {name!r:>10}
)
_TAG = re.compile(r"</?[a-zA-Z]\w*(?:\s[^<>]*)?/?>")  # and not <https://…>
_QUOTES = re.compile(r"[«„]\s*|\s*»|[“”]")
_ACCELERATOR = re.compile(r"\s?\([&_]\w\)|&(?=\w)(?!\w+;)")  # 文件(&F), &File
_SAME = str.maketrans(dict.fromkeys("’‘ʼ", "'") | {"…": "..."})
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")


@dataclass(frozen=True)
class RealText:
    """Pairs to learn from and pairs to be tested on.

    Parameters
    ----------
    train : list of Pair
        What to learn from.
    held_out : list of Pair
        No sentence of theirs, source or target, has the letters of one in ``train``.
    """

    train: list[Pair]
    held_out: list[Pair]


def plain(message: str) -> str:
    r"""Return a program's message as a sentence.

    Parameters
    ----------
    message : str
        As it stands in the program.

    Returns
    -------
    str
        With :data:`SLOT` for what the program fills in, without marks of keys (``&File``) and
        HTML's tags, quotes and apostrophes straight and blanks single, in normal form C.

    Examples
    --------
    >>> plain("The file %(name)r  isn’t in “%s”.")
    'The file □ isn\'t in "□".'
    >>> plain("<b>文件</b>(&F)")
    '文件'
    """
    text = _ACCELERATOR.sub("", _TAG.sub("", message))
    text = _SLOTS.sub(SLOT, html.unescape(text)).replace("%%", "%")
    text = _QUOTES.sub('"', text).translate(_SAME)
    return unicodedata.normalize("NFC", " ".join(text.split()))


def letters(text: str) -> str:
    """Return the letters of a sentence, small and close together: what near-copies share.

    Parameters
    ----------
    text : str
        A sentence.

    Returns
    -------
    str
        Without slots, digits, marks and blanks.

    Examples
    --------
    >>> letters("IPv4 address: □") == letters("IPv6 Address")
    True
    """
    return "".join(filter(str.isalpha, unicodedata.normalize("NFC", text).casefold()))


def real_text(
    pairs: Iterable[tuple[str, str]], *, longest: int = 25, shortest: int = 3, one_in: int = 4
) -> RealText:
    """Choose among pairs of messages, and part them.

    Left out are: pairs without a letter on one side, or with the same letters on both, which
    nobody translated; pairs whose sides do not have equally many slots; what is too long; and
    every pair of which one side was there before.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Messages and their English, as they stand in the program.
    longest : int
        Words of the English at most; of the other language twice as many, as a Chinese character
        counts as one.
    shortest : int
        What has fewer words of English is never held out: a label of one word that stands nowhere
        else, the name of a language say, can be known and not translated.
    one_in : int
        Of the others about one in so many is held out.

    Returns
    -------
    RealText
        In the order of ``pairs``.

    Raises
    ------
    ValueError
        If a number is not positive, or nothing is left to learn from or to be tested on.

    Examples
    --------
    >>> pairs = [("oui", "yes"), ("Oui !", "Yes!"), ("merci", "thanks")]
    >>> text = real_text(pairs, shortest=1, one_in=2)
    >>> text.train, text.held_out
    ([Pair(source='oui', target='yes')], [Pair(source='merci', target='thanks')])
    """
    longest, shortest = check_positive("longest", longest), check_positive("shortest", shortest)
    one_in = check_positive("one_in", one_in)
    found: tuple[list[Pair], list[Pair]] = [], []
    seen: tuple[set[str], set[str]] = set(), set()
    for messages in pairs:
        pair = Pair(*map(plain, messages))
        keys = letters(pair.source), letters(pair.target)
        if _fits(pair, longest) and not any(k in s for k, s in zip(keys, seen, strict=True)):
            for key, known in zip(keys, seen, strict=True):
                known.add(key)
            long_enough = len(_WORD.findall(pair.target)) >= shortest
            found[long_enough and _drawn(keys[1], one_in)].append(pair)
    if not all(found):
        raise ValueError(
            "pairs should leave some to learn from and some to be tested on, got "
            f"{len(found[0])} and {len(found[1])}"
        )
    return RealText(*found)


def _fits(pair: Pair, longest: int) -> bool:
    source, target = pair
    lengths = len(_WORD.findall(source)), len(_WORD.findall(target))
    return (
        bool(letters(source) and letters(target))
        and letters(source) != letters(target)
        and source.count(SLOT) == target.count(SLOT)
        and lengths[0] <= 2 * longest
        and lengths[1] <= longest
    )


def _drawn(key: str, one_in: int) -> bool:
    """Whether a sentence is held out: by its letters, so that nothing else can change it."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % one_in == 0
