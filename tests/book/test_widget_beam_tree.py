"""The beam tree in a real browser: its search is Python's, whatever the sliders say."""

import json
from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page, expect

from txlite.viz.beams import explore
from txlite.viz.widgets.beam_tree import BeamTree

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
EOS, VOCABULARY = 2, 9


def scene(name: str, seed: int) -> dict[str, object]:
    generator = torch.Generator().manual_seed(seed)
    table = 1.5 * torch.randn(VOCABULARY, VOCABULARY, generator=generator).double()
    table[:, EOS] += 1.0
    said = explore(
        lambda written: table[(sum(written) + 1) % VOCABULARY].log_softmax(-1),
        eos_id=EOS,
        max_len=6,
        most=4,
    )
    return {"name": name, "continuations": said}


def widget(**traits: object) -> BeamTree:
    words = {str(i): f"word{i}" for i in range(VOCABULARY)} | {"2": "∎"}
    scenes = [scene("one letter", 1), scene("another letter", 6)]
    return BeamTree(scenes=scenes, words=words, eos=EOS, max_len=6, **traits)


EXHIBITS = {"start": widget, "two": lambda: widget(num_beams=2)}


def assert_equals_python(page: Page) -> None:
    """The whole tree and the finished sentences are Python's, from the page's own state."""
    names = ["scene", "num_beams", "length_penalty"]
    state = {name: page.evaluate(f"model.get('{name}')") for name in names}
    steps, ended = widget(**state).search()
    nodes = [
        (node.get_attribute("data-path"), node.get_attribute("data-fate"))
        for node in page.locator(".tx-node").all()
    ]
    want = [c for step in steps for c in step]
    assert nodes == [(",".join(map(str, c.path)), c.fate) for c in want]
    sums = page.locator(".tx-node").evaluate_all("ns => ns.map((n) => Number(n.dataset.logProb))")
    assert sums == pytest.approx([c.log_prob for c in want], abs=1e-6)
    rows = page.locator(".tx-ended tbody tr")
    scores = rows.evaluate_all("ns => ns.map((n) => Number(n.dataset.score))")
    assert scores == pytest.approx([e.score for e in ended], abs=1e-6)
    paths = rows.evaluate_all("ns => ns.map((n) => n.dataset.path)")
    assert paths == [",".join(map(str, e.path)) for e in ended]


def test_it_starts_with_pythons_search(widget_page: OpenPage) -> None:
    page = widget_page(widget())
    assert_equals_python(page)
    expect(page.get_by_role("status")).to_contain_text("After")
    page.trace.assert_clean()


def test_every_setting_searches_as_python_does(widget_page: OpenPage) -> None:
    page = widget_page(widget())
    beams, penalty = page.get_by_label("Beams"), page.get_by_label("Length penalty")
    seen = set()
    for letter in ("one letter", "another letter"):
        page.get_by_label("Letter", exact=True).select_option(letter)
        for count in ("1", "2", "3", "4"):
            beams.fill(count)
            for power in ("-1", "0", "1", "2"):
                penalty.fill(power)
                assert_equals_python(page)
                seen.add(page.locator(".tx-first").get_attribute("data-path"))
    assert len(seen) > 2  # the sliders do something
    page.trace.assert_clean()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_search_is_stepped_through(widget_page: OpenPage, width: int) -> None:
    page = widget_page(widget(num_beams=2), width=width)
    page.get_by_role("button", name="from the start").click()
    assert page.locator(".tx-node").count() == 0
    expect(page.get_by_text("nothing yet")).to_be_visible()
    forward = page.get_by_role("button", name="on →")
    counts = []
    while forward.is_enabled():
        forward.press("Enter")
        counts.append(page.locator(".tx-node").count())
    assert counts == sorted(set(counts))
    assert_equals_python(page)
    page.get_by_role("button", name="← back").click()
    assert page.locator(".tx-node").count() == counts[-2]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_numbers_are_a_table_too(widget_page: OpenPage) -> None:
    page = widget_page(widget(num_beams=1))
    page.get_by_text("Numbers as a table").click()
    rows = page.locator(".tx-twin tbody tr")
    assert rows.count() == page.locator(".tx-node").count()
    first = json.loads(page.locator(".tx-node").first.get_attribute("data-log-prob"))
    expect(rows.first).to_contain_text(f"{first:.3f}".replace("-", "−"))
