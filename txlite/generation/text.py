"""Text while it is being written: tokens go in, pieces of text come out, and stops end it.

A token is not a piece of text. One character may need several tokens, and one token may hold the
end of a stop and what comes after it. So a piece is given out only when nothing that follows can
change it: joined, the pieces are what the tokens decode to at once.
"""

from collections.abc import Callable, Iterable, Sequence

from txlite._checks import as_whole, check_callable

__all__ = ["TextStream"]

UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # what bytes decode to that are no character yet


class TextStream:
    """Turns tokens into pieces of text, up to the first stop.

    The first stop is the one that is complete first, character by character; of two that end at
    the same character it is the longer. The text ends before it. So the text does not depend on
    how it is cut into tokens.

    Parameters
    ----------
    decode : callable
        From a list of all token numbers so far to their text, such as a tokenizer's ``decode``.
        More tokens may only add to the text, apart from characters that are not complete.
    stop : str or sequence of str
        Texts at which it ends.

    Attributes
    ----------
    text : str
        What has been given out so far.
    stopped : str or None
        The stop that was met.

    Raises
    ------
    ValueError
        If ``decode`` is no function, a stop is empty or no text; and in use, if ``decode`` takes
        back what has been given out.

    Examples
    --------
    >>> words = {0: "alpha beta ga", 1: "mma delta"}
    >>> stream = TextStream(lambda tokens: "".join(words[t] for t in tokens), stop="beta gamma")
    >>> stream.push(0), stream.push(1), stream.stopped
    ('alpha ', '', 'beta gamma')
    """

    def __init__(self, decode: Callable[[list[int]], str], stop: str | Sequence[str] = ()) -> None:
        check_callable("decode", decode, "from token numbers to text")
        stops = [stop] if isinstance(stop, str) else list(stop)
        for each in stops:
            if not isinstance(each, str) or not each:
                raise ValueError(f"stop should hold texts of at least one character, got {each!r}")
        self.decode, self.stops = decode, stops
        self.tokens: list[int] = []
        self.text, self.stopped = "", None  # type: str, str | None
        self._sure = ""  # decoded, and final
        self._finished = False

    def push(self, tokens: int | Iterable[int]) -> str:
        """Take the next tokens, and return the text that is certain now.

        Parameters
        ----------
        tokens : int or iterable of int
            One token number or several. After a stop they are ignored.

        Returns
        -------
        str
            The next piece; often empty.

        Raises
        ------
        ValueError
            If the stream is finished, or ``decode`` takes back what has been given out.
        """
        if self._finished:
            raise ValueError("push should come before finish, got tokens after it")
        if self.stopped is not None:
            return ""
        one = as_whole(tokens)
        self.tokens += [int(t) for t in tokens] if one is None else [one]  # type: ignore[union-attr]
        return self._advance(self.decode(list(self.tokens)).rstrip(UNFINISHED), last=False)

    def finish(self) -> str:
        """Return what was held back: no more tokens will come.

        Returns
        -------
        str
            The last piece: half a stop that never was completed, bytes that are no character.
        """
        self._finished = True
        if self.stopped is not None or not self.tokens:
            return ""
        return self._advance(self.decode(list(self.tokens)), last=True)

    def _advance(self, text: str, *, last: bool) -> str:
        if not text.startswith(self._sure):
            raise ValueError(
                f"decode should only add to the text that it gave, {self._sure[-40:]!r}, got "
                f"{text[-40:]!r}; switch off what cleans spaces up"
            )
        checked, self._sure = len(self._sure), text
        end = self._first_stop(text, checked)
        if end is None:
            end = len(text) if last else len(text) - self._half(text)
        piece = text[len(self.text) : end]
        self.text += piece
        return piece

    def _first_stop(self, text: str, checked: int) -> int | None:
        """Find where the first stop begins, of those that end after what was looked at before."""
        found = [
            (at + len(stop), at, stop)
            for stop in self.stops
            if (at := text.find(stop, max(0, checked - len(stop) + 1))) >= 0
        ]
        if not found:
            return None
        _, begin, self.stopped = min(found)
        return begin

    def _half(self, text: str) -> int:
        """Return the length of the longest end of the text with which a stop could begin."""
        lengths = (
            n
            for stop in self.stops
            for n in range(min(len(stop) - 1, len(text)), 0, -1)
            if text.endswith(stop[:n])
        )
        return max(lengths, default=0)
