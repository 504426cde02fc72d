import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as torchs

from txlite import checks
from txlite.nn import MultiHeadAttention, masks

check = checks.cross_attention


def fused(x, memory, target_keep, source_keep, w_query, w_key, w_value):
    return torchs(x @ w_query, memory @ w_key, memory @ w_value, source_keep[:, None])


def module(x, memory, target_keep, source_keep, *weights):
    width = x.shape[-1]
    layer = MultiHeadAttention(width, 1, bias=False).to(x)
    names = ("query_proj", "key_proj", "value_proj", "output_proj")
    state = dict(zip(names, (*(w.T for w in weights), torch.eye(width).to(x)), strict=True))
    state = {f"{name}.weight": w for name, w in state.items()}
    arguments = {"mask": masks.padding(source_keep)}
    return torch.func.functional_call(layer, state, (x, memory), arguments)


def test_right_answers_in_other_words_pass():
    check(fused).require()
    check(module).require()


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda x, m, t, s, a, b, c: fused(m, x, s, t, a, b, c), "query and key swapped"),
        (lambda x, m, t, s, a, b, c: fused(x, m, s, t, a, b, c), "target mask used for the source"),
        (lambda x, m, t, s, a, b, c: fused(x, m, t, s | True, a, b, c), "source mask ignored"),
        (lambda x, m, t, s, a, b, c: fused(x, m, t, ~s, a, b, c), "source mask inverted"),
        (lambda x, m, t, s, a, b, c: fused(x, m, t, s, b, a, c), "query and key matrices swapped"),
        (
            lambda x, m, t, s, a, b, c: torchs(x @ a, m @ b, x @ c, s[:, None]),
            "values from the target",
        ),
    ],
)
def test_natural_mistakes_are_named(wrong, name):
    found = check(wrong).mistake
    assert found is not None
    assert name in found.split(" + ")


def test_a_source_of_one_word_is_all_that_can_be_attended_to():
    x, memory = torch.randn(1, 3, 2), torch.randn(1, 4, 2)
    keep = torch.tensor([[False, True, False, False]])
    got = check.reference(x, memory, torch.ones(1, 3).bool(), keep, *[torch.eye(2)] * 3)
    torch.testing.assert_close(got, memory[:, 1:2].expand(1, 3, 2))
