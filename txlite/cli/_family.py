"""What the command line has to know of one kind of model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Drawing", "Family", "Rows"]

Rows = Mapping[str, str]  # of a table: what is said, and its value


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How texts are to be drawn; what is None is as the family has it.

    Parameters
    ----------
    prompt : str
        How every answer begins.
    samples : int, optional
        How many for each text.
    temperature, top_k, top_p, min_p, repetition_penalty : number, optional
        See :func:`txlite.generation.generate`.
    stop : tuple of str
        Texts at which an answer ends.
    seed : int
        Decides what is drawn.
    max_tokens : int, optional
        New tokens at most.
    """

    prompt: str = ""
    samples: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int = 0
    max_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Family:
    """A kind of model that can be trained, used and shown.

    Parameters
    ----------
    format : str, optional
        What ``config.json`` calls itself in a folder of this family.
    knows : callable, optional
        Whether a folder or file is of this family, where no format says so.
    commands : mapping of str to callable
        What stands after ``txlite``, and the command. Two words where another family has the first:
        ``"train"`` is the translator's, ``"train gpt"`` may be another's.
    describe : callable
        The rows of ``txlite info FOLDER``.
    draw : callable, optional
        What ``txlite generate FOLDER`` does with the texts of the command line, or with the lines
        of the input where there are none.
    presets : mapping of str to (str, callable), optional
        What else ``txlite info`` knows by name: a title, and what makes the rows.
    """

    format: str | None = None
    knows: Callable[[Path], bool] | None = None
    commands: Mapping[str, Callable[..., None]] = field(default_factory=dict)
    describe: Callable[[Path], Rows]
    draw: Callable[[Path, Sequence[str] | None, Drawing], None] | None = None
    presets: Mapping[str, tuple[str, Callable[[], Rows]]] = field(default_factory=dict)
