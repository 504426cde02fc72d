"""Fixtures that open the built book, or one widget alone, in a real browser.

``site_page("chapters/02_scaled_dot_product.html")`` opens a built page; ``widget_page(widget)``
mounts one anywidget in an empty page with the loader that the site uses, so that a widget is tested
without a build. Both return a Playwright page on which ``page.trace`` holds what went wrong.
"""

import functools
import http.server
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("TXLITE_SITE", ROOT / "_build" / "html"))
sys.path.insert(0, str(ROOT / "_ext"))

from txbook.chromium import require_chromium  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
LOCAL = {"data", "blob", "about", "file"}


@dataclass
class Trace:
    """What a page asked for and complained of."""

    external: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page, origin: str) -> None:
        """Record every request, failure, console error and uncaught exception of ``page``."""
        page.on("response", lambda r: r.status >= 400 and self.missing.append(f"{r.status} {r.url}"))
        page.on("requestfailed", lambda r: self.missing.append(f"{r.failure} {r.url}"))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        page.context.route("**/*", functools.partial(self._gate, origin))

    def _gate(self, origin: str, route: Route) -> None:
        url = route.request.url
        if urlsplit(url).scheme in LOCAL or url.startswith(origin):
            route.continue_()
            return
        self.external.append(url)
        route.abort()

    def assert_clean(self) -> None:
        """Fail if the page asked another machine, missed a file or wrote an error."""
        assert not self.external, f"requests to other machines: {self.external}"
        assert not self.missing, f"requests that failed: {self.missing}"
        assert not self.errors, f"errors in the console: {self.errors}"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


def serve(folder: Path) -> tuple[http.server.ThreadingHTTPServer, str]:
    """Serve ``folder`` on a free port of this machine; return the server and its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}/"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=require_chromium(), args=FLAGS)
        yield chromium
        chromium.close()


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
    contexts = []

    def open_page(origin: str, *, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.trace = Trace()
        page.trace.watch(page, origin)
        return page

    yield open_page
    for context in contexts:
        context.close()


def settle(page: Page) -> None:
    """Wait until the page's widgets have drawn themselves and its formulas are typeset."""
    page.wait_for_function(
        "!document.querySelector('.anywidget-lite[data-tx-state=loading]')"
        " && (!document.querySelector('.math') || !!document.querySelector('mjx-container'))"
    )


@pytest.fixture
def site_page(
    site: Path, site_url: str, new_page: Callable[..., Page]
) -> Callable[..., Page]:
    """Open a page of the built site: ``site_page("index.html", width=360, scheme="dark")``.

    ``via="file"`` opens it from the disk, as a reader does who double-clicks it.
    """

    def open_page(path: str = "index.html", *, via: str = "http", **look: Any) -> Page:
        origin = site_url if via == "http" else "file://"
        page = new_page(origin, **look)
        page.goto(site_url + path if via == "http" else (site / path).as_uri())
        settle(page)
        return page

    return open_page


BLANK = """<!doctype html><html lang="en" data-theme="{scheme}"><head><meta charset="utf-8">
<title>{title}</title><style>{css}</style></head>
<body style="margin: 0; padding: 12px"><main><h1>{title}</h1>
<script type="application/vnd.jupyter.widget-view+json">{view}</script></main>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<script>{loader}</script></body></html>"""


def widget_html(widget: Any, scheme: str) -> str:
    """Return a page that holds the widget's saved state and the loader of the site."""
    from ipywidgets.embed import dependency_state, embed_data, escape_script

    data = embed_data([widget], state=dependency_state([widget], drop_defaults=False))
    return BLANK.format(
        scheme=scheme,
        title=type(widget).__name__,
        view=escape_script(json.dumps(data["view_specs"][0])),
        state=escape_script(json.dumps(data["manager_state"])),
        css=(ROOT / "assets" / "txlite.css").read_text(encoding="utf-8"),
        loader=(ROOT / "assets" / "anywidget-lite.js").read_text(encoding="utf-8"),
    )


@pytest.fixture
def widget_page(new_page: Callable[..., Page]) -> Callable[..., Page]:
    """Mount one widget alone: ``page = widget_page(widget, width=1280, scheme="light")``.

    The widget is drawn in ``page.locator(".anywidget-lite")``; its model answers to
    ``page.evaluate("model.get('scale')")`` and ``page.evaluate("model.set('scale', 2)")``.
    """

    def mount(widget: Any, *, scheme: str = "light", **look: Any) -> Page:
        page = new_page("about:", scheme=scheme, **look)
        page.set_content(widget_html(widget, scheme))
        page.wait_for_selector(".anywidget-lite:not([data-tx-state=loading])", state="attached")
        page.evaluate("window.model = document.querySelector('.anywidget-lite').txModel")
        return page

    return mount
