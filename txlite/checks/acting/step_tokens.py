"""Exercise: three tokens for each step, in the order in which a step happens.

Sources
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    section 3 and algorithm 1: return-to-go, state, action; one embedding of the
    timestep for the three tokens of a step.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, counting, halves, swapped

__all__ = ["step_tokens"]


def _of_the_steps(table: Tensor, timesteps: Tensor, kinds: Tensor) -> Tensor:
    return table[timesteps][:, :, None]


def _step_by_step(kinds: Tensor) -> Tensor:
    return kinds.flatten(1, 2)


def _in_order(returns: Tensor, states: Tensor, actions: Tensor) -> Tensor:
    return torch.stack([returns, states, actions], 2)


def _tokens_recipe(
    returns: Tensor,
    states: Tensor,
    actions: Tensor,
    table: Tensor,
    timesteps: Tensor,
    kinds: Step = _in_order,
    times: Step = _of_the_steps,
    laid: Step = _step_by_step,
) -> Tensor:
    together = kinds(returns, states, actions)
    found: Tensor = laid(together + times(table, timesteps, together))
    return found


def _state_first(returns: Tensor, states: Tensor, actions: Tensor) -> Tensor:
    return torch.stack([states, actions, returns], 2)


def _action_first(returns: Tensor, states: Tensor, actions: Tensor) -> Tensor:
    return torch.stack([returns, actions, states], 2)


def _action_of_before(returns: Tensor, states: Tensor, actions: Tensor) -> Tensor:
    before = torch.cat([torch.zeros_like(actions[:, :1]), actions[:, :-1]], 1)
    return torch.stack([returns, states, before], 2)


def _for_every_token(table: Tensor, timesteps: Tensor, kinds: Tensor) -> Tensor:
    ahead = torch.arange(3, device="cpu")
    return table[3 * timesteps[:, :, None] + ahead]


def _from_the_window(table: Tensor, timesteps: Tensor, kinds: Tensor) -> Tensor:
    return table[: timesteps.shape[1]][None, :, None]


def _tokens_of_the_window(table: Tensor, timesteps: Tensor, kinds: Tensor) -> Tensor:
    count = timesteps.shape[1]
    return table[: 3 * count].view(1, count, 3, -1)


def _states_alone(table: Tensor, timesteps: Tensor, kinds: Tensor) -> Tensor:
    only = torch.tensor([0.0, 1.0, 0.0], device="cpu")[:, None]
    return table[timesteps][:, :, None] * only


def _nothing(table: Tensor, timesteps: Tensor, kinds: Tensor) -> Tensor:
    return torch.zeros(())


def _kind_by_kind(kinds: Tensor) -> Tensor:
    return kinds.transpose(1, 2).flatten(1, 2)


def _features_mixed(kinds: Tensor) -> Tensor:
    return kinds.transpose(2, 3).reshape(kinds.shape[0], -1, kinds.shape[-1])


def _without_the_last(kinds: Tensor) -> Tensor:
    return _step_by_step(kinds)[:, :-1]


def _case(seed: int, batch: int, steps: int, width: int, *starts: int) -> tuple[object, ...]:
    first = torch.tensor(starts, device="cpu")[:, None]
    timesteps = first + torch.arange(steps, device="cpu")
    made = [halves(seed + n, batch, steps, width) for n in range(3)]
    size = 3 * (max(starts) + steps)
    return *made, halves(seed + 3, size, width) / 8, timesteps


def _first_case() -> tuple[object, ...]:
    made = [10 * n + counting(1, 2, 2) for n in (1, 2, 3)]
    return *made, counting(6, 2) / 100, torch.tensor([[0, 1]], device="cpu")


step_tokens = Exercise(
    name="step_tokens",
    signature=(
        "f(returns: (B, T, D), states: (B, T, D), actions: (B, T, D), table: (P, D), "
        "timesteps: (B, T) int) -> (B, 3T, D)"
    ),
    task=(
        "Returns-to-go, states and actions have been embedded, each by its own linear map. Add to "
        "each the row of the table that its step's timestep names, and lay out one sequence: the "
        "return of the first step, its state, its action, then the return of the second step, and "
        "so on."
    ),
    inputs=("returns", "states", "actions", "table", "timesteps"),
    reference=_tokens_recipe,
    cases=(
        _first_case(),
        _case(1, 1, 3, 2, 1),
        _case(2, 2, 3, 4, 0, 2),
        _case(3, 3, 4, 2, 2, 0, 1),
    ),
    bank=(
        swapped(
            _tokens_recipe,
            "kind after kind",
            "All returns come first, then all states, then all actions. A causal mask would then "
            "let the first action attend to the states of all later steps.",
            laid=_kind_by_kind,
        ),
        swapped(
            _tokens_recipe,
            "features mixed",
            "The numbers of the three embeddings are woven into one another, so that no token is "
            "the embedding of anything. Stack the kinds in front of the last axis.",
            laid=_features_mixed,
        ),
        swapped(
            _tokens_recipe,
            "action before state",
            "The action stands in front of the state from which it is predicted. The prediction "
            "at the state then attends to its own answer.",
            kinds=_action_first,
        ),
        swapped(
            _tokens_recipe,
            "state first",
            "This is the order state, action, return. The return that is asked for must stand in "
            "front of the state, or the action of its step cannot depend on it.",
            kinds=_state_first,
        ),
        swapped(
            _tokens_recipe,
            "the action of the step before",
            "Each step holds the action of the step before. The causal mask already hides a "
            "step's action from its state: it needs no shift.",
            kinds=_action_of_before,
        ),
        swapped(
            _tokens_recipe,
            "no timestep",
            "The timesteps are not added: nothing says how far the episode is.",
            times=_nothing,
        ),
        swapped(
            _tokens_recipe,
            "a timestep for every token",
            "The table is asked for 3t, 3t + 1 and 3t + 2: each token has a row of its own. The "
            "three tokens of a step share the one of their timestep.",
            times=_for_every_token,
        ),
        swapped(
            _tokens_recipe,
            "counted from the window's start",
            "The rows of the table are counted from the beginning of the window: a window from "
            "the middle of an episode looks like its beginning.",
            times=_from_the_window,
        ),
        swapped(
            _tokens_recipe,
            "tokens counted from the window's start",
            "The rows are those of ordinary positions, 0 to 3T - 1: one for each token, and from "
            "the beginning of the window. Wanted is the row of each step's timestep.",
            times=_tokens_of_the_window,
        ),
        swapped(
            _tokens_recipe,
            "timesteps for the states alone",
            "Only the states know their timestep. It is added to all three tokens of a step.",
            times=_states_alone,
        ),
        swapped(
            _tokens_recipe,
            "the last action left out",
            "The last token is missing. While acting, the last action is not known yet; here it is "
            "given, and the result has 3T tokens.",
            laid=_without_the_last,
        ),
        Mistake(
            "summed",
            "The three embeddings of a step are added to one token. They become three.",
            lambda returns, states, actions, table, timesteps: (
                returns + states + actions + table[timesteps]
            ),
        ),
    ),
    praise="A state attends to the return asked for, and to no action that follows it.",
    differentiable=True,
)
