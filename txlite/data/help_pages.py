"""More of what people wrote: the help of LibreOffice, paragraph by paragraph in two languages.

Debian's packages ``libreoffice-help-en-us``, ``libreoffice-help-fr`` and ``libreoffice-help-zh-cn``
hold the same pages in each language, and a paragraph has the same number in all of them. Installed
or only unpacked (``apt-get download …; dpkg -x … folder``), they give some twenty times as many
pairs as the catalogues.

Sources
    LibreOffice's help, https://help.libreoffice.org, by The Document Foundation and its
    contributors, MPL-2.0.
"""

from html.parser import HTMLParser
from pathlib import Path

from txlite._checks import check_choice
from txlite.data.pairs import Pair
from txlite.data.real_text import RealText, real_text

__all__ = ["help_pairs", "help_text", "read_page"]

_FOLDERS = {"fr": "fr", "zh": "zh-CN"}
_ENGLISH = "en-US"
_PARAGRAPHS = ("par_id", "hd_id")
_BLOCKS = ("p", "h1", "h2", "h3", "h4", "h5", "h6")


class _Paragraphs(HTMLParser):
    """Collects the text of the paragraphs that have a number."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, str] = {}
        self.open: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            name = dict(attrs).get("id") or ""
            numbered = name.startswith(_PARAGRAPHS) and name not in self.found
            self.open = name if numbered else None
            if numbered:
                self.found[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.open = None

    def handle_data(self, data: str) -> None:
        if self.open is not None:
            self.found[self.open] += data


def read_page(page: str) -> dict[str, str]:
    """Return the numbered paragraphs and headings of a help page.

    Parameters
    ----------
    page : str
        HTML.

    Returns
    -------
    dict of str to str
        Text without tags, by number; of two with one number the first; empty ones are left out.

    Examples
    --------
    >>> read_page('<h1 id="hd_id1">Close</h1><p id="par_id2">Click <b>OK</b>.</p><p>2024</p>')
    {'hd_id1': 'Close', 'par_id2': 'Click OK.'}
    """
    reader = _Paragraphs()
    reader.feed(page)
    reader.close()
    tidy = {name: " ".join(text.split()) for name, text in reader.found.items()}
    return {name: text for name, text in tidy.items() if text}


def help_pairs(folder: str | Path, language: str) -> list[Pair]:
    """Return the paragraphs that a help page has in a language and in English.

    Parameters
    ----------
    folder : str or Path
        Where the packages are: what holds the folders ``en-US`` and ``fr`` or ``zh-CN``, at
        whatever depth; ``/usr/share/libreoffice/help`` where they are installed.
    language : str
        ``"fr"`` or ``"zh"``.

    Returns
    -------
    list of Pair
        Page by page, as they are written.

    Raises
    ------
    ValueError
        If the language is another, or the pages of one of the two are not there.
    """
    check_choice("language", language, _FOLDERS)
    foreign, english = (_root(Path(folder), name) for name in (_FOLDERS[language], _ENGLISH))
    pairs: list[Pair] = []
    for page in sorted(foreign.rglob("*.html")):
        other = english / page.relative_to(foreign)
        if other.is_file():
            here, there = (read_page(file.read_text(encoding="utf-8")) for file in (page, other))
            pairs += [Pair(text, there[name]) for name, text in here.items() if name in there]
    return pairs


def help_text(
    folder: str | Path, language: str, *, longest: int = 25, shortest: int = 3, one_in: int = 40
) -> RealText:
    """Return LibreOffice's help, to translate into English.

    Parameters
    ----------
    folder, language : str or Path, str
        As for :func:`help_pairs`.
    longest, shortest, one_in : int
        As for :func:`txlite.data.real_text.real_text`.

    Returns
    -------
    RealText
        The same for the same version of the packages.

    Raises
    ------
    ValueError
        As :func:`help_pairs` and :func:`txlite.data.real_text.real_text`.
    """
    return real_text(
        help_pairs(folder, language), longest=longest, shortest=shortest, one_in=one_in
    )


def _root(folder: Path, name: str) -> Path:
    """Return the folder of a language, which has the pages under ``text``."""
    found = sorted(path.parent for path in folder.rglob(f"{name}/text") if path.is_dir())
    if not found:
        raise ValueError(
            f"folder should hold LibreOffice's help in {name}, got {folder}; apt-get download "
            f"libreoffice-help-{name.lower()} and dpkg -x unpack it"
        )
    return found[0]
