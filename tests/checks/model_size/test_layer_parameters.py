import pytest
import torch

from txlite import checks
from txlite.nn import DecoderLayer, EncoderLayer

check = checks.layer_parameters


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("case", [(6, 10, False), (6, 10, True), (512, 2048, True)])
def test_the_reference_agrees_with_the_layers_themselves(case):
    *sizes, decoder = case
    with torch.device("meta"):
        made = (DecoderLayer if decoder else EncoderLayer)(sizes[0], 2, sizes[1])
    assert check.reference(*case) == count(made)


def test_right_answers_in_other_words_pass():
    def by_module(d_model, d_ff, decoder):
        return count((DecoderLayer if decoder else EncoderLayer)(d_model, 1, d_ff))

    check(by_module).require()
    check(
        lambda d, f, decoder: 4 * d * d * (1 + decoder) + 2 * d * f + f + d * (9 + 6 * decoder)
    ).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda d, f, _: 4 * (d * d + d) + 2 * d * f + f + d + 4 * d,
         "the decoder's second attention forgotten + the decoder's third norm forgotten"),
        (lambda d, f, dec: (1 + dec) * 4 * d * d + 2 * d * f, "biases forgotten + norms forgotten"),
        (lambda d, f, dec: (1 + dec) * 4 * (d * d + d) + 2 * d * f + f + d, "norms forgotten"),
    ],
)  # fmt: skip
def test_natural_mistakes_are_named(answer, name):
    assert check(answer).mistake == name
