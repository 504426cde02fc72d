import pytest
import torch

from txlite import checks


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, n: torch.stack(x.chunk(n, -1), 1),
        lambda x, n: x.view(x.size(0), x.size(1), n, x.size(2) // n).permute(0, 2, 1, 3),
        lambda x, n: x.unflatten(-1, (n, -1)).transpose(1, 2).contiguous(),
    ],
    ids=["chunk", "view", "unflatten"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.split_heads(answer).require()


def test_natural_mistakes_are_named():
    def view(x, n):
        return x.view(x.size(0), n, x.size(1), x.size(2) // n)

    assert checks.split_heads(view).mistake == "reshaped without transpose"
    assert checks.split_heads(lambda x, n: x.unflatten(1, (n, -1))).mistake == ("cuts the sentence")
