"""Exercise: the last steps of an episode, filled up on the left.

Sources
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    section 3 and algorithm 1: the last K steps. That padding stands on the left is the choice of
    the authors' code.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, halves, swapped

__all__ = ["acting_window"]


def _until_now(now: int, window: int) -> Tensor:
    return torch.arange(max(0, now + 1 - window), now + 1, device="cpu")


def _on_the_left(rows: Tensor, missing: int) -> Tensor:
    return torch.cat([rows.new_zeros(missing, rows.shape[1]), rows])


def _as_played(steps: Tensor) -> Tensor:
    return steps


def _kept(steps: Tensor) -> Tensor:
    return torch.ones_like(steps)


def _window_recipe(
    returns: Tensor,
    states: Tensor,
    now: int,
    window: int,
    steps: Step = _until_now,
    timesteps: Step = _as_played,
    fill: Step = _on_the_left,
) -> Tensor:
    chosen = steps(now, window)
    told = [_kept(chosen), timesteps(chosen), returns[chosen]]
    rows = torch.cat([torch.stack(told, 1).to(states.dtype), states[chosen]], 1)
    found: Tensor = fill(rows, max(0, window - len(rows)))
    return found


def _on_the_right(rows: Tensor, missing: int) -> Tensor:
    return torch.cat([rows, rows.new_zeros(missing, rows.shape[1])])


def _first_repeated(rows: Tensor, missing: int) -> Tensor:
    again = rows[:1].expand(missing, -1) * torch.tensor([0.0] + [1.0] * (rows.shape[1] - 1))
    return torch.cat([again, rows])


def _return_repeated(rows: Tensor, missing: int) -> Tensor:
    blank = rows.new_zeros(missing, rows.shape[1])
    blank[:, 2] = rows[0, 2]
    return torch.cat([blank, rows])


def _inverted(rows: Tensor, missing: int) -> Tensor:
    filled = _on_the_left(rows, missing)
    return torch.cat([1 - filled[:, :1], filled[:, 1:]], 1)


def _all_kept(rows: Tensor, missing: int) -> Tensor:
    filled = _on_the_left(rows, missing)
    return torch.cat([torch.ones_like(filled[:, :1]), filled[:, 1:]], 1)


def _times_run_on(rows: Tensor, missing: int) -> Tensor:
    """Let the padding be the steps −2, −1: what counting back from now gives."""
    filled = _on_the_left(rows, missing)
    filled[:missing, 1] = torch.arange(-missing, 0, device="cpu").to(rows.dtype)
    return filled


def _counted_with_padding(rows: Tensor, missing: int) -> Tensor:
    filled = _on_the_left(rows, missing)
    filled[:, 1] = torch.arange(len(filled), device="cpu").to(rows.dtype)
    return filled


def _not_filled(rows: Tensor, missing: int) -> Tensor:
    return rows


def _restarted(steps: Tensor) -> Tensor:
    return torch.arange(len(steps), device="cpu")


def _case(seed: int, length: int, size: int, now: int, window: int) -> tuple[object, ...]:
    returns = torch.arange(9, 9 - length, -1, dtype=torch.float32, device="cpu")
    return returns, halves(seed, length, size) + 3, now, window


acting_window = Exercise(
    name="acting_window",
    signature=("f(returns: (L,), states: (L, S), now: int, window: int) -> (window, 3 + S)"),
    task=(
        "An episode is at step `now`, counted from 0. Return what the model reads: the last "
        "`window` steps, the newest last, `now` among them. A row holds 1, the step's timestep in "
        "the episode, its return-to-go, and its state. Where the episode is still shorter than "
        "the window, rows of zeros stand in front."
    ),
    inputs=("returns", "states", "now", "window"),
    reference=_window_recipe,
    cases=(
        _case(1, 3, 1, 1, 3),
        _case(2, 5, 2, 4, 3),
        _case(3, 6, 2, 1, 4),
        _case(4, 6, 3, 3, 2),
        _case(6, 7, 2, 4, 5),
    ),
    bank=(
        swapped(
            _window_recipe,
            "padding on the right",
            "The padding stands behind the steps. The newest step is then at another position "
            "every time, and no longer the last one, where the action is read.",
            fill=_on_the_right,
        ),
        swapped(
            _window_recipe,
            "timesteps restarted",
            "The timesteps of every window begin at 0. The model is to know how far the episode "
            "is: a window from its middle must not look like its beginning.",
            timesteps=_restarted,
        ),
        swapped(
            _window_recipe,
            "timesteps counted with the padding",
            "The timesteps are positions in the window, with the padding counted. They are those "
            "of the episode, whose first step is 0 however much padding stands before it.",
            fill=_counted_with_padding,
        ),
        swapped(
            _window_recipe,
            "the mask inverted",
            "The first number of a row is 1 for padding and 0 for a step: it is the other way "
            "round, as everywhere in txlite.",
            fill=_inverted,
        ),
        swapped(
            _window_recipe,
            "padding not marked",
            "Every row is marked with 1. The model would attend to the zeros in front as to "
            "steps that were played.",
            fill=_all_kept,
        ),
        swapped(
            _window_recipe,
            "the return in the padding",
            "The padding holds the return that was asked for. A row in front of the episode "
            "holds nothing: zeros, and 0 for padding.",
            fill=_return_repeated,
        ),
        swapped(
            _window_recipe,
            "the first step repeated",
            "The episode's first step stands in the padding too. Rows of zeros are wanted.",
            fill=_first_repeated,
        ),
        swapped(
            _window_recipe,
            "timesteps below zero",
            "The padding has the timesteps -1, -2 and so on, which a table of embeddings either "
            "refuses or takes from its end.",
            fill=_times_run_on,
        ),
        swapped(
            _window_recipe,
            "without the present step",
            "The window ends a step too early: the state in which an action is to be chosen is "
            "missing.",
            steps=lambda now, window: _until_now(now - 1, window),
        ),
        swapped(
            _window_recipe,
            "the first steps",
            "These are the first steps of the episode. However long it lasts, the model would see "
            "its beginning only.",
            steps=lambda now, window: torch.arange(min(now + 1, window), device="cpu"),
        ),
        swapped(
            _window_recipe,
            "one step too few",
            "A window of window - 1 steps is taken, and padding where a step could stand.",
            steps=lambda now, window: _until_now(now, window - 1),
        ),
        swapped(
            _window_recipe,
            "the whole episode",
            "Nothing is cut off in front: all steps until now are there, more than the window.",
            steps=lambda now, window: torch.arange(now + 1, device="cpu"),
        ),
        swapped(
            _window_recipe,
            "the newest first",
            "The steps run backwards. A causal mask would let each attend to later ones alone.",
            steps=lambda now, window: _until_now(now, window).flip(0),
        ),
        swapped(
            _window_recipe,
            "not filled up",
            "The window is short at the beginning of the episode. Rows of zeros fill it up.",
            fill=_not_filled,
        ),
    ),
    praise="The newest step is the last row, whatever the episode's length.",
    differentiable=False,
)
