"""A Whisper with norms on its way in and a second output: what each choice is, and is not."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.models.tiny import CLOSE, EXACT, B, D, F, H, T, V, redrawn, tokens
from txlite.models import HybridWhisper, HybridWhisperConfig, Whisper, WhisperConfig

BANDS, FRAMES, S = 7, 17, 9
PLAIN: dict[str, Any] = {"band_norm": False, "stem_norm": False, "position_scale": 1.0}


def config(**options: Any) -> HybridWhisperConfig:
    sizes: dict[str, Any] = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F}
    sizes |= {"num_layers": 2, "num_mels": BANDS, "max_source_len": 10, "max_len": 12}
    return HybridWhisperConfig(**{**sizes, **options})


def tiny(**options: Any) -> HybridWhisper:
    return redrawn(HybridWhisper(config(**options)))


def sound() -> Tensor:
    return 3.0 + 2.0 * torch.randn(B, BANDS, FRAMES, dtype=torch.float64)


def test_without_its_choices_it_is_a_whisper() -> None:
    model, heard, target = tiny(**PLAIN), sound(), tokens(B, T)
    fields = {f: getattr(model.config, f) for f in WhisperConfig.__dataclass_fields__}
    plain = Whisper(WhisperConfig(**fields)).double().eval()
    left = plain.load_state_dict(model.state_dict(), strict=False)
    assert not left.missing_keys
    assert left.unexpected_keys == ["frame_output.weight", "frame_output.bias"]
    assert_close(model.eval()(heard, target), plain(heard, target), **EXACT)


@pytest.mark.kills(
    "hybrid whisper: the bands are normed after the convolution",
    "models/hybrid_whisper.py",
    "x = gelu(self.norm1(self.conv1(self.band_norm(source))))",
    "x = gelu(self.norm1(self.conv1(source)))",
)
def test_in_training_the_loudness_and_the_spread_of_a_band_do_not_matter() -> None:
    model, heard, target = tiny().train(), sound(), tokens(B, T)
    for norm in (model.band_norm, model.norm1, model.norm2):
        assert isinstance(norm, nn.BatchNorm1d)
    want = model(heard, target)
    scale = torch.linspace(0.5, 4, BANDS, dtype=torch.float64)[:, None]
    assert_close(model(heard * scale - 5 * scale, target), want, rtol=1e-3, atol=1e-3)
    plain = tiny(band_norm=False).train()
    assert not torch.allclose(plain(heard * scale, target), plain(heard, target), atol=1e-2)


def test_convolutions_are_normed_over_the_batch_and_time() -> None:
    model = tiny().train()
    entered: list[Tensor] = []
    for norm in (model.norm1, model.norm2):
        norm.reset_parameters()  # type: ignore[operator]
        norm.register_forward_hook(lambda _, __, x: entered.append(x))
    model.encode(sound())
    for x in entered:
        flat = x.transpose(0, 1).flatten(1)
        assert_close(flat.mean(1), torch.zeros(D, dtype=torch.float64), atol=1e-6, rtol=0)
        assert_close(flat.var(1, correction=0), torch.ones(D, dtype=torch.float64), **CLOSE_VAR)


CLOSE_VAR: dict[str, Any] = {"rtol": 0, "atol": 1e-2}


def test_when_it_is_used_a_sound_does_not_depend_on_the_others() -> None:
    model, heard, target = tiny().train(), sound(), tokens(B, T)
    for _ in range(3):
        model(heard, target)
    model.eval()
    assert_close(model(heard[:1], target[:1]), model(heard, target)[:1], **CLOSE)


def test_the_table_is_scaled_once_and_stored_so() -> None:
    small, plain = HybridWhisper(config()), HybridWhisper(config(position_scale=1.0))
    name = "encoder_positions.added.table.weight"
    assert_close(small.state_dict()[name], 0.3 * plain.state_dict()[name])
    again = HybridWhisper(config())
    again.load_state_dict(small.state_dict())
    assert torch.equal(again.state_dict()[name], small.state_dict()[name])
    assert not small.encoder_positions.get_parameter("added.table.weight").requires_grad


def test_frames_are_scored_one_by_one_with_a_blank() -> None:
    model = tiny().eval()
    memory = model.encode(sound())
    scores = model.frame_scores(memory)
    assert scores.shape == (B, S, V + 1)
    assert_close(scores[:, 3:4], model.frame_scores(memory[:, 3:4]), **CLOSE)
    (grad,) = torch.autograd.grad(scores.sum(), model.frame_output.bias)
    assert grad.ne(0).all()


@pytest.mark.plain
def test_errors() -> None:
    with pytest.raises(ValueError, match="position_scale should be a positive number, got 0"):
        config(position_scale=0.0)
    with pytest.raises(ValueError, match=re.escape("memory should have shape")):
        tiny().frame_scores(torch.zeros(B, S, D + 1, dtype=torch.float64))
