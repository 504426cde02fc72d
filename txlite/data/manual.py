"""A text that every Python brings along: its own manual, as ``help()`` shows it.

Real prose and real code, about four hundred thousand characters, free of any download. It differs
a little from one release of Python to the next.
"""

import re
from pydoc_data.topics import topics

__all__ = ["ALPHABET", "python_manual"]

ALPHABET = "\n" + "".join(chr(code) for code in range(32, 127))
"""The characters of :func:`python_manual`: the line's end, then printable ASCII."""


def python_manual() -> str:
    """Return the topics of Python's ``help()``, one after the other in alphabetical order.

    Returns
    -------
    str
        Made of the characters of :data:`ALPHABET` only; runs of blanks are one blank and lines
        are not indented.

    Examples
    --------
    >>> text = python_manual()
    >>> len(text) > 300_000, set(text) <= set(ALPHABET)
    (True, True)
    """
    text = "\n".join(topics[name] for name in sorted(topics))
    text = re.sub(r"[^\n -~]", "", text)
    return re.sub(r" *\n\s*", "\n", re.sub(r" +", " ", text))
