import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.checks.written import earns
from txlite import checks

check = checks.training_flops


def multiplied(
    projected=("query", "key", "value", "mix"), keys=None, attended=2, maps=2, scored=1, passes=3,
    layers=None, sequences=None, tokens=None, each=2,
):  # fmt: skip
    """Answer with the sizes of all products: rows × inner × columns, two for each."""

    def answer(batch_size, length, vocab_size, d_model, d_ff, num_layers):
        rows = (sequences or batch_size) * (tokens or length)
        products = []
        for _ in range(layers or num_layers):
            products += [(rows, d_model, d_model) for _ in projected]
            products += [(rows, d_model, keys or length)] * attended
            products += [(rows, d_model, d_ff)] * maps
        products += [(rows, d_model, vocab_size)] * scored
        return passes * sum(each * a * b * c for a, b, c in products)

    return answer


WRITTEN = {
    "a multiply-add as one": multiplied(each=1),
    "scores forgotten": multiplied(attended=0),
    "scores without values": multiplied(attended=1),
    "scores of a layer that reads one token": multiplied(keys=1),
    "logits forgotten": multiplied(scored=0),
    "the lookup counted": multiplied(scored=2),
    "backward as dear as forward": multiplied(passes=2),
    "forward alone": multiplied(passes=1),
    "recomputed": multiplied(passes=4),
    "W^O forgotten": multiplied(projected=("query", "key", "value")),
    "one map of the feed-forward layer": multiplied(maps=1),
    "one layer": multiplied(layers=1),
    "one sequence": multiplied(sequences=1),
    "one token": lambda b, t, v, d, f, n: multiplied()(b, t, v, d, f, n) // t,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(multiplied()).require()


@pytest.mark.parametrize("case", check.cases, ids=str)
def test_the_reference_is_what_torch_counts(case):
    """A GPT's products on tensors, forward and backward, all of which need a gradient."""
    batch, length, vocab, width, hidden, layers = case
    x = torch.randn(batch * length, width, requires_grad=True)
    out, back = (torch.randn(*s, requires_grad=True) for s in ((width, hidden), (hidden, width)))
    square, head = (torch.randn(width, n, requires_grad=True) for n in (width, vocab))
    with FlopCounterMode(display=False) as counted:
        state = x
        for _ in range(layers):
            q, k, v = ((state @ square).view(batch, length, width) for _ in range(3))
            state = (q @ k.mT @ v).reshape(-1, width) @ square
            state = state @ out @ back
        (state @ head).sum().backward()
    assert check.reference(*case) == counted.get_total_flops()


def test_six_for_each_weight_and_token_and_the_scores():
    b, t, v, d, f, n = 2, 9, 30, 8, 32, 3
    weights = n * (4 * d * d + 2 * d * f) + v * d
    assert check.reference(b, t, v, d, f, n) == 6 * weights * b * t + 12 * n * d * t * b * t
