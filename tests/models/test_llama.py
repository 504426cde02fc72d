"""Llama's own: its sizes as they were published, and angles that carry no limit.

What it shares with GPT stands in test_decoder_only.py; that it computes what the released models
do, in tests/interop; the planes' frequencies in tests/nn/positions/test_rotary.py.
"""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.models.decoders import HEADS, LLAMA3, config, tiny
from tests.models.tiny import CLOSE, B, D, F, T, V, tokens
from txlite.models import GPT, GPTConfig, Llama, LlamaConfig
from txlite.nn.positions import Positions, Rotary, RotaryScaling

# Of the files that were published; the papers say 135 million, 7 and 8 billion (6.7 and 8.03).
PUBLISHED = {
    "smollm2_135m": 134_515_008,
    "llama2_7b": 6_738_415_616,
    "llama3_8b": 8_030_261_248,
    "mistral_7b": 7_241_732_096,
}


def counted_by_hand(c: LlamaConfig) -> int:
    """Without any bias: four maps, three of the gated layer, two norms, and one at the end."""
    head = c.head_dim or c.d_model // c.num_heads
    keys = (c.num_kv_heads or c.num_heads) * head
    attention = 2 * c.d_model * (c.num_heads * head) + 2 * c.d_model * keys
    layer = attention + 3 * c.d_model * c.d_ff + 2 * c.d_model
    return c.vocab_size * c.d_model * (2 - c.tied_output) + c.num_layers * layer + c.d_model


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_sizes_on_meta(name: str) -> None:
    preset = getattr(LlamaConfig, name)()
    with torch.device("meta"):
        model = Llama(preset)
    count = sum(p.numel() for p in model.parameters())
    assert count == counted_by_hand(preset) == PUBLISHED[name]
    text = torch.zeros(2, 3, dtype=torch.int64, device="meta")
    assert model(text).shape == (2, 3, preset.vocab_size)


def test_the_presets_are_the_papers() -> None:
    small, two, three, mistral = (getattr(LlamaConfig, name)() for name in PUBLISHED)
    told = [
        (c.num_layers, c.d_model, c.num_heads, c.num_kv_heads, c.d_ff, c.rope_theta, c.tied_output)
        for c in (small, two, three, mistral)
    ]
    assert told == [
        (30, 576, 9, 3, 1536, 1e5, True),
        (32, 4096, 32, None, 11_008, 1e4, False),
        (32, 4096, 32, 8, 14_336, 5e5, False),
        (32, 4096, 32, 8, 14_336, 1e4, False),
    ]
    assert [c.sliding_window for c in (small, two, three, mistral)] == [None] * 3 + [4096]
    for c, length in ((small, 8192), (two, 4096), (three, 8192), (mistral, 8192)):
        assert (c.activation, c.norm, c.norm_eps, c.bias) == ("swiglu", "rms", 1e-5, False)
        assert (c.max_len, c.rope_scaling, c.dropout) == (length, None, 0.0)
    assert LlamaConfig.smollm2_135m(99).vocab_size == 99


def test_the_weights_begin_alike() -> None:
    sizes: dict[str, Any] = {"vocab_size": 300, "d_model": 96, "num_heads": 2, "d_ff": 200}
    model = Llama(LlamaConfig(num_layers=3, init_std=0.03, **sizes))
    for name, p in model.named_parameters():
        if p.ndim == 1:
            assert p.eq(1.0).all(), name
        else:
            assert p.std().item() == pytest.approx(0.03, rel=0.05), name


@pytest.mark.parametrize("scaling", [None, LLAMA3, RotaryScaling(kind="linear", factor=2.0)])
@pytest.mark.parametrize("head_dim", [None, 6])
def test_queries_and_keys_turn_by_the_config_s_angles(
    scaling: RotaryScaling | None, head_dim: int | None
) -> None:
    given = {"rope_theta": 50.0, "rope_scaling": scaling, "head_dim": head_dim}
    model, text = tiny("llama", **given), tokens(B, T)
    rotary = Rotary(head_dim or D // HEADS, base=50.0, scaling=scaling)
    positions = Positions(rotation=rotary(torch.arange(T)))
    hidden = model.decoder(model.embedding(text), positions=positions)
    assert_close(model(text), model.output(hidden), **CLOSE)
    other = tiny("llama", **{**given, "rope_theta": 51.0})
    other.load_state_dict(model.state_dict())
    assert not torch.allclose(other(text), model(text))


def test_a_gpt_with_the_four_choices_is_a_llama() -> None:
    four: dict[str, Any] = {
        "positions": "rotary", "norm": "rms", "norm_eps": 1e-5, "activation": "swiglu",
        "num_kv_heads": 1, "bias": False,
    }  # fmt: skip
    sizes: dict[str, Any] = {"vocab_size": V, "d_model": D, "num_heads": HEADS, "d_ff": F}
    gpt = GPT(GPTConfig(**sizes, **four, num_layers=2, tied_output=False)).double().eval()
    llama, text = tiny("llama grouped"), tokens(B, T)
    gpt.load_state_dict(llama.state_dict())
    assert_close(gpt(text), llama(text), **CLOSE)


def test_no_position_is_the_last() -> None:
    model = tiny("llama 3", max_len=5)
    assert model(tokens(2, 40)).isfinite().all()
    assert not list(model.positions.parameters())


@pytest.mark.parametrize("window", [1, 2, 4])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_window_bounds_how_far_a_position_looks(window: int, layers: int) -> None:
    """Each layer reaches window - 1 positions farther back, whatever stands before."""
    model, text = tiny("llama", sliding_window=window, num_layers=layers), tokens(1, 11)
    for j in range(11):
        other = text.clone()
        other[0, j] = (other[0, j] + 1) % V
        moved = (model(other) - model(text)).abs().amax(-1)[0] > 1e-12
        assert moved.tolist() == [j <= i <= j + layers * (window - 1) for i in range(11)]


def test_a_window_counts_columns_and_padding_on_the_left_moves_all() -> None:
    model, text = tiny("llama", sliding_window=3), tokens(1, 9)
    keep = torch.arange(13)[None] >= 4
    padded = torch.cat([tokens(1, 4), text], dim=1)
    assert_close(model(padded, keep=keep)[:, 4:], model(text), **CLOSE)


@pytest.mark.plain
def test_what_is_not_built_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^kind should be one of linear, llama3, got 'yarn'"):
        replace(LLAMA3, kind="yarn")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^rope_theta should be a positive number, got 0"):
        config("llama", rope_theta=0)
    with pytest.raises(ValueError, match=r"^rope_scaling should be a RotaryScaling, or None, got"):
        config("llama", rope_scaling={"rope_type": "llama3", "factor": 8.0})
    with pytest.raises(ValueError, match=r"^sliding_window should be a positive whole number"):
        config("llama", sliding_window=0)
    with pytest.raises(ValueError, match=r"^head_dim should be even, a number of pairs, got 5"):
        tiny("llama", head_dim=5)
