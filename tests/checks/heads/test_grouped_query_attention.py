import pytest
import torch
import torch.nn.functional as F

from tests.checks.written import earns
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


def own(head, share, groups):
    return head // share


def dealt(head, share, groups):
    return head % groups


def first(head, share, groups):
    return 0


def attended(query, key, value, key_of=own, value_of=own, factor=1.0, axis=-1):
    """Every head with the group that it is given, the scores times a factor."""
    heads, groups = range(query.shape[1]), key.shape[1]
    share = len(heads) // groups
    keys = [key[:, key_of(h, share, groups)] for h in heads]
    values = [value[:, value_of(h, share, groups)] for h in heads]
    scores = [query[:, h] @ keys[h].mT * factor / key.shape[-1] ** 0.5 for h in heads]
    scores = torch.stack(scores, 1)
    weights = (scores - scores.logsumexp(axis, keepdim=True)).exp()
    return torch.stack([weights[:, h] @ values[h] for h in heads], 1)


def averaged(x, groups):
    """The mean of every group's heads, a group at a time."""
    return torch.stack([sum(part.unbind(1)) / part.shape[1] for part in x.chunk(groups, 1)], 1)


WRITTEN = {
    "groups dealt in turn": lambda q, k, v: attended(q, k, v, dealt, dealt),
    "values dealt in turn": lambda q, k, v: attended(q, k, v, own, dealt),
    "keys dealt in turn": lambda q, k, v: attended(q, k, v, dealt, own),
    "one group for all": lambda q, k, v: attended(q, k, v, first, first),
    "groups averaged": lambda q, k, v: attended(q, averaged(k, 1), averaged(v, 1), first, first),
    "groups not shared out": lambda q, k, v: (
        (q.matmul(k.swapaxes(-1, -2)) / q.shape[-1] ** 0.5).softmax(-1).matmul(v)
    ),
    "queries averaged": lambda q, k, v: attended(averaged(q, k.shape[1]), k, v),
    "answers averaged": lambda q, k, v: averaged(attended(q, k, v), k.shape[1]),
    "divides by √d_model": lambda q, k, v: attended(q, k, v, factor=q.shape[1] ** -0.5),
    "softmax over the heads": lambda q, k, v: attended(q, k, v, axis=1),
    "no scale": lambda q, k, v: attended(q, k, v, factor=q.shape[-1] ** 0.5),
    "divides by d_k": lambda q, k, v: attended(q, k, v, factor=q.shape[-1] ** -0.5),
    "divides by √(number of keys)": lambda q, k, v: attended(
        q, k, v, factor=(k.shape[-1] / k.shape[-2]) ** 0.5
    ),
    "softmax over the queries": lambda q, k, v: attended(q, k, v, axis=-2),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


def test_natural_mistakes_are_named():
    def tiled(q, k, v):
        n = q.shape[1] // k.shape[1]
        return F.scaled_dot_product_attention(q, k.repeat(1, n, 1, 1), v.repeat(1, n, 1, 1))

    assert check(tiled).mistake == "groups dealt in turn"
    assert check(F.scaled_dot_product_attention).mistake == "groups not shared out"
    assert check(lambda q, k, v: looped(q, k[:, :1], v[:, :1])).mistake == "one group for all"
