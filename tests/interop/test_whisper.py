"""Whisper's models in and out: the same numbers, gradients and bytes, and every trap by name."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.interop.published import (
    CLOSE,
    check_cross_maps,
    check_fields,
    compare,
    redraw,
    rewritten,
    round_trip,
    tensors,
    unknown_fields,
    written,
)
from txlite.generation import generate
from txlite.inspect import record_attention
from txlite.interop import load, read_config, save
from txlite.models import Whisper, WhisperConfig

B, M, S, T, D, H, F, V, LONGEST = 3, 7, 9, 6, 12, 2, 20, 23, 11
START, END = 3, 0

CONFIGS: dict[str, dict[str, Any]] = {
    "tiny": {},
    "relu": {"activation_function": "relu"},
    "gelu_new": {"activation_function": "gelu_new", "encoder_layers": 1},
    "silu": {"activation_function": "silu", "decoder_layers": 1},
    "more bands": {"num_mel_bins": 13, "encoder_layers": 3},
    "one head": {"encoder_attention_heads": 1, "decoder_attention_heads": 1, "d_model": 10},
    "the smallest width": {"d_model": 4},
    "eager": {"attn_implementation": "eager", "max_source_positions": 5},
}


def twin(**options: Any) -> Any:
    from transformers import WhisperConfig as TheirConfig
    from transformers import WhisperForConditionalGeneration

    sizes = {
        "vocab_size": V, "d_model": D, "encoder_layers": 2, "decoder_layers": 3,
        "encoder_attention_heads": H, "decoder_attention_heads": H, "encoder_ffn_dim": F,
        "decoder_ffn_dim": F, "num_mel_bins": M, "max_source_positions": S,
        "max_target_positions": LONGEST, "pad_token_id": END, "bos_token_id": END,
        "eos_token_id": END, "decoder_start_token_id": START, "begin_suppress_tokens": None,
    }  # fmt: skip
    return redraw(WhisperForConditionalGeneration(TheirConfig(**{**sizes, **options})))


def heard(theirs: Any) -> Tensor:
    """As long as theirs must be: exactly twice its positions."""
    c = theirs.config
    return torch.randn(B, c.num_mel_bins, 2 * c.max_source_positions, dtype=torch.float64)


def written_text() -> Tensor:
    return torch.randint(4, V, (B, T))  # their padding token has no gradient


def their_logits(theirs: Any, source: Tensor, target: Tensor) -> Tensor:
    logits: Tensor = theirs(input_features=source, decoder_input_ids=target, use_cache=False).logits
    return logits


@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, Whisper)
    assert not ours.training
    source, target = heard(theirs), written_text()

    def outputs() -> tuple[Tensor, Tensor]:
        return ours(source, target), their_logits(theirs, source, target)

    compare(theirs, ours, outputs)


def test_gradients_of_the_sound_are_theirs(tmp_path: Path) -> None:
    theirs = twin()
    ours = load(written(theirs, tmp_path))
    mine, other = (heard(theirs).requires_grad_() for _ in range(2))
    other.data.copy_(mine)
    target = written_text()
    ours(mine, target).sin().sum().backward()
    their_logits(theirs, other, target).sin().sum().backward()
    assert mine.grad is not None
    assert_close(mine.grad, other.grad, **CLOSE)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    extra = {"pad_token_id": END, "eos_token_id": END, "decoder_start_token_id": START}
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", extra)


def test_what_we_save_they_compute(tmp_path: Path) -> None:
    from transformers import WhisperForConditionalGeneration

    config = WhisperConfig(
        vocab_size=V, d_model=D, num_heads=H, d_ff=F, num_layers=2, num_decoder_layers=1,
        num_mels=M, max_source_len=S, max_len=LONGEST, activation="gelu_tanh",
    )  # fmt: skip
    ours = redraw(Whisper(config))
    save(ours, tmp_path, extra={"pad_token_id": END})
    theirs = WhisperForConditionalGeneration.from_pretrained(tmp_path, dtype="auto").eval()
    source, target = heard(theirs), written_text()
    assert_close(ours(source, target), their_logits(theirs, source, target), **CLOSE)
    assert load(tmp_path).config == config


def test_maps_of_attention_are_their_eager_ones(tmp_path: Path) -> None:
    theirs = twin(attn_implementation="eager")
    ours = load(written(theirs, tmp_path))
    source, target = heard(theirs), written_text()
    with record_attention(ours) as maps:
        ours(source, target)
    out = theirs(
        input_features=source, decoder_input_ids=target, use_cache=False, output_attentions=True
    )
    check_cross_maps(maps, out)


def test_greedy_search_with_a_prefix_is_theirs(tmp_path: Path) -> None:
    from transformers import GenerationMixin

    theirs = twin()
    ours = load(written(theirs, tmp_path))
    source = heard(theirs)
    prompt = torch.tensor([[START, 5, 7]]).expand(B, -1)
    suppress, first = [9, 11], [END, 4]
    want = GenerationMixin.generate(
        theirs, source, decoder_input_ids=prompt, max_new_tokens=7, do_sample=False,
        suppress_tokens=suppress, begin_suppress_tokens=first,
    )  # fmt: skip
    got = generate(
        ours, prompt, source=source, max_new_tokens=7, eos_id=END, pad_id=END,
        suppress=suppress, suppress_first=first,
    )  # fmt: skip
    assert torch.equal(got, want[:, -got.shape[1] :])


# ------------------------------------------------------------------ traps


def test_the_body_alone_is_loaded_without_the_prefix(tmp_path: Path) -> None:
    theirs = twin()
    written(theirs, tmp_path / "whole")
    written(theirs.model, tmp_path / "body")
    assert "encoder.conv1.weight" in tensors(tmp_path / "body")
    whole, body = load(tmp_path / "whole"), load(tmp_path / "body")
    for name, p in body.named_parameters():
        assert torch.equal(p, whole.get_parameter(name)), name


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    return written(twin(), tmp_path / "saved")


def test_the_output_is_tied_and_not_stored(saved: Path) -> None:
    assert "proj_out.weight" not in tensors(saved)
    table = tensors(saved)["model.decoder.embed_tokens.weight"]
    before = load(saved).state_dict()
    after = load(rewritten(saved, proj_out__weight=table.clone())).state_dict()
    assert before.keys() == after.keys()
    rewritten(saved, proj_out__weight=table + 1)
    with pytest.raises(ValueError, match=r"proj_out\.weight should equal model\.decoder\.embed_"):
        load(saved)


def test_a_bias_of_the_keys_is_left_over(saved: Path) -> None:
    assert not [name for name in tensors(saved) if "k_proj.bias" in name]
    rewritten(saved, model__encoder__layers__0__self_attn__k_proj__bias=torch.zeros(D))
    with pytest.raises(ValueError, match=r"unexpected:\n.*layers\.0\.self_attn\.k_proj\.bias"):
        load(saved)


def test_the_table_of_sines_is_stored_and_is_ours(saved: Path) -> None:
    """Sines first, then cosines; and whatever is stored is what counts, as with them."""
    stored = tensors(saved)["model.encoder.embed_positions.weight"]
    config = load(saved).config
    fresh = Whisper(config).encoder_positions.get_parameter("added.table.weight")
    assert_close(fresh.double(), stored, rtol=0, atol=1e-6)
    other = torch.randn_like(stored)
    rewritten(saved, model__encoder__embed_positions__weight=other)
    loaded = load(saved).encoder_positions.get_parameter("added.table.weight")
    assert torch.equal(loaded, other)
    assert not loaded.requires_grad
    rewritten(saved, model__encoder__embed_positions__weight=None)
    with pytest.raises(ValueError, match=r"missing:\n.*encoder\.embed_positions\.weight"):
        load(saved)


def test_the_padding_token_is_a_word_like_any_other(saved: Path) -> None:
    """Theirs never trains its row; what it computes is the same."""
    from transformers import WhisperForConditionalGeneration

    theirs = WhisperForConditionalGeneration.from_pretrained(saved, dtype="auto").eval()
    source, target = heard(theirs), torch.full((B, T), END)
    assert_close(load(saved)(source, target), their_logits(theirs, source, target), **CLOSE)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("activation_function", "mish", "activation_function should be one of gelu, gelu_new"),
        ("scale_embedding", True, "scale_embedding should be False"),
        ("apply_spec_augment", True, "apply_spec_augment should be False"),
        ("encoder_layerdrop", 0.1, "encoder_layerdrop should be False or 0"),
        ("decoder_layerdrop", 0.1, "decoder_layerdrop should be False or 0"),
        ("tie_word_embeddings", False, "tie_word_embeddings should be True"),
        ("decoder_attention_heads", 3, "decoder_attention_heads should be encoder_att"),
        ("decoder_ffn_dim", 21, "decoder_ffn_dim should be encoder_ffn_dim=20"),
        ("num_mel_bins", 10**12, "num_mel_bins should be a whole number from 1 to"),
        ("max_source_positions", 10**12, "max_source_positions should be a whole number from 1"),
        ("encoder_layers", 10**6, "encoder_layers should be a whole number from 1 to"),
        ("d_model", 13, "d_model=13 should be a multiple of num_heads=2"),
        ("dropout", 1.5, "dropout should be"),
    ],
)  # fmt: skip
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str
) -> None:
    check_fields(saved, field, value, message)


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    from txlite.interop._whisper import WHISPER

    searching = {"begin_suppress_tokens", "suppress_tokens", "median_filter_width"}
    others = {"classifier_proj_size", "use_weighted_layer_sum"}  # of a classifier
    masking = {n for n in read_config(saved) if n.startswith(("mask_time", "mask_feature"))}
    rest = unknown_fields(saved, WHISPER)
    assert rest - searching - others - masking == set()  # masks: only with apply_spec_augment


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": False}, "norm_first should be True in a Whisper"),
        ({"norm": "rms"}, "norm should be 'layer' in a Whisper"),
        ({"bias": False}, "bias should be True in a Whisper"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a Whisper"),
        ({"head_dim": 4}, "head_dim should be None in a Whisper"),
        ({"norm_eps": 1e-3}, "norm_eps should be None or 1e-05"),
        ({"activation": "swiglu"}, "activation should be one of .* in a Whisper"),
    ],
)
def test_what_a_whisper_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": 1}
    with pytest.raises(ValueError, match=message):
        save(Whisper(WhisperConfig(**{**sizes, **options})), tmp_path / "out")
    assert not (tmp_path / "out").exists()
