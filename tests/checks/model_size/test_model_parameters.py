import pytest
import torch

from txlite import checks
from txlite.models import Transformer, TransformerConfig

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


def test_right_answers_in_other_words_pass():
    check(lambda v, d, f, n: v * d + n * (12 * d * d + 4 * d * f + 2 * f + 24 * d)).require()


def test_natural_mistakes_are_named():
    def whole(v, d, f, n):
        return v * d + n * (12 * d * d + 4 * d * f + 2 * f + 24 * d)

    assert check(lambda *s: whole(*s) + s[0] * s[1]).mistake == "output matrix counted again"
    untied = check(lambda *s: whole(*s) + s[0] * s[1] + s[0])
    assert untied.mistake == "output matrix counted again + a bias for every word"
