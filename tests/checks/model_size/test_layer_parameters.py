import pytest
import torch

from tests.checks.written import earns
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


def by_module(d_model, d_ff, decoder):
    return count((DecoderLayer if decoder else EncoderLayer)(d_model, 1, d_ff))


def whole(d, f, decoder):
    return 4 * d * d * (1 + decoder) + 2 * d * f + f + d * (9 + 6 * decoder)


def test_right_answers_in_other_words_pass():
    check(by_module).require()
    check(whole).require()


# How many of its own parts a layer lacks, or has too many: counted from what is right.
WRITTEN = {
    "biases forgotten": lambda d, f, dec: 4 * d**2 * (1 + dec) + f * d * 2 + d * (4 + 2 * dec),
    "biases of the attention forgotten": lambda d, f, dec: whole(d, f, dec) - 4 * d * (1 + dec),
    "biases of the feed-forward layer forgotten": lambda d, f, dec: whole(d, f, dec) - (f + d),
    "hidden bias of width d_model": lambda d, f, dec: whole(d, f, dec) - f + d,
    "one matrix in the feed-forward layer": lambda d, f, dec: whole(d, f, dec) - d * (f + 1),
    "a square hidden layer": lambda d, f, dec: whole(d, f, dec) + f**2,
    "W^O forgotten": lambda d, f, dec: whole(d, f, dec) - d * (d + 1) * (2 if dec else 1),
    "norms forgotten": lambda d, f, dec: whole(d, f, dec) - d * (6 if dec else 4),
    "shift of the norms forgotten": lambda d, f, dec: whole(d, f, dec) - d * (3 if dec else 2),
    "one norm in a layer": lambda d, f, dec: whole(d, f, dec) - d * (4 if dec else 2),
    "the decoder's second attention forgotten": lambda d, f, dec: whole(d, f, False) + 2 * d * dec,
    "the decoder's third norm forgotten": lambda d, f, dec: whole(d, f, dec) - 2 * d * dec,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda d, f, _: 4 * (d * d + d) + 2 * d * f + f + d + 4 * d,
         "the decoder's second attention forgotten + the decoder's third norm forgotten"),
        (lambda d, f, dec: (1 + dec) * 4 * d * d + 2 * d * f, "biases forgotten + norms forgotten"),
    ],
)  # fmt: skip
def test_two_mistakes_at_once_are_named(answer, name):
    assert check(answer).mistake == name
