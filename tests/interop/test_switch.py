"""Switch's models in and out: the same numbers, losses, gradients and bytes; every trap by name."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.interop.published import (
    CLOSE,
    CLOSE_GRADIENTS,
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
from txlite.models import Switch, SwitchConfig
from txlite.nn import balance_loss, router_z_loss, take_auxiliary_losses

B, S, T, D, H, E, F, V, N = 3, 9, 6, 12, 2, 5, 20, 23, 4

CONFIGS: dict[str, dict[str, Any]] = {
    "every second": {},
    "no room": {"expert_capacity": 1},
    "little room": {"expert_capacity": 2, "num_experts": 3},
    "biased router, gelu": {"router_bias": True, "dense_act_fn": "gelu"},
    "all sparse": {"num_sparse_encoder_layers": 2, "num_sparse_decoder_layers": 2},
    "untied": {"tie_word_embeddings": False, "num_heads": 3, "d_kv": 4},
    "deep decoder": {"num_decoder_layers": 5, "num_sparse_decoder_layers": 2},
    "a step of three": {"num_layers": 5, "encoder_sparse_step": 3, "layer_norm_epsilon": 1e-3},
    "few buckets, silu": {
        "relative_attention_num_buckets": 4, "relative_attention_max_distance": 5,
        "dense_act_fn": "silu",
    },
    "one expert": {"num_experts": 1},
    "dense decoder": {"num_decoder_layers": 1, "num_sparse_decoder_layers": 2},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs rounds to float32, whatever the dtype: a norm's mean square, a balance's shares."""
    from transformers.models.switch_transformers import modeling_switch_transformers as theirs

    def norm(self: Any, x: Tensor) -> Tensor:
        mean = x.square().mean(-1, keepdim=True)
        return self.weight * x * torch.rsqrt(mean + self.variance_epsilon)

    def balance(probabilities: Tensor, chosen: Tensor) -> Tensor:
        share = torch.nn.functional.one_hot(chosen, probabilities.shape[-1]).double().mean(-2)
        return (share * probabilities.mean(-2)).mean() * probabilities.shape[-1] ** 2

    monkeypatch.setattr(theirs.SwitchTransformersLayerNorm, "forward", norm)
    monkeypatch.setattr(theirs, "load_balancing_loss_func", balance)


def twin(**options: Any) -> Any:
    from transformers import SwitchTransformersConfig, SwitchTransformersForConditionalGeneration
    from transformers.models.switch_transformers import modeling_switch_transformers as theirs

    sizes = {
        "vocab_size": V, "d_model": D, "d_kv": E, "d_ff": F, "num_layers": 2, "num_heads": H,
        "num_decoder_layers": 2, "num_sparse_encoder_layers": 1, "num_sparse_decoder_layers": 1,
        "num_experts": N, "pad_token_id": 0, "decoder_start_token_id": 0, "dropout_rate": 0.0,
    }  # fmt: skip
    model = SwitchTransformersForConditionalGeneration(
        SwitchTransformersConfig(**{**sizes, **options})
    )
    for part in model.modules():
        if isinstance(part, theirs.SwitchTransformersTop1Router):
            part.dtype = torch.float64
    redraw(model)
    if options.get("tie_word_embeddings") is False:  # theirs would have three embeddings
        for stack in (model.encoder, model.decoder):
            stack.embed_tokens.weight = model.shared.weight
    return model


