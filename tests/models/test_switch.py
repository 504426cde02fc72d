"""Switch: T5 with experts in every so many layers; the rest is T5's and is tested there.

That it computes what the published models do stands in tests/interop.
"""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.models.tiny import (
    CLOSE,
    EXACT,
    SOURCE_LENGTHS,
    B,
    D,
    F,
    S,
    T,
    V,
    padded,
    redrawn,
    tokens,
)
from txlite.generation import beam_search, generate
from txlite.models import T5, Switch, SwitchConfig, T5Config
from txlite.nn import FeedForward, KVCache, MixtureOfExperts, take_auxiliary_losses

HEADS, HEAD, N = 3, 6, 4
SIZES: dict[str, Any] = {
    "vocab_size": V, "d_model": D, "num_heads": HEADS, "head_dim": HEAD, "d_ff": F,
    "num_layers": 2, "num_decoder_layers": 4, "num_buckets": 8, "max_distance": 6,
}  # fmt: skip
SIDES = pytest.mark.parametrize("side", ["left", "right", "anywhere"])


def config(**options: Any) -> SwitchConfig:
    return SwitchConfig(**{**SIZES, "num_experts": N, **options})


def tiny(**options: Any) -> Switch:
    return redrawn(Switch(config(**options)))


def count(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


# ------------------------------------------------------------------ which layers


@pytest.mark.parametrize(
    ("layers", "step", "want"),
    [
        (6, 2, (1, 3, 5)),
        (7, 2, (1, 3, 5)),
        (3, 1, (0, 1, 2)),
        (8, 3, (1, 4, 7)),
        (4, 4, (1,)),
        (1, 2, ()),
        (5, 0, ()),
    ],
)
def test_which_layers_have_experts(layers: int, step: int, want: tuple[int, ...]) -> None:
    made = config(num_layers=layers, num_decoder_layers=None, sparse_step=step)
    assert made.sparse_layers("encoder") == made.sparse_layers("decoder") == want
    other = replace(made, num_decoder_layers=layers, num_layers=9, decoder_sparse_step=step)
    assert other.sparse_layers("decoder") == want
    with torch.device("meta"):
        model = Switch(made)
    for stack in (model.encoder, model.decoder):
        kinds = [type(layer.feed_forward) for layer in stack.layers]
        assert kinds == [MixtureOfExperts if i in want else FeedForward for i in range(layers)]


def test_without_experts_it_is_a_t5() -> None:
    dense, plain = tiny(sparse_step=0), redrawn(T5(T5Config(**SIZES)))
    plain.load_state_dict(dense.state_dict())
    source, target = tokens(B, S), tokens(B, T)
    assert_close(dense(source, target), plain(source, target), **EXACT)
    assert take_auxiliary_losses(dense) == {}


def test_with_one_expert_and_room_it_is_a_t5() -> None:
    sparse, plain = tiny(num_experts=1), redrawn(T5(T5Config(**SIZES)))
    stored = {
        name.replace("experts.0.", ""): tensor
        for name, tensor in sparse.state_dict().items()
        if "router" not in name
    }
    plain.load_state_dict(stored)
    source, target = tokens(B, S), tokens(B, T)
    assert_close(sparse(source, target), plain(source, target), **CLOSE)


def test_the_routers_of_both_stacks_keep_their_losses_and_learn() -> None:
    model = tiny()
    out = model(tokens(B, S), tokens(B, T))
    losses = take_auxiliary_losses(model)
    paths = [f"{stack}.layers.{i}.feed_forward.router"
             for stack, i in (("encoder", 1), ("decoder", 1), ("decoder", 3))]  # fmt: skip
    assert list(losses) == paths
    gates = [model.get_parameter(f"{path}.gate.weight") for path in paths]
    for loss, gate in zip(losses.values(), gates, strict=True):
        (slope,) = torch.autograd.grad(loss, gate, retain_graph=True)
        assert slope.abs().amax(-1).gt(0).all()  # of every expert, chosen or not
    for slope in torch.autograd.grad(out.sin().sum(), gates):
        assert slope.abs().max() > 0


# ------------------------------------------------------------------ padding and cache


@SIDES
def test_padded_cached_and_alone_agree(side: str) -> None:
    """Also with drops in the encoder, as a sequence's capacity is its own."""
    model, batch = tiny(expert_capacity=2), padded(side)
    for layer in model.decoder.layers:
        if isinstance(layer.feed_forward, MixtureOfExperts):
            router = layer.feed_forward.router
            router.options = replace(router.options, expert_capacity=None)
    keep, dropped = batch.target_keep, []
    for layer in model.encoder.layers[1:]:
        layer.feed_forward.router.register_forward_hook(
            lambda _, __, routing: dropped.append((~routing.placed).sum())
        )
    whole = model(batch.source, batch.target, **batch.keep)
    assert dropped[0] > (~batch.source_keep).sum()  # real ones, too
    cache, parts = KVCache(), []
    for start, end in ((0, 2), (2, 3), (3, T)):
        source = batch.source if start == 0 else None
        kept = {"source_keep": batch.source_keep, "target_keep": keep[:, :end]}
        parts.append(model(source, batch.target[:, start:end], cache=cache, **kept))
    assert_close(torch.cat(parts, 1)[keep], whole[keep], **CLOSE)
    for row in range(len(SOURCE_LENGTHS)):
        source, target = batch.source[row, batch.source_keep[row]], batch.target[row, keep[row]]
        assert_close(model(source[None], target[None])[0], whole[row, keep[row]], **CLOSE)


@SIDES
def test_what_padding_holds_cannot_matter(side: str) -> None:
    model, batch = tiny(expert_capacity=1), padded(side)
    want = model(batch.source, batch.target, **batch.keep)
    cost = take_auxiliary_losses(model)
    source = torch.where(batch.source_keep, batch.source, tokens(B, S))
    target = torch.where(batch.target_keep, batch.target, tokens(B, T))
    got = model(source, target, **batch.keep)
    assert_close(got[batch.target_keep], want[batch.target_keep], **EXACT)
    for loss, other in zip(take_auxiliary_losses(model).values(), cost.values(), strict=True):
        assert_close(loss, other, **EXACT)


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_what_is_written_does_not_depend_on_padding_or_cache(search: str) -> None:
    model, batch = tiny(), padded("left")
    prompt = torch.zeros(B, 1, dtype=torch.int64)

    def write(use_cache: bool) -> torch.Tensor:
        given: dict[str, Any] = {"source": batch.source, "source_keep": batch.source_keep}
        given |= {"max_new_tokens": 5, "eos_id": 3, "pad_id": 1, "use_cache": use_cache}
        if search == "greedy":
            return generate(model, prompt, **given)
        return beam_search(model, prompt, num_beams=3, **given).tokens

    assert torch.equal(write(True), write(False))


def test_in_a_group_of_the_batch_sequences_share_the_places() -> None:
    alone, shared = tiny(expert_capacity=1), tiny(expert_capacity=1, group="batch")
    shared.load_state_dict(alone.state_dict())
    source, target = tokens(B, S), tokens(B, T)
    assert_close(alone(source, target)[1:], alone(source[1:], target[1:]), **CLOSE)
    assert not torch.allclose(shared(source, target)[1:], shared(source[1:], target[1:]))


# ------------------------------------------------------------------ published sizes

# The smallest published file has 619,339,008 numbers. The paper says 395 billion and 1.571 trillion
# (table 9); of the released large model no paper gives a number.
PUBLISHED: dict[str, tuple[int, float]] = {
    "base": (619_339_008, 619.339008e6),
    "large_128": (26_309_291_008, 26.3e9),
    "xxl_395b": (394_543_476_736, 395e9),
    "c_1600b": (1_571_308_972_448, 1571e9),
}


def on_paper(c: SwitchConfig) -> int:
    """Count the parameters by the formula of the paper's figures 1 and 2."""
    width, inner = c.d_model, c.num_heads * (c.head_dim or 0)
    maps = 3 if c.activation.startswith("ge") and c.activation != "gelu" else 2
    dense, attention, table = maps * width * c.d_ff, 4 * width * inner, c.num_buckets * c.num_heads
    total = c.vocab_size * width + 2 * (table + width)
    for stack, attentions in (("encoder", 1), ("decoder", 2)):
        total += c.num_layers * (attentions * (attention + width) + dense + width)
        total += len(c.sparse_layers(stack)) * ((c.num_experts - 1) * dense + c.num_experts * width)
    return total


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_sizes(name: str) -> None:
    """By the formula, and by models on meta of two and three experts, from which the rest follows.

    A hundred thousand experts take a minute to build, even of nothing.
    """
    preset = getattr(SwitchConfig, name)()
    exact, told = PUBLISHED[name]
    assert on_paper(preset) == exact
    assert exact == pytest.approx(told, rel=0.002)
    counts = []
    for experts in (2, 3):
        with torch.device("meta"):
            small = replace(preset, num_experts=experts)
            model = Switch(small)
        counts.append(count(model))
        assert counts[-1] == on_paper(small)
    assert counts[0] + (counts[1] - counts[0]) * (preset.num_experts - 2) == exact
    text = torch.zeros(2, 3, dtype=torch.int64, device="meta")
    assert model(text, text[:, :2]).shape == (2, 2, preset.vocab_size)


def test_the_presets_are_the_papers() -> None:
    told = {
        name: (c.num_layers, c.d_model, c.num_heads, c.d_ff, c.num_experts, c.sparse_step)
        for name in PUBLISHED
        for c in [getattr(SwitchConfig, name)()]
    }
    assert told == {
        "base": (12, 768, 12, 3072, 8, 2),
        "large_128": (24, 1024, 16, 4096, 128, 2),
        "xxl_395b": (24, 4096, 64, 10_240, 128, 2),
        "c_1600b": (15, 2080, 32, 6144, 2048, 1),
    }
    for name in PUBLISHED:
        c = getattr(SwitchConfig, name)(vocab_size=77)
        assert (c.vocab_size, c.head_dim, c.num_buckets, c.max_distance) == (77, 64, 32, 128)
        assert (c.norm, c.norm_eps, c.norm_first, c.bias) == ("rms", 1e-6, True, False)
        assert (c.top_k, c.jitter, c.router_bias, c.init_scale) == (1, 0.01, False, 0.1)
        of_paper = name in ("xxl_395b", "c_1600b")
        limit = (None, 1.25, "batch") if of_paper else (64, None, "sequence")
        assert (c.expert_capacity, c.capacity_factor, c.group) == limit
        assert c.activation == ("geglu_tanh" if name == "xxl_395b" else "relu")
    assert SwitchConfig.base(num_experts=256).num_experts == 256
    assert SwitchConfig.base() == SwitchConfig()


@pytest.mark.kills(
    "switch: weights begin as wide as a T5's",
    "models/switch.py",
    "p.mul_(config.init_scale**0.5)",
    "p.mul_(1.0)",
)
def test_the_weights_begin_ten_times_smaller_in_variance() -> None:
    wide, head, hidden = 64, 24, 150
    sizes: dict[str, Any] = {"d_model": wide, "num_heads": 4, "head_dim": head, "d_ff": hidden}
    model = Switch(config(**sizes, vocab_size=200, num_experts=40))
    want = {
        "query_proj.weight": (wide * head) ** -0.5,
        "key_proj.weight": wide**-0.5,
        "up_proj.weight": wide**-0.5,
        "down_proj.weight": hidden**-0.5,
        "gate.weight": wide**-0.5,
    }
    for name, p in model.named_parameters():
        for end, std in want.items():
            if name.endswith(end):
                assert p.std().item() == pytest.approx(std * 0.1**0.5, rel=0.06), name
    assert model.embedding.weight.std().item() == pytest.approx(1.0, rel=0.03)


# ------------------------------------------------------------------ refusals


def test_a_config_is_a_value() -> None:
    made = config()
    again = type(made)(**vars(made))
    assert again == made
    assert hash(again) == hash(made)
    assert made != config(num_experts=5)
    assert made.router_options.expert_capacity == 64
    assert made.layer_options.activation == "relu"
    assert not hasattr(made.layer_options, "top_k")


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_experts": 0}, "num_experts should be a positive whole number, got 0"),
        ({"top_k": 5}, "top_k should be at most num_experts=4, got 5"),
        ({"sparse_step": -1}, "sparse_step should be a whole number of at least zero, got -1"),
        ({"decoder_sparse_step": 1.5}, "decoder_sparse_step should be a whole number of at least"),
        ({"expert_capacity": 0}, "expert_capacity should be a positive whole number, got 0"),
        ({"capacity_factor": 1.0}, "capacity_factor should be None beside expert_capacity=64"),
        ({"jitter": -0.1}, r"jitter should be a probability in \[0, 1\), got -0.1"),
        ({"init_scale": 0.0}, "init_scale should be a positive number, got 0.0"),
        ({"d_ff": 0}, "d_ff should be a positive whole number, got 0"),
        ({"dropout": 1.0}, r"dropout should be a probability in \[0, 1\), got 1.0"),
        ({"num_buckets": 0}, "num_buckets should be a positive whole number, got 0"),
    ],
)
def test_a_config_refuses_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        config(**options)
