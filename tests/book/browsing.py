"""How the tests open pages: watched pages, the built site, one live figure alone."""

import functools
import http.server
import json
import os
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("TXLITE_SITE", ROOT / "_build" / "html"))
LOCAL = {"data", "blob", "about", "file"}
sys.path.insert(0, str(ROOT / "_ext"))


@dataclass
class Trace:
    """What a page asked for and complained of."""

    external: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page, origin: str) -> None:
        """Record every request, failure, console error and uncaught exception of ``page``."""
        page.on(
            "response", lambda r: r.status >= 400 and self.missing.append(f"{r.status} {r.url}")
        )
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


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that prints nothing."""

    def log_message(self, *args: Any) -> None:
        pass


def serve(
    folder: Path, handler: type[Quiet] = Quiet
) -> tuple[http.server.ThreadingHTTPServer, str]:
    """Serve ``folder`` on a free port of this machine; return the server and its address."""
    at_folder = functools.partial(handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), at_folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}/"


def open_watched(
    browser: Browser, origin: str, *, width: int = 1280, scheme: str = "light"
) -> Page:
    """Open a blank page on which ``page.trace`` records what goes wrong."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
        service_workers="block",  # what a page asks for is seen here, and nothing is kept
    )
    context.set_default_navigation_timeout(90_000)  # two busy cores may take longer than 30 s
    page = context.new_page()
    page.trace = Trace()
    page.trace.watch(page, origin)
    return page


def settle(page: Page) -> None:
    """Wake the page's live figures, and wait until they have drawn themselves."""
    page.wait_for_load_state("load")
    page.evaluate("window.txLive?.wake()")
    page.wait_for_function(
        "!document.querySelector('.anywidget-lite:is([data-tx-state=loading],[data-tx-state=waiting])')"
    )
    page.wait_for_load_state("networkidle")
    page.wait_for_function("document.fonts.status === 'loaded'")  # another is wider


def visit(browser: Browser, site: Path, site_url: str, path: str, via: str, **look: Any) -> Page:
    """Open a page of the built site, over http or from the disk, and wait until it is whole."""
    page = open_watched(browser, site_url if via == "http" else "file://", **look)
    page.goto(site_url + path if via == "http" else (site / path).as_uri())
    settle(page)
    return page


BLANK = """<!doctype html><html lang="en" data-theme="{scheme}"><head><meta charset="utf-8">
<title>{title}</title><style>{css} h1 {{ overflow-wrap: anywhere; }}</style></head>
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


def mount(page: Page, widget: Any, scheme: str) -> Page:
    """Draw one widget alone in a blank page, on which ``model`` is its model."""
    page.set_content(widget_html(widget, scheme))
    page.wait_for_selector(".anywidget-lite:not([data-tx-state=loading])", state="attached")
    page.evaluate("window.model = document.querySelector('.anywidget-lite').txModel")
    return page


def lay_out(widget: Any, folder: Path) -> str:
    """Write a page whose figure has its state in files, as a built page has; return its address."""
    from ipywidgets.embed import dependency_state, embed_data
    from txbook import live

    data = embed_data([widget], state=dependency_state([widget], drop_defaults=False))
    view, models = data["view_specs"][0], data["manager_state"]["state"]
    name, texts = live.files(models)
    for file, text in texts.items():
        (folder / f"{file}.js").write_text(text, encoding="utf-8")
    loader = (ROOT / "assets" / "anywidget-lite.js").read_text(encoding="utf-8")
    (folder / "page.html").write_text(
        f'<!doctype html><meta charset="utf-8"><body><script type="{live.VIEW_TYPE}" '
        f'data-tx-state="{name}.js">{json.dumps(view)}</script><script>{loader}</script>',
        encoding="utf-8",
    )
    return (folder / "page.html").as_uri()