def texts(side: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    source, target = torch.randint(1, V, (B, S)), torch.randint(1, V, (B, T))
    if side == "none":
        return source, target, torch.ones(B, S).bool(), torch.ones(B, T).bool()
    keep = torch.arange(S) < torch.tensor([9, 4, 2])[:, None]
    own = torch.arange(T) < torch.tensor([6, 3, 4])[:, None]
    return source, target, *((keep.flip(1), own.flip(1)) if side == "left" else (keep, own))


def fill(theirs: Any, ours: Switch) -> None:
    """Theirs has no gradient for an expert without tokens; ours has zeros."""
    for p in theirs.parameters():
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    assert all(p.grad is not None for p in ours.parameters())


def their_outputs(theirs: Any, given: tuple[Tensor, ...], **options: Any) -> Any:
    source, target, keep, own = given
    return theirs(
        input_ids=source, attention_mask=keep.long(), decoder_input_ids=target,
        decoder_attention_mask=own.long(), use_cache=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize("side", ["none", "right", "left"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, side: str, tmp_path: Path) -> None:
    """On the right, padding comes after all that could need its place; on the left it has room."""
    options = {**CONFIGS[name], **({"expert_capacity": S} if side == "left" else {})}
    theirs = twin(**options)
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, Switch)
    assert not ours.training
    given = texts(side)
    source, target, keep, own = given

    def outputs() -> tuple[Tensor, Tensor]:
        got = ours(source, target, source_keep=keep, target_keep=own)[own]
        return got, their_outputs(theirs, given).logits[own]

    got, want = outputs()
    for out in (got, want):
        (out.sum() * 0.0).backward()  # every weight of ours takes part, whoever has tokens
    fill(theirs, ours)
    compare(theirs, ours, outputs)


@pytest.mark.parametrize("name", ["no room", "little room"])
def test_the_small_capacities_drop_tokens(name: str, tmp_path: Path) -> None:
    """Else the cases above would prove nothing of them."""
    ours, seen = load(written(twin(**CONFIGS[name]), tmp_path)), []
    for path, part in ours.named_modules():
        if path.endswith("router"):
            part.register_forward_hook(lambda _, __, routing: seen.append(routing))
    ours(*texts("none")[:2])
    assert len(seen) == 2
    assert all(0 < routing.placed.sum() < routing.placed.numel() for routing in seen)
    assert max(len(routing.experts.unique()) for routing in seen) > 1


POOLED = ["every second", "no room", "little room", "biased router, gelu", "deep decoder",
          "a step of three", "untied"]  # fmt: skip


@pytest.mark.parametrize("name", POOLED)
def test_both_losses_and_their_gradients(name: str, tmp_path: Path) -> None:
    """Theirs takes all layers of a stack together: ours does so where it is asked to."""
    weights = {"router_z_loss_coef": 0.3, "router_aux_loss_coef": 0.7}
    theirs = twin(**{**CONFIGS[name], **weights})
    ours = load(written(theirs, tmp_path / "theirs"))
    given, seen = texts("none"), {"encoder": [], "decoder": []}  # type: ignore[var-annotated]
    for path, part in ours.named_modules():
        if path.endswith("router"):
            stack = seen[path.split(".")[0]]
            part.register_forward_hook(lambda _, __, out, stack=stack: stack.append(out))
    out = their_outputs(theirs, given, output_router_logits=True)
    ours(*given[:2])
    own = take_auxiliary_losses(ours)
    mine = torch.zeros((), dtype=torch.float64)
    for stack, layers in seen.items():
        probabilities = torch.cat([r.probabilities for r in layers], 1)
        logits, experts = (torch.cat([getattr(r, n) for r in layers], 1)
                           for n in ("logits", "experts"))  # fmt: skip
        balance, z = balance_loss(probabilities, experts), router_z_loss(logits)
        assert_close(balance, getattr(out, f"{stack}_aux_loss"), **CLOSE)
        assert_close(z, getattr(out, f"{stack}_z_loss"), **CLOSE)
        mine = mine + 0.7 * balance + 0.3 * z
    z_loss, aux_loss = out.encoder_z_loss + out.decoder_z_loss, out.encoder_aux_loss
    want = 0.3 * z_loss + 0.7 * (aux_loss + out.decoder_aux_loss)
    if all(len(layers) == 1 for layers in seen.values()):  # no other layer to take together
        assert_close(sum(own.values()), want, **CLOSE)
        mine = sum(own.values())  # type: ignore[assignment]
    gates = {n: p for n, p in ours.named_parameters() if "gate" in n}
    others = [p for n, p in theirs.named_parameters() if "classifier" in n]
    assert len(gates) == len(others)
    slopes = torch.autograd.grad(mine, list(gates.values()), retain_graph=True)
    expected = torch.autograd.grad(want, others, retain_graph=True)
    for got, other in zip(slopes, expected, strict=True):
        assert other.abs().max() > 0
        assert_close(got, other, **CLOSE_GRADIENTS)


def test_jitter_shakes_the_same_numbers(tmp_path: Path) -> None:
    """In training and from one seed, for nothing else is drawn."""
    theirs = twin(router_jitter_noise=0.4)
    ours = load(written(theirs, tmp_path))
    given = texts("none")
    for part in theirs.modules():  # theirs multiplies in place: its experts read shaken numbers
        if type(part).__name__ == "SwitchTransformersTop1Router":
            part.register_forward_pre_hook(lambda _, args: (args[0].clone(),))
    calm = ours(*given[:2])
    ours.train()
    theirs.train()
    torch.manual_seed(7)
    got = ours(*given[:2])
    torch.manual_seed(7)
    assert_close(got, their_outputs(theirs, given).logits, **CLOSE)
    assert not torch.allclose(got, calm)


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "untied"])
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    extra = {"pad_token_id": 0, "decoder_start_token_id": 0}
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", extra)


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_what_is_saved_and_loaded_by_them_computes_the_same(step: int, tmp_path: Path) -> None:
    """Also where the number of sparse layers would give them another step: the step wins."""
    from transformers import SwitchTransformersForConditionalGeneration

    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "head_dim": E, "d_ff": F}
    config = SwitchConfig(
        **sizes, num_layers=8, num_decoder_layers=3, num_experts=2, sparse_step=step,
        decoder_sparse_step=2, expert_capacity=3,
        ignore_padding=False,
    )  # fmt: skip
    ours = redraw(Switch(config))
    save(ours, tmp_path, extra={"decoder_start_token_id": 0})
    assert load(tmp_path).config == config
    theirs = SwitchTransformersForConditionalGeneration.from_pretrained(tmp_path, dtype="auto")
    for part in theirs.eval().modules():
        if type(part).__name__ == "SwitchTransformersTop1Router":
            part.dtype = torch.float64
    given = texts("none")
    assert_close(ours(*given[:2]), their_outputs(theirs, given).logits, **CLOSE)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return written(twin(), tmp_path / "saved")


