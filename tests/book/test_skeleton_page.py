"""The directives of “One skeleton” in a built book: what a page shows, wide and on a phone."""

import re
from collections.abc import Callable
from pathlib import Path

import exercise_book
import pytest
from playwright.sync_api import Page
from txbook.skeleton import configs, family
from txbook.skeleton.directives import NAMED

pytestmark = pytest.mark.slow

ABOUT = {
    "schematic": "gpt",
    "steps": "GPT Llama",
    "config": "Transformer BERT",  # whose sentences link to no other page
    "wiring": "Transformer T5",
}
TEXT = "# First\n\n" + "\n\n".join(
    f"## {name}\n\n```{{{name}}} {ABOUT.get(name.removeprefix('skeleton-'), '')}\n```"
    for name in NAMED
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a tiny book that has each of the directives once."""
    root = exercise_book.write(tmp_path_factory.mktemp("skeleton"))
    (root / "first.md").write_text(TEXT, encoding="utf-8")
    exercise_book.build(root)
    return root / "_build" / "html" / "first.html"


def section(html: str, name: str) -> str:
    """Return what stands on the page below the heading of a directive."""
    found = re.search(rf'<section id="{name}">(.*?)</section>', html, re.DOTALL)
    assert found, name
    return found[1]


def test_the_page_says_what_was_counted(built: Path) -> None:
    html = built.read_text(encoding="utf-8")
    last = list(family.steps("GPT", "Llama"))[-1]
    steps = section(html, "skeleton-steps")
    assert f"{last.parameters:,}" in steps
    assert steps.count("<tr") == len(list(family.steps("GPT", "Llama"))) + 2
    assert '<th class="stub"' in steps
    assert section(html, "skeleton-choices").count("<th") > 15
    proofs = section(html, "skeleton-proof")
    assert proofs.count(">all<") == len(family.FAMILY) + 1  # and both towers of CLIP together
    beside = section(html, "skeleton-beside")
    parts = [len(system.beside) for system in family.FAMILY.values() if system.beside]
    assert beside.count("<tr") == 1 + sum(parts) + len(parts)  # a row for what is skeleton, too
    config = section(html, "skeleton-config")
    number = len(configs.changes("Transformer", "BERT"))
    assert f"<summary>{number} fields differ</summary>" in config
    assert config.count("<tr") == number + 1
    assert "<em>absent</em>" in config
    wiring = section(html, "skeleton-wiring")
    assert "<code>T5.decode</code> is <code>Transformer.decode</code>, line by line" in wiring
    assert wiring.count("<ins") > 5 < wiring.count("<del")
    assert "class</span>" in section(html, "skeleton-code")
    assert section(html, "schematic").count("<svg") == 1
    assert section(html, "schematic").count('role="img"') == 1


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it(built: Path, new_page: Callable[..., Page], scheme: str) -> None:
    page = new_page("file://", width=360, scheme=scheme)
    page.goto(built.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = """(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).length"""
    assert page.locator(".tx-diff pre").evaluate_all(wide) == 0
    # The sign stands left of its line, and a line that goes on below begins further in.
    signs = page.locator(".tx-diff ins").evaluate_all(
        """(all) => all.map((line) => {
             const range = document.createRange();
             range.selectNodeContents(line.lastChild);
             const rows = [...range.getClientRects()].filter((one) => one.width > 1);
             const sign = line.querySelector("b").getBoundingClientRect();
             return [sign.left, rows[0].left, rows.at(-1).left, rows.length]; })"""
    )
    assert all(sign < first for sign, first, _, _ in signs)
    assert any(rows > 1 for *_, rows in signs)
    assert all(last > first for _, first, last, rows in signs if rows > 1)
