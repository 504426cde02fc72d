"""Mistral's models in and out: what of a Llama's they change, and nothing else."""

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
    round_trip,
    unknown_fields,
    written,
)
from tests.interop.test_llama import D, F, H, K, V, frequencies
from txlite.interop import load, read_config, save
from txlite.models import Llama, LlamaConfig

CONFIGS: dict[str, dict[str, Any]] = {
    "a window of three": {},
    "of one": {"sliding_window": 1},
    "wider than the text": {"sliding_window": 50},
    "none": {"sliding_window": None},
    "tied": {"tie_word_embeddings": True, "sliding_window": 2},
    "a head each": {"num_key_value_heads": 6, "head_dim": 10},
    "three layers": {"num_hidden_layers": 3, "hidden_act": "gelu"},
    "theta": {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}},
}


@pytest.fixture(autouse=True)
def _in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs rounds norms and angles to float32, whatever the model's dtype."""
    from transformers.models.mistral import modeling_mistral as theirs

    def norm(self: Any, x: Tensor) -> Tensor:
        mean = x.square().mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(mean + self.variance_epsilon))

    def rotary(self: Any, x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        angles = position_ids[..., None].double() * frequencies(self.config)
        both = torch.cat([angles, angles], dim=-1)
        return both.cos().to(x.dtype), both.sin().to(x.dtype)

    monkeypatch.setattr(theirs.MistralRMSNorm, "forward", norm)
    monkeypatch.setattr(theirs.MistralRotaryEmbedding, "forward", rotary)


def twin(**options: Any) -> Any:
    from transformers import MistralConfig, MistralForCausalLM

    sizes = {
        "vocab_size": V, "hidden_size": D, "num_hidden_layers": 2, "num_attention_heads": H,
        "num_key_value_heads": K, "intermediate_size": F, "max_position_embeddings": 512,
        "bos_token_id": 1, "eos_token_id": 2, "sliding_window": 3, "head_dim": D // H,
    }  # fmt: skip
    return redraw(MistralForCausalLM(MistralConfig(**{**sizes, **options})))


@pytest.mark.parametrize("side", ["right", "left", "holes"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, side: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, Llama)
    assert ours.sliding_window == theirs.config.sliding_window
    tokens, real = torch.randint(V, (B, T)), keep(side)

    def outputs() -> tuple[Tensor, Tensor]:
        return ours(tokens, keep=real)[real], their_logits(theirs, tokens, real)

    compare(theirs, ours, outputs)


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "none"])
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", {"bos_token_id": 1})
    assert read_config(tmp_path / "ours")["model_type"] == "mistral"


@pytest.mark.filterwarnings("ignore:.*model of type")
def test_without_a_window_it_is_a_llama(tmp_path: Path) -> None:
    ours = load(written(twin(sliding_window=None), tmp_path / "theirs"))
    save(ours, tmp_path / "ours")
    assert read_config(tmp_path / "ours")["model_type"] == "llama"
    tokens = torch.randint(V, (1, 9))
    assert_close(load(tmp_path / "ours")(tokens), ours(tokens), rtol=0, atol=0)


def test_a_wrong_window_would_be_noticed(tmp_path: Path) -> None:
    """The negative control: one more or one less gives other numbers, from where it is reached."""
    saved = written(twin(), tmp_path / "saved")
    tokens = torch.randint(V, (1, 9))
    right = load(saved)(tokens)
    for window in (2, 4):
        other = load(reconfigured(saved, sliding_window=window))(tokens)
        first = min(window, 3)
        assert_close(other[:, :first], right[:, :first], rtol=0, atol=1e-12)
        assert (other[:, first] - right[:, first]).abs().max() > 1e-3


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return written(twin(), tmp_path / "saved")


def config_of(content: dict[str, Any]) -> LlamaConfig:
    from txlite.interop._family import Checkpoint
    from txlite.interop._fields import Fields
    from txlite.interop._mistral import MISTRAL

    made: Any = MISTRAL.read(Checkpoint(Fields(Path("x"), content, 10**10, 10**3), {}))
    config: LlamaConfig = made.args[0]
    return config


def test_what_is_not_told_is_theirs_and_a_null_is_none() -> None:
    from transformers import MistralConfig

    ours, theirs = config_of({}), MistralConfig()
    assert (ours.sliding_window, ours.num_kv_heads, ours.d_ff, ours.max_len) == (
        theirs.sliding_window, theirs.num_key_value_heads, theirs.intermediate_size,
        theirs.max_position_embeddings,
    )  # fmt: skip
    assert (ours.vocab_size, ours.d_model, ours.num_heads, ours.num_layers, ours.norm_eps) == (
        theirs.vocab_size, theirs.hidden_size, theirs.num_attention_heads,
        theirs.num_hidden_layers, theirs.rms_norm_eps,
    )  # fmt: skip
    assert theirs.sliding_window == 4096
    assert config_of({"sliding_window": None}).sliding_window is None
    assert config_of({"num_key_value_heads": None}).num_kv_heads is None  # one for each head


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sliding_window", 0, "sliding_window should be a positive whole number, or null, got 0"),
        ("sliding_window", True, "sliding_window should be a positive whole number, or null"),
        ("sliding_window", "4", "sliding_window should be a positive whole number, or null"),
        ("sliding_window", 2.5, "sliding_window should be a positive whole number, or null"),
        ("attention_bias", True, "attention_bias should be False"),
        ("mlp_bias", True, "mlp_bias should be False"),
        ("layer_types", ["full_attention"], "layer_types should be a list of sliding_attention"),
        ("hidden_act", "mish", "hidden_act should be one of silu"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str
) -> None:
    check_fields(saved, field, value, re.escape(message))


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    from txlite.interop._mistral import MISTRAL

    assert unknown_fields(saved, MISTRAL) == set()


def test_a_window_with_biases_is_not_saved(tmp_path: Path) -> None:
    sizes: dict[str, Any] = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F}
    model = Llama(LlamaConfig(**sizes, num_layers=1, sliding_window=3, bias=True))
    with pytest.raises(ValueError, match="bias should be False in a Mistral"):
        save(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()
