"""The cost lab in a real browser: its arithmetic is Python's, for hundreds of models."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from txlite.viz.widgets._training_costs import ARTICLE, KEPT, MACHINES, Costs
from txlite.viz.widgets.cost_lab import CostLab

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
EXACT = 2**53  # the largest whole number up to which a page counts every one
SCRIPT = CostLab._esm.rpartition("export default")[0]
EACH = f"""([states, machines]) => {{
    {SCRIPT};
    return states.map((state) =>
        costsOf((name) => (name === "machines" ? machines : state[name])));
}}"""
DRAWN = f"""(state) => {{
    {SCRIPT};
    tx.push(model, state);
}}"""

EXHIBITS = {
    "gpt2": lambda: CostLab(),
    "switch": lambda: CostLab.of("Switch", kept="no scores"),
    "phone": lambda: CostLab(
        d_model=256, num_layers=4, num_heads=8, num_kv_heads=2, d_ff=768, vocab_size=8000,
        length=256, batch_size=4, tied=False, tokens=10**7, machine="phone", price=0.002,
        kept="inputs",
    ),
}  # fmt: skip


def assert_equals_python(shown: dict[str, Any], want: Costs) -> None:
    assert shown["parameters"] == want.parameters
    assert shown["active"] == want.active
    for name in ("memory", "used"):
        got, right = shown[name], getattr(want, name)
        assert list(got) == list(right)
        for part, size in right.items():
            assert got[part] == (size if size < EXACT else pytest.approx(size, rel=1e-15)), part
    assert shown["each"] == want.flops_per_token
    for name, at in (("flops", "flops"), ("six_nd", "sixNd"), ("days", "days"), ("money", "money")):
        assert shown[at] == pytest.approx(getattr(want, name), rel=1e-12), name
    assert shown["optimal"] == pytest.approx(list(want.optimal), rel=1e-12)
    assert shown["fits"] == want.fits


def of_stage(page: Page) -> dict[str, Any]:
    """Return what the figure says of itself."""
    found = page.evaluate("({ ...document.querySelector('.tx-stage').dataset })")
    return {name: json.loads(text) for name, text in found.items()}


def drawn_at_random(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Models of all sizes, with widths that no head divides and vocabularies that nobody has."""
    draw = random.Random(seed)

    def size(low: float, high: float) -> int:
        return round(low * (high / low) ** draw.random())

    found = []
    for _ in range(count):
        heads = size(1, 128)
        found.append(
            {
                "d_model": size(8, 20_000),
                "num_layers": size(1, 128),
                "num_heads": heads,
                "num_kv_heads": size(1, heads),
                "d_ff": size(8, 80_000),
                "experts": draw.choice([1, 1, size(2, 64)]),
                "vocab_size": size(2, 300_000),
                "length": size(1, 100_000),
                "batch_size": size(1, 4000),
                "tied": draw.random() < 0.6,
                "tokens": size(1e6, 1e15),
                "machine": draw.choice([*MACHINES]),
                "utilisation": draw.randint(1, 100),
                "price": draw.choice([0.002, 0.25, 3.0]),
                "kept": draw.choice(KEPT),
            }
        )
    return found


def test_400_models_cost_what_python_says(widget_page: OpenPage) -> None:
    page = widget_page(CostLab())
    states = drawn_at_random(400)
    machines = {name: m._asdict() for name, m in MACHINES.items()}
    wanted = [CostLab(**state).shown() for state in states]
    for shown, want in zip(page.evaluate(EACH, [states, machines]), wanted, strict=True):
        assert_equals_python(shown, want)
    assert 40 < sum(want.fits for want in wanted) < 360  # both are met


def test_what_is_drawn_is_what_was_computed(widget_page: OpenPage) -> None:
    page = widget_page(CostLab())
    for state in drawn_at_random(12, seed=1):
        page.evaluate(DRAWN, state)
        assert_equals_python(of_stage(page), CostLab(**state).shown())
    page.trace.assert_clean()


def test_a_button_sets_the_sizes_of_an_articles_model(widget_page: OpenPage) -> None:
    page = widget_page(CostLab(machine="cluster", tied=False))
    for name in ARTICLE:
        button = page.get_by_role("button", name=name, exact=True)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".cl-models [aria-pressed=true]")).to_have_count(1)
        want = CostLab.of(name, tokens=page.evaluate("model.get('tokens')")).shown()
        assert_equals_python(of_stage(page), want)
    page.trace.assert_clean()


def test_by_keyboard_heads_go_on_dividing_the_width(widget_page: OpenPage) -> None:
    """Every step of every slider leaves whole heads, and as many key heads as divide them."""
    page = widget_page(CostLab.of("GPT-2 XL"))
    names = ["d_model", "num_heads", "num_kv_heads", "d_ff"]
    for slider in page.locator(".tx-widget input[type=range]").all():
        slider.focus()
        for key in ("ArrowRight", "End", "ArrowLeft"):
            page.keyboard.press(key)
            width, heads, keys, hidden = page.evaluate(
                "(all) => all.map((n) => model.get(n))", names
            )
            assert width % heads == 0
            assert heads % keys == 0
            assert hidden >= 8
    page.trace.assert_clean()


def test_a_wider_model_keeps_the_width_of_a_head_and_the_share_of_the_hidden_layer(
    widget_page: OpenPage,
) -> None:
    page = widget_page(CostLab(d_model=512, num_heads=8, num_kv_heads=2, d_ff=1536))
    page.get_by_role("slider", name="Width").focus()
    page.keyboard.press("ArrowRight")
    names = ["d_model", "num_heads", "num_kv_heads", "d_ff"]
    assert page.evaluate("(names) => names.map((n) => model.get(n))", names) == [768, 12, 3, 2304]


def test_what_does_not_fit_is_said_and_checkpoints_help(widget_page: OpenPage) -> None:
    page = widget_page(CostLab(machine="card", batch_size=128))
    status = page.get_by_role("status")
    expect(status).to_contain_text("it does not fit")
    page.get_by_label("Activations", exact=True).select_option("inputs")
    expect(status).to_contain_text("of 80.0 GB: it fits")
    page.get_by_label("Machine", exact=True).select_option("phone")
    expect(status).to_contain_text("on a phone's processor")
    assert page.evaluate("model.get('price')") == MACHINES["phone"].price


@pytest.mark.parametrize(
    ("call", "want"),
    [
        ("brief(0)", "0"),
        ("brief(7)", "7"),
        ("brief(999)", "999"),
        ("brief(999_999)", "1.00 M"),
        ("brief(116_536_320)", "117 M"),
        ("brief(1.5716e12)", "1.57 T"),
        ("brief(1e15)", "1000 T"),
        ("bytes(0)", "0 B"),
        ("bytes(999.7e9)", "1.00 TB"),
        ("bytes(24.9e9)", "24.9 GB"),
        ("duration(1 / 86400)", "1.00 seconds"),
        ("duration(9.222)", "9.22 days"),
        ("duration(365.25 * 355)", "355 years"),
        ("money(0.001)", "less than $0.01"),
        ("money(679940)", "$680 k"),
        ("power(3.14e23)", "3.1·10²³"),
        ("power(9.96e2)", "1.0·10³"),
    ],
)
def test_large_numbers_are_said_in_three_figures(new_page: OpenPage, call: str, want: str) -> None:
    page = new_page("about:")
    assert page.evaluate(f"(() => {{ {SCRIPT}; return {call}; }})()") == want
