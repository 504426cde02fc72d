import pytest
import torch
from torch import nn

from tests.checks.written import earns
from txlite import checks
from txlite.nn import attention_weights, layer_norm, masks

check = checks.encoder_stack


def looped(x, keep, weights, share=False, masked_layers=9, final=True):
    """The same with txlite's own attention and norm."""
    for i in range(len(weights)):
        z = layer_norm(x)
        rule = masks.padding(keep) if i < masked_layers else None
        x = x + attention_weights(z, z, rule) @ z @ weights[0 if share else i]
    return layer_norm(x) if final else x


def modules(x, keep, weights):
    class Layer(nn.Module):
        def __init__(self, w):
            super().__init__()
            self.w = w

        def forward(self, x):
            z = layer_norm(x)
            return x + nn.functional.scaled_dot_product_attention(z, z, z, keep[:, None]) @ self.w

    return layer_norm(nn.Sequential(*(Layer(w) for w in weights))(x))


def test_right_answers_in_other_words_pass():
    check(looped).require()
    check(modules).require()


def norm(x):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def by_hand(z, allowed):
    """Attention in which a query without any key is NaN."""
    e = torch.einsum("btd,bsd->bts", z, z).div(z.shape[-1] ** 0.5).exp() * allowed
    return torch.einsum("bts,bsd->btd", e / e.sum(2, keepdim=True), z)


def fused(z, allowed):
    """Attention in which a query without any key is zero."""
    return nn.functional.scaled_dot_product_attention(z, z, z, allowed)


def layered(x, weights, allowed, attend=fused):
    for w in weights:
        x = x + torch.einsum("btd,de->bte", attend(norm(x), allowed), w)
    return norm(x)


def from_the_start(x, keep, weights):
    for w in weights:
        y = x + fused(norm(x), keep[:, None]) @ w
    return norm(y)


def side_by_side(x, keep, weights):
    z = norm(x)
    return norm(x + sum(fused(z, keep[:, None]) @ w for w in weights))


def bare(x, keep, weights):
    for w in weights:
        x = x + fused(x, keep[:, None]) @ w
    return norm(x)


def post_norm(x, keep, weights):
    for w in weights:
        x = norm(x + fused(x, keep[:, None]) @ w)
    return norm(x)


def replaced(x, keep, weights):
    for w in weights:
        x = fused(norm(x), keep[:, None]) @ w
    return norm(x)


WRITTEN = {
    "one layer several times": lambda x, k, w: looped(x, k, w, share=True),
    "layers in reverse": lambda x, k, w: layered(x, reversed(list(w)), k[:, None]),
    "last layer left out": lambda x, k, w: layered(
        x, [w[i] for i in range(len(w) - 1)], k[:, None]
    ),
    "only the last layer": from_the_start,
    "every layer reads the first input": side_by_side,
    "weights transposed": lambda x, k, w: layered(x, [m.T for m in w], k[:, None]),
    "mask in the first layer only": lambda x, k, w: looped(x, k, w, masked_layers=1),
    "no mask": lambda x, k, w: layered(x, w, None),
    "mask inverted": lambda x, k, w: layered(x, w, k[:, None] == 0),
    "mask inverted, rows of NaN": lambda x, k, w: layered(x, w, k[:, None] == 0, by_hand),
    "masks queries, not keys": lambda x, k, w: layered(
        x, w, k[..., None].expand(-1, -1, k.shape[1])
    ),
    "masks queries, not keys, rows of NaN": lambda x, k, w: layered(x, w, k[..., None], by_hand),
    "final norm missing": lambda x, k, w: looped(x, k, w, final=False),
    "no norm before attention": bare,
    "post-norm": post_norm,
    "residual missing": replaced,
}


def test_the_stacks_that_are_varied_are_right():
    check(lambda x, k, w: layered(x, w, k[:, None])).require()
    check(lambda x, k, w: layered(x, w, k[:, None], by_hand)).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_two_mistakes_at_once_are_named():
    earns(
        check,
        lambda x, k, w: looped(x, k, w, final=False, share=True),
        "one layer several times + final norm missing",
    )


def test_the_reference_on_a_case_counted_by_hand():
    x = torch.tensor([[[1.0, -1.0], [5.0, 5.0]]])  # the second word is padding
    got = check.reference(x, torch.tensor([[True, False]]), torch.zeros(3, 2, 2))
    torch.testing.assert_close(got[0, 0], torch.tensor([1.0, -1.0]), atol=1e-4, rtol=0)
