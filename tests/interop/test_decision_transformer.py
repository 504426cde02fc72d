"""Decision Transformers in and out: the same numbers, gradients and bytes, every trap by name."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.interop.published import (
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
from txlite.models import DecisionTransformer, DecisionTransformerConfig

B, T, S, A, D, H, F = 3, 7, 5, 2, 12, 3, 20
LONGEST, ROWS = 11, 9
LENGTHS = torch.tensor([7, 4, 2])
EXTRA = {"bos_token_id": None}

CONFIGS: dict[str, dict[str, Any]] = {
    "released": {"n_inner": None, "n_layer": 3, "n_head": 1},
    "no tanh": {"action_tanh": False},
    "narrow": {"n_layer": 1, "n_inner": 7},
    "gelu": {"activation_function": "gelu", "n_head": 4},
    "gelu_new": {"activation_function": "gelu_new"},
    "silu": {"activation_function": "silu", "n_head": 12},
    "eps": {"layer_norm_epsilon": 1e-3},
    "wide actions": {"act_dim": 13, "state_dim": 1},
    "long episodes": {"max_ep_len": 40, "n_positions": 1},
    "eager": {"attn_implementation": "eager"},
}


def twin(**options: Any) -> Any:
    from transformers import DecisionTransformerConfig as Config
    from transformers import DecisionTransformerModel

    sizes = {
        "state_dim": S, "act_dim": A, "hidden_size": D, "n_layer": 2, "n_head": H, "n_inner": F,
        "max_ep_len": LONGEST, "n_positions": ROWS,
    }  # fmt: skip
    return redraw(DecisionTransformerModel(Config(**{**sizes, **options})))


def keep(side: str) -> Tensor:
    right = torch.arange(T) < LENGTHS[:, None]
    return {"right": right, "left": right.flip(1), "whole": torch.ones_like(right)}[side]


@pytest.mark.parametrize("side", ["left", "right", "whole"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, side: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, DecisionTransformer)
    c, real = ours.config, keep(side)
    returns = 3 * torch.randn(B, T, dtype=torch.float64)
    states = torch.randn(B, T, c.state_dim, dtype=torch.float64)
    actions = torch.randn(B, T, c.action_dim, dtype=torch.float64)
    timesteps = torch.randint(c.max_len, (B, T))

    def outputs() -> tuple[Tensor, Tensor]:
        got = ours(returns, states, actions, timesteps, keep=real)
        want = theirs(
            states=states, actions=actions, returns_to_go=returns[..., None], timesteps=timesteps,
            attention_mask=real.long(),
        )  # fmt: skip
        mine = torch.cat([got.actions, got.states, got.returns[..., None]], -1)
        other = torch.cat([want.action_preds, want.state_preds, want.return_preds], -1)
        return mine[real], other[real]

    compare(theirs, ours, outputs)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", EXTRA)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return written(twin(), tmp_path / "saved")


def test_one_row_of_their_table_is_added_to_every_token_and_the_others_to_none(saved: Path) -> None:
    """Their code says place 0 everywhere; a table that is counted on would be another model."""
    ours = load(saved)
    given = (
        torch.randn(1, T, dtype=torch.float64), torch.randn(1, T, S, dtype=torch.float64),
        torch.randn(1, T, A, dtype=torch.float64), torch.arange(T)[None],
    )  # fmt: skip
    before = ours(*given).actions
    table = tensors(saved)["encoder.wpe.weight"]
    assert len(table) == ROWS
    later = table.clone()
    later[1:] += 5
    rewritten(saved, encoder__wpe__weight=later, encoder__wte__weight=torch.ones(1, D).double())
    assert torch.equal(load(saved)(*given).actions, before)
    later[0] += torch.randn(D).double()
    rewritten(saved, encoder__wpe__weight=later)
    assert not torch.allclose(load(saved)(*given).actions, before, atol=0.01)


def test_masks_that_old_files_store_are_left_out(saved: Path) -> None:
    before = load(saved).state_dict()
    masks = torch.ones(1, 1, ROWS, ROWS, dtype=torch.uint8).tril()
    rewritten(
        saved, encoder__h__0__attn__bias=masks, encoder__h__0__attn__masked_bias=torch.tensor(-1e4)
    )
    after = load(saved).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_matrix_that_lies_the_other_way_is_refused(saved: Path) -> None:
    name = "encoder.h.1.mlp.c_fc.weight"
    rewritten(saved, **{name.replace(".", "__"): tensors(saved)[name].mT})
    with pytest.raises(ValueError, match=re.escape(f"{name} should have shape ({D}, {F}) for")):
        load(saved)


def test_what_is_missing_is_named(saved: Path) -> None:
    rewritten(saved, predict_return__weight=None)
    with pytest.raises(ValueError, match=re.escape("predict_return.weight (our return_head.wei")):
        load(saved)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("activation_function", "tanh", "activation_function should be one of gelu"),
        ("scale_attn_weights", False, "scale_attn_weights should be True"),
        ("scale_attn_by_inverse_layer_idx", True, "scale_attn_by_inverse_layer_idx should be"),
        ("add_cross_attention", True, "add_cross_attention should be False"),
        ("embd_pdrop", 0.2, "embd_pdrop should be 0.1: nothing else is built here, got 0.2"),
        ("vocab_size", 2, "vocab_size should be 1: nothing else is built here, got 2"),
        ("action_tanh", 1, "action_tanh should be true or false, got 1"),
        ("n_head", 5, "num_heads=5"),
        ("n_layer", 0, "n_layer should be a whole number from 1"),
        ("max_ep_len", 10**12, "max_ep_len should be a whole number from 1 to"),
        ("n_positions", 0, "n_positions should be a whole number from 1"),
        ("state_dim", "5", "state_dim should be a whole number from 1"),
        ("layer_norm_epsilon", -1.0, "norm_eps"),
        ("act_dim", 3, r"embed_action.weight should have shape \(12, 3\)"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str
) -> None:
    check_fields(saved, field, value, message)


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    from txlite.interop._decision_transformer import DECISION_TRANSFORMER

    assert unknown_fields(saved, DECISION_TRANSFORMER) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": False}, "norm_first should be True in a published Decision Transformer"),
        ({"norm": "rms"}, "norm should be 'layer' in a published Decision Transformer, got 'rms'"),
        ({"bias": False}, "bias should be True in a published"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a published"),
        ({"head_dim": 5}, "head_dim should be None in a published"),
        ({"ff_dropout": 0.1}, "ff_dropout should be 0.0 in a published"),
        ({"activation": "swiglu"}, "activation should be one of gelu.* in a published"),
        ({"discrete_actions": True}, "discrete_actions should be False in a published"),
        ({"num_positions": None}, "num_positions should be a number of rows in a published"),
    ],
)
def test_what_a_published_one_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"state_dim": S, "action_dim": A, "d_model": D, "num_heads": H, "d_ff": F}
    config = DecisionTransformerConfig(**{**sizes, "num_positions": 3, **options})
    with pytest.raises(ValueError, match=message):
        save(DecisionTransformer(config), tmp_path / "out")
    assert not (tmp_path / "out").exists()
