"""A GPT with experts: which layers have some, what is GPT's, and which of them look ahead."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.models.tiny import CLOSE, EXACT, B, D, F, S, V, kept, redrawn, tokens
from txlite.models import GPT, GPTConfig, GPTWithExperts, GPTWithExpertsConfig
from txlite.nn import FeedForward, KVCache, MixtureOfExperts, take_auxiliary_losses
from txlite.training import causality_leaks

N = 4
SIZES: dict[str, Any] = {
    "vocab_size": V, "d_model": D, "num_heads": 3, "d_ff": F, "num_layers": 4, "max_len": 11,
}  # fmt: skip
SIDES = pytest.mark.parametrize("side", ["left", "right", "anywhere"])


def config(**options: Any) -> GPTWithExpertsConfig:
    return GPTWithExpertsConfig(**{**SIZES, "num_experts": N, **options})


def tiny(**options: Any) -> GPTWithExperts:
    return redrawn(GPTWithExperts(config(**options)))


@pytest.mark.parametrize(
    ("layers", "step", "want"),
    [(5, 2, (1, 3)), (3, 1, (0, 1, 2)), (8, 3, (1, 4, 7)), (1, 2, ()), (5, 0, ())],
)
def test_which_layers_have_experts(layers: int, step: int, want: tuple[int, ...]) -> None:
    made = config(num_layers=layers, sparse_step=step)
    assert made.sparse_layers == want
    with torch.device("meta"):
        model = GPTWithExperts(made)
    kinds = [type(layer.feed_forward) for layer in model.decoder.layers]
    assert kinds == [MixtureOfExperts if i in want else FeedForward for i in range(layers)]


def test_with_one_expert_or_none_it_is_a_gpt() -> None:
    plain = redrawn(GPT(GPTConfig(**SIZES)))
    for model in (tiny(sparse_step=0), tiny(num_experts=1)):
        stored = {
            name.replace("experts.0.", ""): tensor
            for name, tensor in model.state_dict().items()
            if "router" not in name
        }
        plain.load_state_dict(stored)
        text = tokens(B, S)
        same = EXACT if model.config.sparse_step == 0 else CLOSE
        assert_close(model(text), plain(text), **same)


def test_each_expert_is_as_a_layer_of_a_gpt_is_and_begins_as_it_does() -> None:
    torch.manual_seed(0)
    model = GPTWithExperts(replace(config(activation="swiglu", bias=False), d_model=96, d_ff=256))
    dense = model.decoder.layers[0].feed_forward
    part = model.decoder.layers[1].feed_forward
    for expert in part.experts:
        assert expert.activation == dense.activation == "swiglu"
        for name, weight in expert.named_parameters():
            assert weight.shape == dense.get_parameter(name).shape
            spread = weight.std().item()
            assert spread == pytest.approx(dense.get_parameter(name).std().item(), rel=0.05)
    assert part.router.gate.weight.std().item() == pytest.approx(0.02, rel=0.3)
    first, second = (expert.up_proj.weight for expert in list(part.experts)[:2])
    assert not torch.equal(first, second)


def test_the_routers_learn_and_keep_their_losses() -> None:
    model = tiny()
    out = model(tokens(B, S))
    losses = take_auxiliary_losses(model)
    paths = [f"decoder.layers.{i}.feed_forward.router" for i in (1, 3)]
    assert list(losses) == paths
    gates = [model.get_parameter(f"{path}.gate.weight") for path in paths]
    for slope in torch.autograd.grad(out.sin().sum(), gates):
        assert slope.abs().max() > 0


@SIDES
def test_padded_and_alone_agree(side: str) -> None:
    """Also with drops, as a sequence's capacity is its own."""
    model, keep, text = tiny(expert_capacity=2, positions="rotary"), kept(side), tokens(B, S)
    out = model(text, keep=keep)
    for row, real, have in zip(text, keep, out, strict=True):
        assert_close(have[real], model(row[real][None])[0], **CLOSE)


def test_cached_and_at_once_agree() -> None:
    model, text, cache = tiny(), tokens(B, S), KVCache()
    steps = [model(part, cache=cache) for part in text.split([3, 1, 3], 1)]
    assert_close(torch.cat(steps, 1), model(text), **CLOSE)


@pytest.mark.parametrize(
    ("options", "ahead"),
    [
        ({}, set()),
        ({"top_k": 2}, set()),
        ({"expert_capacity": 2}, set()),
        ({"top_k": 2, "expert_capacity": 3}, {"future", "length"}),
        ({"capacity_factor": 0.75}, {"length"}),
    ],
)
def test_what_looks_ahead_is_a_second_choice_or_a_room_that_grows_with_the_text(
    options: dict[str, Any], ahead: set[str]
) -> None:
    torch.manual_seed(1)
    leaks = causality_leaks(
        tiny(**options),
        tokens(1, 10),
        vocab_size=V,
        generator=torch.Generator().manual_seed(0),
        values=6,
    )
    assert {leak.kind for leak in leaks} == ahead


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="top_k should be at most num_experts=4, got 5"):
        config(top_k=5)
    with pytest.raises(ValueError, match="num_experts should be"):
        config(num_experts=0)
    with pytest.raises(ValueError, match="renormalise should be False"):
        config(renormalise=True)
    with pytest.raises(ValueError, match="num_heads"):
        config(num_heads=5)
