"""The living map in a real browser: every part opens, every step draws, numbers are Python's."""

import base64
import gzip
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from browsing import open_watched, widget_html
from ipywidgets.embed import dependency_state, embed_data
from playwright.sync_api import Browser, Page, expect
from torch.testing import assert_close
from txbook import live

from txlite.inspect import trace_shapes
from txlite.models import Transformer, TransformerConfig
from txlite.viz.widgets.living_map import LivingMap, Walk

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
WORDS = [f"w{i}" for i in range(29)]
SOURCE, TARGET = ["je", "suis", "étudiant", "end"], ["begin", "I", "am", "a", "student"]
STATE = ["part", "walk", "step", "head", "row", "column"]
PLACES = ("encoder.0.attention", "decoder.3.attention", "decoder.5.cross_attention")


@cache
def network(norm_first: bool) -> Transformer:
    torch.manual_seed(7)
    sizes = {"d_model": 16, "num_heads": 4, "d_ff": 24, "num_layers": 6}
    return Transformer(TransformerConfig(vocab_size=29, norm_first=norm_first, **sizes)).eval()


@cache
def walks(norm_first: bool) -> list[Walk]:
    model, found = network(norm_first), []
    torch.manual_seed(8)
    for i, source in enumerate((SOURCE, [*SOURCE, "more", "words"])):
        with trace_shapes(model, tensors=True) as trace, torch.no_grad():
            model(torch.randint(29, (1, len(source))), torch.randint(29, (1, 5)))
        found.append(Walk(f"sentence {i}", trace, source, TARGET))
    return found


def living(norm_first: bool = True, **traits: Any) -> LivingMap:
    return LivingMap(walks(norm_first), WORDS, network(norm_first).state_dict(), **traits)


@cache
def known(norm_first: bool = True) -> LivingMap:
    return living(norm_first)


def at(block: str, kind: str, norm_first: bool = True) -> int:
    return [(name, k) for name, k, *_ in known(norm_first).steps].index((block, kind))


EXHIBITS = {
    "model": living,
    "layer": lambda: living(part="decoder.2", step=at("decoder.2.cross_attention", "add")),
    "block": lambda: living(
        part="encoder.2.attention", step=at("encoder.2.attention", "gather"), head=3
    ),
    "head": lambda: living(
        part="decoder.0.attention.head", step=at("decoder.0.attention", "weights")
    ),
    "product": lambda: living(
        part="encoder.1.attention.head.product",
        step=at("encoder.1.attention", "weights"),
        row=1,
        column=2,
    ),
    "softmax": lambda: living(part="output", step=at("output", "softmax")),
    "hidden": lambda: living(
        part="decoder.0.feed_forward", step=at("decoder.0.feed_forward", "hidden")
    ),
}


def python(page: Page, norm_first: bool = True) -> LivingMap:
    """The figure in the state of the page."""
    state = {name: page.evaluate(f"model.get('{name}')") for name in STATE}
    return living(norm_first, **state)


def matrix(page: Page, number: int) -> torch.Tensor:
    """The numbers of a picture, as the page has them."""
    script = "boxes => boxes.map(box => Number(box.dataset.value))"
    figure = page.locator(".tx-matrix").nth(number)
    found = figure.locator("rect[data-value]").evaluate_all(script)
    return torch.tensor(found, dtype=torch.float64)


