"""Windows of steps: padded on the left, never over two episodes, each step last in one of them."""

import re
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.data.episode_windows import EpisodeScale, EpisodeWindows, shuffled_totals
from txlite.data.episodes import Episode, returns_to_go

LENGTHS, S = [5, 1, 3], 2


def drawn(*, boxes: bool = False) -> list[Episode]:
    made = []
    for steps in LENGTHS:
        actions = torch.randn(steps, 4) if boxes else torch.randint(3, (steps,))
        made.append(Episode(torch.randn(steps + 1, S), actions, torch.rand(steps)))
    return made


def windows(episodes: list[Episode], **options: Any) -> EpisodeWindows:
    return EpisodeWindows(episodes, **{"context": 4, "batch_size": 2, **options})


@pytest.mark.kills(
    "windows: they run into the episode before",
    "data/episode_windows.py",
    "keep = back <= self._timesteps[last]",
    "keep = back <= last",
)
@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize("context", [1, 4, 7])
def test_a_window_is_the_last_steps_of_its_own_episode(context: int, boxes: bool) -> None:
    episodes = drawn(boxes=boxes)
    batch = windows(episodes, context=context, discount=0.9).batch(range(sum(LENGTHS)))
    row = 0
    for episode in episodes:
        to_go = returns_to_go(episode.rewards, 0.9)
        for t in range(len(episode)):
            n = min(t + 1, context)
            since = t + 1 - n
            assert batch.keep[row].tolist() == [False] * (context - n) + [True] * n
            for got, want in (
                (batch.returns, to_go),
                (batch.states, episode.observations),
                (batch.actions, episode.actions),
                (batch.timesteps, torch.arange(len(episode))),
            ):
                assert_close(got[row, context - n :], want[since : t + 1], rtol=0, atol=0)
                assert got[row, : context - n].eq(0).all()
            row += 1
    assert row == len(batch.keep)


def ends(source: EpisodeWindows) -> list[tuple[float, ...]]:
    return [tuple(row.tolist()) for batch in source for row in batch.states[:, -1]]


def test_each_step_ends_one_window_of_an_epoch_in_a_new_order_each_time() -> None:
    episodes = drawn()
    want = Counter(tuple(s.tolist()) for e in episodes for s in e.observations[:-1])
    source = windows(episodes)
    first, second = ends(source), ends(source)
    assert Counter(first) == Counter(second) == want
    assert first != second
    assert ends(windows(episodes)) == first
    assert ends(windows(episodes, seed=1)) != first
    assert ends(windows(episodes, shuffle=False)) == [
        tuple(s.tolist()) for e in episodes for s in e.observations[:-1]
    ]
    assert len(source) == 5


def test_it_goes_on_where_it_stood() -> None:
    episodes = drawn()
    source = windows(episodes)
    reader = iter(source)
    next(reader)
    next(reader)
    state = source.state_dict()
    rest = [batch.states for batch in reader]
    again = windows(episodes)
    again.load_state_dict(state)
    assert_close([batch.states for batch in again], rest, rtol=0, atol=0)
    for options in ({"context": 3}, {"conditioned": False}, {"discount": 0.5}, {"batch_size": 3}):
        with pytest.raises(ValueError, match=f"batches should have {next(iter(options))} "):
            windows(episodes, **options).load_state_dict(state)


def test_returns_and_states_have_the_units_of_the_scale() -> None:
    episodes = drawn()
    scale = EpisodeScale.of(episodes, returns=5.0)
    states = torch.cat([e.observations[:-1] for e in episodes])
    assert_close(torch.tensor(scale.mean), states.mean(0))
    assert_close(torch.tensor(scale.std), states.std(0, correction=0))
    got = windows(episodes, scale=scale, shuffle=False).batch(range(9))
    plain = windows(episodes, shuffle=False).batch(range(9))
    assert_close(got.returns * 5, plain.returns)
    assert_close(got.states[got.keep], scale.states(plain.states)[got.keep])
    assert got.states[~got.keep].eq(0).all()  # what is padded is zero in every unit
    assert_close(got.states[:, -1].mean(0), torch.zeros(S), rtol=0, atol=1e-6)
    assert_close(EpisodeScale().states(states), states)


