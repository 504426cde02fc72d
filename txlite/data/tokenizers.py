"""Byte-pair encoding, trained on the spot: from sentences to token numbers and back.

Words are cut at blanks, after most apostrophes and before hyphens, so that «l'homme» shares its
second half with «un homme»; every Chinese character stands alone, and every number. Inside these
pieces the most frequent neighbours are merged until the vocabulary is full.

Nothing is lost: ``decode(encode(text))`` is the text, in Unicode's normal form C, whatever its
apostrophes and blanks, as long as every character was in a text of the training. No text is ever
taken for a mark: the characters of "</s>" are characters like any other.

Sources
    Sennrich, Haddow and Birch (2016), "Neural Machine Translation of Rare Words with Subword
    Units". The `tokenizers` library does the counting and the merging.
"""

import json
import operator
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from txlite._atomic import whole
from txlite._checks import check_positive

__all__ = ["BOS_ID", "BPE", "EOS_ID", "PAD_ID", "UNK_ID", "train_bpe"]

PAD_ID, BOS_ID, EOS_ID, UNK_ID = 0, 1, 2, 3
_SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
_BLANK = "▁"  # how the library writes a blank
_ESCAPES = {"␛": "␛0", _BLANK: "␛1"}  # a text may hold the library's sign itself


class BPE:
    """A trained byte-pair encoding; made by :func:`train_bpe` or :meth:`load`.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        What the library trained.
    """

    pad_id = PAD_ID
    bos_id = BOS_ID
    eos_id = EOS_ID
    unk_id = UNK_ID

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.encode_special_tokens = True  # "</s>" in a text is no end; no file keeps this
        self._tokenizer = tokenizer
        self._size = int(tokenizer.get_vocab_size())  # the library counts anew at every question

    @property
    def vocab_size(self) -> int:
        """Number of tokens, the four special ones included."""
        return self._size

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token, in the order of the numbers; "▁" stands for the blank before a word."""
        numbers = self._tokenizer.get_vocab()
        return tuple(sorted(numbers, key=numbers.__getitem__))

    @property
    def merges(self) -> tuple[tuple[str, str], ...]:
        """The pairs that are merged, the first ones first."""
        model = json.loads(self._tokenizer.to_str())["model"]
        return tuple((str(left), str(right)) for left, right in model["merges"])

    def encode(self, text: str) -> list[int]:
        """Turn a sentence into token numbers, without marks for its begin and end.

        Parameters
        ----------
        text : str
            Any text; what was never seen becomes ``unk_id``.

        Returns
        -------
        list of int
            The numbers.

        Raises
        ------
        ValueError
            If ``text`` is none.
        """
        return [int(number) for number in self._encoded(text).ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Turn token numbers into a sentence; the special ones are left out.

        Parameters
        ----------
        ids : iterable of int
            The numbers.

        Returns
        -------
        str
            The text.

        Raises
        ------
        ValueError
            If one of ``ids`` is the number of no token.
        """
        return str(self._tokenizer.decode([self._checked(number) for number in ids]))

    def pieces(self, text: str) -> list[str]:
        """Cut a sentence into its tokens, for people to look at: without the "▁".

        Parameters
        ----------
        text : str
            Any text.

        Returns
        -------
        list of str
            One string for each token.

        Raises
        ------
        ValueError
            If ``text`` is none.
        """
        return [str(token).replace(_BLANK, "") for token in self._encoded(text).tokens]

    def _encoded(self, text: str) -> Any:
        _check_text("text", text)
        return self._tokenizer.encode(text)

    def _checked(self, number: Any) -> int:
        try:
            token = operator.index(number)
        except TypeError:
            token = -1
        if not 0 <= token < self._size:
            raise ValueError(f"ids should be token numbers below {self._size}, got {number!r}")
        return token

    def to_json(self) -> str:
        """Return the encoding as the JSON text of the `tokenizers` library.

        Returns
        -------
        str
            What :meth:`save` writes.
        """
        return str(self._tokenizer.to_str())

    def save(self, path: str | Path) -> None:
        """Write the encoding to a JSON file.

        Parameters
        ----------
        path : str or Path
            Where to.
        """
        with whole(Path(path)) as draft:
            draft.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "BPE":
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        BPE
            The same encoding.

        Raises
        ------
        ValueError
            If the file holds anything else.
        """
        from tokenizers import Tokenizer

        content = Path(path).read_bytes()
        try:
            return cls(Tokenizer.from_str(content.decode("utf-8-sig")))
        except Exception as error:  # the library raises nothing more particular
            raise ValueError(f"{path} should hold a tokenizer, and is damaged: {error}") from None


def train_bpe(texts: Iterable[str], vocab_size: int) -> BPE:
    """Count neighbours and merge them until there are enough tokens.

    Parameters
    ----------
    texts : iterable of str
        What to learn from.
    vocab_size : int
        How many tokens at most, the four special ones included; but every character of the texts
        has one, even if they are more.

    Returns
    -------
    BPE
        With ids pad 0, bos 1, eos 2, unk 3.

    Raises
    ------
    ValueError
        If ``vocab_size`` has no room for more than the special tokens, ``texts`` is one text, or
        something in it is none.

    Examples
    --------
    >>> bpe = train_bpe(["je mange", "l'homme mange", "un homme mange"] * 3, 60)
    >>> bpe.pieces("l'homme mange")
    ["l'", 'homme', 'mange']
    >>> bpe.decode(bpe.encode("l'homme mange"))
    "l'homme mange"
    """
    check_positive("vocab_size", vocab_size)
    if vocab_size <= len(_SPECIAL):
        raise ValueError(f"vocab_size should be more than {len(_SPECIAL)}, got {vocab_size}")
    if isinstance(texts, str):  # it would be read letter by letter
        raise ValueError("texts should be a list of texts, got one text")
    from tokenizers import Tokenizer, models
    from tokenizers.trainers import BpeTrainer

    known = list(texts)
    for text in known:
        _check_text("texts", text)
    tokenizer = Tokenizer(models.BPE(unk_token=_SPECIAL[UNK_ID]))
    _cut(tokenizer)
    most = len(_SPECIAL) + sum(4 * len(text) + 2 for text in known)  # the library reserves room
    trainer = BpeTrainer(
        vocab_size=min(vocab_size, most),
        special_tokens=_SPECIAL,
        show_progress=False,
        min_frequency=2,
        initial_alphabet=_blanks(tokenizer, set().union(*known)),
    )
    tokenizer.train_from_iterator(known, trainer)
    return BPE(tokenizer)


def _check_text(name: str, text: Any) -> None:
    """Require a text, all of it characters.

    Raises
    ------
    ValueError
        If ``text`` is something else, or holds half a character: a lone surrogate.
    """
    if not isinstance(text, str):
        raise ValueError(f"{name} should be text, got {type(text).__name__}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{name} should be text that UTF-8 can hold, got {text!a}") from None


def _blanks(tokenizer: Any, characters: set[str]) -> list[str]:
    """Return the sign of a blank, if one may stand beside any of some characters."""
    told = (tokenizer.normalizer.normalize_str(f"{c}x") for c in characters)
    return [_BLANK] if any(" " in text for text in told) else []


def _cut(tokenizer: Any) -> None:
    """Tell the library where words end, and how they are put together again.

    One blank goes before a text that begins with a letter or a blank, and one goes behind every
    apostrophe but the last sign's and that of "don't". Exactly these are taken away again: what a
    text has of its own stays. An end mark is cut behind its "<", so that no merge can make it.
    """
    from tokenizers import Regex, decoders, normalizers, pre_tokenizers

    begins = normalizers.Replace(Regex(r"(?<![\s\S])(?=[\p{Latin} ])"), " ")
    apostrophe = normalizers.Replace(Regex(r"'(?=[\s\S])(?!t\b)"), "' ")
    escapes = [normalizers.Replace(sign, spelt) for sign, spelt in _ESCAPES.items()]
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), *escapes, begins, apostrophe])
    alone = Regex(r"[\p{Han}，？]|▁?\p{N}+|▁?\?|-\p{L}+|<(?=(?:pad|/?s|unk)>)")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(prepend_scheme="never"),
            pre_tokenizers.Split(alone, "isolated"),
        ]
    )
    words = [decoders.Metaspace(prepend_scheme="never"), decoders.Fuse()]
    spelt = [decoders.Replace(spelt, sign) for sign, spelt in reversed(_ESCAPES.items())]
    tokenizer.decoder = decoders.Sequence(
        [*words, decoders.Replace("' ", "'"), decoders.Strip(" ", 1, 0), *spelt]
    )
