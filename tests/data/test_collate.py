"""Batches: nothing lost, nothing twice, little padding, and the same again after a crash."""

import itertools
from functools import cache

import pytest
import torch

from txlite.data.collate import BucketBatches, encode_pairs, pad, pair_batch
from txlite.data.corpora import ParallelCorpus, french_english
from txlite.data.pairs import PairBatch
from txlite.data.tokenizers import BOS_ID, BPE, EOS_ID, PAD_ID, train_bpe


@cache
def corpus() -> ParallelCorpus:
    return french_english(700)


@cache
def learned(side: str) -> BPE:
    return train_bpe([getattr(pair, side) for pair in corpus().train], 300)


@cache
def pairs() -> list[tuple[list[int], list[int]]]:
    return encode_pairs(corpus().train, learned("source"), learned("target"))


def rows(batch: PairBatch) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Take a batch apart again, by its masks alone."""
    return [(tuple(s[k].tolist()), tuple(t[j].tolist())) for s, k, t, j in zip(*batch, strict=True)]


def frozen(encoded: list[tuple[list[int], list[int]]]) -> list[tuple[tuple[int, ...], ...]]:
    return sorted((tuple(a), tuple(b)) for a, b in encoded)


def test_padding_by_hand():
    tokens, keep = pad([[5, 6, 7], [8], [9, 4]])
    assert tokens.tolist() == [[5, 6, 7], [8, 0, 0], [9, 4, 0]]
    assert keep.tolist() == [[True, True, True], [True, False, False], [True, True, False]]
    assert (tokens.dtype, keep.dtype) == (torch.long, torch.bool)
    assert pad([[5], [6, 7]], pad_id=9)[0].tolist() == [[5, 9], [6, 7]]


def test_an_empty_sequence_is_all_padding():
    tokens, keep = pad([[], [3]])
    assert tokens.tolist() == [[0], [3]]
    assert keep.tolist() == [[False], [True]]
    nothing, _ = pad([[], []])
    assert (nothing.shape, nothing.dtype) == ((2, 0), torch.long)


@pytest.mark.plain  # whole corpora: with every type checked they take minutes
def test_encoded_pairs_have_their_marks():
    source, target = pairs()[0]
    assert source == [*learned("source").encode(corpus().train[0].source), EOS_ID]
    assert target == [BOS_ID, *learned("target").encode(corpus().train[0].target), EOS_ID]


def test_the_mask_and_not_the_number_says_what_is_padding():
    batch = pair_batch([([PAD_ID, 5], [1, 2]), ([7], [1, 4, 2])])
    assert batch.source_keep.tolist() == [[True, True], [True, False]]
    assert batch.target.tolist() == [[1, 2, 0], [1, 4, 2]]


@pytest.mark.plain
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_holds_every_pair_once(shuffle: bool):
    batches = BucketBatches(pairs(), 400, shuffle=shuffle)
    found = sorted(row for batch in batches for row in rows(batch))
    assert found == frozen(pairs())


@pytest.mark.plain
def test_no_batch_is_over_its_budget_and_most_are_nearly_full():
    sizes = [b.source.numel() + b.target.numel() for b in BucketBatches(pairs(), 400)]
    assert max(sizes) <= 400
    assert sum(sizes) / len(sizes) > 0.8 * 400


def test_the_budget_itself_is_no_more_than_the_budget():
    pair = ([1, 2, 3], [1, 2, 3, 4, 5])  # eight tokens
    assert [len(b.source) for b in BucketBatches([pair], 8)] == [1]
    assert [len(b.source) for b in BucketBatches([pair] * 4, 16)] == [2, 2]
    assert [len(b.source) for b in BucketBatches([pair] * 4, 15)] == [1, 1, 1, 1]


@pytest.mark.plain
def test_buckets_waste_less_than_chance():
    def waste(batches: list[PairBatch]) -> float:
        real = sum(int(b.source_keep.sum() + b.target_keep.sum()) for b in batches)
        return 1 - real / sum(b.source.numel() + b.target.numel() for b in batches)

    buckets = list(BucketBatches(pairs(), 400))
    chance = [pair_batch(pairs()[i : i + 20]) for i in range(0, len(pairs()), 20)]
    assert waste(chance) > 0.25
    assert waste(buckets) < 0.5 * waste(chance)


@pytest.mark.plain
def test_epochs_differ_and_the_seed_decides_them():
    first, again, other = (BucketBatches(pairs(), 400, seed=s) for s in (3, 3, 4))
    one, two = ([b.source.tolist() for b in first] for _ in range(2))
    assert one != two
    assert [[b.source.tolist() for b in again] for _ in range(2)] == [one, two]
    assert [b.source.tolist() for b in other] != one


@pytest.mark.plain
def test_lengths_come_in_any_order():
    """Batches are shuffled: a run of long sentences at the end would be a schedule of its own."""
    widths = [b.target.shape[1] for b in BucketBatches(pairs(), 400)]
    assert widths != sorted(widths)
    plain = [b.target.shape[1] for b in BucketBatches(pairs(), 400, shuffle=False)]
    assert plain == sorted(plain)


@pytest.mark.plain
@pytest.mark.parametrize("taken", [0, 1, 7, 10_000])
def test_it_goes_on_where_it_stood(taken: int):
    whole = BucketBatches(pairs(), 400, seed=5)
    wanted = [batch.source.tolist() for _ in range(3) for batch in whole]

    begun = BucketBatches(pairs(), 400, seed=5)
    found = [batch.source.tolist() for batch in itertools.islice(begun, taken)]
    state = begun.state_dict()

    resumed = BucketBatches(pairs(), 400, seed=5)
    resumed.load_state_dict(state)
    while len(found) < len(wanted):
        found += [batch.source.tolist() for batch in resumed]
    assert found[: len(wanted)] == wanted


@pytest.mark.plain
@pytest.mark.parametrize("other", [{"seed": 6}, {"tokens_per_batch": 500}, {"shuffle": False}])
def test_the_state_of_another_source_is_refused(other: dict[str, int]):
    settings = {"tokens_per_batch": 400, "seed": 5, "shuffle": True}
    state = BucketBatches(pairs(), **settings).state_dict()
    with pytest.raises(ValueError, match=f"batches should have {next(iter(other))}"):
        BucketBatches(pairs(), **{**settings, **other}).load_state_dict(state)
    with pytest.raises(ValueError, match="batches should have size"):
        BucketBatches(pairs()[:600], **settings).load_state_dict(state)


@pytest.mark.plain
def test_what_cannot_be_batched_is_refused():
    with pytest.raises(ValueError, match="sequences should hold at least one"):
        pad([])
    with pytest.raises(ValueError, match="encoded should hold at least one"):
        pair_batch([])
    with pytest.raises(ValueError, match="encoded should hold at least one"):
        BucketBatches([], 100)
    with pytest.raises(ValueError, match="room for the longest pair, 8 tokens, got 7"):
        BucketBatches([([1, 2, 3], [1, 2, 3, 4, 5])], 7)
    with pytest.raises(ValueError, match="tokens_per_batch"):
        BucketBatches(pairs(), 0)


@pytest.mark.plain
def test_a_batch_moves():
    batch = pair_batch(pairs()[:3]).to("cpu")
    assert isinstance(batch, PairBatch)
    assert rows(batch) == [(tuple(a), tuple(b)) for a, b in pairs()[:3]]
