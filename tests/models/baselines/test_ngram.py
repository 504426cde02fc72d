"""N-grams by Kneser and Ney: distributions, the definition in dictionaries, what they miss."""

import math
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from txlite.models import NGram
from txlite.training import surprises

V = 7
TEXTS = st.lists(st.integers(0, V - 1), min_size=1, max_size=40)


def drawn(length: int, seed: int = 0, size: int = V) -> list[int]:
    """Return tokens, some much more frequent than others, with a habit of repeating pairs."""
    generator = torch.Generator().manual_seed(seed)
    weights = 1 / torch.arange(1, size + 1) ** 1.3
    rows = torch.stack([weights.roll(int(s)) for s in torch.randint(size, (size,))])
    found = [0]
    while len(found) < length:
        found.append(int(torch.multinomial(rows[found[-1]], 1, generator=generator)))
    return found


def by_definition(tokens: list[int], order: int, modified: bool):
    """Return P(w | h) written with dictionaries, recursively, as the paper has it."""
    grams = {
        n: Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
        for n in range(1, order + 2)
    }
    counts = {}
    for n in range(1, order + 1):
        if n == order or not grams[n + 1]:
            counts[n] = dict(grams[n])
        else:
            before = defaultdict(set)
            for gram in grams[n + 1]:
                before[gram[1:]].add(gram[0])
            counts[n] = {gram: len(who) for gram, who in before.items()}

    def discount(n: int, c: int) -> float:
        often = Counter(counts[n].values())
        n1, n2, n3, n4 = (often[k] for k in (1, 2, 3, 4))
        if not modified:
            y = n1 / (n1 + 2 * n2) if n1 else 0.5
            return y if n1 else 0.5
        try:
            y = n1 / (n1 + 2 * n2)
            found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        except ZeroDivisionError:
            found = (0, 0, 0)
        if not all(0 < d <= k for k, d in enumerate(found, 1)):
            found = (0.5, 1.0, 1.5)
        return found[min(c, 3) - 1]

    def probability(w: int, h: tuple[int, ...]) -> float:
        n = len(h) + 1
        lower = probability(w, h[1:]) if h else 1 / V
        after = {g[-1]: c for g, c in counts.get(n, {}).items() if g[:-1] == h}
        if not after:
            return lower
        c = after.get(w, 0)
        left = max(c - discount(n, c), 0) if c else 0.0
        return (left + sum(discount(n, k) for k in after.values()) * lower) / sum(after.values())

    return probability


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS, st.integers(1, 4), st.booleans())
def test_it_is_the_papers_definition(train, test, order, modified):
    wanted = by_definition(train, order, modified)
    model = NGram(train, V, order=order, modified=modified)
    found = model(torch.tensor([test])).exp()[0]
    for at in range(len(test)):
        context = tuple(test[: at + 1])[max(0, at + 2 - order) :] if order > 1 else ()
        for w in range(V):
            assert found[at, w].item() == pytest.approx(wanted(w, context), abs=1e-12)


@pytest.mark.kills(
    "n-grams: what is taken off is not given back",
    "models/baselines/_counts.py",
    "rest=(taken / total)",
    "rest=(taken / total / 2)",
)
@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, st.integers(1, 8), st.booleans())
def test_every_row_is_a_distribution(train, test, order, modified):
    found = NGram(train, V, order=order, modified=modified)(torch.tensor([test])).exp()
    assert_close(found.sum(-1), torch.ones_like(found[..., 0]), rtol=0, atol=1e-12)
    assert (found > 0).all()  # what was never seen may come


def test_a_large_vocabulary_and_long_text_sum_to_one_too():
    tokens = drawn(6_000, size=50)
    for order in (1, 3, 5):
        found = NGram(tokens, 61, order=order)(torch.tensor([tokens[:40], tokens[-40:]])).exp()
        assert_close(found.sum(-1), torch.ones(2, 40).double(), rtol=0, atol=1e-12)


