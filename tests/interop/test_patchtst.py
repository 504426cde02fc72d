"""PatchTST's forecasts in and out: numbers, losses, gradients, statistics, bytes, every trap."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.interop.published import (
    CLOSE,
    check_fields,
    compare,
    reconfigured,
    redraw,
    tensors,
    unknown_fields,
    written,
)
from txlite.inspect import record_attention
from txlite.interop import load, read_config, save
from txlite.interop._patchtst import PATCHTST
from txlite.models import Forecaster, ForecasterConfig
from txlite.training import forecast_losses

# All different, so that a swapped axis cannot pass unseen.
B, T, C, N, P, S, D, H, F = 4, 23, 3, 7, 5, 2, 12, 2, 20
SIZES: dict[str, Any] = {
    "context_length": T, "num_input_channels": C, "prediction_length": N, "patch_length": P,
    "patch_stride": S, "d_model": D, "num_attention_heads": H, "ffn_dim": F,
    "num_hidden_layers": 2,
}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "flattened": {"pooling_type": None},
    "the largest": {"pooling_type": "max", "scaling": "mean"},
    "class token": {"use_cls_token": True, "norm_type": "layernorm"},
    "post-norm": {"pre_norm": False, "pooling_type": None, "norm_eps": 1e-3},
    "unscaled": {"scaling": None, "positional_encoding_type": "random"},
    "scaled by true": {"scaling": True, "activation_function": "relu", "bias": False},
    "own maps": {"share_embedding": False, "pooling_type": None, "norm_type": "layernorm"},
    "Student": {"loss": "nll", "pooling_type": None},
    "Student, mean": {"loss": "nll", "scaling": "mean", "pre_norm": False},
    "normal": {"loss": "nll", "distribution_output": "normal", "use_cls_token": True},
    "normal, unscaled": {"loss": None, "distribution_output": "normal", "scaling": False},
    "no overlap": {"patch_stride": P, "patch_length": P, "pooling_type": None},
    "holes": {"patch_stride": 6, "patch_length": 4, "minimum_scale": 0.3},
}


def twin(options: dict[str, Any] | None = None) -> Any:
    """Return a model of theirs whose running statistics are near those of its states, not at them.

    With others its numbers grow, and both sides' gradients lose their last digits.
    """
    from transformers import PatchTSTConfig, PatchTSTForPrediction

    theirs = redraw(PatchTSTForPrediction(PatchTSTConfig(**{**SIZES, **(options or {})})))
    norms = [module for module in theirs.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        theirs.train()(past_values=windows())
    for norm in norms:
        norm.momentum = 0.1
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean += 0.5 * torch.randn(D)
        norm.running_var *= 0.5 + torch.rand(D)
    return theirs.eval()


def windows() -> Tensor:
    return 5.0 + 3.0 * torch.randn(B, T, C, dtype=torch.float64)


def holes() -> Tensor:
    """Each window is observed somewhere; theirs looks at neighbours where one is not."""
    observed = torch.rand(B, T, C) > 0.3
    observed[:, 4] = True
    observed[0, :3] = observed[1, -4:] = False
    return observed


def parameters(forecast: Any, theirs: Any = None) -> Tensor:
    """Return everything that a forecast says; theirs is in normalised units."""
    if theirs is not None and isinstance(theirs.prediction_outputs, tuple):
        *df, loc, scale = theirs.prediction_outputs
        return torch.stack([*df, loc * theirs.scale + theirs.loc, scale * theirs.scale], -1)
    if theirs is not None:
        return theirs.prediction_outputs  # type: ignore[no-any-return]
    if hasattr(forecast, "loc"):
        return torch.stack(list(vars(forecast).values()), -1)
    return forecast.point  # type: ignore[no-any-return]


@pytest.mark.parametrize("gaps", ["whole", "with holes"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, gaps: str, tmp_path: Path) -> None:
    theirs = twin(CONFIGS[name])
    ours = load(written(theirs, tmp_path))
    assert isinstance(ours, Forecaster)
    x, observed = windows(), None
    if gaps == "with holes":
        observed = holes()
        x = x * observed
    out = theirs(past_values=x, past_observed_mask=observed)
    compare(theirs, ours, lambda: (parameters(ours(x, observed)), parameters(None, out)))


@pytest.mark.parametrize("name", CONFIGS)
def test_learns_from_the_same_loss_and_statistics(name: str, tmp_path: Path) -> None:
    """In training, where batch norms look at the batch: the loss, and what is kept of it."""
    theirs = twin(CONFIGS[name])
    ours = load(written(theirs, tmp_path)).train()
    x, future = windows(), 5.0 + torch.randn(B, N, C, dtype=torch.float64)
    want = theirs.train()(past_values=x, future_values=future).loss
    losses = forecast_losses(ours(x), future)
    spread = "loss" in CONFIGS[name]
    got = losses.sum(-1).mean() if spread else losses.mean()  # theirs adds up channels
    compare(theirs, ours, lambda: (got, want))
    kept = dict(theirs.named_buffers())
    for weight in PATCHTST.table(ours):
        if "running" in weight.theirs:
            assert_close(ours.get_parameter(weight.ours[0]), kept[weight.theirs], **CLOSE)


@pytest.mark.parametrize("name", ["class token", "plain", "post-norm"])
def test_maps_are_theirs(name: str, tmp_path: Path) -> None:
    theirs = twin(CONFIGS[name])
    theirs.set_attn_implementation("eager")
    ours = load(written(theirs, tmp_path))
    x = windows()
    with record_attention(ours) as maps:
        ours(x)
    wanted = theirs(past_values=x, output_attentions=True).attentions
    assert len(wanted) == 2
    for i, weights in enumerate(wanted):
        assert_close(maps[f"encoder.layers.{i}.attention"], weights, **CLOSE)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    save(ours, tmp_path / "ours")
    before, after = tensors(tmp_path / "theirs"), tensors(tmp_path / "ours")
    assert after.keys() == {n for n in before if not n.endswith("num_batches_tracked")}
    for key, tensor in after.items():
        assert torch.equal(tensor, before[key]), key
    assert load(tmp_path / "ours").config == ours.config
    again = type(theirs).from_pretrained(tmp_path / "ours", dtype="auto").eval()
    x = windows()
    first, second = theirs(past_values=x), again(past_values=x)
    assert torch.equal(parameters(None, first), parameters(None, second))


def test_scale_of_what_is_never_observed_is_its_own(tmp_path: Path) -> None:
    """Theirs takes it from the rest of the batch, so that a window's forecast depends on it."""
    theirs = twin({"scaling": "mean"})
    ours = load(written(theirs, tmp_path))
    x, observed = windows(), torch.ones(B, T, C, dtype=torch.bool)
    observed[0, :, 1] = False
    x = x * observed
    alone, among = (ours(x[:n], observed[:n]).point[0] for n in (1, B))  # type: ignore[operator]
    assert_close(alone, among)
    said = [
        theirs(past_values=x[:n], past_observed_mask=observed[:n]).prediction_outputs[0]
        for n in (1, B)
    ]
    assert (said[0] - said[1]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("channel_attention", True, "channel_attention should be False or 0 or 0.0"),
        ("share_projection", False, "share_projection should be True: nothing else is built"),
        ("distribution_output", "negative_binomial", "distribution_output should be one of stud"),
        ("loss", "mae", "loss should be mse, nll or null, got 'mae'"),
        ("loss", "nll", "head.projection.proj.0.weight"),
        ("scaling", "max", "scaling should be std, mean, true, false or null, got 'max'"),
        ("scaling", 3, "scaling should be std, mean, true, false or null, got 3"),
        ("scaling_dim", 2, "scaling_dim should be 1"),
        ("keepdim", False, "keepdim should be True"),
        ("default_scale", 2.0, "default_scale should be left out"),
        ("minimum_scale", -1.0, "scale_eps should be a number at least zero|scale_eps should be"),
        ("pooling_type", "sum", "pooling_type should be mean, max or null, got 'sum'"),
        ("pooling_type", None, r"head.projection.weight should have shape \(7, 120\)"),
        ("use_cls_token", True, "positional_encoder.cls_token"),
        ("positional_encoding_type", "rotary", "positional_encoding_type should be one of sincos"),
        ("norm_type", "rmsnorm", "norm_type should be one of batchnorm, layernorm"),
        ("norm_type", "layernorm", "norm_sublayer1.weight"),
        ("activation_function", "gelu_10", "activation_function should be one of gelu"),
        ("patch_length", 6, r"input_embedding.weight should have shape \(12, 6\)"),
        ("patch_length", 23, "context_length=23 should be more than patch_length=23"),
        ("patch_stride", 0, "stride should be a positive whole number, got 0"),
        ("context_length", 40, r"position_enc should have shape \(18, 12\)"),
        ("context_length", 5, "context_length=5 should be more than patch_length=5"),
        ("prediction_length", 10**9, "prediction_length should be a whole number from 1 to"),
        ("num_hidden_layers", 10**9, "num_hidden_layers should be a whole number from 1 to"),
        ("share_embedding", False, "input_embedding.0.weight"),
        ("num_input_channels", 0, "num_input_channels should be a whole number from 1"),
        ("num_input_channels", 10**9, "num_input_channels should be a whole number from 1 to"),
        ("num_attention_heads", 5, "d_model=12 should be a multiple of num_heads=5"),
        ("bias", False, "unexpected:\n *'model.encoder.layers.0.ff.0.bias'"),
        ("head_dropout", 1.5, "head_dropout should be"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    tmp_path: Path, field: str, value: Any, message: str
) -> None:
    check_fields(written(twin(), tmp_path / "saved"), field, value, message)


def test_no_field_of_the_published_configuration_is_overlooked(tmp_path: Path) -> None:
    saved = written(twin(), tmp_path / "saved")
    full = twin().config.to_dict()  # also what stands at its default
    reconfigured(saved, **{k: v for k, v in full.items() if k not in ("dtype",)})
    assert unknown_fields(saved, PATCHTST) == set()


def test_a_model_of_another_head_is_refused(tmp_path: Path) -> None:
    from transformers import PatchTSTConfig, PatchTSTForPretraining

    theirs = PatchTSTForPretraining(PatchTSTConfig(**SIZES))
    theirs.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"missing:\n *head.projection.bias|head.projection.weig"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeat_last": True}, "repeat_last should be False in a PatchTSTForPrediction"),
        ({"gaps": "level"}, "gaps should be 'zero' in a PatchTSTForPrediction, got 'level'"),
        ({"scaling": "last"}, "scaling should be 'std' or 'mean' or 'none' in a"),
        ({"positions": "none"}, "positions should be 'sinusoidal' or 'learned' in a"),
        ({"head": "quantiles"}, "head should be 'point' or 'student_t' or 'normal' in a"),
        ({"channel_scales": True}, "channel_scales should be False in a"),
        ({"bias": False}, "bias should be True in a"),
        ({"batch_norm": False, "norm": "rms"}, "norm should be 'layer' in a"),
        ({"activation": "geglu"}, "activation should be one of"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a"),
    ],
)
def test_what_theirs_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"context_length": T, "horizon": N, "patch_length": P, "stride": S, "num_channels": C}
    sizes |= {"d_model": D, "num_heads": H, "d_ff": F, "num_layers": 1}
    given = {**sizes, "repeat_last": False, "gaps": "zero", **options}
    with pytest.raises(ValueError, match=message):
        save(Forecaster(ForecasterConfig(**given)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_untrained_model_s_places_are_theirs(tmp_path: Path) -> None:
    """Sines and cosines are computed alike, so that either side may begin."""
    from transformers import PatchTSTConfig, PatchTSTForPrediction

    theirs = PatchTSTForPrediction(PatchTSTConfig(**SIZES))
    config = load(written(theirs, tmp_path)).config
    ours = Forecaster(config)  # type: ignore[arg-type]
    assert_close(
        ours.positions.added.table.weight,  # type: ignore[union-attr]
        theirs.model.encoder.positional_encoder.position_enc,
        rtol=1e-5, atol=1e-6,
    )  # fmt: skip
    assert read_config(tmp_path)["model_type"] == "patchtst"
