import pytest
import torch

from txlite import checks
from txlite.models import Transformer, TransformerConfig
from txlite.nn import DecoderLayer, EncoderLayer

layer, model = checks.layer_parameters, checks.model_parameters


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("case", [(6, 10, False), (6, 10, True), (512, 2048, True)])
def test_the_reference_agrees_with_the_layers_themselves(case):
    *sizes, decoder = case
    with torch.device("meta"):
        made = (DecoderLayer if decoder else EncoderLayer)(sizes[0], 2, sizes[1])
    assert layer.reference(*case) == count(made)


@pytest.mark.parametrize("preset", [TransformerConfig.base(), TransformerConfig.big(999)])
def test_the_reference_agrees_with_the_module_tree(preset):
    with torch.device("meta"):
        made = Transformer(preset)
    sizes = (preset.vocab_size, preset.d_model, preset.d_ff, preset.num_layers)
    assert model.reference(*sizes) == count(made)
    if preset == TransformerConfig.base():
        assert f"{count(made):,}".replace(",", " ") in model.praise
        biases = sum(p.numel() for n, p in made.named_parameters() if n.endswith("proj.bias"))
        assert round(biases, -3) == 68_000


def test_right_answers_in_other_words_pass():
    def by_module(d_model, d_ff, decoder):
        return count((DecoderLayer if decoder else EncoderLayer)(d_model, 1, d_ff))

    layer(by_module).require()
    layer(lambda d, f, decoder: 4 * d * d * (1 + decoder) + 2 * d * f + f + d * (9 + 6 * decoder))
    model(lambda v, d, f, n: v * d + n * (12 * d * d + 4 * d * f + 2 * f + 24 * d)).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda d, f, _: 4 * (d * d + d) + 2 * d * f + f + d + 4 * d,
         "the decoder's second attention forgotten + the decoder's third norm forgotten"),
        (lambda d, f, dec: (1 + dec) * 4 * d * d + 2 * d * f, "biases forgotten + norms forgotten"),
        (lambda d, f, dec: (1 + dec) * 4 * (d * d + d) + 2 * d * f + f + d, "norms forgotten"),
    ],
)  # fmt: skip
def test_natural_mistakes_in_a_layer_are_named(answer, name):
    assert layer(answer).mistake == name


def test_natural_mistakes_in_a_model_are_named():
    def whole(v, d, f, n):
        return v * d + n * (12 * d * d + 4 * d * f + 2 * f + 24 * d)

    assert model(lambda *s: whole(*s) + s[0] * s[1]).mistake == "output matrix counted again"
    untied = model(lambda *s: whole(*s) + s[0] * s[1] + s[0])
    assert untied.mistake == "output matrix counted again + a bias for every word"
