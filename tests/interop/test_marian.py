"""Marian's models in and out: the same numbers, gradients and bytes, and every trap by name."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

from tests.interop.published import (
    CLOSE,
    check_fields,
    compare,
    redraw,
    rewritten,
    round_trip,
    tensors,
    unknown_fields,
    written,
)
from txlite.interop import load, save
from txlite.models import Transformer, TransformerConfig
from txlite.nn.positions import sinusoidal

B, S, T, D, H, F, V, LONGEST = 3, 7, 5, 12, 2, 20, 23, 32

CONFIGS: dict[str, dict[str, Any]] = {
    "published": {"scale_embedding": True, "activation_function": "swish"},
    "relu": {"activation_function": "relu"},
    "gelu": {"activation_function": "gelu", "encoder_layers": 1},
    "gelu_new": {"activation_function": "gelu_new", "decoder_layers": 1, "scale_embedding": True},
    "odd width": {"d_model": 15, "encoder_attention_heads": 3, "decoder_attention_heads": 3},
    "one head": {"encoder_attention_heads": 1, "decoder_attention_heads": 1, "d_model": 10},
    "two vocabularies": {
        "share_encoder_decoder_embeddings": False, "decoder_vocab_size": 29,
        "scale_embedding": True,
    },
    "untied": {
        "share_encoder_decoder_embeddings": False, "decoder_vocab_size": 29,
        "tie_word_embeddings": False,
    },
    "eager": {"attn_implementation": "eager", "encoder_layers": 3},
}  # fmt: skip


def twin(**options: Any) -> Any:
    from transformers import MarianConfig, MarianMTModel

    sizes = {
        "vocab_size": V, "d_model": D, "encoder_layers": 2, "decoder_layers": 3, "pad_token_id": 3,
        "encoder_attention_heads": H, "decoder_attention_heads": H, "encoder_ffn_dim": F,
        "decoder_ffn_dim": F, "max_position_embeddings": LONGEST, "decoder_start_token_id": 3,
        "eos_token_id": 0, "forced_eos_token_id": 0,
    }  # fmt: skip
    theirs = redraw(MarianMTModel(MarianConfig(**{**sizes, **options})))
    theirs.final_logits_bias.normal_()
    return theirs


def exact(theirs: Any) -> Any:
    """Give their table of sinusoids, which is rounded to float32, all its digits."""
    width = theirs.config.d_model
    table = sinusoidal(torch.arange(LONGEST), width, dtype=torch.float64)
    table = torch.cat([table[:, 0::2], table[:, 1::2]], 1)
    for stack in (theirs.model.encoder, theirs.model.decoder):
        assert_close(stack.embed_positions.weight, table, rtol=0, atol=1e-6)
        stack.embed_positions.weight.data.copy_(table)
    return theirs


def keeps(side: str) -> tuple[Tensor, Tensor]:
    source = torch.arange(S) < torch.tensor([7, 4, 2])[:, None]
    target = torch.arange(T) < torch.tensor([5, 3, 4])[:, None]
    return source, target


def their_logits(theirs: Any, source: Tensor, target: Tensor, keep: Tensor, own: Tensor) -> Tensor:
    logits: Tensor = theirs(
        input_ids=source, attention_mask=keep.long(), decoder_input_ids=target,
        decoder_attention_mask=own.long(), use_cache=False,
    ).logits  # fmt: skip
    return logits[own]


@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, Transformer)
    assert not ours.training
    exact(theirs)
    source = torch.randint(4, V, (B, S))
    target = torch.randint(4, ours.config.vocab_size, (B, T))
    keep, own = keeps("right")

    def outputs() -> tuple[Tensor, Tensor]:
        got = ours(source, target, source_keep=keep, target_keep=own)[own]
        return got, their_logits(theirs, source, target, keep, own)

    compare(theirs, ours, outputs)


@pytest.mark.parametrize("side", ["left", "holes"])
def test_padding_anywhere_gives_what_the_sentence_alone_gives(side: str, tmp_path: Path) -> None:
    """Their positions count padding, ours do not: held to theirs without any."""
    theirs = twin()
    ours = load(written(theirs, tmp_path / "theirs"))
    exact(theirs)
    kept = [0, 2, 3, 6] if side == "holes" else [3, 4, 5, 6]
    source, target = torch.randint(4, V, (1, S)), torch.randint(4, V, (1, T))
    keep = torch.zeros(1, S, dtype=torch.bool)
    keep[0, kept] = True
    alone, everything = source[:, kept], torch.ones(1, T, dtype=torch.bool)
    want = their_logits(theirs, alone, target, torch.ones(1, 4), everything)
    assert_close(ours(source, target, source_keep=keep)[everything], want, **CLOSE)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    extra = {"pad_token_id": 3, "eos_token_id": 0, "decoder_start_token_id": 3}
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", extra)


def test_what_we_save_they_compute(tmp_path: Path) -> None:
    """From our side: a model that was never theirs."""
    from transformers import MarianMTModel

    config = TransformerConfig(
        vocab_size=V, d_model=D, num_heads=H, d_ff=F, num_layers=2, num_decoder_layers=3,
        activation="gelu_tanh", max_len=LONGEST,
    )  # fmt: skip
    ours = redraw(Transformer(config))
    save(ours, tmp_path / "ours", extra={"pad_token_id": 3})
    theirs = exact(MarianMTModel.from_pretrained(tmp_path / "ours", dtype="auto").eval())
    source, target = torch.randint(4, V, (B, S)), torch.randint(4, V, (B, T))
    keep, own = keeps("right")
    got = ours(source, target, source_keep=keep, target_keep=own)[own]
    assert_close(got, their_logits(theirs, source, target, keep, own), **CLOSE)


def test_the_body_alone_is_loaded_without_the_prefix(tmp_path: Path) -> None:
    """A saved MarianModel has bare names, no bias of the scores, and its table of sinusoids."""
    theirs = twin()
    written(theirs, tmp_path / "whole")
    written(theirs.model, tmp_path / "body")
    assert "shared.weight" in tensors(tmp_path / "body")
    assert "encoder.embed_positions.weight" in tensors(tmp_path / "body")
    whole, body = load(tmp_path / "whole"), load(tmp_path / "body")
    assert "output_bias" in dict(whole.named_parameters())
    assert "output_bias" not in dict(body.named_parameters())
    for name, p in body.named_parameters():
        assert torch.equal(p, whole.get_parameter(name)), name


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    return written(twin(), tmp_path / "saved")


def test_what_old_files_store_twice_has_to_agree(saved: Path) -> None:
    shared = tensors(saved)["model.shared.weight"]
    twins = {
        "lm_head__weight": shared.clone(),
        "model__encoder__embed_tokens__weight": shared.clone(),
        "model__decoder__embed_tokens__weight": shared.clone(),
    }
    before = load(saved).state_dict()
    after = load(rewritten(saved, **twins)).state_dict()
    assert before.keys() == after.keys()
    wrong = shared.clone()
    wrong[5, 7] += 1e-9
    rewritten(saved, lm_head__weight=wrong)
    with pytest.raises(ValueError, match=r"lm_head\.weight should equal model\.shared\.weight"):
        load(saved)


def test_a_table_of_other_positions_is_refused(saved: Path) -> None:
    table = torch.randn(LONGEST, D)
    rewritten(saved, model__encoder__embed_positions__weight=table)
    with pytest.raises(ValueError, match="should hold what the model computes in its place"):
        load(saved)


def test_old_names_of_norms_are_known(saved: Path) -> None:
    want = load(saved).state_dict()
    found = tensors(saved)
    old = {
        name.replace("norm.weight", "norm.gamma").replace("norm.bias", "norm.beta"): tensor
        for name, tensor in found.items()
    }
    assert old.keys() != found.keys()
    save_file(old, saved / "model.safetensors")
    got = load(saved).state_dict()
    assert all(torch.equal(want[name], got[name]) for name in want)
    old = {name: tensor.clone() for name, tensor in old.items()}
    save_file({**found, **old}, saved / "model.safetensors")
    with pytest.raises(ValueError, match="two tensors have one name"):
        load(saved)


def test_one_error_lists_all_that_does_not_fit(saved: Path) -> None:
    rewritten(
        saved,
        model__encoder__layers__1__fc1__weight=None,
        model__decoder__layers__0__fc2__bias=torch.zeros(D + 1),
        model__decoder__layers__9__fc2__bias=torch.zeros(D),
    )
    with pytest.raises(ValueError, match="should hold a Transformer and does not") as caught:
        load(saved)
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert lines == [
        "missing:",
        "model.encoder.layers.1.fc1.weight (our encoder.layers.1.feed_forward.up_proj.weight)",
        "unexpected:",
        "'model.decoder.layers.9.fc2.bias'",
        "of another shape:",
        "model.decoder.layers.0.fc2.bias should have shape (12,) for our "
        "decoder.layers.0.feed_forward.down_proj.bias, got (13,)",
    ]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("activation_function", "mish", "activation_function should be one of gelu, gelu_new"),
        ("activation_function", ["relu"], "activation_function should be one of gelu, gelu_new"),
        ("normalize_before", True, "normalize_before should be False"),
        ("encoder_layerdrop", 0.1, "encoder_layerdrop should be False or 0"),
        ("static_position_embeddings", False, "static_position_embeddings should be True"),
        ("decoder_attention_heads", 3, "decoder_attention_heads should be encoder_att"),
        ("decoder_vocab_size", 24, "decoder_vocab_size should be 23"),
        ("decoder_ffn_dim", 21, "decoder_ffn_dim should be encoder_ffn_dim=20"),
        ("d_model", 10**12, "d_model should be a whole number from 1 to"),
        ("d_model", -12, "d_model should be a whole number from 1 to"),
        ("d_model", True, "d_model should be a whole number from 1 to"),
        ("encoder_layers", 10**6, "encoder_layers should be a whole number from 1 to"),
        ("scale_embedding", "yes", "scale_embedding should be true or false"),
        ("dropout", 1.5, "dropout should be"),
        ("dropout", "much", "dropout should be a number"),
        ("encoder_attention_heads", None, "decoder_attention_heads should be encoder_att"),
        ("model_type", "bart", "model_type should be one of .*marian.*, got 'bart'"),
        ("model_type", None, "model_type should be one of"),
    ],
)  # fmt: skip
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str
) -> None:
    check_fields(saved, field, value, message)


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    """Each is asked for, or no number depends on it."""
    from txlite.interop._marian import MARIAN

    assert unknown_fields(saved, MARIAN) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": True}, "norm_first should be False in a Marian"),
        ({"norm": "rms"}, "norm should be 'layer' in a Marian"),
        ({"positions": "rotary"}, "positions should be 'sinusoidal' in a Marian"),
        ({"bias": False}, "bias should be True in a Marian"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a Marian"),
        ({"head_dim": 4}, "head_dim should be None in a Marian"),
        ({"activation": "swiglu"}, "activation should be one of .* in a Marian"),
        ({"norm_eps": 1e-3}, "norm_eps should be None or 1e-05"),
        ({"tied_output": False}, "tied_output should be True in a Marian with one vocabulary"),
    ],
)  # fmt: skip
def test_what_a_marian_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": 1}
    model = Transformer(TransformerConfig(**{**sizes, **options}))
    with pytest.raises(ValueError, match=message):
        save(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_bias_of_the_scores_is_added() -> None:
    config = TransformerConfig(
        vocab_size=V, d_model=D, num_heads=H, d_ff=F, num_layers=1, output_bias=True
    )
    model = Transformer(config).eval()
    source, target = torch.randint(4, V, (B, S)), torch.randint(4, V, (B, T))
    without = model(source, target)
    assert model.output_bias is not None
    model.output_bias.data.normal_()
    assert_close(model(source, target), without + model.output_bias)
