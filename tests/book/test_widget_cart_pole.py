"""The cart and its pole in a real browser: world and model are gymnasium's and Python's."""

import json
import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import gymnasium
import pytest
import torch
from browsing import lay_out, open_watched, settle
from playwright.sync_api import Browser, Page, expect
from torch import Tensor
from torch.testing import assert_close
from writing import drawn_anew

from txlite.data.episode_windows import EpisodeScale
from txlite.inspect import record_attention
from txlite.models import DecisionTransformer, DecisionTransformerConfig
from txlite.viz.widgets.cart_pole import PUSH, CartPole

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
WORLD = {"state_dim": 4, "action_dim": 2, "discrete_actions": True}
SMALL = {"d_model": 12, "num_heads": 3, "d_ff": 20, "num_layers": 2, "max_len": 200}
LARGE = {"d_model": 128, "num_heads": 4, "d_ff": 512, "num_layers": 4, "max_len": 500}
SCALE = EpisodeScale(100.0, (0.1, -0.2, 0.01, 0.3), (0.5, 0.6, 0.1, 0.9))
KINDS = [
    {},
    {"norm_first": False, "activation": "gelu", "norm_eps": 1e-3},
    {"norm": "rms", "activation": "swiglu", "bias": False, "num_kv_heads": 1},
    {"num_positions": 7, "head_dim": 6, "num_layers": 1},
]
MEBIBYTES = 4


def random_player(seed: int, size: float = 0.5, **choices: Any) -> DecisionTransformer:
    config = DecisionTransformerConfig(**(WORLD | SMALL | choices))
    return drawn_anew(DecisionTransformer(config), seed, size)


