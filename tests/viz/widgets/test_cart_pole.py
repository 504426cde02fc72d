"""The cart and its pole carry what the page computes with, and begin where gymnasium does."""

from types import SimpleNamespace
from typing import Any

import gymnasium
import pytest
import torch
import traitlets
from torch.testing import assert_close

from txlite.data.episode_windows import EpisodeScale
from txlite.models import DecisionTransformer, DecisionTransformerConfig
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.cart_pole import CartPole

SIZES: dict[str, Any] = {
    "state_dim": 4, "action_dim": 2, "discrete_actions": True, "max_len": 200,
    "d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1,
}  # fmt: skip


def model(**choices: Any) -> DecisionTransformer:
    return DecisionTransformer(DecisionTransformerConfig(**(SIZES | choices))).half().float()


def figure(**changes: Any) -> CartPole:
    return CartPole(changes.pop("made", None) or model(), **({"context": 3} | changes))


def test_config_weights_and_units_come_back_as_they_were() -> None:
    made = model(norm_first=False, activation="gelu")
    scale = EpisodeScale(200.0, (1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0))
    told = figure(made=made, scale=scale, asked=60, step=7, pushes="3r")
    other = DecisionTransformer(DecisionTransformerConfig(**told.config))
    other.load_state_dict({n: x.float() for n, x in told.weights.tensors.items()})
    for want, got in zip(made.parameters(), other.parameters(), strict=True):
        assert torch.equal(want, got)
    assert not told.stack["norm_first"]
    assert told.weights.apart
    assert told.scale == {"returns": 200.0, "mean": [1, 2, 3, 4], "std": [5, 6, 7, 8]}
    assert figure().scale == {"returns": 1.0, "mean": [], "std": []}
    assert (told.asked, told.seed, told.step, told.pushes) == (60, 0, 7, "3r")
    assert (told.context, told.limit) == (3, 200)


def test_episodes_begin_where_gymnasiums_begin() -> None:
    starts = figure(beginnings=25).starts["states"]
    world = gymnasium.make("CartPole-v1").unwrapped
    for seed in range(25):
        world.reset(seed=seed)
        assert starts[seed].tolist() == world.state.tolist()
    assert len(figure().starts["states"]) == 20


@pytest.mark.parametrize("context", [1, 3, 9])
def test_what_is_read_are_the_last_steps_in_the_models_units(context: int) -> None:
    scale = EpisodeScale(50.0, (0.5, 0.25, -1.0, 0.0), (2.0, 1.0, 0.5, 4.0))
    made = figure(context=context, scale=scale)
    states = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    read = made.reads(120, states.tolist(), [1, 0, 1, 1, 0])
    first = max(0, 6 - context)
    assert read.timesteps.tolist() == [[*range(first, 6)]]
    want = [[(120 - step) / 50 for step in range(first, 6)]]
    assert_close(read.returns, torch.tensor(want, dtype=torch.float64), rtol=0, atol=0)
    assert read.actions.tolist() == [[1, 0, 1, 1, 0, 0][first:]]
    assert_close(read.states[0], scale.states(states.float().double()[first:]), rtol=0, atol=0)
    assert not torch.equal(read.states[0], scale.states(states[first:]))  # float32 is observed


def test_what_it_reads_is_what_a_model_takes_and_the_unknown_action_is_seen_by_no_decision() -> (
    None
):
    made = model().double()
    read = figure(made=made).reads(90.5, [[0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.0, 0.5]], [1])
    said = made.eval()(*read).actions
    assert said.shape == (1, 2, 2)
    other = read._replace(actions=torch.tensor([[1, 1]]))
    assert torch.equal(made(*other).actions, said)


def test_what_the_page_cannot_compute_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="discrete_actions should be True for CartPole, got False"):
        figure(made=model(discrete_actions=False))
    with pytest.raises(ValueError, match="state_dim should be 4 for CartPole, got 3"):
        figure(made=model(state_dim=3))
    with pytest.raises(ValueError, match="action_dim should be 2 for CartPole, got 5"):
        figure(made=model(action_dim=5))
    with pytest.raises(
        ValueError, match="limit should be at most the model's max_len=200, got 201"
    ):
        figure(limit=201)
    with pytest.raises(ValueError, match="scale should have a mean of 4 numbers, got 3"):
        figure(scale=EpisodeScale(1.0, (0.0,) * 3, (1.0,) * 3))
    for name in ("context", "limit", "beginnings"):
        with pytest.raises(ValueError, match=rf"{name} should be .*positive.*got 0"):
            figure(**{name: 0})
    with pytest.raises(ValueError, match=r"scale\.returns should be a positive number, got 0"):
        figure(scale=SimpleNamespace(returns=0, mean=(), std=()))
    odd = model()
    with torch.no_grad():
        odd.action_head.bias.fill_(0.1)
    with pytest.raises(ValueError, match=r"float16 numbers.*action_head\.bias is not"):
        figure(made=odd)


def test_what_is_no_episode_is_refused() -> None:
    made = figure()
    for states, actions in (([], []), ([[0.0] * 4], [1]), ([[0.0] * 4] * 3, [1])):
        with pytest.raises(ValueError, match="actions should be one fewer than the states, got"):
            made.reads(10, states, actions)
    with pytest.raises(ValueError, match="asked should be a finite number, got nan"):
        made.reads(float("nan"), [[0.0] * 4], [])


def test_the_page_is_told_all_of_it_and_what_a_reader_chooses_within_which_limits() -> None:
    mine = set(CartPole.class_traits()) - set(Widget.class_traits())
    assert mine | {"title"} <= set(CartPole.class_traits(sync=True))
    told = figure().frame
    whole = {"min": -1, "whole": True}
    assert told["choices"] == {
        "asked": {"min": 0, "max": 1000, "whole": True}, "seed": {"min": 0, "whole": True},
        "step": {"min": 0, "max": 1000, "whole": True}, "pushes": {}, "layer": whole, "head": whole,
    }  # fmt: skip
    assert told["beginning"] == {
        "asked": 120, "seed": 0, "step": 0, "pushes": "", "layer": -1, "head": -1,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [("asked", -1), ("step", 1001), ("seed", -1)])
def test_what_is_out_of_range_is_refused(name: str, value: int) -> None:
    made = figure()
    with pytest.raises(traitlets.TraitError):
        setattr(made, name, value)
