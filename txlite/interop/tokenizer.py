"""A tokenizer as it was published: numbers for a text, and a text for numbers.

The `tokenizers` library does the work. What is decided here: nothing is cut off and nothing is
padded, whatever the file says of it; and no text is taken for a mark, unless that is asked for.
"""

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["PublishedTokenizer"]


class PublishedTokenizer:
    """A tokenizer as it was published; made by :func:`txlite.interop.load_tokenizer`.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        What does the work.
    roles : Mapping of str to str
        The tokens of special roles: pad, bos, eos, unk, cls, sep, mask.
    """

    def __init__(self, tokenizer: Any, roles: Mapping[str, str]) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._size = int(tokenizer.get_vocab_size())
        self.roles = dict(roles)

    @property
    def vocab_size(self) -> int:
        """Number of tokens."""
        return self._size

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token as the vocabulary spells it, in the order of the numbers."""
        numbers = self._tokenizer.get_vocab()
        return tuple(sorted(numbers, key=numbers.__getitem__))

    def token_id(self, token: str) -> int:
        """Return the number of a token.

        Parameters
        ----------
        token : str
            As the vocabulary spells it, or a role: ``"pad"``, ``"bos"``, ``"eos"``, ``"unk"``,
            ``"cls"``, ``"sep"`` or ``"mask"``.

        Returns
        -------
        int
            Its number.

        Raises
        ------
        ValueError
            If there is no such token.
        """
        number = self._tokenizer.token_to_id(self.roles.get(token, token))
        if number is None:
            known = ", ".join(self.roles)
            raise ValueError(f"token should be in the vocabulary, or one of {known}, got {token!r}")
        return int(number)

    def encode(
        self, text: str, pair: str | None = None, *, marks: bool = True, parse: bool = False
    ) -> list[int]:
        """Turn a text, or a pair of texts, into token numbers.

        Parameters
        ----------
        text : str
            Any text.
        pair : str, optional
            The second segment of a model that reads pairs.
        marks : bool
            Whether the marks of the model's format are set: ``[CLS]`` and ``[SEP]``, or a begin.
        parse : bool
            Whether a mark that is spelt out in the text, such as ``[MASK]``, means that token.
            Otherwise it is text like any other.

        Returns
        -------
        list of int
            The numbers: all of them, however long the text is.

        Raises
        ------
        ValueError
            If ``text`` or ``pair`` is no text.
        """
        return [int(number) for number in self._encoded(text, pair, marks, parse).ids]

    def segments(self, text: str, pair: str) -> list[int]:
        """Return the segment of each token of ``encode(text, pair)``: 0 or 1.

        Parameters
        ----------
        text, pair : str
            The two segments.

        Returns
        -------
        list of int
            One number for each token.

        Raises
        ------
        ValueError
            If one of them is no text.
        """
        return [int(number) for number in self._encoded(text, pair, True, False).type_ids]

    def decode(self, ids: Iterable[int], *, marks: bool = False) -> str:
        """Turn token numbers into a text.

        Parameters
        ----------
        ids : iterable of int
            The numbers.
        marks : bool
            Whether marks are spelt out; the default leaves them out.

        Returns
        -------
        str
            The text. Bytes that are no whole character become U+FFFD.

        Raises
        ------
        ValueError
            If one of ``ids`` is the number of no token.
        """
        numbers = list(ids)
        for number in numbers:
            if type(number) is not int or not 0 <= number < self._size:
                raise ValueError(f"ids should be numbers below {self._size}, got {number!r}")
        return str(self._tokenizer.decode(numbers, skip_special_tokens=not marks))

    def _encoded(self, text: str, pair: str | None, marks: bool, parse: bool) -> Any:
        for name, value in (("text", text), ("pair", pair)):
            if not isinstance(value, str) and (name == "text" or value is not None):
                raise ValueError(f"{name} should be text, got {type(value).__name__}")
            try:
                (value or "").encode("utf-8")
            except UnicodeEncodeError:
                told = f"{name} should be text that UTF-8 can hold"
                raise ValueError(f"{told}, got {value!a}") from None
        self._tokenizer.encode_special_tokens = not parse
        return self._tokenizer.encode(text, pair, add_special_tokens=marks)
