import pytest
import torch

from txlite import checks, device


@pytest.mark.parametrize(
    "answer",
    [
        lambda t, s: torch.ones(t, s, dtype=torch.bool).tril(s - t),
        lambda t, s: torch.tril(torch.ones(t, s), s - t) == 1,
        lambda t, s: ~torch.triu(torch.ones(t, s, dtype=torch.bool), s - t + 1),
        lambda t, s: torch.arange(s - t, s)[:, None] >= torch.arange(s),
        lambda t, s: torch.tensor([[j - s <= i - t for j in range(s)] for i in range(t)]),
        lambda t, s: torch.ones(t, s, dtype=torch.bool, device=device()).tril(s - t),
    ],
    ids=["tril", "numbers", "triu", "arange", "loops", "device"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.causal_mask(answer).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda t, s: torch.ones(t, s, dtype=torch.bool).tril(), "aligned to the first key"),
        (lambda t, s: torch.ones(t, s).tril(s - t), "numbers"),
        (lambda t, s: torch.ones(t, s, dtype=torch.int).tril(s - t), "numbers"),
        (lambda t, s: torch.ones(t, s, dtype=torch.bool).tril(s - t - 1), "cannot see itself"),
        (lambda t, s: torch.ones(t, s, dtype=torch.bool).triu(s - t), "upper triangle"),
        (lambda t, s: torch.ones(t, s, dtype=torch.bool).triu(s - t + 1), "inverted"),
        (lambda t, s: torch.ones(t, s, dtype=torch.bool), "everything allowed"),
        (lambda t, s: torch.ones(s, s, dtype=torch.bool).tril(), "square, of the keys"),
        (lambda t, s: torch.ones(t, s).tril(), "aligned to the first key + numbers"),
        (
            lambda t, s: torch.full((t, s), -torch.inf).triu(s - t + 1),
            "made for adding",
        ),
        (lambda t, s: torch.nn.Transformer.generate_square_subsequent_mask(t), None),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    verdict = checks.causal_mask(answer)
    assert not verdict
    assert verdict.mistake == name
