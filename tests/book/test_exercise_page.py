"""The three exercises that a page checks, in a browser: one tiny book, opened from the disk."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import exercise_book as tiny
import nbformat
import pytest
from browsing import open_watched
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Locator, Page
from test_site import barriers
from txbook.weigh import packed

pytestmark = pytest.mark.slow
Open = Callable[..., Page]
LIGHT = 12_000  # bytes of script, as gzip leaves it


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with the three exercises."""
    root = tmp_path_factory.mktemp("exercises") / "book"
    root.mkdir()
    solved = [tiny.SOLVED.format(label) for label in ("ex-share", "ex-mask", "ex-case")]
    texts = zip((tiny.NUMBER, tiny.PUZZLE, tiny.CASE), solved, strict=True)
    tiny.build(tiny.write(root, *(text for pair in texts for text in pair)))
    return root / "_build/html/chapters/01_one.html"


@pytest.fixture
def visit(browser: Browser, html: Path) -> Iterator[Open]:
    """Open the page: ``visit(width=360)``; in the same browser once more with ``again=page``."""
    opened: list[Page] = []

    def go(again: Page | None = None, **look: int | str) -> Page:
        page = again or open_watched(browser, "file://", **look)
        if again is None:
            opened.append(page)
        page.goto(html.as_uri())
        return page

    yield go
    for page in opened:
        page.trace.assert_clean()
        page.context.close()


def box(page: Page) -> Locator:
    return page.locator("#ex-share-number-box")


def answer(part: Locator, text: str) -> str:
    part.locator("input").fill(text)
    part.get_by_role("button", name="Check").click()
    return part.locator(".tx-said").inner_text()


def test_a_number_is_judged_and_the_answer_unfolds(visit: Open) -> None:
    page = visit()
    assert "no number yet" in answer(box(page), "much")
    assert answer(box(page), "0.9") == "Not yet. It is another number. (1 try so far.)"
    assert "(2 tries so far.)" in answer(box(page), "834")
    assert page.get_by_role("button", name="Open the strongest hint").count() == 0
    answer(box(page), "0,9")
    page.get_by_role("button", name="Open the strongest hint").click()
    assert page.locator(".tx-hint[open]").inner_text().split("\n\n") == [
        "Hint 3 · strongest",
        "The strongest words.",
    ]
    assert page.evaluate("document.activeElement.textContent") == "Hint 3 · strongest"
    for text in ("0.834 bits", "0,825", "417/500", ".8439"):
        assert answer(box(page), text) == "Right."
    fold = box(page).locator("details")
    fold.locator("summary").click()
    fold.get_by_text("0.834 bits", exact=True).wait_for()
    big = page.locator("#ex-share-number-box-2")
    assert "Not yet" in answer(big, "31250")
    assert answer(big, "−31,000") == "Right."
    assert "✓ solved" in page.locator("#ex-share .tx-rung").inner_text()


def test_what_was_solved_is_remembered_until_one_starts_again(visit: Open) -> None:
    page = visit()
    answer(box(page), "0.83")
    for name in ("The first", "The second"):
        solve_mask(page, name)
    page.locator("#ex-mask-drawn-puzzle").get_by_role("button", name="Check").click()
    page.locator(".tx-suspect summary").nth(1).click()
    page = visit(page)
    assert box(page).locator("input").input_value() == "0.83"
    parts = (box(page), page.locator("#ex-mask-drawn-puzzle"), page.locator("#ex-case-detective"))
    assert [part.get_attribute("data-tx-state") for part in parts] == ["right"] * 3
    for part in parts:
        part.get_by_role("button", name="Start again").click()
    page = visit(page)
    assert [part.get_attribute("data-tx-state") for part in parts] == [None] * 3
    assert box(page).locator("input").input_value() == ""
    assert page.locator("#ex-mask td[data-kind='1']").count() == 2, "the start that is given"


def test_a_browser_that_keeps_nothing_checks_all_the_same(visit: Open) -> None:
    page = open_page_without_storage(visit)
    assert answer(box(page), "0.834") == "Right."
    page.trace.errors.clear()  # the theme's own script complains of it


