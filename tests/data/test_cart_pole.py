"""CartPole's episodes: random linear policies, and one that is too good to be asked for less."""

import re

import numpy as np
import pytest
import torch

from txlite.data.cart_pole import LIMIT, cart_pole, linear_episodes, steady_episodes
from txlite.data.episodes import episode_seed


def test_each_episode_is_played_by_a_linear_policy_of_its_own() -> None:
    for i, episode in enumerate(linear_episodes(6, seed=3)):
        w = np.random.default_rng((episode_seed(3, i), 1)).standard_normal(4)
        pushed = episode.observations[:-1].numpy() @ w > 0
        assert episode.actions.tolist() == pushed.astype(int).tolist()
        assert episode.rewards.eq(1).all()
        assert episode.terminated != episode.truncated
        assert episode.truncated == (len(episode) == LIMIT)


def test_chance_knows_nothing_of_where_a_cart_begins() -> None:
    """The cart draws from a stream of its own: from one stream, beginnings would decide pushes."""
    episodes = steady_episodes(300, noise=0.5, limit=1)
    begun = torch.stack([e.observations[0] for e in episodes]).double()
    steady = begun @ torch.tensor([0.1, 0.3, 1.0, 1.0]).double() > 0
    by_chance = torch.cat([e.actions for e in episodes]) != steady.long()
    for side in (begun[:, 0] < 0, begun[:, 0] > 0):
        assert 0.1 < by_chance[side].double().mean() < 0.4  # a quarter


def test_returns_of_all_kinds_are_told() -> None:
    totals = torch.tensor([episode.total for episode in linear_episodes(150)])
    assert 30 < totals.mean() < 80
    assert 8 <= totals.median() < 40
    for low, high in ((0, 20), (20, 70), (70, 199), (199, 201)):
        assert ((totals > low) & (totals < high)).any()


def test_the_first_ones_are_the_same_for_every_count_and_another_seed_is_other() -> None:
    few, more, other = linear_episodes(2), linear_episodes(4), linear_episodes(2, seed=1)
    for a, b, c in zip(few, more, other, strict=False):
        assert torch.equal(a.observations, b.observations)
        assert not torch.equal(a.observations[0], c.observations[0])


def test_the_steady_policy_stands_whatever_chance_does() -> None:
    episodes = steady_episodes(8, noise=0.2)
    totals = torch.tensor([episode.total for episode in episodes])
    assert totals.median() == LIMIT
    assert len({tuple(episode.actions.tolist()) for episode in episodes}) == 8
    pure = steady_episodes(2, noise=0.0)
    lean = pure[0].observations[:-1].numpy() @ np.array([0.1, 0.3, 1.0, 1.0])
    assert pure[0].actions.tolist() == (lean > 0).astype(int).tolist()
    fallen = torch.tensor([e.total for e in steady_episodes(8, noise=1.0)])
    assert fallen.mean() < 50


def test_the_limit_cuts_off() -> None:
    episode = steady_episodes(1, noise=0.0, limit=7)[0]
    assert (len(episode), episode.terminated, episode.truncated) == (7, False, True)
    assert cart_pole(9).spec.max_episode_steps == 9


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    for refused, message in (
        (lambda: linear_episodes(0), "count should be a positive whole number, got 0"),
        (lambda: linear_episodes(1, seed=0.5), "seed should be a whole number, got 0.5"),  # type: ignore[arg-type]
        (lambda: linear_episodes(1, limit=0), "limit should be a positive whole number, got 0"),
        (lambda: steady_episodes(1, noise=2.0), "noise should be a number in [0, 1], got 2.0"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            refused()
