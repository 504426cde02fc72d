import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.nn import place_choices

check = checks.dispatch_with_drops


def written(
    order=lambda count, gates: range(count),
    limit=lambda capacity: capacity,
    work=lambda w, x, g: g * (w @ x),
    lost=lambda x, g, weights, e: torch.zeros_like(x),
    shared=False,
):
    """Walk through the tokens, and count who has come to each expert."""

    def answer(x, experts, gates, weights, capacity):
        full, rows = {}, [None] * len(x)
        for t in order(len(x), gates):
            e = int(experts[t])
            desk = "all" if shared else e
            full[desk] = full.get(desk, 0) + 1
            if full[desk] <= limit(capacity):
                rows[t] = work(weights[e], x[t], gates[t])
            else:
                rows[t] = lost(x[t], gates[t], weights, e)
        return torch.stack(rows)

    return answer


def test_right_answers_in_other_words_pass():
    check(written()).require()

    def dispatched(x, experts, gates, weights, capacity):
        out = x * 0
        for e, weight in enumerate(weights):
            own = (experts == e).nonzero()[:, 0][:capacity]
            out = out.index_add(0, own, gates[own, None] * (x[own] @ weight.T))
        return out

    check(dispatched).require()


def test_the_package_places_the_same_tokens():
    for x, experts, gates, weights, capacity in check.cases:
        placed = place_choices(experts[None, :, None], len(weights), capacity)[0, :, 0]
        out = check.reference(x, experts, gates, weights, capacity)
        assert not out[~placed].any()
        everyone = check.reference(x, experts, gates, weights, len(x))
        torch.testing.assert_close(out[placed], everyone[placed])


def only_the_placed(x, experts, gates, weights, capacity):
    rows, full = [], [0] * len(weights)
    for t, e in enumerate(experts.tolist()):
        full[e] += 1
        if full[e] <= capacity:
            rows.append(gates[t] * weights[e] @ x[t])
    return torch.stack(rows)


def grouped(x, experts, gates, weights, capacity):
    right = written()(x, experts, gates, weights, capacity)
    return torch.cat([right[experts == e] for e in range(len(weights))])


def grouped_twice(x, experts, gates, weights, capacity):
    right = written()(x, experts, gates, weights, capacity)
    order = [t for e in range(len(weights)) for t in range(len(x)) if experts[t] == e]
    once = [right[t] for t in order]
    return torch.stack([once[t] for t in order])


WRITTEN = {
    "dropped tokens are handed through": written(lost=lambda x, g, weights, e: x),
    "dropped tokens, times their gates": written(lost=lambda x, g, weights, e: x * g),
    "sent to the next expert": written(
        lost=lambda x, g, weights, e: weights[0 if e + 1 == len(weights) else e + 1] @ x * g
    ),
    "dropped rows are missing": only_the_placed,
    "not sorted back": grouped,
    "sorted twice": grouped_twice,
    "later tokens win": written(order=lambda count, gates: reversed(range(count))),
    "the surest tokens win": written(
        order=lambda count, gates: sorted(range(count), key=lambda t: -float(gates[t]))
    ),
    "the capacity of all together": written(shared=True),
    "one place too many": written(limit=lambda capacity: 1 + capacity),
    "one place too few": written(limit=lambda capacity: capacity - 1),
    "nothing is dropped": written(limit=lambda capacity: 10**6),
    "without the gates": written(work=lambda w, x, g: w @ x),
    "the residual is added": lambda x, *others: written()(x, *others) + x,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
