import pytest
import torch
from torch import nn

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


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"share": True}, "one layer several times"),
        ({"masked_layers": 1}, "mask in the first layer only"),
        ({"masked_layers": 0}, "no mask"),
        ({"final": False}, "final norm missing"),
        ({"final": False, "share": True}, "one layer several times + final norm missing"),
    ],
)
def test_natural_mistakes_are_named(wrong, name):
    assert check(lambda x, keep, w: looped(x, keep, w, **wrong)).mistake == name


def test_the_reference_on_a_case_counted_by_hand():
    x = torch.tensor([[[1.0, -1.0], [5.0, 5.0]]])  # the second word is padding
    got = check.reference(x, torch.tensor([[True, False]]), torch.zeros(3, 2, 2))
    torch.testing.assert_close(got[0, 0], torch.tensor([1.0, -1.0]), atol=1e-4, rtol=0)
