"""IBM's model 1: the counts by hand, the likelihood that never falls, and what it cannot do."""

import pytest
import torch
from torch.testing import assert_close

from txlite.models import WordByWord

# Three sentences of a textbook: 0 la 1 maison 2 fleur 3 bleue / 0 the 1 house 2 flower 3 blue
PAIRS = [([0, 1], [0, 1]), ([0, 1, 3], [0, 3, 1]), ([0, 2], [0, 2])]


def likelihood(table: torch.Tensor) -> float:
    """Log-probability of the targets, every source word (and the empty one) equally likely."""
    total = 0.0
    for source, target in PAIRS:
        rows = table[[*source, -1]]
        total += sum(float(rows[:, t].mean().log()) for t in target)
    return total


@pytest.mark.kills(
    "a dictionary without the empty word",
    "models/baselines/word_by_word.py",
    "words = torch.tensor([*source, null])",
    "words = torch.tensor([*source, source[0]])",
)
def test_one_round_counted_by_hand():
    """From equal chances every target word is shared out equally among the source words."""
    table = WordByWord(PAIRS, 4, 4, rounds=1).table
    counts = torch.zeros(5, 4)
    for source, target in PAIRS:
        for t in target:
            for s in [*source, 4]:
                counts[s, t] += 1 / (len(source) + 1)
    assert_close(table, counts / counts.sum(1, keepdim=True))


def test_rows_are_distributions_and_the_likelihood_never_falls():
    values = []
    for rounds in range(1, 12):
        table = WordByWord(PAIRS, 4, 4, rounds=rounds).table
        assert_close(table.sum(1), torch.ones(5))
        values.append(likelihood(table))
    assert values == sorted(values)
    assert values[-1] > values[0] + 0.5


def test_it_finds_the_dictionary():
    words = WordByWord(PAIRS, 4, 4, rounds=30)
    assert [int(words.table[s].argmax()) for s in (1, 2, 3)] == [1, 2, 3]


def test_it_keeps_the_order_of_the_source():
    pairs = [([1, 2], [2, 1]), ([1, 3], [3, 1]), ([2, 3], [3, 2]), ([4, 2], [2, 4])]
    words = WordByWord(pairs, 5, 5, rounds=20)
    assert words([1, 2]) == [1, 2]  # and not [2, 1], as every pair has it


def test_a_word_that_was_never_seen_says_nothing():
    assert WordByWord(PAIRS, 9, 4)([7]) == []
    assert WordByWord(PAIRS, 9, 4)([]) == []


def test_what_the_empty_word_explains_better_is_left_out():
    words = WordByWord([([0], [0]), ([1], [1])], 2, 2)
    words.table = torch.tensor([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]])  # the last: the empty word
    assert words([0, 1, 0]) == [1]


@pytest.mark.plain
@pytest.mark.parametrize("wrong", ["source_vocab_size", "vocab_size", "rounds"])
def test_numbers_must_be_positive(wrong: str):
    sizes = {"source_vocab_size": 4, "vocab_size": 4, "rounds": 2, wrong: 0}
    with pytest.raises(ValueError, match=wrong):
        WordByWord(PAIRS, sizes["source_vocab_size"], sizes["vocab_size"], rounds=sizes["rounds"])


def test_there_must_be_a_pair():
    with pytest.raises(ValueError, match="pairs"):
        WordByWord([], 4, 4)
    with pytest.raises(ValueError, match="pairs"):
        WordByWord([([1], [])], 4, 4)


@pytest.mark.plain
@pytest.mark.parametrize("stranger", [-1, 4])
def test_a_token_of_another_vocabulary_is_refused(stranger: int):
    wanted = rf"should hold tokens in \[0, 4\), got {stranger}"
    with pytest.raises(ValueError, match=f"^pairs' sources {wanted}"):
        WordByWord([([0, stranger], [1])], 4, 9)
    with pytest.raises(ValueError, match=f"^pairs' targets {wanted}"):
        WordByWord([([0, 1], [stranger])], 9, 4)
    with pytest.raises(ValueError, match=f"^source {wanted}"):
        WordByWord(PAIRS, 4, 4)([stranger])
