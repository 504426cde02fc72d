"""What pages weigh: medians of visits, their ratios, and the table on the page of costs."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from txbook import weigh, weights

PAGE = {
    "page": "chapters/03_masks.html",
    "requests": 18,
    "bytes": 243_400,
    "paint": 612,
    "live": 2320,
    "paint_ratio": 3.2,
    "live_ratio": 15.2,
    "step": None,
}


def test_a_weight_has_medians_and_ratios_to_an_empty_page(tmp_path: Path) -> None:
    asked = tmp_path / "font.woff2"
    asked.write_bytes(bytes(700))
    times = [
        {"paint": 300.0, "live": None, "step": None},
        {"paint": 410.0, "live": 1000.0, "step": 90.0},
        {"paint": 900.0, "live": 3000.0, "step": 50.0},
    ]
    found = weigh._weight("a.html", times, 200.0, [asked, tmp_path / "gone.js"])
    assert (found.paint, found.live, found.step) == (410, 2000, 70)
    assert (found.paint_ratio, found.live_ratio) == (2.0, 10.0)
    assert (found.bytes, found.requests) == (700, 2), "what is not there weighs nothing"


def test_a_page_without_a_figure_has_neither_live_nor_step() -> None:
    times = [{"paint": 300.0, "live": None, "step": None}]
    found = weigh._weight("a.html", times, 200.0, [])
    assert (found.live, found.live_ratio, found.step) == (None, None, None)


def test_a_row_says_times_with_their_ratios() -> None:
    name, weight, paint, live, step = weights.cells(PAGE)
    assert (name, weight) == ("03 masks", "243 kB in 18 requests")
    assert (paint, live, step) == ("612 ms (3.2 ×)", "2,320 ms (15.2 ×)", "")
    assert weights.cells(PAGE | {"step": 144, "live": None})[3:] == ("", "144 ms")


def test_the_table_has_a_row_for_each_page() -> None:
    table = weights.table([PAGE, PAGE | {"page": "book/welcome.html"}])
    rows = [row.astext() for row in table.findall() if row.tagname == "row"]
    assert len(rows) == 3
    assert rows[0].startswith("Page")
    assert rows[2].startswith("welcome")
    told = {"machine": "a chip", "date": "2026-01-02", "slowed": 4, "runs": 5}
    assert "a chip, 2026-01-02, in Chromium with a processor slowed 4 times" in weights.told(told)


@pytest.mark.browser
def test_an_empty_page_is_painted_and_has_nothing_live(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(weigh.EMPTY, encoding="utf-8")
    with weigh.served(tmp_path) as origin:
        times, asked = weigh.opened(browser, f"{origin}a.html", slowed=1)
    assert times["paint"] > 0
    assert (times["live"], times["step"]) == (None, None)
    assert f"{origin}a.html" in asked
