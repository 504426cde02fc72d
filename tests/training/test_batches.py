"""The source of batches: every example once an epoch, and the same batches after a break."""

import json
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from txlite.training import Batches, Resumable
from txlite.training.batches import epoch_seed


def source(size=11, batch_size=3, **options):
    return Batches(range(size), list, batch_size=batch_size, **options)


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 5))
def test_every_example_comes_once_an_epoch(size, batch_size, seed):
    batches = source(size, batch_size, seed=seed)
    for _ in range(3):
        epoch = list(batches)
        assert sorted(x for batch in epoch for x in batch) == list(range(size))
        assert len(epoch) == len(batches)
        assert all(len(batch) == batch_size for batch in epoch[:-1])


def test_epochs_and_seeds_differ_and_repeat():
    orders = {seed: [list(source(seed=seed)), list(source(seed=seed))] for seed in range(5)}
    assert all(first == again for first, again in orders.values())
    assert len({str(first) for first, _ in orders.values()}) == 5
    one = source()
    assert list(one) != list(one)
    assert len({epoch_seed(s, e) for s in range(50) for e in range(50)}) == 2500


@pytest.mark.kills(
    "training: one batch twice after a break",
    "_epochs.py",
    '"position": self.position, **self',
    '"position": max(0, self.position - 1), **self',
)
@given(st.integers(0, 20))
def test_goes_on_where_it_was(taken):
    def endless(batches):
        while True:
            yield from batches

    whole = list(islice(endless(source()), 30))
    first = source()
    assert list(islice(endless(first), taken)) == whole[:taken]
    again = source()
    again.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert list(islice(endless(again), 30 - taken)) == whole[taken:]


def test_in_order_if_wanted():
    assert list(source(5, 2, shuffle=False)) == [[0, 1], [2, 3], [4]]


def test_keeps_to_the_protocol():
    assert isinstance(source(), Resumable)
    assert not isinstance([[1], [2]], Resumable)


@pytest.mark.plain
def test_errors_name_what_differs():
    state = source(seed=3).state_dict()
    with pytest.raises(ValueError, match=r"^batches should have seed 3, got 4"):
        source(seed=4).load_state_dict(state)
    with pytest.raises(ValueError, match=r"^batches should have size 11, got 12"):
        source(12, seed=3).load_state_dict(state)
    with pytest.raises(ValueError, match=r"^batches should have shuffle True, got False"):
        source(seed=3, shuffle=False).load_state_dict(state)
    with pytest.raises(ValueError, match=r"^examples should hold at least one example"):
        source(0)
    with pytest.raises(ValueError, match=r"^batch_size should be a positive whole number, got 0"):
        source(3, 0)


def test_the_order_is_the_same_whatever_the_default_device_is():
    def told():
        source = Batches(range(9), list, batch_size=4, seed=3)
        return [batch for _ in range(2) for batch in source]

    wanted = told()
    with torch.device("meta"):  # stands for a GPU, where a generator of the CPU draws nothing
        assert told() == wanted
