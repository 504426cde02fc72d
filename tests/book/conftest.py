"""Fixtures that open the built book, or one widget alone, in a real browser.

A test of the built site is ``asked`` of pages (see ``site_pages``) and receives an open ``page``;
``site_page("search.html?q=mask")`` opens one that it may change. ``widget_page(widget)`` mounts one
anywidget in an empty page with the loader that the site uses, so that a widget is tested without a
build. Both return a Playwright page on which ``page.trace`` holds what went wrong.
"""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from browsing import SITE, mount, open_watched, serve, visit
from playwright.sync_api import Browser, Page, expect, sync_playwright
from site_pages import Look, in_order
from tiny import repository  # noqa: F401 (a fixture)
from txbook.chromium import require_chromium

PATIENCE = 30  # seconds until what is expected of a page has to be true
CLOSING = 60  # seconds that a browser has to close, once all is said
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    with sync_playwright() as playwright:
        expect.set_options(timeout=1000 * PATIENCE)
        chromium = playwright.chromium.launch(executable_path=require_chromium(), args=FLAGS)
        yield chromium
        rescue = threading.Timer(CLOSING, end_browsers)
        rescue.start()
        chromium.close()
        rescue.cancel()


def end_browsers() -> None:
    """End the browsers of this process: every test has its answer, and one does not close."""
    for process in psutil.Process().children(recursive=True):
        if "chrom" in process.name():
            process.kill()


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site."""
    if not (SITE / "index.html").exists():
        pytest.fail(f"there is no built site at {SITE}: run make book first")
    return SITE


@pytest.fixture(scope="session")
def site_url(site: Path) -> Iterator[str]:
    """The built site on a local http server."""
    server, address = serve(site)
    yield address
    server.shutdown()
    server.server_close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open blank pages that are watched: ``new_page(origin, width=1280, scheme="light")``."""
    opened: list[Page] = []

    def open_page(origin: str, **look: Any) -> Page:
        opened.append(open_watched(browser, origin, **look))
        return opened[-1]

    yield open_page
    for page in opened:
        page.context.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the questions about one page follow each other."""
    items[:] = in_order(items)


@pytest.fixture(scope="session")
def visited(browser: Browser, site: Path, site_url: str) -> Iterator[Callable[[str, Look], Page]]:
    """Open a page of the site, or find it open: ``visited("search.html", DESK)``.

    The last page stays open, since the next question is about it.
    """
    opened: dict[tuple[str, Look], Page] = {}

    def leave() -> None:
        for page in opened.values():
            page.context.close()
        opened.clear()

    def find(path: str, look: Look) -> Page:
        if (path, look) not in opened:
            leave()
            _, via, width = look
            opened[path, look] = visit(browser, site, site_url, path, via, width=width)
        return opened[path, look]

    yield find
    leave()


@pytest.fixture
def page(request: pytest.FixtureRequest, visited: Callable[[str, Look], Page]) -> Page:
    """The page that a test is ``asked`` of; a test that changes it for good takes another one."""
    return visited(*request.param)


@pytest.fixture
def site_page(browser: Browser, site: Path, site_url: str) -> Iterator[Callable[..., Page]]:
    """Open a page of the built site: ``site_page("index.html", width=360, scheme="dark")``.

    ``via="file"`` opens it from the disk, as a reader does who double-clicks it.
    """
    opened: list[Page] = []

    def open_page(path: str = "index.html", *, via: str = "http", **look: Any) -> Page:
        opened.append(visit(browser, site, site_url, path, via, **look))
        return opened[-1]

    yield open_page
    for page in opened:
        page.context.close()


@pytest.fixture(scope="session")
def make_figure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Define a figure for a test: ``Bench = make_figure("Bench", python, javascript)``."""
    folder = tmp_path_factory.mktemp("figures")
    sys.path.insert(0, str(folder))

    def make(name: str, python: str, javascript: str) -> Any:
        module = f"figure_{name.lower()}"
        package = folder / module
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "figure.py").write_text(python, encoding="utf-8")
        (package / "figure.js").write_text(javascript, encoding="utf-8")
        importlib.invalidate_caches()
        return getattr(importlib.import_module(f"{module}.figure"), name)

    yield make
    sys.path.remove(str(folder))


@pytest.fixture
def widget_page(new_page: Callable[..., Page]) -> Callable[..., Page]:
    """Mount one widget alone: ``page = widget_page(widget, width=1280, scheme="light")``.

    The widget is drawn in ``page.locator(".anywidget-lite")``; its model answers to
    ``page.evaluate("model.get('scale')")`` and ``page.evaluate("model.set('scale', 2)")``.
    """

    def open_figure(widget: Any, *, scheme: str = "light", **look: Any) -> Page:
        return mount(new_page("about:", scheme=scheme, **look), widget, scheme)

    return open_figure