def test_a_number_that_never_changes_keeps_its_unit() -> None:
    same = [Episode(torch.full((4, 2), 3.0), torch.zeros(3).long(), torch.ones(3))]
    assert EpisodeScale.of(same).std == (1.0, 1.0)


def test_cloning_reads_no_returns() -> None:
    batch = windows(drawn(), conditioned=False).batch(range(9))
    assert batch.returns.eq(0).all()


def test_totals_of_others_change_what_is_to_go_by_as_much_at_every_step() -> None:
    episodes = drawn()
    totals = [7.0, 8.0, 9.0]
    got = windows(episodes, totals=totals).batch(range(9)).returns
    want = windows(episodes).batch(range(9)).returns
    keep = windows(episodes).batch(range(9)).keep
    own = torch.tensor([e.total for e in episodes]).repeat_interleave(torch.tensor(LENGTHS))
    said = torch.tensor(totals).repeat_interleave(torch.tensor(LENGTHS))
    assert_close((got - want)[keep], (said - own)[:, None].expand_as(got)[keep])


def test_shuffled_totals_are_the_same_numbers_in_another_order() -> None:
    episodes = [
        Episode(torch.zeros(2, 1), torch.zeros(1).long(), torch.tensor([float(i)]))
        for i in range(20)
    ]
    got = shuffled_totals(episodes, seed=3)
    assert sorted(got) == list(range(20))
    assert got != list(range(20))
    assert got == shuffled_totals(episodes, seed=3) != shuffled_totals(episodes, seed=4)


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    episodes, x = drawn(), torch.zeros(1, 3)
    other = [*episodes, *drawn(boxes=True)]
    wide = [*episodes, Episode(torch.zeros(2, 3), torch.zeros(1).long(), torch.ones(1))]
    for refused, message in (
        (lambda: windows([]), "episodes should hold at least one episode, got none"),
        (lambda: windows(other), "episodes should be alike in states and actions"),
        (lambda: windows(wide), "episodes should be alike in states and actions"),
        (lambda: windows(episodes, context=0), "context should be a positive whole number, got 0"),
        (lambda: windows(episodes, batch_size=0), "batch_size should be a positive whole number"),
        (lambda: windows(episodes, discount=1.5), "discount should be a number in [0, 1], got 1.5"),
        (lambda: windows(episodes, totals=[1.0]), "totals should be 3 numbers, and the discount 1"),
        (
            lambda: windows(episodes, totals=[1.0] * 3, discount=0.5),
            "totals should be 3 numbers, and the discount 1, got 3 and a discount of 0.5",
        ),
        (lambda: EpisodeScale(0.0), "returns should be a positive number, got 0.0"),
        (lambda: EpisodeScale(1.0, (0.0,)), "std should have as many numbers as mean, 1, got 0"),
        (lambda: EpisodeScale(1.0, (0.0,), (0.0,)), "each of std should be a positive number"),
        (lambda: EpisodeScale.of(episodes).states(x), "states should have shape (*B, S=2), got (1"),
        (lambda: shuffled_totals([]), "episodes should hold at least one episode, got none"),
        (lambda: shuffled_totals(episodes, seed=0.5), "seed should be a whole number"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            refused()


def test_windows_are_what_fit_reads() -> None:
    """Trained on windows, a model says the actions."""
    from types import SimpleNamespace

    from torch import nn

    from txlite.training import adamw, fit
    from txlite.training.acting import action_loss

    class Linear(nn.Linear):
        def forward(self, returns: Tensor, states: Tensor, *rest: Any, keep: Tensor) -> Any:  # type: ignore[override]
            return SimpleNamespace(actions=super().forward(states))

    states = torch.randn(31, S)
    told = (states[:-1, 0] > 0).long()
    source = windows([Episode(states, told, torch.ones(30))], batch_size=10)
    model = Linear(S, 2)
    history = fit(model, source, action_loss, steps=200, optimizer=adamw(model, 0.1))
    assert history.losses[-1] < 0.1
