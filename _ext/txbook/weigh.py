"""What a page weighs, and how soon it is there: measured in a browser on a slowed processor.

``python -m txbook weigh`` opens every page five times from a local server, its cache empty, and
writes the medians to ``book/weights.json``. A time says little without its machine: it is kept as a
ratio to that of an empty page, measured between the others on the same machine.
"""

import datetime
import functools
import gzip
import http.server
import json
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, sync_playwright

from txbook.chromium import require_chromium
from txbook.costs import machine
from txbook.store import write_whole
from txbook.tables import listed
from txbook.weights import RECORD

SLOWED = 4  # times: a cheap phone beside the machine at hand
RUNS = 5
EMPTY = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Empty</title><p>Empty.</p>'
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
# From the first moment: when was something painted, and when did the first live figure, to which
# the window is moved as soon as its place is there, draw itself and answer a key.
WATCH = """
(() => {
  window.txWeigh = { live: null };
  const settle = (host) => {
    const control = host.querySelector('button, input, select, [tabindex="0"]') ?? host;
    control.dispatchEvent(new KeyboardEvent("keydown", { key: "Home", bubbles: true }));
    requestAnimationFrame(() => setTimeout(() => { txWeigh.live ??= performance.now(); }));
  };
  const look = () => {
    const host = document.querySelector(".anywidget-lite");
    if (!host) return;
    if (!host.dataset.seen) {
      host.dataset.seen = "yes";
      host.scrollIntoView({ behavior: "instant" });
    }
    if (host.dataset.txState === "ready") { watcher.disconnect(); settle(host); }
  };
  const watcher = new MutationObserver(look);
  watcher.observe(document, { childList: true, subtree: true, attributes: true,
    attributeFilter: ["data-tx-state"] });
})();
"""
TIMES = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const load = performance.getEntriesByType("navigation")[0];
  const live = window.txWeigh?.live ?? null;
  return { paint: paint?.startTime ?? null, load: load.loadEventEnd, live };
}"""

# In the living map: from a click to the frame that shows what it opened. A layer is opened, then
# one step taken, then another sentence chosen, whose numbers are fetched; the slowest counts.
CLICKS = """async () => {
  const map = document.querySelector(".tx-map-holder").closest(".tx-widget");
  const all = (selector) => [...map.querySelectorAll(selector)];
  const clicks = [
    () => all('[data-part="encoder"]')[0].dispatchEvent(new MouseEvent("click", { bubbles: true })),
    () => all("button").find((button) => button.textContent === "next ›").click(),
    () => {
      const sentence = map.querySelector("select");
      sentence.selectedIndex = (sentence.selectedIndex + 1) % sentence.options.length;
      for (const kind of ["input", "change"]) {
        sentence.dispatchEvent(new Event(kind, { bubbles: true }));
      }
    },
  ];
  const seen = () => all(".tx-heading, .tx-crumbs, .tx-sentence").map((node) => node.textContent)
    .join() + all(".tx-pictures svg").length;
  const took = [];
  for (const click of clicks) {
    const before = seen();
    const begin = performance.now();
    click();
    while (seen() === before || !map.querySelector(".tx-pictures svg")) {
      if (performance.now() - begin > 60000) throw new Error("nothing followed a click");
      await new Promise((done) => setTimeout(done, 4));
    }
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    took.push(performance.now() - begin);
  }
  return took;
}"""


@dataclass(frozen=True)
class Weight:
    """What a page asked for before anybody touched it, and when it was there, in milliseconds."""

    page: str
    requests: int
    bytes: int  # of HTML, scripts, styles and fonts, each as gzip leaves it
    paint: float
    live: float | None
    paint_ratio: float
    live_ratio: float | None
    step: float | None = None  # the slowest first step after a click in the living map


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def packed(file: Path) -> int:
    """Return how many bytes of a file travel: gzip's, except for what is compressed already."""
    data = file.read_bytes()
    return len(data) if file.suffix in {".woff", ".woff2", ".png"} else len(gzip.compress(data, 6))


def opened(
    browser: Browser, address: str, slowed: int = SLOWED
) -> tuple[dict[str, Any], list[str]]:
    """Open a page in a browser that knows nothing yet; return its times and what it asked for."""
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.add_init_script(WATCH)
    try:
        page.goto(address, wait_until="load", timeout=120_000)
        if page.locator(".anywidget-lite").count():
            page.wait_for_function("window.txWeigh.live !== null", timeout=120_000)
        times = page.evaluate(TIMES)
        mapped = page.locator(".tx-map-holder").count()
        times["step"] = max(page.evaluate(CLICKS)) if mapped else None
        return times, asked
    finally:
        context.close()


def untouched(browser: Browser, address: str) -> list[str]:
    """Return what a page asks for while it stands at its top."""
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address, wait_until="networkidle")
    context.close()
    return asked


def files(asked: list[str], origin: str, site: Path) -> list[Path]:
    """Return the files behind the addresses that a page asked for."""
    paths = [urlsplit(url).path for url in asked if url.startswith(origin)]
    return [site / unquote(path.lstrip("/")) for path in paths]


def weigh(site: Path, pages: list[str], runs: int = RUNS) -> list[Weight]:
    """Return the weights of pages of the built site."""
    empty = site / "_static" / "empty.html"
    empty.write_text(EMPTY, encoding="utf-8")
    found = []
    try:
        with sync_playwright() as playwright, served(site) as origin:
            browser = playwright.chromium.launch(executable_path=require_chromium(), args=FLAGS)
            for page in pages:
                times, base = [], []
                for _ in range(runs):
                    base.append(opened(browser, f"{origin}_static/empty.html")[0]["paint"])
                    times.append(opened(browser, origin + page)[0])
                asked = files(untouched(browser, origin + page), origin, site)
                found.append(_weight(page, times, statistics.median(base), asked))
            browser.close()
    finally:
        empty.unlink()
    return found


def _weight(page: str, times: list[dict[str, Any]], base: float, asked: list[Path]) -> Weight:
    def median(name: str) -> float | None:
        known = [time[name] for time in times if time[name] is not None]
        return statistics.median(known) if known else None

    paint = statistics.median(time["paint"] for time in times)
    live, step = median("live"), median("step")
    return Weight(
        page=page,
        requests=len(asked),
        bytes=sum(packed(file) for file in asked if file.is_file()),
        paint=round(paint),
        live=None if live is None else round(live),
        paint_ratio=round(paint / base, 1),
        live_ratio=None if live is None else round(live / base, 1),
        step=None if step is None else round(step),
    )


def record(root: Path, pages: list[str] | None = None, runs: int = RUNS) -> list[Weight]:
    """Weigh the pages that readers read, and write book/weights.json."""
    site = root / "_build" / "html"
    if not (site / "index.html").exists():
        raise FileNotFoundError("there is no book yet: run make book first")
    if pages is None:
        pages = ["book/welcome.html", *(f"chapters/{stem}.html" for _, stem in listed(root))]
    found = weigh(site, pages, runs)
    how = {"machine": machine(), "date": datetime.date.today().isoformat()}
    text = how | {"slowed": SLOWED, "runs": runs, "pages": [*map(asdict, found)]}
    write_whole(root / RECORD, json.dumps(text, indent=1) + "\n")
    return found
