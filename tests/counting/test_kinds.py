"""Models without numbers, and what is refused."""

import pytest
import torch
from torch import nn

from txlite import models as m
from txlite.counting import build_on_meta, predict_parameters
from txlite.counting.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS[m.BERTConfig])
def test_a_model_on_meta_has_the_kind_that_is_asked_for(kind: type[nn.Module]) -> None:
    config = m.BERTConfig(vocab_size=50, d_model=16, num_heads=2, d_ff=32, num_layers=2)
    model = build_on_meta(config, kind=kind)
    assert type(model) is kind
    assert all(p.is_meta for p in model.parameters())
    assert torch.zeros(1).device.type == "cpu"


def test_the_body_is_what_a_config_says_alone() -> None:
    config = m.ViTConfig(image_size=32)
    assert predict_parameters(config) == predict_parameters(config, kind=m.ViT)
    more = predict_parameters(config, kind=m.ViTForImageClassification).total
    assert more - predict_parameters(config).total == 1000 * 769
