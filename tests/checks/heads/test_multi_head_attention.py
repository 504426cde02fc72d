import pytest
import torch

from txlite import checks
from txlite.nn import MultiHeadAttention

check = checks.multi_head_attention


def looped(x, w_query, w_key, w_value, w_output, num_heads, root=None):
    """One head after the other, each with its own slice of the matrices."""
    width = x.shape[-1] // num_heads
    heads = []
    for h in range(num_heads):
        own = slice(h * width, (h + 1) * width)
        q, k, v = x @ w_query[:, own], x @ w_key[:, own], x @ w_value[:, own]
        heads.append((q @ k.mT / (root or width**0.5)).softmax(-1) @ v)
    return torch.cat(heads, -1) @ w_output


def module(x, w_query, w_key, w_value, w_output, num_heads):
    layer = MultiHeadAttention(x.shape[-1], num_heads, bias=False).to(x)
    names = ("query_proj", "key_proj", "value_proj", "output_proj")
    matrices = (w_query, w_key, w_value, w_output)
    state = {f"{name}.weight": w.T for name, w in zip(names, matrices, strict=True)}
    return torch.func.functional_call(layer, state, (x,))


def test_right_answers_in_other_words_pass():
    check(looped).require()
    check(module).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (
            lambda x, a, b, c, d, n: looped(x, a, b, c, torch.eye(len(d)).to(d), n),
            "W^O forgotten",
        ),
        (lambda x, a, b, c, d, n: looped(x, a, b, c, d, n, len(d) ** 0.5), "divides by √d_model"),
        (lambda x, a, b, c, d, n: looped(x, a, b, c, d, n, 1.0), "no scale"),
        (lambda x, a, b, c, d, n: looped(x, a, b, c, d, 1), "one wide head"),
        (
            lambda x, a, b, c, d, n: looped(x, b, a, c, d, n),
            "query and key matrices swapped",
        ),
        (
            lambda x, a, b, c, d, n: looped(x, a.T, b.T, c.T, d, n),
            "matrices transposed",
        ),
        (
            lambda x, a, b, c, d, n: looped(x, a, b, c, torch.eye(len(d)).to(d), n, 1.0),
            "W^O forgotten + no scale",
        ),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    assert check(answer).mistake == name
