"""From episodes to batches: windows of the last steps, with the returns that were to come.

A window ends at each step of each episode, so that a model learns from the contexts in which it
will act: short ones at the start of an episode, padded on the left.

Source
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    algorithm 1 and section 3.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from txlite._checks import check_positive, check_rate, check_shape, check_share, check_whole
from txlite._epochs import Epochs
from txlite.data.episodes import Episode, returns_to_go

__all__ = ["EpisodeBatch", "EpisodeScale", "EpisodeWindows", "shuffled_totals"]


@dataclass(frozen=True)
class EpisodeScale:
    """The units in which a model reads returns and states: one object for training and acting.

    Parameters
    ----------
    returns : float
        What one is, of the return that a model reads.
    mean, std : tuple of float
        Of each number of a state; with none, states are read as they are.

    Raises
    ------
    ValueError
        If a unit is not positive, or there are not as many means as deviations.
    """

    returns: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "returns", check_rate("returns", self.returns))
        if len(self.mean) != len(self.std):
            raise ValueError(
                f"std should have as many numbers as mean, {len(self.mean)}, got {len(self.std)}"
            )
        for deviation in self.std:
            check_rate("each of std", deviation)

    @classmethod
    def of(cls, episodes: Sequence[Episode], *, returns: float = 1.0) -> "EpisodeScale":
        """Measure the states of episodes.

        Parameters
        ----------
        episodes : sequence of Episode
            What a model will learn from.
        returns : float
            The unit of returns, for instance the largest one.

        Returns
        -------
        EpisodeScale
            The mean and the deviation of each number over all steps. A number that never changes
            keeps its unit.

        Raises
        ------
        ValueError
            If there is no episode, or the unit is not positive.
        """
        _check(episodes)
        states = torch.cat([episode.observations[:-1] for episode in episodes]).double()
        std = states.std(0, correction=0)
        std = torch.where(std > 1e-6, std, 1.0)
        return cls(returns, tuple(states.mean(0).tolist()), tuple(std.tolist()))

    def states(self, states: Float[Tensor, "*B S"]) -> Float[Tensor, "*B S"]:
        """Return states as a model reads them.

        Parameters
        ----------
        states : Tensor, shape (..., S)
            As they were observed.

        Returns
        -------
        Tensor, shape (..., S)
            Each number less its mean, in its deviations.

        Raises
        ------
        ValueError
            If a state has another number of numbers.
        """
        if not self.mean:
            return states
        check_shape("states", states, "*B S", S=len(self.mean))
        return (states - states.new_tensor(self.mean)) / states.new_tensor(self.std)


class EpisodeBatch(NamedTuple):
    """Windows of steps, padded on the left, as a Decision Transformer reads them."""

    returns: Float[Tensor, "B T"]
    """Returns to go, in the unit of the scale; zeros for a model that is asked for none."""
    states: Float[Tensor, "B T S"]
    """As the scale says."""
    actions: Shaped[Tensor, "B T ..."]
    """Numbers of actions, (B, T), or an action's numbers, (B, T, A)."""
    timesteps: Int[Tensor, "B T"]
    """Which step of its episode each is, from 0."""
    keep: Bool[Tensor, "B T"]
    """True for a step, False for padding, whose other entries are zero."""