def assert_weights(page: Page) -> None:
    want = python(page).weights()
    script = "boxes => boxes.map(box => Number(box.dataset.weight))"
    got = page.locator("rect[data-weight]").evaluate_all(script)
    got = torch.tensor(got, dtype=torch.float64).reshape(want.shape)
    assert_close(got, want, rtol=0, atol=1e-12)


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_first", [True, False])
def test_every_step_shows_pythons_numbers_to_the_last_digits(
    widget_page: OpenPage, norm_first: bool
) -> None:
    """All matrices of all steps: what was stored exactly, what was computed to 1e-12."""
    figure = known(norm_first)
    page = widget_page(figure)
    script = """count => tx_steps = Array.from({ length: count }, (_, i) => {
        model.set('step', i);
        return [...document.querySelectorAll('.tx-matrix[data-title]')].map((figure) => [
            figure.dataset.title,
            [...figure.querySelectorAll('[data-value]')].map((box) => Number(box.dataset.value))]);
    })"""
    found = page.evaluate(script, len(figure.steps))
    title = {"Q": "query", "K": "key", "V": "value", "Z": "z", "p": "position", "h": "hidden"}
    stored = {"query", "key", "value", "branch", "hidden", "position", "logits"}
    compared = 0
    copy = living(norm_first)
    for step, matrices in enumerate(found):
        copy.step = step
        shown = copy.shown()
        for number, (name, values) in enumerate(matrices):
            role = title.get(name, name)
            role = "sum" if role == "x" and number == 2 else role
            got, want = torch.tensor(values, dtype=torch.float64), shown[role].flatten()
            exact = role in stored and role in ("query", "key", "value", "branch", "hidden")
            assert_close(got, want, rtol=0, atol=0 if exact else 1e-12)
            compared += 1
    assert compared > 300
    page.trace.assert_clean()


@pytest.mark.parametrize("block", PLACES)
def test_attention_is_computed_in_the_page(widget_page: OpenPage, block: str) -> None:
    page = widget_page(living(step=at(block, "gather"), head=2))
    assert_weights(page)
    page.get_by_role("button", name="4", exact=True).click()
    assert page.evaluate("model.get('head')") == 3
    assert_weights(page)
    page.get_by_label("Sentence", exact=True).select_option(index=1)
    expect(page.locator(".tx-check-line")).to_contain_text("from the model's own")
    assert_weights(page)
    page.trace.assert_clean()


def test_probabilities_are_computed_in_the_page(widget_page: OpenPage) -> None:
    page = widget_page(living(part="output", step=at("output", "softmax")))
    for row in (4, 1):
        page.get_by_role("button", name=TARGET[row], exact=True).click()
        want = python(page).probabilities()[row]
        bars = page.locator(".tx-bar").all()
        assert len(bars) == 8
        top = want.topk(8)
        assert [bar.get_attribute("data-word") for bar in bars] == [WORDS[n] for n in top.indices]
        got = [float(bar.get_attribute("data-value")) for bar in bars]
        assert_close(torch.tensor(got, dtype=torch.float64), top.values, rtol=0, atol=1e-12)


def test_a_product_is_written_out_number_by_number(widget_page: OpenPage) -> None:
    page = widget_page(EXHIBITS["product"]())
    page.get_by_role("group", name="Key").get_by_role("button", name="end").click()
    page.get_by_role("button", name="3", exact=True).click()
    figure = python(page)
    assert (figure.row, figure.column, figure.head) == (1, 3, 2)
    own = slice(8, 12)
    q, k = figure.tensor("query")[1, own], figure.tensor("key")[3, own]

    def written(name: str) -> float:
        text = page.locator(f'[data-part="{name}"] text').last.text_content() or ""
        return float(text.replace("−", "-"))

    for i in range(4):
        assert written(f"q.{i}") == pytest.approx(float(q[i]), abs=0.0051)
        assert written(f"k.{i}") == pytest.approx(float(k[i]), abs=0.0051)
        assert written(f"p.{i}") == pytest.approx(float(q[i] * k[i]), abs=0.0051)
    assert written("sum") == pytest.approx(float(q @ k), abs=0.0051)
    assert written("scaled") == pytest.approx(float(q @ k) / 2, abs=0.0051)
    assert written("weight") == pytest.approx(float(figure.weights()[1, 3]), abs=0.0051)


def test_a_key_behind_the_mask_has_no_share(widget_page: OpenPage) -> None:
    part = "decoder.0.attention.head.product"
    page = widget_page(
        living(part=part, step=at("decoder.0.attention", "weights"), row=1, column=3)
    )
    expect(page.locator('[data-part="power"]')).to_have_text("masked")
    expect(page.locator('[data-part="weight"]')).to_have_text("0.00")


