"""What the command line has to know of one kind of model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Family", "Rows"]

Rows = Mapping[str, str]  # of a table: what is said, and its value


@dataclass(frozen=True, kw_only=True)
class Family:
    """A kind of model that can be trained, used and shown.

    Parameters
    ----------
    format : str
        What ``config.json`` calls itself in a folder of this family.
    commands : mapping of str to callable
        What stands after ``txlite``, and the command. Two words where another family has the first:
        ``"train"`` is the translator's, ``"train gpt"`` may be another's.
    describe : callable
        The rows of ``txlite info FOLDER``.
    presets : mapping of str to (str, callable), optional
        What else ``txlite info`` knows by name: a title, and what makes the rows.
    """

    format: str
    commands: Mapping[str, Callable[..., None]]
    describe: Callable[[Path], Rows]
    presets: Mapping[str, tuple[str, Callable[[], Rows]]] = field(default_factory=dict)