class EpisodeWindows(Epochs):
    """Batches of windows; each step of each episode ends one window of an epoch.

    Parameters
    ----------
    episodes : sequence of Episode
        What there is to learn from.
    context : int
        Steps in a window.
    batch_size : int
        Windows in a batch; the last ones of an epoch may have fewer.
    seed : int
        Decides all orders.
    scale : EpisodeScale, optional
        The units of returns and states; by default as they are.
    discount : float
        What a reward is worth one step later, in [0, 1].
    conditioned : bool
        Whether a window tells the returns. Without them a model clones the behaviour, whatever it
        was worth.
    totals : sequence of float, optional
        The return that each episode is said to have had, in place of its own: see
        :func:`shuffled_totals`. What is to go differs by as much at every step; only without a
        discount.

    Raises
    ------
    ValueError
        If there is no episode, they differ in their states or actions, a number is out of range, or
        there are not as many totals as episodes.

    Examples
    --------
    >>> rewards = torch.tensor([1.0, 2.0, 3.0])
    >>> episode = Episode(torch.zeros(4, 2), torch.tensor([0, 1, 1]), rewards, terminated=True)
    >>> batch = next(iter(EpisodeWindows([episode], context=2, batch_size=3, shuffle=False)))
    >>> batch.returns
    tensor([[0., 6.],
            [6., 5.],
            [5., 3.]])
    """

    def __init__(
        self,
        episodes: Sequence[Episode],
        *,
        context: int,
        batch_size: int,
        seed: int = 0,
        scale: EpisodeScale | None = None,
        discount: float = 1.0,
        conditioned: bool = True,
        totals: Sequence[float] | None = None,
        shuffle: bool = True,
    ) -> None:
        super().__init__(seed, shuffle)
        self.context = check_positive("context", context)
        self.batch_size = check_positive("batch_size", batch_size)
        self.scale = EpisodeScale() if scale is None else scale
        self.discount = check_share("discount", discount)
        self.conditioned = conditioned
        _check(episodes)
        to_go = [returns_to_go(episode.rewards, self.discount) for episode in episodes]
        if totals is not None:
            if len(totals) != len(episodes) or self.discount != 1.0:
                raise ValueError(
                    f"totals should be {len(episodes)} numbers, and the discount 1, got "
                    f"{len(totals)} and a discount of {self.discount}"
                )
            to_go = [rest - rest[0] + total for rest, total in zip(to_go, totals, strict=True)]
        returns = torch.cat(to_go) / self.scale.returns
        self._returns = returns if conditioned else torch.zeros_like(returns)
        states = torch.cat([episode.observations[:-1] for episode in episodes])
        self._states = self.scale.states(states)
        self._actions = torch.cat([episode.actions for episode in episodes])
        lengths = [len(episode) for episode in episodes]
        self._timesteps = torch.cat([torch.arange(length) for length in lengths])

    def __len__(self) -> int:
        return -(-len(self._timesteps) // self.batch_size)

    def batch(self, rows: Sequence[int]) -> EpisodeBatch:
        """Put the windows together that end at some steps.

        Parameters
        ----------
        rows : sequence of int
            Which steps, counted through all episodes.

        Returns
        -------
        EpisodeBatch
            A row for each.
        """
        last = torch.as_tensor(rows)[:, None]
        back = torch.arange(self.context - 1, -1, -1)
        keep = back <= self._timesteps[last]
        at = torch.where(keep, last - back, last)
        actions, hidden = self._actions[at], ~keep
        return EpisodeBatch(
            self._returns[at].masked_fill(hidden, 0.0),
            self._states[at].masked_fill(hidden[..., None], 0.0),
            actions.masked_fill(hidden if actions.ndim == 2 else hidden[..., None], 0),
            self._timesteps[at].masked_fill(hidden, 0),
            keep,
        )

    def _plan(self) -> list[list[int]]:
        rows = list(range(len(self._timesteps)))
        if self.shuffle:
            random.Random(f"windows {self.seed} {self.epoch}").shuffle(rows)
        size = self.batch_size
        return [rows[begin : begin + size] for begin in range(0, len(rows), size)]

    def _batch(self, rows: Sequence[int]) -> EpisodeBatch:
        return self.batch(rows)

    def _identity(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "size": len(self._timesteps),
            "batch_size": self.batch_size,
            "context": self.context,
            "conditioned": self.conditioned,
            "discount": self.discount,
            "shuffle": self.shuffle,
        }


def shuffled_totals(episodes: Sequence[Episode], *, seed: int = 0) -> list[float]:
    """Return the returns of episodes in another order: what they tell is then nothing.

    Parameters
    ----------
    episodes : sequence of Episode
        At least one.
    seed : int
        Decides the order.

    Returns
    -------
    list of float
        The same returns, each given to an episode by chance.

    Raises
    ------
    ValueError
        If there is no episode, or the seed is no whole number.
    """
    _check(episodes)
    totals = [episode.total for episode in episodes]
    random.Random(f"totals {check_whole('seed', seed)}").shuffle(totals)
    return totals


def _check(episodes: Sequence[Episode]) -> None:
    """Refuse none, and episodes of several environments."""
    if not episodes:
        raise ValueError("episodes should hold at least one episode, got none")
    first = episodes[0]
    for episode in episodes:
        kinds = [
            (e.observations.shape[1:], e.actions.shape[1:], e.actions.dtype)
            for e in (first, episode)
        ]
        if kinds[0] != kinds[1]:
            raise ValueError(
                f"episodes should be alike in states and actions, {kinds[0]}, got {kinds[1]}"
            )
