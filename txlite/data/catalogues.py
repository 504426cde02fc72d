"""Real translations that are installed already: the gettext catalogues of Python packages.

A program that speaks several languages keeps its messages in *catalogues*: a file for each
language, with the English message and what a volunteer wrote for it. Sphinx and Django carry them
in French and Chinese (the extra ``corpora`` installs both). They are technical, short, and few.

Sources
    Sphinx, https://www.sphinx-doc.org, BSD-2-Clause; Django, https://www.djangoproject.com,
    BSD-3-Clause: the translations by their volunteers, under the licence of the program. Babel
    reads the files, https://babel.pocoo.org.
"""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from txlite._checks import check_choice
from txlite.data.pairs import Pair
from txlite.data.real_text import RealText, real_text

__all__ = ["PACKAGES", "catalogue_text", "catalogues", "read_catalogue"]

PACKAGES = ("sphinx", "django")
"""Packages whose catalogues :func:`catalogue_text` reads."""

_FOLDERS = {"fr": ("fr", "fr_FR"), "zh": ("zh_CN", "zh_Hans", "zh_Hans_CN")}


def catalogues(language: str, packages: Sequence[str] = PACKAGES) -> list[Path]:
    """Return the catalogues of installed packages, without importing the packages.

    Parameters
    ----------
    language : str
        ``"fr"`` or ``"zh"``, which is simplified Chinese.
    packages : sequence of str
        Names by which they are imported.

    Returns
    -------
    list of Path
        For each catalogue its compiled file, or where there is none the file that people edit.

    Raises
    ------
    ValueError
        If the language is another, a package is not installed, or none has a catalogue.
    """
    check_choice("language", language, _FOLDERS)
    if isinstance(packages, str):
        raise ValueError(f"packages should be a list of names, got one text: {packages!r}")
    found: list[Path] = []
    for package in packages:
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(
                f"packages should be installed, got {package!r}; pip install 'txlite[corpora]' "
                f"installs {' and '.join(PACKAGES)}"
            )
        for folder in map(Path, spec.submodule_search_locations):
            files = {
                file.with_suffix(""): file
                for suffix in ("po", "mo")  # a compiled file takes the other one's place
                for name in _FOLDERS[language]
                for file in folder.rglob(f"{name}/LC_MESSAGES/*.{suffix}")
            }
            found += [files[name] for name in sorted(files)]
    if not found:
        raise ValueError(
            f"packages should have catalogues for {language!r}, got {', '.join(packages) or 'none'}"
        )
    return found


def read_catalogue(file: str | Path) -> list[Pair]:
    """Return the messages of a catalogue: what was translated, and the English.

    A message for one thing and for several (``%d file``, ``%d files``) gives one pair, that for
    several. What has no translation is left out, and so is what a tool guessed (*fuzzy*).

    Parameters
    ----------
    file : str or Path
        A ``.mo`` or a ``.po`` file.

    Returns
    -------
    list of Pair
        As they are written.

    Raises
    ------
    ValueError
        If the file is neither, or damaged.
    """
    from babel.messages.mofile import read_mo
    from babel.messages.pofile import PoFileError, read_po

    path = Path(file)
    readers: dict[str, Callable[[Any], Any]] = {".mo": read_mo, ".po": read_po}
    check_choice("file's ending", path.suffix, readers)
    try:
        with path.open("rb") as stream:
            messages = list(readers[path.suffix](stream))
    except (PoFileError, ValueError, OSError, KeyError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"file should be a whole catalogue, got {path}: {error}") from error
    pairs = [(_last(m.string), _last(m.id)) for m in messages if m.id and not m.fuzzy]
    return [Pair(source, target) for source, target in pairs if source and target]


def catalogue_text(
    language: str,
    packages: Sequence[str] = PACKAGES,
    *,
    longest: int = 25,
    shortest: int = 3,
    one_in: int = 4,
) -> RealText:
    """Return what the catalogues of installed packages hold, to translate into English.

    Parameters
    ----------
    language : str
        ``"fr"`` or ``"zh"``.
    packages : sequence of str
        Names by which they are imported.
    longest, shortest, one_in : int
        As for :func:`txlite.data.real_text.real_text`.

    Returns
    -------
    RealText
        The same for the same versions of the packages.

    Raises
    ------
    ValueError
        As :func:`catalogues` and :func:`txlite.data.real_text.real_text`.
    """
    pairs = [pair for file in catalogues(language, packages) for pair in read_catalogue(file)]
    return real_text(pairs, longest=longest, shortest=shortest, one_in=one_in)


def _last(message: str | list[str] | tuple[str, ...] | None) -> str:
    """Return a message, of several forms the last: in every language the one for many."""
    if isinstance(message, list | tuple):
        return message[-1] if message else ""
    return message or ""
