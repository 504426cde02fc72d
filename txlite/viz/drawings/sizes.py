"""Shapes in a drawing: letters, and behind them the numbers of the model that is drawn."""

from collections.abc import Mapping

__all__ = ["Sizes", "count", "shape"]

Sizes = Mapping[str, int]


def shape(letters: str, sizes: Sizes | None = None, *, fold: bool = False) -> str:
    """Return a shape as it stands in a drawing.

    Parameters
    ----------
    letters : str
        One for each axis, such as ``"T D"``.
    sizes : mapping of str to int, optional
        What the letters stand for in the model that is drawn.
    fold : bool
        Whether the numbers stand in a line of their own.

    Returns
    -------
    str
        ``"(T, D)"``, or ``"(T, D) = (4, 64)"`` where all of the letters have a size.

    Examples
    --------
    >>> shape("T D"), shape("T D", {"T": 4, "D": 64})
    ('(T, D)', '(T, D) = (4, 64)')
    """
    names = letters.split()
    said = f"({', '.join(names)})"
    if not sizes or any(name not in sizes for name in names):
        return said
    numbers = ", ".join(str(sizes[name]) for name in names)
    return f"{said}{chr(10) if fold else ' '}= ({numbers})"


def count(letter: str, of: str, sizes: Sizes | None = None) -> str:
    """Return how many there are, as it stands in a drawing.

    Parameters
    ----------
    letter : str
        What stands for their number.
    of : str
        What they are, in the plural.
    sizes : mapping of str to int, optional
        What the letters stand for.

    Returns
    -------
    str
        ``"T tokens"``, or ``"T = 4 tokens"`` where the letter has a size.

    Examples
    --------
    >>> count("T", "tokens"), count("T", "tokens", {"T": 4})
    ('T tokens', 'T = 4 tokens')
    """
    return f"{letter} = {sizes[letter]} {of}" if sizes and letter in sizes else f"{letter} {of}"