def test_a_published_configuration_of_version_4(saved: Path) -> None:
    """It says the step and the number, and words that are no longer written."""
    before = load(saved)
    fields = {"feed_forward_proj": "relu", "is_gated_act": False, "n_positions": 512,
              "router_type": "tokens_masked", "batch_prioritized_routing": False,
              "add_router_probs": True, "num_selected_experts": 1}  # fmt: skip
    after = load(reconfigured(saved, **fields))
    assert after.config == before.config
    reconfigured(saved, router_ignore_padding_tokens=True)
    assert load(saved).config.ignore_padding
    assert not before.config.ignore_padding


def test_the_step_wins_over_the_number(tmp_path: Path) -> None:
    folder = written(twin(num_layers=4, num_sparse_encoder_layers=2), tmp_path)
    assert load(reconfigured(folder, num_sparse_encoder_layers=1)).config.sparse_step == 2
    assert load(reconfigured(folder, encoder_sparse_step=None, num_sparse_encoder_layers=2)).config
    reconfigured(folder, encoder_sparse_step=None, num_sparse_encoder_layers=4)
    with pytest.raises(ValueError, match=r"missing:\n.*encoder\.block\.0\.layer\.1\.mlp\.router"):
        load(folder)


def test_embeddings_of_either_side_are_read_where_they_are_one(tmp_path: Path) -> None:
    """Untied, theirs has one for each stack beside the shared one, which it never reads."""
    folder = written(twin(tie_word_embeddings=False), tmp_path)
    config = load(folder).config
    assert (config.tied_output, config.scale_output) == (False, False)
    other = tensors(folder)["shared.weight"] + 1
    rewritten(folder, encoder__embed_tokens__weight=other)
    with pytest.raises(ValueError, match=r"encoder\.embed_tokens\.weight should equal shared\.wei"):
        load(folder)