def test_the_page_says_how_far_its_numbers_are_from_the_models(widget_page: OpenPage) -> None:
    figure = known()
    page = widget_page(figure)
    for step in (0, 20, 100, 163):
        page.evaluate("step => model.set('step', step)", step)
        far = figure.states[0].far[step]
        assert float(page.locator(".tx-panel").get_attribute("data-far")) == far
        said = page.locator(".tx-check-line").inner_text().partition("at most ")[2].split(" ")[0]
        assert float(said) == pytest.approx(far, rel=0.06)


# --- opening -------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_first", [True, False])
def test_every_part_is_opened_by_a_click_and_left_by_escape(
    widget_page: OpenPage, norm_first: bool
) -> None:
    """From the model on, all that says "open" opens; together these are the parts of the map."""
    page = widget_page(known(norm_first))
    first = {"encoder": "0", "decoder": "5"}  # one layer of each stack; the others are alike
    found, waiting = set(), ["model"]
    while waiting:
        part = waiting.pop()
        found.add(part)
        page.evaluate("part => model.set('part', part)", part)
        opens = page.locator(".tx-drawing g.tx-opens")
        for i in range(opens.count()):
            page.evaluate("part => model.set('part', part)", part)
            opens.nth(i).click()
            inner = page.evaluate("model.get('part')")
            stack, layer = [*inner.split("."), ""][:2]
            if inner not in found and (not layer.isdigit() or layer == first[stack]):
                waiting.append(inner)
            page.keyboard.press("Escape")
            assert page.evaluate("model.get('part')") == (inner.rpartition(".")[0] or "model")
    want = {
        part
        for part in known(norm_first)._known
        if not (m := re.match(r"(\w+)\.(\d+)", part)) or m[2] == first[m[1]]
    }
    assert found == want
    page.trace.assert_clean()


def test_by_keys_in_and_out_and_the_focus_is_where_it_was(widget_page: OpenPage) -> None:
    page = widget_page(living())
    focused = "document.activeElement.dataset.part ?? document.activeElement.className"
    page.locator('[data-part="encoder_positions"]').focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "decoder_positions"
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) == "decoder.0"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate("model.get('part')") == "decoder.1"
    page.keyboard.press("End")
    for _ in range(9):
        if page.evaluate(focused) == "cross_attention":
            break
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate("model.get('part')") == "decoder.1.cross_attention"
    page.keyboard.press("Backspace")
    assert page.evaluate("model.get('part')") == "decoder.1"
    assert page.evaluate(focused) == "cross_attention"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.evaluate("model.get('part')") == "model"
    page.keyboard.press("Escape")
    assert page.evaluate("model.get('part')") == "model"
    page.trace.assert_clean()


def test_the_breadcrumb_leads_up(widget_page: OpenPage) -> None:
    page = widget_page(EXHIBITS["product"]())
    crumbs = page.get_by_role("navigation", name="What is open")
    names = crumbs.get_by_role("button").all_inner_texts()
    want = ["model", "encoder", "layer 2", "self-attention", "head 1"]
    assert names == [*want, "product"]
    crumbs.get_by_role("button", name="layer 2").click()
    assert page.evaluate("model.get('part')") == "encoder.1"
    assert crumbs.get_by_role("button").all_inner_texts() == want[:3]


def test_what_is_open_goes_up_when_a_step_leaves_it(widget_page: OpenPage) -> None:
    step = at("encoder.0.attention", "gather")
    page = widget_page(living(part="encoder.0.attention.head", step=step))
    parts = []
    for _ in range(2 + 4 + 1):
        page.get_by_role("button", name="next ›").click()
        parts.append(page.evaluate("model.get('part')"))
    assert parts == ["encoder.0.attention", *["encoder.0"] * 5, "encoder"]
    lit = page.locator(".tx-lit[data-part]")
    assert lit.evaluate_all("nodes => nodes.map((node) => node.dataset.part)") == ["encoder.1"]