def open_page_without_storage(visit: Open) -> Page:
    page = visit()
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"
    )
    return visit(page)


MASKS = {
    "The first": [[1, 0, 0], [1, 1, 0], [0, 0, 1]],
    "The second": [[1, 0, 0], [0, 1, 0], [0, 1, 1]],
}


def cells(page: Page, caption: str) -> Locator:
    return page.locator("#ex-mask table", has=page.locator("caption", has_text=caption)).locator(
        "td"
    )


def solve_mask(page: Page, caption: str) -> None:
    found = cells(page, caption)
    for k, wanted in enumerate(entry for row in MASKS[caption] for entry in row):
        if found.nth(k).get_attribute("data-kind") != str(wanted):
            found.nth(k).click()


def test_a_puzzle_marks_what_is_unlike_and_accepts_both_boards(visit: Open) -> None:
    page = visit()
    puzzle = page.locator("#ex-mask-drawn-puzzle")
    check = puzzle.get_by_role("button", name="Check")
    solve_mask(page, "The first")
    check.click()
    assert (
        "4 cells are unlike the target; their corners are marked. (1 try so far.)"
        in puzzle.inner_text()
    )
    assert cells(page, "The first").locator("nth=0").get_attribute("class") in (None, "")
    wrong = puzzle.locator("td.tx-unlike")
    assert wrong.count() == 4
    assert wrong.first.get_attribute("aria-label").endswith(", unlike the target")
    mark = "e => [getComputedStyle(e, '::after').width, getComputedStyle(e).borderStyle]"
    assert wrong.first.evaluate(mark) == ["12px", "dashed"], "not only a colour"
    solve_mask(page, "The second")
    assert puzzle.locator("td.tx-unlike").count() == 0, "a mark goes when its cell is set"
    check.click()
    assert "Right, every cell." in puzzle.inner_text()


def test_a_drag_paints(visit: Open) -> None:
    page = visit()
    cells(page, "The first").first.scroll_into_view_if_needed()
    row = [cells(page, "The first").nth(k).bounding_box() for k in range(3)]
    centre = [(b["x"] + b["width"] / 2, b["y"] + b["height"] / 2) for b in row]
    page.mouse.move(*centre[0])
    page.mouse.down()
    page.mouse.move(*centre[2], steps=8)
    page.mouse.up()
    page.mouse.move(*centre[1])
    kinds = [cells(page, "The first").nth(k).get_attribute("data-kind") for k in range(4)]
    assert kinds == ["1", "1", "1", "0"]


def test_a_selector_has_one_cell_in_a_row(visit: Open) -> None:
    page = visit()
    puzzle = page.locator("#ex-mask-drawn-puzzle-2")
    for k in (0, 2, 4):
        puzzle.locator("td").nth(k).click()
    assert [td.get_attribute("data-kind") for td in puzzle.locator("td").all()] == list("001010")
    puzzle.get_by_role("button", name="Check").click()
    assert "2 rows are unlike" in puzzle.inner_text()
    for k in (1, 3):
        puzzle.locator("td").nth(k).click()
    puzzle.get_by_role("button", name="Check").click()
    assert "Right" in puzzle.inner_text()


