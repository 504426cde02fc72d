import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.step_tokens


def sequence(row, count=3):
    """Tokens one by one: ``row(b, t, k)`` is the token of kind k."""

    def answer(returns, states, actions, table, timesteps):
        kinds = (returns, states, actions)
        batch, steps = timesteps.shape
        rows = [
            torch.stack(
                [row(kinds, table, timesteps, b, t, k) for t in range(steps) for k in range(count)]
            )
            for b in range(batch)
        ]
        return torch.stack(rows)

    return answer


def plain(kinds, table, timesteps, b, t, k):
    return kinds[k][b, t] + table[timesteps[b, t]]


def test_right_answers_in_other_words_pass():
    check(sequence(plain)).require()

    def beside(returns, states, actions, table, timesteps):
        times = table[timesteps]
        wide = torch.cat([returns + times, states + times, actions + times], -1)
        return wide.view(len(wide), -1, returns.shape[-1])

    check(beside).require()


def in_order(*order):
    return sequence(lambda kinds, table, at, b, t, k: plain(kinds, table, at, b, t, order[k]))


def shifted(kinds, table, at, b, t, k):
    before = kinds[k][b, t - 1] if t else torch.zeros(kinds[k].shape[-1])
    return (before if k == 2 else kinds[k][b, t]) + table[at[b, t]]


def concatenated(returns, states, actions, table, timesteps):
    times = torch.nn.functional.embedding(timesteps, table)
    return torch.cat([x + times for x in (returns, states, actions)], 1)


def woven(returns, states, actions, table, timesteps):
    times = table[timesteps]
    last = torch.stack([x + times for x in (returns, states, actions)], -1)
    return last.flatten(2).view(len(last), -1, returns.shape[-1])


WRITTEN = {
    "kind after kind": concatenated,
    "features mixed": woven,
    "action before state": in_order(0, 2, 1),
    "state first": in_order(1, 2, 0),
    "the action of the step before": sequence(shifted),
    "no timestep": sequence(lambda kinds, table, at, b, t, k: kinds[k][b, t]),
    "a timestep for every token": sequence(
        lambda kinds, table, at, b, t, k: kinds[k][b, t] + table[3 * at[b, t] + k]
    ),
    "counted from the window's start": sequence(
        lambda kinds, table, at, b, t, k: kinds[k][b, t] + table[t]
    ),
    "tokens counted from the window's start": sequence(
        lambda kinds, table, at, b, t, k: kinds[k][b, t] + table[3 * t + k]
    ),
    "timesteps for the states alone": sequence(
        lambda kinds, table, at, b, t, k: kinds[k][b, t] + (k == 1) * table[at[b, t]]
    ),
    "the last action left out": lambda *given: sequence(plain)(*given)[
        :, : 3 * given[4].shape[1] - 1
    ],
    "summed": sequence(
        lambda kinds, table, at, b, t, k: sum(x[b, t] for x in kinds) + table[at[b, t]], 1
    ),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_gradients_reach_the_table_three_times_for_a_step():
    returns, states, actions, table, timesteps = check.cases[2]
    table = table.clone().requires_grad_()
    check.reference(returns, states, actions, table, timesteps).sum().backward()
    want = [3.0 * (timesteps == row).sum().item() for row in range(len(table))]
    assert table.grad.amax(1).tolist() == want
