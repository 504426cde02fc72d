"""The pages of the built site and the ways in which they are looked at, known at collection.

A question about a page is one test, with the page and the look in its name. All questions about a
page in one look are a group: one process asks them, one after the other, of a page that is loaded
once (``pytest -n 2 --dist loadgroup``).
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import pytest
from browsing import SITE
from txbook.site.moved import MOVED

NOT_PAGES = {"_static", "_sources", "_images", "reports", "_sphinx_design_static"}
Ask = Callable[[Callable[..., None]], Callable[..., None]]


class Look(NamedTuple):
    """How a page is opened: a name, over http or from the disk, and how wide the window is."""

    name: str
    via: str
    width: int


DESK = Look("desk", "http", 1280)  # from a server, on a wide screen
TABLET = Look("tablet", "http", 768)
PHONE = Look("phone", "file", 360)  # from the disk, on a phone


@cache
def pages() -> tuple[str, ...]:
    """Return the addresses of all pages below the site, the entrance and old addresses excluded."""
    found = sorted(SITE.rglob("*.html")) if SITE.exists() else []
    paths = [path.relative_to(SITE) for path in found]
    old = {f"{address}.html" for address in MOVED}
    kept = [
        path
        for path in paths
        if path.parts[0] not in NOT_PAGES
        and path.name != "index.html"
        and path.as_posix() not in old
    ]
    return tuple(path.as_posix() for path in kept)


@cache
def chapters() -> tuple[str, ...]:
    """Return the addresses of the chapters."""
    return tuple(page for page in pages() if page.startswith("chapters/"))


def asked(look: Look, paths: Sequence[str] | None = None) -> Ask:
    """Ask a test of pages in one look: it receives each as ``page``, all pages by default."""
    names = {path: f"{path}-{look.name}" for path in (pages() if paths is None else paths)}
    params = [
        pytest.param((path, look), id=name, marks=pytest.mark.xdist_group(name))
        for path, name in names.items()
    ]
    return pytest.mark.parametrize("page", params, indirect=True)


def read(paths: Sequence[str] | None = None) -> Ask:
    """Ask a test of the files of pages, which no browser opens: it receives each as ``path``."""
    return pytest.mark.parametrize("path", pages() if paths is None else paths)


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with those of one group together, where the first of them stood."""
    places: dict[str, int] = {}

    def place(item: pytest.Item) -> int:
        marker = item.get_closest_marker("xdist_group")
        group = str(marker.args[0]) if marker else item.nodeid
        return places.setdefault(group, len(places))

    return sorted(items, key=place)
