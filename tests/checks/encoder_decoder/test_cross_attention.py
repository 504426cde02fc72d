import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as torchs

from tests.checks.written import earns
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


def by_shares(q, k, v, seen, scale=None, axis=2):
    """Exponentials as they are, then shares of their sum."""
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    e = torch.einsum("btd,bsd->bts", q, k).mul(scale).exp() * seen
    return torch.einsum("bts,bsd->btd", e / e.sum(axis, keepdim=True), v)


def both(target_keep, source_keep):
    return torch.einsum("bt,bs->bts", target_keep.long(), source_keep.long()).bool()


def below_the_diagonal(target_keep, source_keep):
    return source_keep[:, None] & torch.tensor(
        [[j <= i for j in range(source_keep.shape[1])] for i in range(target_keep.shape[1])]
    )


WRITTEN = {
    "target mask used for the source": lambda x, m, t, s, a, b, c: fused(x, m, s, t, a, b, c),
    "source mask ignored": lambda x, m, t, s, a, b, c: torchs(x @ a, m @ b, m @ c),
    "source mask inverted": lambda x, m, t, s, a, b, c: by_shares(
        x @ a, m @ b, m @ c, 1 - s[:, None].long()
    ),
    "both masks at once": lambda x, m, t, s, a, b, c: by_shares(x @ a, m @ b, m @ c, both(t, s)),
    "both masks at once, rows of zeros": lambda x, m, t, s, a, b, c: torchs(
        x @ a, m @ b, m @ c, both(t, s)
    ),
    "causal": lambda x, m, t, s, a, b, c: torchs(x @ a, m @ b, m @ c, below_the_diagonal(t, s)),
    "mask after the softmax": lambda x, m, t, s, a, b, c: torchs(
        x @ a, m @ b, (m @ c) * s[..., None]
    ),
    "query and key swapped": lambda x, m, t, s, a, b, c: fused(m, x, t, s, a, b, c),
    "self-attention": lambda x, m, t, s, a, b, c: fused(x, x, t, s, a, b, c),
    "the source reads itself": lambda x, m, t, s, a, b, c: fused(m, m, t, s, a, b, c),
    "values from the target": lambda x, m, t, s, a, b, c: torchs(x @ a, m @ b, x @ c, s[:, None]),
    "keys from the target": lambda x, m, t, s, a, b, c: torchs(x @ a, x @ b, m @ c, s[:, None]),
    "query and key matrices swapped": lambda x, m, t, s, a, b, c: fused(x, m, t, s, b, a, c),
    "input handed over": lambda x, m, t, s, a, b, c: torchs(x @ a, m @ b, m, s[:, None]),
    "no scale": lambda x, m, t, s, a, b, c: by_shares(x @ a, m @ b, m @ c, s[:, None], 1),
    "divides by d_k": lambda x, m, t, s, a, b, c: by_shares(
        x @ a, m @ b, m @ c, s[:, None], 1 / x.shape[2]
    ),
    "softmax over the queries": lambda x, m, t, s, a, b, c: by_shares(
        x @ a, m @ b, m @ c, s[:, None], axis=1
    ),
}


def test_shares_of_exponentials_are_right():
    check(lambda x, m, t, s, a, b, c: by_shares(x @ a, m @ b, m @ c, s[:, None])).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_a_source_of_one_word_is_all_that_can_be_attended_to():
    x, memory = torch.randn(1, 3, 2), torch.randn(1, 4, 2)
    keep = torch.tensor([[False, True, False, False]])
    got = check.reference(x, memory, torch.ones(1, 3).bool(), keep, *[torch.eye(2)] * 3)
    torch.testing.assert_close(got, memory[:, 1:2].expand(1, 3, 2))