@cache
def steady() -> DecisionTransformer:
    """Return a model that balances the pole: it has learned where a good policy pushes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DecisionTransformer(DecisionTransformerConfig(**(WORLD | SMALL)))
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
        good = torch.tensor([0.1, 0.3, 1.0, 1.0])
        for _ in range(200):
            states = torch.randn(128, 3, 4) * torch.tensor([1.0, 1.0, 0.15, 1.0])
            actions = (states @ good > 0).long()
            returns, steps = torch.rand(128, 3) * 200, torch.arange(3).expand(128, 3)
            scores = model(returns / 100, states, actions, steps + torch.randint(190, (128, 1)))
            loss = torch.nn.functional.cross_entropy(scores.actions.mT, actions)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half())
    return model.double().eval()


def figure(model: DecisionTransformer, context: int = 4, **traits: Any) -> CartPole:
    return CartPole(model, context=context, **traits)


EXHIBITS = {
    "beginning": lambda: figure(random_player(1), 20),
    "played": lambda: figure(steady(), scale=EpisodeScale(100.0), step=37, pushes="20l.37r"),
    "over": lambda: figure(random_player(2), step=200, layer=1, head=0, asked=5),
}


class Played(NamedTuple):
    """An episode in Python: a state more than there are actions, where it is over."""

    states: list[list[float]]
    actions: list[int]
    logits: list[Tensor]
    attention: list[Tensor]
    terminated: bool


def played(
    model: DecisionTransformer,
    asked: int,
    seed: int,
    context: int,
    steps: int = 200,
    scale: EpisodeScale | None = None,
    pushes: Sequence[tuple[int, int]] = (),
) -> Played:
    """Play in gymnasium, where the model reads windows padded on the left, as in training."""
    scale = scale or EpisodeScale()
    world = gymnasium.make("CartPole-v1", max_episode_steps=200)
    seen, _ = world.reset(seed=seed)
    told = Played([world.unwrapped.state.tolist()], [], [], [], False)
    observed, left, over = [], float(asked), False
    returns: list[float] = []
    for t in range(steps):
        for when, side in pushes:
            if when == t:
                world.unwrapped.state[3] += side * PUSH
                told.states[t][3] += side * PUSH
                seen = world.unwrapped.state.astype("float32")
        observed.append(torch.from_numpy(seen.copy()))
        returns.append(left / scale.returns)
        missing = max(0, context - t - 1)

        def window(rows: Sequence[Any], missing: int = missing) -> Tensor:
            newest = torch.stack([torch.as_tensor(row) for row in rows[-context:]])
            return torch.cat([newest.new_zeros(missing, *newest.shape[1:]), newest])[None]

        keep = torch.arange(context)[None] >= missing
        with record_attention(model) as maps, torch.no_grad():
            said = model(
                window([torch.tensor(r, dtype=torch.float64) for r in returns]),
                window([scale.states(o.double()) for o in observed]),
                window([*told.actions, 0]),
                window([*range(t + 1)]),
                keep=keep,
            )
        told.logits.append(said.actions[0, -1])
        found = torch.cat([*maps.values()])[:, :, -2, 3 * missing : -1]
        told.attention.append(found)
        told.actions.append(int(said.actions[0, -1].argmax()))
        seen, reward, terminated, truncated, _ = world.step(told.actions[-1])
        told.states.append(world.unwrapped.state.tolist())
        left -= float(reward)
        over = terminated or truncated
        if over:
            break
    return told._replace(terminated=over and terminated)


def shown(page: Page, what: str) -> Any:
    return json.loads(page.locator(".tx-stage").get_attribute(f"data-{what}") or "null")


def told(page: Page, what: str) -> str:
    return page.locator(".tx-stage").get_attribute(f"data-{what}") or ""


def setting(page: Page, **traits: Any) -> None:
    page.evaluate("(t) => Object.entries(t).forEach(([n, v]) => model.set(n, v))", traits)


def compare(page: Page, want: Played, step: int) -> None:
    assert told(page, "step") == str(step)
    assert_close(shown(page, "state"), want.states[step], rtol=0, atol=1e-9)
    at = min(step, len(want.logits) - 1)
    assert_close(torch.tensor(shown(page, "logits")).double(), want.logits[at], rtol=0, atol=1e-6)
    assert told(page, "actions") == "".join(map(str, want.actions[: at + 1]))


@pytest.mark.parametrize(("kind", "count"), [(0, 220), (1, 40), (2, 40), (3, 40)])
def test_over_220_states_and_more_world_and_answers_are_pythons(
    widget_page: OpenPage, kind: int, count: int
) -> None:
    model = random_player(10 + kind, **KINDS[kind])
    page = widget_page(figure(model, 5, scale=SCALE))
    compared, seed, asked = 0, 0, 40
    while compared < count:
        want = played(model, asked, seed, 5, scale=SCALE)
        setting(page, asked=asked, seed=seed, step=0)
        for step in range(len(want.states)):
            setting(page, step=step)
            compare(page, want, step)
            if step % 7 == 0 and step < len(want.attention):
                got = torch.tensor(shown(page, "weights"), dtype=torch.float64)
                assert_close(got, want.attention[step].mean((0, 1)), rtol=0, atol=1e-9)
        far = abs(want.states[-1][0]) > 2.4
        lost = "off the track" if far else "fallen"
        assert told(page, "over") == (lost if want.terminated else "cut off")
        compared += len(want.states)
        seed, asked = (seed + 1) % 20, asked % 190 + 35
    page.trace.assert_clean()


def test_an_episode_of_200_steps_is_gymnasiums(widget_page: OpenPage) -> None:
    """The pole stands to the limit, and every state of it is the same to nine digits."""
    model, scale = steady(), EpisodeScale(100.0)
    want = played(model, 200, 3, 4, scale=scale)
    assert len(want.actions) == 200
    assert not want.terminated
    page = widget_page(figure(model, scale=scale, asked=200, seed=3))
    for step in [*range(0, 200, 11), 199, 200]:
        setting(page, step=step)
        compare(page, want, step)
    assert told(page, "over") == "cut off"
    expect(page.get_by_role("status")).to_have_text(
        "The episode is cut off after 200 steps: 200 were asked for."
    )


def test_a_push_changes_what_comes_and_not_what_was(widget_page: OpenPage) -> None:
    model, scale = steady(), EpisodeScale(100.0)
    page = widget_page(figure(model, scale=scale, seed=1))
    hand = [(4, 1), (4, 1), (9, -1)]
    want = played(model, 120, 1, 4, scale=scale, pushes=hand)
    alone = played(model, 120, 1, 4, scale=scale)
    setting(page, step=4)
    compare(page, alone, 4)
    for _ in range(2):
        page.get_by_role("button", name="push right").click()
    compare(page, want, 4)
    setting(page, step=9)
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("model.get('pushes')") == "4r.4r.9l"
    compare(page, want, 9)
    for step in (10, 17, 33):
        setting(page, step=step)
        compare(page, want, step)
    page.trace.assert_clean()


def test_the_reader_plays_asks_and_begins_anew(widget_page: OpenPage) -> None:
    page = widget_page(figure(steady(), scale=EpisodeScale(100.0), asked=60))
    one = page.get_by_role("button", name="one step")
    for step in (1, 2, 3):
        one.click()
        assert told(page, "step") == str(step)
    rows = page.locator(".cp-rows li")
    expect(rows.nth(0)).to_have_text("return so far3")
    expect(rows.nth(1)).to_have_text("return-to-go57")
    page.get_by_role("button", name="push left").click()
    play = page.locator(".tx-play")
    play.click()
    page.wait_for_function("Number(document.querySelector('.tx-stage').dataset.step) > 6")
    page.get_by_role("button", name="push right").click()  # and the play goes on
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowRight")
    here = int(told(page, "step"))
    page.wait_for_function(f"Number(document.querySelector('.tx-stage').dataset.step) > {here + 3}")
    play.click()
    assert page.evaluate("model.get('pushes')").count("r") == 2
    page.get_by_role("button", name="another beginning").click()
    state = page.evaluate("['seed', 'step', 'pushes'].map((name) => model.get(name))")
    assert state == [1, 0, ""]
    slider = page.get_by_label("Asked for")
    slider.focus()
    one.click()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("['asked', 'step'].map((name) => model.get(name))") == [65, 0]
    page.trace.assert_clean()


def test_where_it_is_over_nothing_is_pushed_and_play_begins_again(widget_page: OpenPage) -> None:
    page = widget_page(figure(random_player(2), step=199, asked=100, pushes="2r"))
    assert told(page, "over") == "fallen"
    steps = int(told(page, "step"))
    expect(page.get_by_role("status")).to_contain_text(f"after {steps} steps: 100 were asked for.")
    expect(page.get_by_role("button", name="push left")).to_be_disabled()
    expect(page.get_by_role("button", name="one step")).to_be_disabled()
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("model.get('pushes')") == "2r"
    page.locator(".tx-play").click()
    page.wait_for_function("document.querySelector('.tx-stage').dataset.over === ''")
    assert page.evaluate("model.get('pushes')") == ""


@pytest.mark.parametrize("pushes", ["", "3r.3r.5l.60r"])
def test_the_code_computes_what_is_shown(widget_page: OpenPage, pushes: str) -> None:
    made = figure(random_player(5), 6, scale=SCALE, step=7, pushes=pushes, layer=1, asked=90)
    page = widget_page(made)
    page.get_by_role("button", name="copy as code").click()
    code = page.get_by_role("region", name="The same in Python").inner_text()
    assert max(map(len, code.splitlines())) <= 110
    space: dict[str, Any] = {}
    exec(code, space)
    assert_close(space["logits"].tolist(), shown(page, "logits"), rtol=0, atol=1e-6)
    assert_close(space["attention"].tolist(), shown(page, "weights"), rtol=0, atol=1e-9)
    assert "".join(map(str, space["actions"])) == told(page, "actions")


def test_pushes_that_cannot_be_read_are_left_out(widget_page: OpenPage) -> None:
    page = widget_page(figure(random_player(6), step=5, pushes="x.r3.3.3x.1000r.2r.-1l..2R"))
    odd = shown(page, "state")
    other = widget_page(figure(random_player(6), step=5, pushes="2r"))
    assert shown(other, "state") == odd


def test_the_model_is_light_and_stands_apart(tmp_path: Any, browser: Browser) -> None:
    address = lay_out(figure(random_player(3, **LARGE), 20, limit=500), tmp_path)
    files = sorted(path.stat().st_size for path in tmp_path.glob("*.js"))
    assert len(files) == 2
    assert files[0] < 100_000  # the figure itself
    assert files[1] < MEBIBYTES * 2**20
    page = open_watched(browser, "file://")
    try:
        page.goto(address)
        settle(page)
        assert told(page, "step") == "0"
        page.trace.assert_clean()
    finally:
        page.context.close()


def test_nothing_moves_while_it_is_played(widget_page: OpenPage) -> None:
    dice = random.Random(0)
    for width in (360, 700, 1280):
        page = widget_page(figure(steady(), 20, scale=EpisodeScale(100.0)), width=width)
        where = """() => [...document.querySelectorAll(
            ".cp-world, .cp-rows li, .cp-read, .tx-status, .tx-tools, .tx-widget")].map((n) => {
                const { x, y, width, height } = n.getBoundingClientRect();
                return [x, y, width, height];
            })"""
        before = page.evaluate(where)
        for state in [{"step": 1}, {"step": 25}, {"step": 25, "pushes": "25l"}, {"step": 120}]:
            setting(page, seed=dice.randrange(20), **state)
            assert page.evaluate(where) == before
