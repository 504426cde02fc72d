import pytest
import torch
import torch.nn.functional as F

from txlite import checks

check = checks.grouped_query_attention


def looped(query, key, value):
    share = query.shape[1] // key.shape[1]
    heads = []
    for h in range(query.shape[1]):
        k, v = key[:, h // share], value[:, h // share]
        heads.append((query[:, h] @ k.mT / k.shape[-1] ** 0.5).softmax(-1) @ v)
    return torch.stack(heads, 1)


def folded(query, key, value):
    """Let a group's heads stand in one long row of queries."""
    rows = query.unflatten(1, (key.shape[1], -1)).flatten(2, 3)
    return F.scaled_dot_product_attention(rows, key, value).reshape(query.shape)


@pytest.mark.parametrize(
    "answer",
    [looped, folded, lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True)],
    ids=["loop", "folded", "torch"],
)
def test_right_answers_in_other_words_pass(answer):
    check(answer).require()


def test_natural_mistakes_are_named():
    def tiled(q, k, v):
        n = q.shape[1] // k.shape[1]
        return F.scaled_dot_product_attention(q, k.repeat(1, n, 1, 1), v.repeat(1, n, 1, 1))

    assert check(tiled).mistake == "groups dealt in turn"
    assert check(F.scaled_dot_product_attention).mistake == "groups not shared out"
    assert check(lambda q, k, v: looped(q, k[:, :1], v[:, :1])).mistake == "one group for all"
