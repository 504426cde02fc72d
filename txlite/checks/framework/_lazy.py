"""A package whose names are files: each is loaded when it is asked for (PEP 562)."""

import difflib
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable

from txlite.checks.framework._outcome import on_the_cpu
from txlite.checks.framework.exercise import Exercise

__all__ = ["exercise_files", "loaded_when_asked"]


def exercise_files(package: str, path: Iterable[str]) -> dict[str, str]:
    """Map every exercise to its module: the file ``name`` in whichever folder of the package."""
    found = {}
    for folder in path:
        for topic in pkgutil.iter_modules([folder]):
            if topic.ispkg and f"{package}.{topic.name}" != __package__:
                for file in pkgutil.iter_modules([os.path.join(folder, topic.name)]):
                    found[file.name] = f"{package}.{topic.name}.{file.name}"
    return {name: found[name] for name in sorted(found) if not name.startswith("_")}


def loaded_when_asked(
    package: str, path: Iterable[str], *always: str
) -> tuple[list[str], Callable[[str], Exercise], Callable[[], list[str]]]:
    """Make a package's ``__all__``, ``__getattr__`` and ``__dir__`` from its files.

    The names in ``always`` are public too, and the package itself imports them.
    """
    files = exercise_files(package, path)
    public = [*always, *files]

    def load(name: str) -> Exercise:
        if name not in files:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}{_near(name, public)}"
            )
        with on_the_cpu():  # where the cases lie, whichever device is the default by now
            exercise: Exercise = getattr(importlib.import_module(files[name]), name)
        vars(exercise)["__module__"] = package  # pickled by the name that readers know
        setattr(sys.modules[package], name, exercise)
        return exercise

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *public})

    return public, load, names


def _near(name: str, names: list[str]) -> str:
    if name.startswith("__"):  # Python itself asks for these
        return ""
    near = difflib.get_close_matches(name, names, cutoff=0.5)
    return f"; the nearest: {', '.join(near)}" if near else "; dir() lists what there is"