@pytest.mark.parametrize("norm_first", [True, False])
def test_every_step_lights_its_part_at_every_depth(widget_page: OpenPage, norm_first: bool) -> None:
    figure = known(norm_first)
    page = widget_page(figure)
    script = """(parts) => parts.flatMap((part) => {
        model.set('part', part);
        const count = model.get('steps').length;
        const found = [];
        for (let i = 0; i < count; i += 1) {
            model.set('step', i);
            const [block, kind] = model.get('steps')[i];
            const lit = [...document.querySelectorAll('.tx-lit')]
                .map((node) => node.dataset.part ?? node.dataset.frame);
            const drawn = document.querySelectorAll('.tx-matrix, .tx-bar').length;
            found.push([part, block, kind, [...new Set(lit)], drawn > 0]);
        }
        return found;
    })"""
    found = page.evaluate(script, ["model", "encoder", "decoder.0", "encoder.3.attention"])
    for part, block, kind, lit, drawn in found:
        assert drawn
        if part == "model":
            stack, _, rest = block.partition(".")
            layer = ".".join(block.split(".")[:2])
            want = [stack] if rest == "norm" or not rest else [layer]
            assert lit == (["next token", "output"] if kind == "softmax" else want), (block, kind)
        elif part == "decoder.0" and block.startswith("decoder.0."):
            own = block.split(".")[2]
            assert lit == [{"norm": f"{own}_norm", "add": f"{own}_sum"}.get(kind, own)]
        else:
            assert lit, (part, block, kind)
    page.trace.assert_clean()


def test_a_part_without_depth_leads_to_its_step(widget_page: OpenPage) -> None:
    page = widget_page(living(part="decoder.2"))
    page.locator('[data-part="cross_attention_sum"]').click()
    assert page.evaluate("model.get('step')") == at("decoder.2.cross_attention", "add")
    assert page.evaluate("model.get('part')") == "decoder.2"
    expect(page.locator(".tx-heading")).to_contain_text("layer 3 of 6, cross-attention")


def test_a_cell_of_the_weights_opens_its_product(widget_page: OpenPage) -> None:
    part = "decoder.4.cross_attention"
    page = widget_page(living(part=part, step=at(part, "weights"), head=1))
    page.locator("rect[data-weight]").nth(2 * 4 + 3).click()
    state = [page.evaluate(f"model.get('{name}')") for name in ("part", "row", "column", "head")]
    assert state == [f"{part}.head.product", 2, 3, 1]


