"""What every live figure shares: where its code lies, its theme, its name for screen readers.

A figure ``txlite/viz/widgets/mask_painter.py`` defines a subclass of :class:`Widget` and lies
beside ``mask_painter.js`` and, if it wants one, ``mask_painter.css``; a long script may have parts,
``mask_painter_<part>.js``, which the class lists and which stand before it. Its module is handed to
the browser behind the files of ``common/`` that it ``uses`` and those that they need in turn, as
the first line of each says; it finds them under the name ``tx``. It ends in
``export default { render }``, where ``render({ model, el })`` draws.

What the reader chooses is tagged ``choice=True``. The frame that all figures share (``frame.js``)
puts it back when the reader starts again, and writes it into the page's address.
"""

import itertools
import math
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

import anywidget
import traitlets

from txlite.viz.theme import variables

__all__ = ["Widget"]

NEEDS = "// Needs: "
_Made = TypeVar("_Made", bound="Widget")


class Widget(anywidget.AnyWidget):
    """Base of the book's live figures.

    Parameters
    ----------
    **traits : object
        The values of the figure's traits. Whatever the browser needs is a trait with
        ``sync=True``, so that a page without a kernel has it too. What the page itself fills in
        when it draws, for a kernel to read, is tagged ``output=True`` beside it, and what the
        reader chooses ``choice=True``.

    Attributes
    ----------
    title : str
        What the figure is called, on the page and for a screen reader.
    frame : dict
        What the frame must know: ``name``, by which an address finds the figure; ``choices``, the
        traits that the reader chooses with their limits; ``beginning``, their first values.
    parts : tuple of str
        Names of the further files of the figure's script, in the order in which they are read.
    uses : tuple of str
        Names of the files of ``common/`` that the script calls. Only they, and what they need,
        travel with the figure.

    Raises
    ------
    ValueError
        If the title is empty.
    FileNotFoundError
        When a subclass is defined without its JavaScript module, or uses a file that is not there.

    Examples
    --------
    A subclass in ``mask_painter.py``, beside ``mask_painter.js``::

        class MaskPainter(Widget):
            title = traitlets.Unicode("Paint a mask").tag(sync=True)
            size = traitlets.Int(6).tag(sync=True)
    """

    title = traitlets.Unicode().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    parts: ClassVar[tuple[str, ...]] = ()
    uses: ClassVar[tuple[str, ...]] = ("controls", "pictures", "handle")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if Widget in cls.__bases__:  # traitlets derives further classes, which keep this code
            package, _, name = cls.__module__.rpartition(".")
            folder = resources.files(package)
            style = folder / f"{name}.css"
            files = [*(f"{name}_{part}.js" for part in cls.parts), f"{name}.js"]
            cls._esm = common_script(("frame", *cls.uses)) + "".join(
                _text(folder / file) for file in files
            )
            cls._css = common_style(cls.uses) + (_text(style) if style.is_file() else "")
        super().__init_subclass__(**kwargs)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        if not self.title.strip():
            raise ValueError(f"title should name the figure, got {self.title!r}")
        _MADE[next(_COUNT)] = self

    @traitlets.default("frame")
    def _what_the_frame_knows(self) -> dict[str, Any]:
        chosen = self.traits(sync=True, choice=True)
        module = next(k for k in type(self).__mro__ if Widget in k.__bases__).__module__
        return {
            "name": module.rpartition(".")[2].replace("_", "-"),
            "choices": {name: _limits(trait) for name, trait in chosen.items()},
            "beginning": {name: getattr(self, name) for name in chosen},
        }

    @classmethod
    def latest(cls: type[_Made]) -> _Made:
        """Return the newest figure of this kind, to go on from what it shows.

        Returns
        -------
        Widget
            The one that was made last and is still there.

        Raises
        ------
        ValueError
            If there is none.
        """
        for figure in reversed(list(_MADE.values())):
            if isinstance(figure, cls):
                return figure
        raise ValueError(f"{cls.__name__} should have been drawn before, got none: run its cell")

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.title}"  # the same in every run, unlike an address


_COUNT = itertools.count()
_MADE: WeakValueDictionary[int, Widget] = WeakValueDictionary()  # figures, oldest first


def _limits(trait: Any) -> dict[str, Any]:
    """Return what a page can check of a value: the ends of a number, the values of an enum."""
    found = {name: getattr(trait, name, None) for name in ("min", "max", "values")}
    found["values"] = trait.metadata.get("values", found["values"])  # a number of a few
    without = (None, -math.inf, math.inf)
    limits = {name: value for name, value in found.items() if value not in without}
    return limits | ({"whole": True} if isinstance(trait, traitlets.Int) else {})


@cache
def _found(uses: tuple[str, ...]) -> dict[str, str]:
    """Return the shared scripts by name: these and what they need, each after what it needs."""
    found: dict[str, str] = {}

    def add(name: str) -> None:
        if name in found:
            return
        script = _text(resources.files(__package__) / "common" / f"{name}.js")
        for needed in _needs(script):
            add(needed)
        found[name] = script

    for name in uses:
        add(name)
    return found


def common_script(uses: tuple[str, ...]) -> str:
    """Return the JavaScript that stands before a figure's own: it defines ``tx``.

    Parameters
    ----------
    uses : tuple of str
        Names of files of ``common/``, without their endings.

    Returns
    -------
    str
        These files and what they need, each once, and after what it needs.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    return "".join(_found(uses).values())


def _needs(script: str) -> list[str]:
    """Return what the first line of a shared script names: ``// Needs: elements, numbers.``."""
    line = script.partition("\n")[0]
    if not line.startswith(NEEDS):
        raise ValueError(f"a file of common/ should begin with {NEEDS!r}, got {line!r}")
    names = line.removeprefix(NEEDS).strip().rstrip(".")
    return [] if names == "nothing" else names.split(", ")


@cache
def common_style(uses: tuple[str, ...] = ()) -> str:
    """Return the CSS that a figure brings along: the theme's variables and the shared rules.

    Parameters
    ----------
    uses : tuple of str
        As of :func:`common_script`: a shared file may have a style of the same name beside it.

    Returns
    -------
    str
        Rules for ``.tx-widget`` and what stands in it.
    """
    folder = resources.files(__package__) / "common"
    styles = [folder / f"{name}.css" for name in _found(uses)]
    own = "".join(_text(style) for style in styles if style.is_file())
    return variables(".tx-widget") + _text(folder / "common.css") + own


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8") + "\n"
