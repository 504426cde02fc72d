"""Llama's models in and out: the same numbers, gradients and bytes, and every trap by name."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.interop.decoder_only import B, T, keep, their_logits
from tests.interop.published import (
    check_fields,
    compare,
    reconfigured,
    redraw,
    rewritten,
    round_trip,
    tensors,
    unknown_fields,
    written,
)
from txlite.interop import load, save
from txlite.models.llama import Llama, LlamaConfig

D, H, K, F, V = 24, 6, 2, 20, 23
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
}  # fmt: skip

CONFIGS: dict[str, dict[str, Any]] = {
    "grouped": {},
    "tied": {"tie_word_embeddings": True},
    "a head each": {"num_key_value_heads": 6, "num_hidden_layers": 1},
    "one for all": {"num_key_value_heads": 1, "rms_norm_eps": 1e-3},
    "wide heads": {"head_dim": 10},
    "theta": {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}},
    "linear": {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}},
    "llama3": {"rope_parameters": LLAMA3, "head_dim": 16},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "gelu": {"hidden_act": "gelu"},
    "gelu_pytorch_tanh": {"hidden_act": "gelu_pytorch_tanh"},
    "relu": {"hidden_act": "relu", "num_hidden_layers": 3},
}


@pytest.fixture(autouse=True)
def _in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs rounds norms and angles to float32, whatever the model's dtype."""
    from transformers.models.llama import modeling_llama as theirs

    def norm(self: Any, x: Tensor) -> Tensor:
        mean = x.square().mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(mean + self.variance_epsilon))

    def rotary(self: Any, x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        exact = frequencies(self.config)
        assert_close(self.inv_freq.double(), exact, rtol=1e-6, atol=0.0)
        angles = position_ids[..., None].double() * exact
        both = torch.cat([angles, angles], dim=-1)
        return both.cos().to(x.dtype), both.sin().to(x.dtype)

    monkeypatch.setattr(theirs.LlamaRMSNorm, "forward", norm)
    monkeypatch.setattr(theirs.LlamaRotaryEmbedding, "forward", rotary)


def frequencies(config: Any) -> Tensor:
    """Their formula, with float64's digits."""
    rope = config.rope_parameters
    f = rope["rope_theta"] ** -(
        torch.arange(0, config.head_dim, 2, dtype=torch.float64) / config.head_dim
    )
    if rope["rope_type"] == "linear":
        return f / rope["factor"]
    if rope["rope_type"] == "llama3":
        length, low, high = (
            rope["original_max_position_embeddings"], rope["low_freq_factor"],
            rope["high_freq_factor"],
        )  # fmt: skip
        wavelength = 2 * math.pi / f
        smooth = (length / wavelength - low) / (high - low)
        between = (1 - smooth) * f / rope["factor"] + smooth * f
        slow = torch.where(wavelength > length / low, f / rope["factor"], between)
        return torch.where(wavelength < length / high, f, slow)
    return f


def twin(**options: Any) -> Any:
    from transformers import LlamaConfig as TheirConfig
    from transformers import LlamaForCausalLM

    sizes = {
        "vocab_size": V, "hidden_size": D, "num_hidden_layers": 2, "num_attention_heads": H,
        "num_key_value_heads": K, "intermediate_size": F, "max_position_embeddings": 512,
        "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    return redraw(LlamaForCausalLM(TheirConfig(**{**sizes, **options})))


@pytest.mark.parametrize("side", ["right", "left", "holes"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, side: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, Llama)
    tokens, real = torch.randint(V, (B, T)), keep(side)

    def outputs() -> tuple[Tensor, Tensor]:
        return ours(tokens, keep=real)[real], their_logits(theirs, tokens, real)

    compare(theirs, ours, outputs)


@pytest.mark.parametrize("name", ["linear", "llama3", "theta"])
def test_a_long_text_does_not_drift(name: str, tmp_path: Path) -> None:
    """At position 0 every scaling agrees; field case N3."""
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    tokens = torch.randint(V, (1, 150))
    assert_close(ours(tokens), theirs(input_ids=tokens).logits, rtol=1e-9, atol=1e-9)
    plain = load(reconfigured(tmp_path / "theirs", rope_parameters=None))
    assert (plain(tokens)[0, 0] - ours(tokens)[0, 0]).abs().max() < 1e-9
    assert (plain(tokens)[0, -1] - ours(tokens)[0, -1]).abs().max() > 0.1


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", {"bos_token_id": 1})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return written(twin(), tmp_path / "saved")


def test_the_body_alone_is_loaded_without_the_prefix(tmp_path: Path) -> None:
    theirs = twin(tie_word_embeddings=True)
    whole = load(written(theirs, tmp_path / "whole")).state_dict()
    written(theirs.model, tmp_path / "body")
    assert "embed_tokens.weight" in tensors(tmp_path / "body")
    body = load(tmp_path / "body").state_dict()
    assert all(torch.equal(whole[name], body[name]) for name in whole)


def test_both_spellings_of_the_angles_mean_one_model(tmp_path: Path) -> None:
    """Version 5 writes rope_parameters, version 4 wrote rope_theta and rope_scaling."""
    saved = written(twin(rope_parameters=LLAMA3, head_dim=16), tmp_path / "saved")
    new = load(saved)
    scaling = {name: value for name, value in LLAMA3.items() if name != "rope_theta"}
    older = {"type" if name == "rope_type" else name: value for name, value in scaling.items()}
    for spelt in (scaling, older):
        reconfigured(saved, rope_parameters=None, rope_theta=1e4, rope_scaling=spelt)
        assert load(saved).config == new.config
    assert new.config.rope_scaling is not None
    reconfigured(saved, rope_parameters=None, rope_theta=7e4, rope_scaling=None)
    assert (load(saved).config.rope_theta, load(saved).config.rope_scaling) == (7e4, None)


def test_the_inverse_frequencies_of_llama3(tmp_path: Path) -> None:
    """Field case N3: by hand, and as theirs."""
    wanted = [1, 0.244385, 0.0130423, 0.00395285, 0.00125, 0.000395285, 0.000125, 0.0000395285]
    ours = load(written(twin(rope_parameters=LLAMA3, head_dim=16), tmp_path))
    turned = ours.positions.turned(torch.tensor([0, 1]))
    angles = torch.atan2(turned.sin[1], turned.cos[1])
    assert_close(angles, torch.tensor(wanted, dtype=torch.float64), rtol=1e-5, atol=0.0)


def test_angles_that_old_files_store_are_left_out(saved: Path) -> None:
    before = load(saved).state_dict()
    rewritten(saved, model__layers__0__self_attn__rotary_emb__inv_freq=torch.ones(2))
    after = load(saved).state_dict()
    assert before.keys() == after.keys()


def test_a_tied_head_may_be_stored_and_has_to_agree(saved: Path) -> None:
    reconfigured(saved, tie_word_embeddings=True)
    with pytest.raises(ValueError, match=r"lm_head\.weight should equal model\.embed_tokens\.weig"):
        load(saved)
    table = tensors(saved)["model.embed_tokens.weight"].clone()
    assert load(rewritten(saved, lm_head__weight=table)).output is None


def test_an_untied_head_has_to_be_there(tmp_path: Path) -> None:
    saved = written(twin(tie_word_embeddings=True), tmp_path / "saved")
    reconfigured(saved, tie_word_embeddings=False)
    with pytest.raises(ValueError, match=re.escape("lm_head.weight (our output.weight)")):
        load(saved)


def rope(**changed: Any) -> dict[str, Any]:
    return {**LLAMA3, **changed}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rope_parameters", rope(rope_type="yarn"), "rope_parameters.rope_type should be one of"),
        ("rope_parameters", rope(rope_type=None), None),
        ("rope_parameters", rope(factor=None), "rope_parameters.factor should be there"),
        ("rope_parameters", rope(factor=0.5), "factor should be a finite number of at least 1"),
        ("rope_parameters", rope(beta_fast=32), "rope_parameters.beta_fast should be left out"),
        ("rope_parameters", rope(partial_rotary_factor=0.5), "partial_rotary_factor should be 1"),
        ("rope_parameters", [1], "rope_parameters should be an object"),
        ("rope_parameters", rope(rope_theta=-1.0), "rope_theta"),
        ("rope_scaling", {"type": "dynamic", "factor": 2.0}, "rope_scaling should be left out"),
        ("partial_rotary_factor", 0.5, "partial_rotary_factor should be 1.0"),
        ("sliding_window", 4096, "sliding_window should be False or 0"),
        ("layer_types", ["full_attention", "sliding_attention"], "layer_types should be a list of"),
        ("mlp_bias", True, "mlp_bias should be attention_bias=False"),
        ("hidden_act", "mish", "hidden_act should be one of silu"),
        ("num_key_value_heads", 4, "num_kv_heads=4"),
        ("head_dim", 7, "head_dim should be even"),
        ("num_hidden_layers", 10**5, "num_hidden_layers should be a whole number from 1 to"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str | None
) -> None:
    if message is None:
        load(reconfigured(saved, **{field: value}))
        return
    check_fields(saved, field, value, message)


def test_version_4s_unknown_scaling_is_refused(saved: Path) -> None:
    dynamic = {"type": "dynamic", "factor": 2.0}
    reconfigured(saved, rope_parameters=None, rope_scaling=dynamic)
    with pytest.raises(ValueError, match=r"rope_scaling\.rope_type should be one of default, lin"):
        load(saved)


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    from txlite.interop._llama import LLAMA

    assert unknown_fields(saved, LLAMA) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": False}, "norm_first should be True in a Llama"),
        ({"norm": "layer"}, "norm should be 'rms' in a Llama"),
        ({"dropout": 0.1}, "dropout should be 0.0 in a Llama"),
        ({"ff_dropout": 0.1}, "ff_dropout should be 0.0 in a Llama"),
        ({"activation": "gelu"}, "activation should be 'swiglu' or .* in a Llama"),
    ],
)
def test_what_a_llama_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": 1}
    with pytest.raises(ValueError, match=message):
        save(Llama(LlamaConfig(**{**sizes, **options})), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unturned_queries_would_be_noticed(tmp_path: Path) -> None:
    """The negative control: the order of a head's entries is what the rotation pairs."""
    theirs = twin()
    saved = written(theirs, tmp_path / "saved")
    ours = load(saved)
    tokens = torch.randint(V, (1, 9))
    want = ours(tokens)
    layer = ours.decoder.layers[0].attention
    weight = tensors(saved)["model.layers.0.self_attn.q_proj.weight"]
    assert not torch.equal(layer.query_proj.weight, weight)
    layer.query_proj.weight.data.copy_(weight)
    assert not torch.allclose(ours(tokens), want, atol=0.1)
