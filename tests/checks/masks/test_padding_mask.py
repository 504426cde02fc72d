import pytest
import torch

from txlite import checks


@pytest.mark.parametrize(
    "answer",
    [
        lambda n, s: torch.arange(s, device=n.device) < n[:, None],
        lambda n, s: torch.arange(s) < n.cpu().unsqueeze(1),
        lambda n, s: torch.tensor([[j < int(m) for j in range(s)] for m in n]),
        lambda n, s: ~(torch.arange(s, device=n.device)[None] >= n[:, None]),
    ],
)
def test_right_answers_in_other_words_pass(answer):
    checks.padding_mask(answer).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda n, s: torch.arange(s).to(n) <= n[:, None], "one too many"),
        (lambda n, s: torch.arange(s).to(n) >= n[:, None], "inverted"),
        (lambda n, s: (torch.arange(s).to(n) < n[:, None]).float(), "numbers"),
        (lambda n, s: torch.arange(s).to(n)[:, None] < n, "rows and columns swapped"),
        (lambda n, s: torch.arange(int(n.max())).to(n) < n[:, None], "as wide as the longest"),
        (lambda n, s: torch.arange(s).to(n) > n[:, None], "inverted + one too many"),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    assert checks.padding_mask(answer).mistake == name
