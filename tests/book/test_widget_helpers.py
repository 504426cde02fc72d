"""The helpers that live figures share, in a real browser: their numbers are Python's."""

import json

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

from txlite.nn import attention_weights

MODULE = """
import traitlets
from txlite.viz.widgets.base import Widget

class Bench(Widget):
    title = traitlets.Unicode("A bench of helpers").tag(sync=True)
    size = traitlets.Float(0.5).tag(sync=True)
    words = traitlets.List(list("我爱中")).tag(sync=True)
"""

SCRIPT = """
const render = ({ model, el }) => {
  window.tx = tx;
  const { controls, stage, foot, status } = tx.frame(el, model, { help: "Move something." });
  const words = model.get("words");
  const size = tx.slider({ label: "Size", min: 0, max: 1, step: 0.1, value: model.get("size"),
    oninput: (v) => tx.push(model, { size: v }) });
  const check = tx.checkbox({ label: "Causal", oninput: (v) => status(`causal ${v}`) });
  const choice = tx.select({
    label: "Word", options: words, oninput: (v) => status(`chosen ${v}`) });
  const box = tx.textbox({ label: "Text", oninput: (v) => status(`typed ${v}`) });
  const button = tx.button({ label: "Press", onclick: () => status("pressed") });
  const values = words.map(() => [0, 0, 0]);
  const map = tx.heatmap({ rows: words, columns: words, values, label: "Map" });
  const plane = tx.plane({
    xlim: [-2, 2], ylim: [-1, 1], xticks: [-2, 0, 2], yticks: [0], xlabel: "x", ylabel: "y" });
  const point = tx.handle(plane, { label: "Point", x: 0, y: 0,
    onmove: (x, y) => status(`at ${tx.number(x)} ${tx.number(y)}`) });
  const twin = tx.twin();
  plane.root.append(point.root);
  controls.append(size.root, check.root, choice.root, box.root, button.root);
  stage.append(map.root, plane.root);
  foot.append(twin.root);
  tx.watch(model, ["size"], () => {
    const s = model.get("size");
    size.value = s;
    map.update(words.map((_, i) => words.map((__, j) => (i === j ? s : -s / 2))));
    twin.update({ caption: "Sizes", columns: ["word", "size"], rows: words.map((w) => [w, s]) });
    status(`size ${tx.number(s)}`);
  });
};
export default { render };
"""


@pytest.fixture(scope="module")
def bench(make_figure):
    """A figure that uses every shared helper once."""
    return make_figure("Bench", MODULE, SCRIPT)


@pytest.fixture
def page(widget_page, bench):
    return widget_page(bench())


def status(page):
    return page.locator(".tx-status").inner_text()


def in_browser(page, expression, *arguments):
    return page.evaluate(f"(given) => ({expression})(...given)", json.loads(json.dumps(arguments)))


@pytest.mark.parametrize("masked", [False, True])
def test_attention_gives_the_numbers_of_the_package(page, masked):
    torch.manual_seed(0)
    q, k, v = (torch.randn(n, e, dtype=torch.float64) for n, e in [(3, 4), (5, 4), (5, 2)])
    mask = torch.rand(3, 5) > 0.5 if masked else None
    if masked:
        mask[1] = False  # one row that may see nothing
    given = [q.tolist(), k.tolist(), v.tolist(), {"mask": mask.tolist() if masked else None}]
    got = in_browser(page, "tx.attention", *given)
    weights = attention_weights(q, k, mask)
    for name, wanted in [("weights", weights), ("output", weights @ v)]:
        found = torch.tensor(got[name], dtype=torch.float64)
        torch.testing.assert_close(found, wanted, atol=1e-12, rtol=0)


def test_softmax_survives_large_scores_and_closed_rows(page):
    assert in_browser(page, "tx.softmax", [1000, 1000]) == [0.5, 0.5]
    assert in_browser(page, "tx.softmax", [1, 2], [False, False]) == [0, 0]
    assert page.evaluate("tx.softmax([0, -Infinity])") == [1, 0]
    assert page.evaluate("tx.softmax([-Infinity, -Infinity])") == [0, 0]


@pytest.mark.parametrize(
    ("x", "text"), [(0.5, "0.50"), (-2, "−2.00"), (-0.001, "0.00"), (1e3, "1000.00")]
)
def test_numbers_are_written_with_a_true_minus(page, x, text):
    assert in_browser(page, "tx.number", x) == text


def test_a_slider_moves_by_key_tells_the_model_and_redraws(page):
    slider = page.get_by_role("slider", name="Size")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("model.get('size')") == pytest.approx(0.6)
    assert slider.get_attribute("aria-valuetext") == "0.60"
    assert status(page) == "size 0.60"
    assert page.locator(".tx-number").all_text_contents()[:2] == ["0.60", "−0.30"]
    page.locator("summary").click()
    assert page.locator(".tx-twin td").first.inner_text() == "0.600"


def test_a_change_of_the_model_moves_the_slider(page):
    page.evaluate("model.set('size', 0.9)")
    assert page.get_by_role("slider", name="Size").input_value() == "0.9"
    assert status(page) == "size 0.90"


def test_several_traits_are_set_before_anything_is_drawn(page):
    drawn = page.evaluate(
        """() => {
            const drawn = [];
            const draw = () => drawn.push([model.get("size"), model.get("words").length]);
            const ends = tx.watch(model, ["size", "words"], draw);
            tx.push(model, { size: 0.2, words: ["a"] });
            model.set("size", 0.3);
            ends();
            tx.push(model, { size: 0.4 });
            return drawn;
        }"""
    )
    assert drawn == [[0.5, 3], [0.2, 1], [0.3, 1]]


def test_every_other_control_answers(page):
    page.get_by_label("Causal").check()
    assert status(page) == "causal true"
    page.get_by_label("Word").select_option("爱")
    assert status(page) == "chosen 爱"
    page.get_by_label("Text").fill("你好")
    assert status(page) == "typed 你好"
    page.get_by_role("button", name="Press").click()
    assert status(page) == "pressed"


def test_a_point_moves_by_key_and_by_pointer_and_stays_on_its_plane(page):
    point = page.get_by_role("slider", name="Point")
    point.focus()
    for key in ("ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert status(page) == "at 0.05 0.50"
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 2000, box["y"] + 2000, steps=4)
    page.mouse.up()
    assert status(page) == "at 2.00 −1.00"
    assert point.get_attribute("aria-valuetext") == "2.00 across, −1.00 up"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_a_figure_is_accessible_and_fits_the_page(widget_page, bench, scheme, width):
    page = widget_page(bench(), scheme=scheme, width=width)
    page.locator("summary").click()
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.trace.assert_clean()
