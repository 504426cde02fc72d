import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.models import Transformer, TransformerConfig
from txlite.nn import DecoderLayer, EncoderLayer

check = checks.model_parameters


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("preset", [TransformerConfig.base(), TransformerConfig.big(999)])
def test_the_reference_agrees_with_the_module_tree(preset):
    with torch.device("meta"):
        made = Transformer(preset)
    sizes = (preset.vocab_size, preset.d_model, preset.d_ff, preset.num_layers)
    assert check.reference(*sizes) == count(made)
    if preset == TransformerConfig.base():
        assert f"{count(made):,}".replace(",", " ") in check.praise
        biases = sum(p.numel() for n, p in made.named_parameters() if n.endswith("proj.bias"))
        assert round(biases, -3) == 68_000


def whole(v, d, f, n):
    return v * d + n * (12 * d * d + 4 * d * f + 2 * f + 24 * d)


def encoder(d, f):
    return count(EncoderLayer(d, 1, f))


def decoder(d, f):
    return count(DecoderLayer(d, 1, f))


def test_right_answers_in_other_words_pass():
    check(whole).require()
    check(lambda v, d, f, n: v * d + sum(encoder(d, f) + decoder(d, f) for _ in range(n))).require()


WRITTEN = {
    "output matrix counted again": lambda v, d, f, n: whole(v, d, f, n) + d * v,
    "vocabulary counted three times": lambda v, d, f, n: whole(v + v + v, d, f, n),
    "embedding forgotten": lambda v, d, f, n: whole(0, d, f, n),
    "a bias for every word": lambda v, d, f, n: whole(v, d, f, n) + v,
    "norms at the ends of the stacks": lambda v, d, f, n: (
        whole(v, d, f, n) + 2 * count(torch.nn.LayerNorm(d))
    ),
    "one layer of each": lambda v, d, f, n: whole(v, d, f, 1),
    "the encoder alone": lambda v, d, f, n: v * d + sum(encoder(d, f) for _ in range(n)),
    "the decoder alone": lambda v, d, f, n: v * d + sum(decoder(d, f) for _ in range(n)),
    "the encoder's layers in the decoder too": lambda v, d, f, n: (
        v * d + sum(encoder(d, f) for _ in range(n + n))
    ),
    "biases forgotten": lambda v, d, f, n: v * d + n * (12 * d * d + 4 * d * f + 10 * d),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_two_mistakes_at_once_are_named():
    earns(
        check,
        lambda v, d, f, n: whole(v, d, f, n) + v * d + v,
        "output matrix counted again + a bias for every word",
    )