def test_the_discount_of_what_was_seen_three_times_may_be_three():
    """Four tokens once, two twice, two three times, none four times: 1/2, 1/2, 3 are taken off."""
    tokens = [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 7, 7, 7]
    found = NGram(tokens, 9, order=1)(torch.tensor([[0]]))[0, 0].exp()
    wanted = torch.tensor([1.5] * 4 + [2.5] * 2 + [1.0] * 3).double() / 14
    assert_close(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.kills(
    "n-grams: shorter ones count occurrences, as the longest do",
    "models/baselines/_counts.py",
    "seen[-1] = (seen[-1][0], shorter, before)",
    "seen[-1] = seen[-1]",
)
def test_francisco_is_frequent_and_follows_one_word_only():
    """Chen and Goodman's example: 0 San, 1 Francisco, 2 glasses after many words, 3 … others."""
    tokens = [0, 1] * 30
    for other in (3, 4, 5, 6):
        tokens += [other, 2] * 2
    model = NGram(tokens, 8, order=2)
    unseen = model(torch.tensor([[7]]))[0, 0].exp()  # 7 was never read: only the unigrams speak
    assert tokens.count(1) > 3 * tokens.count(2)
    assert unseen[2] > 1.5 * unseen[1]
    after = model(torch.tensor([[0]]))[0, 0].exp()
    assert after.argmax() == 1


def test_one_bigram_counted_by_hand():
    """0 1 0 2 0 1: with one discount D = n1 / (n1 + 2 n2), everything on one line."""
    model = NGram([0, 1, 0, 2, 0, 1], 3, order=2, modified=False)
    d2 = 3 / (3 + 2)  # 1 0, 0 2, 2 0 once; 0 1 twice
    d1 = 2 / (2 + 2)  # before 1 and 2 stands one token, before 0 two
    lower = [(2 - d1 + 3 * d1 / 3) / 4, (1 - d1 + 3 * d1 / 3) / 4, (1 - d1 + 3 * d1 / 3) / 4]
    wanted = [
        2 * d2 * lower[0] / 3,
        (2 - d2 + 2 * d2 * lower[1]) / 3,
        (1 - d2 + 2 * d2 * lower[2]) / 3,
    ]
    found = model(torch.tensor([[0]]))[0, 0].exp()
    assert_close(found, torch.tensor(wanted, dtype=torch.double))


def test_modified_discounts_by_hand():
    """Counts of counts 6, 3, 2, 1: Y = 1/2, D = 1/2, 1, 2."""
    counts = [1] * 6 + [2] * 3 + [3] * 2 + [4]
    tokens = [w for w, c in enumerate(counts) for _ in range(c)]
    model = NGram(tokens, 20, order=1)
    found = model(torch.tensor([[0]]))[0, 0].exp()
    given = (6 * 0.5 + 3 * 1 + 3 * 2) / len(tokens) / 20
    off = {1: 0.5, 2: 1.0, 3: 2.0, 4: 2.0}
    wanted = [(c - off[c]) / len(tokens) + given for c in counts] + [given] * 8
    assert_close(found, torch.tensor(wanted, dtype=torch.double))


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(2, 12), st.integers(1, 6), st.integers(0, 5))
def test_looking_up_one_token_is_looking_up_all(train, length, order, seed):
    model = NGram(train, V, order=order)
    tokens = torch.randint(V, (3, length), generator=torch.Generator().manual_seed(seed))
    assert_close(model.surprises(tokens), surprises(model, tokens), rtol=0, atol=1e-12)


def test_it_sees_order_minus_one_tokens_and_not_one_more():
    tokens = drawn(400)
    for order in (1, 2, 4, 8):
        model = NGram(tokens, V, order=order)
        row = torch.tensor([tokens[50:70]])
        whole = model(row)[0, -1]
        if order > 1:
            part = model(row[:, -(order - 1) :])[0, -1]
            assert_close(whole, part, rtol=0, atol=0)
            assert not torch.allclose(whole, model(row[:, -1:])[0, -1]) or order == 2
        else:
            assert_close(whole, model(row[:, :1])[0, 0], rtol=0, atol=0)


def test_a_longer_order_learns_what_a_shorter_one_cannot():
    """In 0 1 1 0 1 1 …, what follows a 1 depends on the token before it."""
    tokens = [0, 1, 1] * 60
    test = torch.tensor([[0, 1, 1] * 20])
    bits = [
        NGram(tokens, 2, order=n).surprises(test).mean().item() / math.log(2) for n in (1, 2, 3)
    ]
    assert bits[0] > bits[1] > bits[2]
    assert bits[1] > 0.4
    assert bits[2] < 0.1


def test_more_text_is_better_and_it_beats_the_unmodified_form_on_sparse_counts():
    text = drawn(30_000, seed=3, size=60)
    test = torch.tensor([text[-3_000:]])
    cost = [
        NGram(text[:n], 60, order=4).surprises(test).mean().item() for n in (500, 4_000, 27_000)
    ]
    assert cost == sorted(cost, reverse=True)
    plain = NGram(text[:4_000], 60, order=4, modified=False).surprises(test).mean().item()
    assert cost[1] < plain


def test_a_text_shorter_than_the_order_is_counted_as_far_as_it_goes():
    model = NGram([3], V, order=5)
    found = model(torch.tensor([[3, 3, 1]])).exp()
    assert_close(found.sum(-1), torch.ones(1, 3).double())
    assert found[0, 0].argmax() == 3
    assert model.num_ngrams == 1
    assert NGram(torch.tensor([1, 2, 1, 2]), V, order=2).num_ngrams == 4


@pytest.mark.plain
def test_wrong_arguments_are_named():
    wrong = [
        (([], 7), {}, "tokens should hold at least one, got none"),
        (([0, 7], 7), {}, r"tokens should lie in \[0, vocab_size=7\), got 0 to 7"),
        (([0, -1], 7), {}, r"tokens should lie in \[0, vocab_size=7\), got -1 to 0"),
        (([0.5], 7), {}, "tokens should hold whole numbers, got float32"),
        (([[0, 1]], 7), {}, r"tokens should have shape \(N\), got \(1, 2\)"),
        (([0], 0), {}, "vocab_size should be a positive whole number, got 0"),
        (([0], 7), {"order": 0}, "order should be a whole number from 1 to 8, got 0"),
        (([0], 7), {"order": 9}, "order should be a whole number from 1 to 8, got 9"),
    ]
    for args, options, message in wrong:
        with pytest.raises(ValueError, match=f"^{message}"):
            NGram(*args, **options)
    model = NGram([0, 1], 7)
    for ask in (model, model.surprises):
        with pytest.raises(ValueError, match=r"^tokens should have shape \(B, T\), got \(2,\)"):
            ask(torch.tensor([0, 1]))
        with pytest.raises(ValueError, match=r"^tokens should lie in \[0, vocab_size=7\)"):
            ask(torch.tensor([[0, 9]]))
        with pytest.raises(ValueError, match=r"^tokens should hold whole numbers, got bool"):
            ask(torch.tensor([[True]]))
