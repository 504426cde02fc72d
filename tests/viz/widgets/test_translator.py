"""The translator carries exactly what the page computes with, and refuses what it cannot."""

from dataclasses import asdict
from typing import Any

import pytest
import torch

from txlite.data.tokenizers import train_bpe
from txlite.models import Transformer, TransformerConfig
from txlite.viz.widgets.translator import PageModel, Translator


def page_model(**changes: Any) -> PageModel:
    sizes = {"d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1}
    model = Transformer(TransformerConfig(vocab_size=20, norm_first=True, **sizes))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half())
    bpe = train_bpe(["je mange", "tu manges"], 20).to_json()
    content = {
        "direction": "French → English",
        "config": asdict(model.config),
        "tensors": model.state_dict(),
        "source": bpe,
        "target": bpe,
        "examples": ["je mange"],
    }
    return PageModel(**(content | changes))


def test_weights_come_back_as_they_were() -> None:
    model = page_model()
    figure = Translator([model, model], language=1)
    assert figure.sentence == "je mange"
    for number in range(len(figure.models)):
        carried = figure.weights[number].tensors
        assert list(carried) == list(model.tensors)
        for want, got in zip(model.tensors.values(), carried.values(), strict=True):
            assert got.dtype == torch.float16
            assert torch.equal(got.float(), want)


def test_the_words_that_a_model_has_met_travel_with_it_and_are_optional() -> None:
    assert PageModel._fields[-1] == "words"
    figure = Translator([page_model(), page_model(words={"je": 1, "mange": 2})])
    assert [described["words"] for described in figure.models] == [[], ["je", "mange"]]
    assert figure.longest == 60


def test_what_the_page_cannot_compute_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="models should hold at least one model"):
        Translator([])
    config = page_model().config | {"positions": "alibi"}
    with pytest.raises(ValueError, match="positions sinusoidal, rotary, none, got 'alibi'"):
        Translator([page_model(config=config)])
    with pytest.raises(ValueError, match="examples of French → English should hold a sentence"):
        Translator([page_model(examples=[])], sentence="je mange")
    with pytest.raises(ValueError, match=r"float16 numbers.*embedding\.weight is not"):
        Translator([page_model(tensors={"embedding.weight": torch.tensor([1.0001])})])
