"""GPT-2's models in and out: the same numbers, gradients and bytes, and every trap by name."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

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
from txlite.interop import load, read_config, save
from txlite.models.gpt import GPT, GPTConfig

D, H, F, V, LONGEST = 12, 3, 20, 23, 11

CONFIGS: dict[str, dict[str, Any]] = {
    "released": {"n_inner": None},
    "narrow": {"n_inner": 20, "n_layer": 1},
    "relu": {"activation_function": "relu", "n_layer": 3},
    "gelu": {"activation_function": "gelu", "n_head": 4},
    "silu": {"activation_function": "silu", "n_head": 1},
    "gelu_pytorch_tanh": {"activation_function": "gelu_pytorch_tanh", "n_head": 12},
    "eps": {"layer_norm_epsilon": 1e-3},
    "untied": {"tie_word_embeddings": False},
    "eager": {"attn_implementation": "eager"},
}


def twin(**options: Any) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {
        "vocab_size": V, "n_embd": D, "n_layer": 2, "n_head": H, "n_inner": F,
        "n_positions": LONGEST, "resid_pdrop": 0.1, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    return redraw(GPT2LMHeadModel(GPT2Config(**{**sizes, **options})))


@pytest.mark.parametrize("side", ["right", "left", "holes"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, side: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, GPT)
    tokens, real = torch.randint(V, (B, T)), keep(side)

    def outputs() -> tuple[Tensor, Tensor]:
        return ours(tokens, keep=real)[real], their_logits(theirs, tokens, real)

    compare(theirs, ours, outputs)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", {"eos_token_id": 2})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return written(twin(), tmp_path / "saved")


def test_the_body_alone_is_loaded_without_the_prefix(tmp_path: Path) -> None:
    """As `gpt2` itself is published."""
    theirs = twin()
    whole = load(written(theirs, tmp_path / "whole")).state_dict()
    written(theirs.transformer, tmp_path / "body")
    assert "wte.weight" in tensors(tmp_path / "body")
    body = load(tmp_path / "body").state_dict()
    assert whole.keys() == body.keys()
    assert all(torch.equal(whole[name], body[name]) for name in whole)


def test_masks_that_old_files_store_are_left_out(saved: Path) -> None:
    before = load(saved).state_dict()
    masks = torch.ones(1, 1, LONGEST, LONGEST, dtype=torch.uint8).tril()
    rewritten(
        saved,
        transformer__h__0__attn__bias=masks,
        transformer__h__0__attn__masked_bias=torch.tensor(-1e4),
    )
    after = load(saved).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_head_that_is_tied_may_be_stored_and_has_to_agree(saved: Path) -> None:
    table = tensors(saved)["transformer.wte.weight"].clone()
    ours = load(rewritten(saved, lm_head__weight=table))
    assert isinstance(ours, GPT)
    assert ours.output is None
    rewritten(saved, lm_head__weight=table + 1)
    with pytest.raises(ValueError, match=r"lm_head\.weight should equal transformer\.wte\.weight"):
        load(saved)


def test_an_untied_head_has_to_be_there(saved: Path) -> None:
    reconfigured(saved, tie_word_embeddings=False)
    with pytest.raises(ValueError, match=re.escape("lm_head.weight (our output.weight)")):
        load(saved)


def test_a_matrix_that_lies_the_other_way_is_refused(saved: Path) -> None:
    """A linear map as torch stores it: (out, in)."""
    name = "transformer.h.1.attn.c_attn.weight"
    turned = tensors(saved)[name].mT
    rewritten(saved, **{name.replace(".", "__"): turned})
    with pytest.raises(ValueError, match=re.escape(f"{name} should have shape ({D}, {3 * D}) for")):
        load(saved)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("activation_function", "gelu_fast", "activation_function should be one of gelu"),
        ("scale_attn_weights", False, "scale_attn_weights should be True"),
        ("scale_attn_weights", 1, "scale_attn_weights should be True.*, got 1$"),
        ("scale_attn_by_inverse_layer_idx", True, "scale_attn_by_inverse_layer_idx should be"),
        ("add_cross_attention", True, "add_cross_attention should be False"),
        ("embd_pdrop", 0.2, "embd_pdrop should be 0.1: nothing else is built here, got 0.2"),
        ("n_ctx", 10, "n_ctx should be 11"),
        ("n_head", 5, "num_heads=5"),
        ("n_layer", 0, "n_layer should be a whole number from 1"),
        ("layer_norm_epsilon", -1.0, "norm_eps"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str
) -> None:
    check_fields(saved, field, value, message)


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    from txlite.interop._gpt2 import GPT2

    heads = {name for name in read_config(saved) if name.startswith("summary_")}  # another head's
    assert unknown_fields(saved, GPT2) - heads == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": False}, "norm_first should be True in a GPT-2, got False"),
        ({"positions": "rotary"}, "positions should be 'learned' in a GPT-2"),
        ({"final_norm": False}, "final_norm should be None or True in a GPT-2"),
        ({"norm": "rms"}, "norm should be 'layer' in a GPT-2"),
        ({"bias": False}, "bias should be True in a GPT-2"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a GPT-2"),
        ({"head_dim": 5}, "head_dim should be None in a GPT-2"),
        ({"ff_dropout": 0.1}, "ff_dropout should be 0.0 in a GPT-2"),
        ({"activation": "swiglu"}, "activation should be one of gelu.* in a GPT-2, got 'swiglu'"),
    ],
)
def test_what_a_gpt2_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": 1}
    with pytest.raises(ValueError, match=message):
        save(GPT(GPTConfig(**{**sizes, **options})), tmp_path / "out")
    assert not (tmp_path / "out").exists()