def test_a_detective_unfolds_one_clue_after_the_other_and_then_the_repair(visit: Open) -> None:
    page = visit()
    clues = page.locator(".tx-clue")
    starter = page.get_by_text("'starter 4'")
    assert [clue.is_visible() for clue in clues.all()] == [True, False]
    assert not starter.is_visible()
    clues.nth(0).locator("summary").click()
    clues.nth(1).locator("summary").click()
    assert (
        "2 clues of 2 opened, 0 diagnoses made." in page.locator("#ex-case .tx-said").inner_text()
    )
    suspects = page.locator(".tx-suspect")
    suspects.nth(0).locator("summary").click()
    assert "Then the loss would jump." in suspects.nth(0).inner_text()
    assert (
        "Not yet. 2 clues of 2 opened, 1 diagnosis made." in page.locator("#ex-case").inner_text()
    )
    assert not page.locator(".tx-repair").is_visible()
    suspects.nth(1).locator("summary").click()
    assert (
        "That is it. 2 clues of 2 opened, 2 diagnoses made."
        in page.locator("#ex-case").inner_text()
    )
    assert page.locator(".tx-repair").get_by_text("Mend the mask.").is_visible()
    assert starter.is_visible()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_the_keyboard_is_enough(visit: Open) -> None:
    page = visit()
    box(page).locator("input").focus()
    page.keyboard.type("0.834")
    press(page, "Enter")
    assert box(page).get_attribute("data-tx-state") == "right"
    cells(page, "The first").first.focus()
    right, down = "ArrowRight", "ArrowDown"
    press(page, "Space", down, "Space", right, "Space", down, right, "Enter")
    press(page, "Tab")  # one tab stop for a board
    press(page, right, down, "Space", down, "Space", "End", "Space", "Home", "ArrowUp", "Space")
    press(page, "Tab", "Enter")
    assert "Right, every cell." in page.locator("#ex-mask-drawn-puzzle").inner_text()
    page.locator(".tx-suspect summary").nth(1).focus()
    press(page, "Enter")
    page.locator("#ex-case-detective[data-tx-state=right]").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_fits_and_axe_finds_nothing(visit: Open, width: int, scheme: str) -> None:
    page = visit(width=width, scheme=scheme)
    answer(box(page), "7")
    page.locator("#ex-mask-drawn-puzzle").get_by_role("button", name="Check").click()
    page.locator(".tx-suspect summary").first.click()
    page.locator(".tx-suspect summary").nth(1).click()
    for summary in page.locator(":is(.tx-hint, .tx-clue, .tx-box) summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert (
        page.evaluate(
            """[...document.querySelectorAll(".exercise *")].filter((e) => {
             const { left, right } = e.getBoundingClientRect();
             return e.checkVisibility() && (left < 0 || right > innerWidth); })
           .filter((e) => !e.matches(".visually-hidden")).map((e) => e.outerHTML.slice(0, 80))"""
        )
        == []
    )
    found = page.evaluate(
        """[...document.querySelectorAll(".exercise :is(button, input, summary, td)")]
             .filter((e) => e.checkVisibility()).map((e) => [e.outerHTML.slice(0, 60),
               Math.min(e.getBoundingClientRect().width, e.getBoundingClientRect().height)])
             .filter(([, side]) => side < 24)"""
    )
    assert found == []
    assert barriers(page, scheme) == []