def test_what_old_files_store_besides(saved: Path) -> None:
    before, shared = load(saved).state_dict(), tensors(saved)["shared.weight"]
    rewritten(saved, encoder__embed_tokens__weight=shared.clone(), lm_head__weight=shared.clone())
    after = load(saved).state_dict()
    assert before.keys() == after.keys()
    rewritten(saved, decoder__embed_tokens__weight=shared + 1)
    with pytest.raises(ValueError, match=r"decoder\.embed_tokens\.weight should equal shared\.wei"):
        load(saved)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("router_dtype", "bfloat16", "router_dtype should be 'float32'"),
        ("router_type", "tokens_choose_2", "router_type should be 'tokens_masked'"),
        ("num_selected_experts", 2, "num_selected_experts should be 1"),
        ("batch_prioritized_routing", True, "batch_prioritized_routing should be False"),
        ("is_gated_act", True, "is_gated_act should be False"),
        ("is_decoder", True, "is_decoder should be False"),
        ("add_cross_attention", True, "add_cross_attention should be False"),
        ("feed_forward_proj", "gelu", "feed_forward_proj should be 'relu'"),
        ("dense_act_fn", "gated-gelu", "dense_act_fn should be one of gelu"),
        ("num_experts", 10**6, "num_experts should be a whole number from 1 to"),
        ("num_experts", 0, "num_experts should be a whole number from 1 to"),
        ("expert_capacity", -1, "expert_capacity should be a whole number from 0"),
        ("expert_capacity", 0, "expert_capacity should be a positive whole number"),
        ("encoder_sparse_step", -1, "encoder_sparse_step should be a whole number from 0"),
        ("num_sparse_decoder_layers", "two", "num_sparse_decoder_layers should be a whole number"),
        ("router_jitter_noise", "some", "router_jitter_noise should be a number"),
        ("router_bias", 1, "router_bias should be true or false"),
        ("router_ignore_padding_tokens", 1, "router_ignore_padding_tokens should be true or false"),
        ("router_z_loss_coef", None, None),
        ("relative_attention_num_buckets", 7, "num_buckets"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str | None
) -> None:
    if message is None:
        assert load(reconfigured(saved, **{field: value})).config.z_weight == 0.001
    else:
        check_fields(saved, field, value, message)


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    from txlite.interop._switch import SWITCH

    assert unknown_fields(saved, SWITCH) == set()
    assert read_config(saved)["model_type"] == "switch_transformers"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": False}, "norm_first should be True in a Switch"),
        ({"bias": True}, "bias should be False in a Switch"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a Switch"),
        ({"ff_dropout": 0.2}, "ff_dropout should be 0.1 in a Switch"),
        ({"activation": "geglu"}, "activation should be one of .* in a Switch, got 'geglu'"),
        ({"scale_output": False}, "scale_output should be True in a Switch, got False"),
        ({"tied_output": False}, "tied_output should be True in a Switch, got False"),
        ({"top_k": 2}, "top_k should be 1 in a Switch, got 2"),
        ({"group": "batch"}, "group should be 'sequence' in a Switch, got 'batch'"),
        ({"expert_capacity": None}, "expert_capacity should be a number in a Switch, got None"),
        (
            {"expert_capacity": None, "capacity_factor": 1.5},
            "capacity_factor should be None in a Switch, got 1.5",
        ),
    ],
)
def test_what_a_switch_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": 2}
    with pytest.raises(ValueError, match=message):
        save(Switch(SwitchConfig(**{**sizes, "num_experts": 2, **options})), tmp_path / "out")
    assert not (tmp_path / "out").exists()
