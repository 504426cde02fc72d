"""The loader of live figures: state, events, links, styles, and kind failures."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anywidget
import ipywidgets
import pytest
import traitlets
from browsing import ROOT, Quiet, serve, widget_html
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]

COUNTER = """
function render({ model, el }) {
  const button = document.createElement("button");
  const show = () => { button.textContent = `${model.get("label")} ${model.get("count")}`; };
  button.addEventListener("click", () => {
    model.set("count", model.get("count") + 1);
    model.save_changes();
  });
  model.on("change:count", show);
  show();
  el.append(button);
}
export default { render };
"""


class Counter(anywidget.AnyWidget):
    _esm = COUNTER
    _css = "button { color: rgb(1, 2, 3); }"
    count = traitlets.Int(3).tag(sync=True)
    label = traitlets.Unicode("次").tag(sync=True)


def test_a_widget_starts_from_its_saved_state_and_moves(widget_page: OpenPage) -> None:
    page = widget_page(Counter())
    button = page.get_by_role("button")
    expect(button).to_have_text("次 3")
    button.click()
    expect(button).to_have_text("次 4")
    assert page.evaluate("model.get('count')") == 4
    expect(button).to_have_css("color", "rgb(1, 2, 3)")
    page.trace.assert_clean()


def test_setting_the_model_redraws_and_an_equal_value_does_not(widget_page: OpenPage) -> None:
    page = widget_page(Counter())
    page.evaluate("window.seen = []; model.on('change', () => seen.push(model.get('count')))")
    page.evaluate("model.set('count', 3); model.set('count', 9)")
    expect(page.get_by_role("button")).to_have_text("次 9")
    assert page.evaluate("seen") == [9]


def test_off_forgets_a_listener(widget_page: OpenPage) -> None:
    page = widget_page(Counter())
    page.evaluate("model.off('change:count'); model.set('count', 9)")
    expect(page.get_by_role("button")).to_have_text("次 3")


def test_a_module_that_throws_says_so_in_the_widgets_place(widget_page: OpenPage) -> None:
    class Broken(anywidget.AnyWidget):
        _esm = "export default { render() { throw new Error('the moon is full'); } };"

    page = widget_page(Broken())
    expect(page.get_by_role("alert")).to_contain_text("could not start: the moon is full")
    assert page.trace.errors


def test_code_on_another_machine_is_not_fetched(widget_page: OpenPage) -> None:
    class Remote(anywidget.AnyWidget):
        _esm = "https://example.org/widget.js"

    page = widget_page(Remote())
    expect(page.get_by_role("alert")).to_contain_text("fetches nothing")
    assert not page.trace.external


def test_a_widget_that_needs_a_kernel_says_so(widget_page: OpenPage) -> None:
    page = widget_page(ipywidgets.IntSlider())
    expect(page.get_by_role("alert")).to_contain_text("IntSliderModel needs a running kernel")


def test_binary_values_arrive_as_bytes(widget_page: OpenPage) -> None:
    class Bytes(anywidget.AnyWidget):
        _esm = """export default { render({ model, el }) {
          el.textContent = model.get('raw').getUint8(1); } }"""
        raw = traitlets.Bytes(b"\x01\x2a").tag(sync=True)

    page = widget_page(Bytes())
    expect(page.locator(".anywidget-lite")).to_have_text("42")


FAR = """<!doctype html><meta charset="utf-8"><body style="height: 9000px">
<div style="height: 8000px"></div>
<script type="application/vnd.jupyter.widget-view+json" data-tx-state="light.js" data-tx-light="">
{"model_id": "a"}</script>
<script type="application/vnd.jupyter.widget-view+json" data-tx-state="heavy.js">
{"model_id": "b"}</script>
<script>%s</script>"""


def test_a_light_state_comes_with_the_page_and_is_drawn_when_it_is_near(
    new_page: OpenPage, tmp_path: Path
) -> None:
    model = {"model_module": "anywidget", "state": {"_esm": COUNTER, "label": "x", "count": 1}}
    for name, key in [("light", "a"), ("heavy", "b")]:
        text = f'txLive.deliver("{name}", {json.dumps({"state": {key: model}})});'
        (tmp_path / f"{name}.js").write_text(text, encoding="utf-8")
    loader = (ROOT / "assets" / "anywidget-lite.js").read_text(encoding="utf-8")
    (tmp_path / "page.html").write_text(FAR % loader, encoding="utf-8")
    server, url = serve(tmp_path)
    page = new_page(url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(url)))
    page.goto(f"{url}page.html", wait_until="networkidle")
    assert asked == ["page.html", "light.js"]
    hosts = page.locator(".anywidget-lite")
    assert hosts.evaluate_all("all => all.map((e) => e.dataset.txState)") == ["waiting"] * 2
    hosts.first.scroll_into_view_if_needed()
    expect(page.get_by_role("button")).to_have_text(["x 1", "x 1"])
    assert asked == ["page.html", "light.js", "heavy.js"]
    server.shutdown()
    server.server_close()


def test_a_state_that_did_not_arrive_is_asked_for_again(new_page: OpenPage, tmp_path: Path) -> None:
    model = {"model_module": "anywidget", "state": {"_esm": COUNTER, "label": "x", "count": 1}}
    loader = (ROOT / "assets" / "anywidget-lite.js").read_text(encoding="utf-8")
    (tmp_path / "page.html").write_text(FAR % loader, encoding="utf-8")
    page = new_page("file://")
    page.goto((tmp_path / "page.html").as_uri() + "#fig-x")
    again = page.get_by_role("button", name="Try again")
    expect(again).to_have_count(2)
    again.first.click()  # it is still not there
    expect(again).to_have_count(2)
    for name, key in [("light", "a"), ("heavy", "b")]:
        text = f'txLive.deliver("{name}", {json.dumps({"state": {key: model}})});'
        (tmp_path / f"{name}.js").write_text(text, encoding="utf-8")
    again.first.click()
    expect(page.get_by_role("button", name="x 1")).to_have_count(1)
    again.click()
    expect(page.get_by_role("button", name="x 1")).to_have_count(2)
    assert page.get_by_role("alert").count() == 0


@pytest.fixture
def slow_page(tmp_path: Path) -> Iterator[str]:
    """Serve a figure's page that stops for a while in the middle of the figure's view."""
    page = widget_html(Counter(), "light")
    before, _, rest = page.rpartition("<script>")  # the loader goes first, as in a built page
    loader, _, end = rest.partition("</script>")
    whole = before.replace("</head>", f"<script>{loader}</script></head>", 1) + end
    first, cut, last = whole.partition('{"version_major')

    class Slow(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((first + cut).encode())
            self.wfile.flush()
            time.sleep(0.5)
            self.wfile.write(last.encode())

    server, url = serve(tmp_path, Slow)
    yield url
    server.shutdown()
    server.server_close()


def test_a_view_of_which_half_has_arrived_is_waited_for(new_page: OpenPage, slow_page: str) -> None:
    page = new_page(slow_page)
    page.goto(slow_page)
    expect(page.get_by_role("button")).to_have_text("次 3")
    assert not page.trace.errors