def test_forward_back_and_by_the_slider(widget_page: OpenPage) -> None:
    page = widget_page(living())
    back, following = (page.get_by_role("button", name=n) for n in ("‹ back", "next ›"))
    expect(back).to_be_disabled()
    following.click()
    following.click()
    back.click()
    assert page.evaluate("model.get('step')") == 1
    page.locator('[data-part="decoder.2"]').click()
    want = at("decoder.2.attention", "norm")
    assert page.evaluate("model.get('step')") == want
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("model.get('step')") == want + 1
    expect(page.get_by_role("group", name="Head")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text(f"Step {want + 2} of 164")


def test_play_goes_through_what_is_open_and_the_whole_takes_about_twenty_seconds(
    widget_page: OpenPage,
) -> None:
    page = widget_page(living())
    page.clock.install()
    page.locator(".tx-play").click()
    seen = []
    seconds = 0.0
    while page.locator(".tx-widget[data-playing]").count():
        page.clock.run_for(600)
        seconds += 0.6
        lit = page.locator(".tx-lit[data-part]").evaluate_all(
            "all => all.map((n) => n.dataset.part)"
        )
        seen += [lit] if [lit] != seen[-1:] else []
    layers = [f"{stack}.{i}" for stack in ("encoder", "decoder") for i in range(6)]
    want = [
        "encoder_positions",
        *layers[:6],
        "encoder",
        "decoder_positions",
        *layers[6:],
        "decoder",
    ]
    assert seen == [*([name] for name in want), ["output"], ["next token", "output"]]
    assert 15 <= seconds <= 24
    assert page.evaluate("model.get('step')") == 163
    page.evaluate("model.set('part', 'encoder.1')")
    page.locator(".tx-play").click()
    page.clock.run_for(60_000)
    assert page.evaluate("model.get('step')") == at("encoder.1.feed_forward", "add")


# --- what is written on it -----------------------------------------------------------------------


def test_the_sizes_in_a_drawing_are_those_of_the_sentence(widget_page: OpenPage) -> None:
    page = widget_page(living())
    drawing = page.locator(".tx-drawing")
    expect(drawing.locator('[data-part="encoder_positions"]')).to_contain_text("(S, D) = (4, 16)")
    expect(drawing.locator('[data-part="output"]')).to_contain_text("(T, V) = (5, 29)")
    page.get_by_label("Sentence", exact=True).select_option(index=1)
    expect(drawing.locator('[data-part="encoder_positions"]')).to_contain_text("(S, D) = (6, 16)")
    expect(drawing.locator('[data-part="encoder tokens"]')).to_contain_text("S = 6 tokens")
    page.evaluate("model.set('part', 'decoder.0.cross_attention.head')")
    expect(drawing.locator('[data-part="k"]')).to_contain_text("(S, E)= (6, 4)")
    expect(drawing.locator('[data-part="weights"]')).to_contain_text("(T, S) = (5, 6)")
    page.trace.assert_clean()


def test_parameters_are_said_of_what_is_open_and_of_what_is_pointed_at(
    widget_page: OpenPage,
) -> None:
    page = widget_page(living())
    costs = known().parameters
    about, hint = page.locator(".tx-about"), page.locator(".tx-hint")
    expect(about).to_have_text(f"{costs['model']:,} parameters.")
    page.locator('[data-part="encoder.2"]').hover()
    expect(hint).to_contain_text(f"{costs['encoder.layer']:,} parameters")
    page.evaluate("model.set('part', 'encoder.2.attention')")
    expect(about).to_have_text(f"{costs['encoder.layer.attention']:,} parameters.")
    page.locator('[data-part="WO"]').focus()
    expect(hint).to_contain_text(f"{costs['encoder.layer.attention.WO']:,} parameters")


def test_a_page_that_knows_the_chapters_links_to_them(widget_page: OpenPage) -> None:
    page = widget_page(living())
    expect(page.locator(".tx-about a")).to_have_count(0)
    page.evaluate(
        """() => {
        const node = document.createElement('script');
        node.type = 'application/json';
        node.className = 'tx-chapters';
        node.textContent = JSON.stringify({ positions: [
            { number: 5, title: 'Positions', href: 'five.html' },
            { number: 6, title: 'Distances', href: 'six.html' }] });
        document.body.append(node);
        model.set('part', 'encoder_positions');
    }"""
    )
    about = page.locator(".tx-about")
    expect(about).to_contain_text("Explained in chapters 5 and 6.")
    links = about.get_by_role("link")
    assert [link.get_attribute("href") for link in links.all()] == ["five.html", "six.html"]


def test_its_words_and_its_table_stand_below_it(widget_page: OpenPage) -> None:
    page = widget_page(EXHIBITS["block"]())
    page.get_by_text("The drawing in words").click()
    want = known().drawings["encoder.layer.attention"]["words"]
    assert page.locator(".tx-words li").all_inner_texts() == want
    rows = page.locator(".tx-twin tbody tr")
    assert rows.count() == 4


def test_without_a_sentence_it_is_a_drawing_that_opens(widget_page: OpenPage) -> None:
    page = widget_page(LivingMap())
    expect(page.locator(".tx-text")).to_contain_text("once its chapter has been run")
    assert page.locator(".tx-play").count() == 0
    page.locator('[data-part="decoder.3"]').click()
    page.locator('[data-part="cross_attention"]').click()
    assert page.evaluate("model.get('part')") == "decoder.3.cross_attention"
    expect(page.locator(".tx-drawing")).to_contain_text("(T, D)")
    page.trace.assert_clean()


def test_a_zoom_fades_unless_a_reader_wants_no_motion(widget_page: OpenPage) -> None:
    page = widget_page(living())
    page.evaluate("model.set('part', 'encoder')")
    assert page.locator(".tx-drawing").count() == 1
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate("model.set('part', 'encoder.0')")
    assert page.locator(".tx-drawing").count() == 2
    page.wait_for_timeout(400)
    assert page.locator(".tx-drawing").count() == 1


def test_it_prints_as_it_stands_without_its_controls(widget_page: OpenPage) -> None:
    page = widget_page(EXHIBITS["layer"]())
    page.emulate_media(media="print")
    expect(page.locator(".tx-drawing")).to_be_visible()
    expect(page.locator(".tx-crumbs")).to_be_visible()
    for part in (".tx-controls", ".tx-dock", ".tx-tools"):
        expect(page.locator(part)).to_be_hidden()


# --- what travels, and when ----------------------------------------------------------------------


def parcelled(figure: LivingMap) -> tuple[str, dict[str, str]]:
    """The files of a figure on the site: the name of its own, and all texts by their names."""
    data = embed_data([figure], state=dependency_state([figure], drop_defaults=False))
    return live.files(data["manager_state"]["state"])


def test_the_map_and_each_sentence_weigh_less_than_100_kb() -> None:
    """A model of the chapter's sizes; what is there before a touch is the map and one sentence."""
    torch.manual_seed(9)
    sizes = {"d_model": 32, "num_heads": 4, "d_ff": 64, "num_layers": 6}
    model = Transformer(TransformerConfig(vocab_size=200, norm_first=True, **sizes)).eval()
    source = [*SOURCE, *SOURCE, *SOURCE]
    with trace_shapes(model, tensors=True) as trace, torch.no_grad():
        model(torch.randint(200, (1, 12)), torch.randint(200, (1, 5)))
    walk = Walk("long", trace, source, TARGET)
    vocabulary = [f"token{i}" for i in range(200)]
    name, texts = parcelled(LivingMap([walk, walk], vocabulary, model.state_dict()))
    assert len(texts) == 3
    assert all(len(text) < 100_000 for text in texts.values())
    sizes = {file: len(gzip.compress(text.encode())) for file, text in texts.items()}
    assert sizes[name] + max(size for file, size in sizes.items() if file != name) < 100_000
    assert "encoder.0.attention.query" not in inflated(texts[name])


def inflated(text: str) -> str:
    """The state that a file delivers."""
    state = json.loads(re.fullmatch(r'txLive\.deliver\("\w+",(.*)\);\n', text)[1])
    if isinstance(state, str):
        return gzip.decompress(base64.b64decode(state)).decode()
    return json.dumps(state)


def test_a_sentence_is_fetched_when_it_is_chosen(browser: Browser, tmp_path: Path) -> None:
    figure = known()
    name, texts = parcelled(figure)
    for file, text in texts.items():
        (tmp_path / f"{file}.js").write_text(text, encoding="utf-8")
    html = widget_html(figure, "light")
    html = re.sub(
        r'<script type="application/vnd.jupyter.widget-state.*?</script>', "", html, flags=re.S
    )
    html = html.replace('view+json"', f'view+json" data-tx-state="{name}.js"', 1)
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page = open_watched(browser, "file://")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    try:
        page.goto((tmp_path / "page.html").as_uri() + "#fig-living-map?part=decoder.3")
        page.wait_for_selector(".anywidget-lite[data-tx-state=ready]")
        expect(page.locator(".tx-crumb[aria-current]")).to_have_text("layer 4")
        first = [file for file in asked if file.endswith(".js")]
        assert len(first) == 2
        page.get_by_label("Sentence", exact=True).select_option(index=1)
        expect(page.locator(".tx-check-line")).to_contain_text("from the model's own")
        assert len([file for file in asked if file.endswith(".js")]) == len(texts) == 3
        page.trace.assert_clean()
    finally:
        page.context.close()


def test_a_sentence_that_does_not_arrive_is_said_to_be_missing(widget_page: OpenPage) -> None:
    page = widget_page(living())
    page.evaluate("""() => {
        model.widget_manager.get_model = () => Promise.reject(new Error("no network"));
        model.set("walk", 1);
    }""")
    expect(page.locator(".tx-text")).to_contain_text("could not be fetched: no network")
    page.evaluate("model.set('walk', 0)")
    expect(page.locator(".tx-matrix").first).to_be_visible()