def test_without_scripts_all_can_be_read_and_no_answer_is_shown(
    browser: Browser, html: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(html.as_uri())
    text = page.locator("article").inner_text()
    assert "The page checks this number where scripts are on." in text
    assert "the signs are: · hidden, ● may attend." in text
    assert page.locator("#ex-mask td").first.is_visible()
    for name in ("Clue 2: The gradient", "It sees the future", "The repair", "Hint 2 · stronger"):
        assert page.locator("summary", has_text=name).is_visible()
    assert page.get_by_text("'starter 4'").is_visible()
    assert "0.834" not in text
    context.close()


def test_paper_gets_the_boards_and_what_waits(visit: Open) -> None:
    page = visit()
    page.emulate_media(media="print")
    assert page.locator("#ex-mask td").first.is_visible()
    assert page.get_by_text("'starter 4'").is_visible()
    assert not page.get_by_role("button", name="Check").first.is_visible()


def test_no_answer_can_be_read_in_the_source(html: Path) -> None:
    source = html.read_text(encoding="utf-8")
    whole = BeautifulSoup(source, "html.parser")
    inside = "".join(map(str, whole.select(".exercise")))
    assert "0.834" not in inside
    assert "31250" not in inside.replace(",", "")
    assert "culprit" not in inside
    assert "[1, 1, 0]" not in inside
    titles = [" ".join(tag.get_text().split()) for tag in whole.select(".exercise > p")]
    assert titles == [
        "Exercise 1.1 (A share)",
        "Exercise 1.2 (A mask)",
        "Exercise 1.3 (A sick run)",
    ]
    line = whole.select_one("#ex-mask .tx-rung").get_text()
    assert re.sub(r"\s+", " ", line).strip() == (
        "predict before you run it difficulty ●●○2 of 3 importance ●●●3 of 3 15 min"
    )
    card = whole.select_one(".tx-card").get_text()
    assert "· exercises 45 min · run" in card


def test_the_script_is_light_and_only_where_it_is_needed(html: Path) -> None:
    script = "txlite-exercises.js"
    assert re.search(rf'<script defer="defer" src="[^"]*{script}[^"]*">', html.read_text())
    assert script not in (html.parents[1] / "first.html").read_text()
    assert packed(html.parents[1] / "_static" / script) < LIGHT


def test_a_copy_asks_the_same_in_plain_markdown(html: Path) -> None:
    copy = nbformat.read(html.parents[1] / "notebooks/chapters/01_one.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in copy.cells if cell.cell_type == "markdown")
    for part in (
        "> **Exercise 1.1  (A share)**",
        "> What is the share of $a_1$?",
        "> *calculate, difficulty 2 of 3, importance 3 of 3, 10 min*",
        "> **Hand in:** one number, with $E = 8$",
        "> **You have it when:** the box says so",
        "> <summary>Show the answer</summary>\n>\n> 0.834 bits\n>\n> </details>",
        "> <summary>Hint 3 · strongest</summary>\n>\n> The strongest words.",
        "> | query ↓ key → | He | came | She |\n> | --- | --- | --- | --- |\n> | He | ● | · | · |",
        "> <summary>Clue 1: The loss</summary>\n>\n> It is 0.83.",
        "> <summary>It sees the future</summary>\n>\n> The loss is too good",
        "> <summary>The repair</summary>",
    ):
        assert part in text, part


WITHOUT = {
    "an exercise needs the field :minutes:": (tiny.NUMBER, ":minutes: 10\n", ""),
    ":kind: should be one of calculate, predict, repair": (tiny.NUMBER, "calculate", "ponder"),
    ":difficulty: should be a whole number from 1 to 3, got '4'": (tiny.NUMBER, "ty: 2", "ty: 4"),
    "number-box shore: no cell that was run glues": (tiny.NUMBER, "box} share", "box} shore"),
    "one of tolerance and relative should be given": (tiny.NUMBER, ":tolerance: 0.01\n", ""),
    "number-box mask: should be a number, got a text": (tiny.NUMBER, "box} share", "box} mask"),
    "hint should stand within an exercise": ("```{hint}\nAlone.\n```", "", ""),
    "suspect should stand within a detective": ("```{suspect} She\nAlone.\n```", "", ""),
    "board mask: should have 3 rows and 2 columns": (tiny.PUZZLE, "columns: He |", "columns:"),
    "each row of a selector should hold a 1": (tiny.PUZZLE, "board} choice", "board} late"),
    "a target has a kind that :kinds: does not name": (tiny.PUZZLE, "board} mask", "board} odd"),
    "one culprit and at most one repair, got 2, 3, 0 and 1": (tiny.CASE, ":culprit:\n", ""),
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a build says of a book in which each exercise lacks something."""
    root = tmp_path_factory.mktemp("faults") / "book"
    root.mkdir()
    texts = []
    for number, (text, old, new) in enumerate(WITHOUT.values()):
        assert old in text
        wrong = text.replace(old, new).replace(":rows: first | second", ":rows: a | b | c")
        texts.append(re.sub(r"\bex-(\w+)", rf"ex-{number}-\1", wrong))
    return tiny.build(tiny.write(root, *texts), status=1)


@pytest.mark.parametrize("says", WITHOUT)
def test_what_is_missing_stops_the_build(complaints: str, says: str) -> None:
    assert says in complaints


def test_a_complaint_names_the_exercise(complaints: str) -> None:
    assert "ex-0-share: an exercise needs the field :minutes:" in complaints
    assert "ex-2-share: :difficulty: should be" in complaints
