"""Stacks: layers in turn, one source mask for all of them, and nothing forgotten on the way."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from tests.nn import definition
from txlite.nn import Decoder, Encoder, KVCache, masks
from txlite.nn.positions import ALiBi, Positions, Rotary, Sinusoidal, count_positions

B, T, S, D, H, F, N = 2, 5, 7, 12, 3, 17, 3  # all different, so that no two axes can be confused
EXACT = {"rtol": 0, "atol": 0}
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
M = TypeVar("M", bound=nn.Module)
ORDERS = pytest.mark.parametrize("norm_first", [True, False], ids=["pre-norm", "post-norm"])


def redrawn(module: M) -> M:
    """Give every parameter a value of its own, far from the initial ones."""
    module = module.double().eval()
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_(torch.randn_like(p) * 0.4 + ("norm" in name and name.endswith("weight")))
    return module


def encoder(**options: Any) -> Encoder:
    return redrawn(Encoder(N, D, H, F, **options))


def decoder(**options: Any) -> Decoder:
    return redrawn(Decoder(N, D, H, F, **options))


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def padded(length: int, *lengths: int) -> Tensor:
    """Say which tokens are real, the blanks at the end."""
    return torch.arange(length) < torch.tensor(lengths)[:, None]


# ------------------------------------------------------------------ mathematics


def by_hand(stack: Encoder | Decoder, x: Tensor, memory: Tensor | None, keep: Tensor) -> Any:
    """Compute a stack in NumPy from its weights, one sublayer after the other.

    ``keep`` hides keys of the self-attention of an encoder, of the cross-attention of a decoder.
    """
    weights = {name: p.detach().numpy() for name, p in stack.state_dict().items()}

    def norm(z: Any, name: str) -> Any:
        centred = z - z.mean(-1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return unit * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attend(z: Any, name: str, other: Any = None, allowed: Any = None) -> Any:
        key = z if other is None else other
        part = {n.removeprefix(f"{name}."): w for n, w in weights.items() if n.startswith(name)}
        return definition.multi_head(z, key, key, part, H, H, allowed)

    def think(z: Any, name: str) -> Any:
        up = z @ weights[f"{name}.up_proj.weight"].T + weights[f"{name}.up_proj.bias"]
        down = np.maximum(up, 0) @ weights[f"{name}.down_proj.weight"].T
        return down + weights[f"{name}.down_proj.bias"]

    def branch(z: Any, name: str, sublayer: Callable[..., Any], *more: Any) -> Any:
        if stack.layers[0].norm_first:
            return z + sublayer(norm(z, f"{name}_norm"), name, *more)
        return norm(z + sublayer(z, name, *more), f"{name}_norm")

    z, real = x.numpy(), keep.numpy()[:, None, None, :]
    past = np.tril(np.ones((1, 1, x.shape[1], x.shape[1]), dtype=bool))
    for i in range(N):
        name = f"layers.{i}"
        own = real if memory is None else past
        z = branch(z, f"{name}.attention", attend, None, own)
        if memory is not None:
            z = branch(z, f"{name}.cross_attention", attend, memory.numpy(), real)
        z = branch(z, f"{name}.feed_forward", think)
    return norm(z, "norm") if stack.norm is not None else z


@ORDERS
def test_an_encoder_is_its_sublayers_one_after_the_other(norm_first: bool) -> None:
    stack, x, keep = (
        encoder(norm_first=norm_first, activation="relu"),
        draw(B, T, D),
        padded(T, 5, 3),
    )
    want = by_hand(stack, x, None, keep)
    assert_close(stack(x, masks.padding(keep)).detach().numpy(), want, **CLOSE)


@ORDERS
def test_a_decoder_is_its_sublayers_one_after_the_other(norm_first: bool) -> None:
    stack = decoder(norm_first=norm_first, activation="relu")
    x, memory, keep = draw(B, T, D), draw(B, S, D), padded(S, 4, 7)
    want = by_hand(stack, x, memory, keep)
    got = stack(x, memory, memory_mask=masks.padding(keep))
    assert_close(got.detach().numpy(), want, **CLOSE)


@pytest.mark.kills(
    "one encoder layer several times",
    "nn/stacks.py",
    "EncoderLayer(d_model, num_heads, d_ff, options=options) for _ in range(num_layers)\n",
    "*[EncoderLayer(d_model, num_heads, d_ff, options=options)] * num_layers\n",
)
@pytest.mark.parametrize("make", [Encoder, Decoder])
def test_every_layer_has_weights_of_its_own(make: type[Encoder] | type[Decoder]) -> None:
    one, stack = make(1, D, H, F, final_norm=False), make(N, D, H, F, final_norm=False)
    count = sum(p.numel() for p in one.parameters())
    assert sum(p.numel() for p in stack.parameters()) == N * count
    first, second = (stack.layers[i].attention.query_proj.weight for i in (0, 1))
    assert not torch.equal(first, second)  # nor do they start as copies


@pytest.mark.kills(
    "the mask reaches the first layer only",
    "nn/stacks.py",
    "x = layer(x, *given, **named)",
    "x = layer(x, *(() if i and len(given) == 1 else given), **named)",
)
def test_a_hidden_word_reaches_nobody_in_any_layer() -> None:
    stack, x, keep = encoder(), draw(B, T, D), padded(T, 5, 3)
    loud = torch.where(keep[..., None], x, 1e3)
    heard, still = stack(loud, masks.padding(keep)), stack(x, masks.padding(keep))
    assert_close(heard[keep], still[keep], **EXACT)
    assert (stack(loud)[1, :3] != stack(x)[1, :3]).any()  # without the mask it is heard


def test_a_hidden_word_gets_no_gradient() -> None:
    stack, keep = encoder(), padded(T, 5, 3)
    x = draw(B, T, D).requires_grad_()
    stack(x, masks.padding(keep))[keep].sin().sum().backward()
    assert (x.grad[~keep] == 0).all()
    assert (x.grad[keep] != 0).any(-1).all()


@pytest.mark.kills(
    "a stack whose decoder layers see the future",
    "nn/stacks.py",
    "DecoderLayer(*sizes, causal=causal",
    "DecoderLayer(*sizes, causal=False",
)
def test_the_future_cannot_change_the_past_in_any_layer() -> None:
    stack, x, memory = decoder(), draw(B, T, D), draw(B, S, D)
    later = x.clone()
    later[:, 3:] = 1e3
    want, got = stack(x, memory), stack(later, memory)
    assert_close(got[:, :3], want[:, :3], **EXACT)
    assert (got[:, 3:] != want[:, 3:]).all(-1).all()
    free = decoder(causal=False)
    assert (free(x, memory)[:, :3] != free(later, memory)[:, :3]).any()


def test_a_mask_comes_on_top_of_the_causal_rule() -> None:
    stack, x, memory = decoder(), draw(B, T, D), draw(B, S, D)
    keep = torch.tensor([[True, False, True, True, True]]).expand(B, T)
    loud = torch.where(keep[..., None], x, 1e3)
    rule = masks.padding(keep)
    assert_close(stack(loud, memory, rule)[keep], stack(x, memory, rule)[keep], **EXACT)
    later = x.clone()
    later[:, 4] = 1e3
    assert_close(stack(later, memory, rule)[:, :4], stack(x, memory, rule)[:, :4], **EXACT)


def test_permuting_the_source_changes_nothing() -> None:
    """To an attention without positions, the source is a set."""
    stack, x, memory = decoder(), draw(B, T, D), draw(B, S, D)
    order, keep = torch.randperm(S), padded(S, 4, 7)
    got = stack(x, memory[:, order], memory_mask=masks.padding(keep[:, order]))
    assert_close(got, stack(x, memory, memory_mask=masks.padding(keep)), **CLOSE)


def test_without_cross_attention_there_is_no_way_in_for_the_source() -> None:
    stack, x = decoder(cross_attention=False), draw(B, T, D)
    assert not any("cross" in name for name, _ in stack.named_parameters())
    assert stack(x).shape == x.shape
    assert_close(stack(x), redrawn_like(encoder(), stack)(x, masks.causal()), **CLOSE)


def redrawn_like(stack: Encoder, other: Decoder) -> Encoder:
    stack.load_state_dict(other.state_dict())
    return stack


@pytest.mark.kills(
    "the bias reaches the first layer of the decoder only",
    "nn/stacks.py",
    "x = layer(x, *given, **named)",
    'x = layer(x, *given, **(named | {"bias": None} if i else named))',
)
@pytest.mark.kills(
    "the rotation reaches the first layer only",
    "nn/stacks.py",
    "x = layer(x, *given, **named)",
    'x = layer(x, *given, **(named | {"positions": None} if i else named))',
)
def test_a_rotation_and_a_bias_reach_every_layer() -> None:
    positions = torch.arange(T)
    rotation, bias = Rotary(D // H)(positions), ALiBi(H)(positions, positions)
    x, memory = draw(B, T, D), draw(B, S, D)
    for stack, rest in ((encoder(), ()), (decoder(), (memory,))):
        want = x
        for layer in stack.layers:
            want = layer(want, *rest, bias=bias, positions=Positions(rotation=rotation))
        want = stack.norm(want)
        assert_close(
            stack(x, *rest, bias=bias, positions=Positions(rotation=rotation)), want, **EXACT
        )
        for left in ({}, {"bias": bias}, {"positions": Positions(rotation=rotation)}):
            assert not torch.allclose(stack(x, *rest, **left), want)


@pytest.mark.kills(
    "values are turned too",
    "nn/multi_head.py",
    "k = theirs.rotation._turn(k)",
    "k, v = theirs.rotation._turn(k), theirs.rotation._turn(v)",
)
def test_rotary_positions_are_relative_through_the_whole_stack() -> None:
    stack, x = encoder(), draw(B, T, D)
    here, there = (
        Positions(rotation=Rotary(D // H)(torch.arange(T) + shift)) for shift in (0, 1_000)
    )
    assert_close(stack(x, positions=here), stack(x, positions=there), **CLOSE)


@pytest.mark.parametrize("side", ["left", "right"])
def test_it_does_not_matter_on_which_side_the_blanks_are(side: str) -> None:
    """Source and target alone, and both padded, on either side."""
    table, rotary = Sinusoidal(D), Rotary(D // H)
    reader, writer = encoder(), decoder()
    source, target = draw(1, 4, D), draw(1, 3, D)
    lone = writer(
        target + table(torch.arange(3)),
        reader(
            source + table(torch.arange(4)), positions=Positions(rotation=rotary(torch.arange(4)))
        ),
        positions=Positions(rotation=rotary(torch.arange(3))),
    )

    def pad(x: Tensor, length: int) -> tuple[Tensor, Tensor]:
        blanks, real = draw(1, length - x.shape[1], D) * 100, torch.ones(x.shape[:2]).bool()
        parts = (blanks, x) if side == "left" else (x, blanks)
        kept = tuple(torch.zeros(b.shape[:2]).bool() if b is blanks else real for b in parts)
        return torch.cat(parts, 1), torch.cat(kept, 1)

    (source, source_keep), (target, target_keep) = pad(source, S), pad(target, T)
    at, to = count_positions(source_keep), count_positions(target_keep)
    hidden = masks.padding(source_keep)
    memory = reader(source + table(at), hidden, positions=Positions(rotation=rotary(at)))
    own = masks.padding(target_keep)
    got = writer(target + table(to), memory, own, hidden, positions=Positions(rotation=rotary(to)))
    assert_close(got[target_keep], lone[0], **CLOSE)


@pytest.mark.parametrize("make", [Encoder, Decoder])
def test_the_last_norm_is_that_of_pre_norm_stacks(make: type[Encoder] | type[Decoder]) -> None:
    def norm(**options: Any) -> object:
        return make(1, D, H, F, **options).norm

    assert norm() is not None
    assert norm(norm_first=False) is None
    assert norm(final_norm=False) is None
    assert type(norm(norm_first=False, final_norm=True)).__name__ == "LayerNorm"
    root = norm(norm="rms", norm_eps=0.25)
    assert (type(root).__name__, root.eps) == ("RMSNorm", 0.25)
    assert norm(bias=False).bias is None


# ------------------------------------------------------------------ the mask of the source


@pytest.mark.kills(
    "the source's mask in the first layer only",
    "nn/stacks.py",
    "x = layer(x, *given, **named)",
    "x = layer(x, *((*given[:2], None) if i and len(given) == 3 else given), **named)",
)
def test_blanks_of_the_source_say_nothing() -> None:
    """The field's favourite mistake: cross-attention wants the source's mask, not the target's."""
    stack, x, memory, keep = decoder(), draw(B, T, D), draw(B, S, D), padded(S, 4, 7)
    loud = torch.where(keep[..., None], memory, 1e3)
    hidden = masks.padding(keep)
    assert_close(stack(x, loud, memory_mask=hidden), stack(x, memory, memory_mask=hidden), **EXACT)
    moved = stack(x, loud) != stack(x, memory)
    assert moved[0].any(-1).all()  # without the mask the four-word source is drowned out
    assert not moved[1].any()  # and the seven-word one has nothing to lose


@pytest.mark.kills(
    "the target's mask for the source",
    "nn/stacks.py",
    "            memory_mask,\n            bias=bias",
    "            mask,\n            bias=bias",
)
def test_the_targets_mask_in_its_place_is_seen() -> None:
    """With source and target of one length nothing crashes, so only this test can tell."""
    stack, x, memory = decoder(), draw(B, T, D), draw(B, T, D)
    source_keep, target_keep = padded(T, 3, 5), padded(T, 5, 4)
    own, their = masks.padding(target_keep), masks.padding(source_keep)
    loud = torch.where(source_keep[..., None], memory, 1e3)

    def deaf(memory_mask: masks.Mask) -> bool:
        return torch.equal(*(stack(x, m, own, memory_mask)[target_keep] for m in (memory, loud)))

    assert deaf(their)
    assert not deaf(own)


def test_blanks_of_the_source_get_no_gradient() -> None:
    stack, x, keep = decoder(), draw(B, T, D), padded(S, 4, 7)
    memory = draw(B, S, D).requires_grad_()
    stack(x, memory, memory_mask=masks.padding(keep)).sin().sum().backward()
    assert (memory.grad[~keep] == 0).all()
    assert (memory.grad[keep] != 0).any(-1).all()


def test_every_layer_reads_the_source_through_the_mask() -> None:
    """One layer that forgot the mask would be enough to hear the blanks."""
    x, memory, keep = draw(B, T, D), draw(B, S, D), padded(S, 4, 7)
    loud, hidden = torch.where(keep[..., None], memory, 1e3), masks.padding(keep)
    stack = decoder()
    for deaf in range(N):
        with torch.no_grad():
            for i, layer in enumerate(stack.layers):
                layer.cross_attention.output_proj.weight.mul_(i == deaf or 0.0)
                layer.cross_attention.output_proj.bias.mul_(i == deaf or 0.0)
        pair = [stack(x, m, memory_mask=hidden) for m in (memory, loud)]
        assert_close(*pair, **EXACT)
        assert not torch.equal(stack(x, loud), stack(x, memory))
        stack = decoder()


# ------------------------------------------------------------------ parity

PARTS = {
    "self_attn": "attention",
    "multihead_attn": "cross_attention",
    "linear1": "feed_forward.up_proj",
    "linear2": "feed_forward.down_proj",
}
ENCODER_NORMS = ("attention_norm", "feed_forward_norm")
DECODER_NORMS = ("attention_norm", "cross_attention_norm", "feed_forward_norm")


def torchs_names(ours: dict[str, Tensor], norms: tuple[str, ...]) -> dict[str, Tensor]:
    """Return our weights under the names of torch.nn, as functions of ours."""
    table = PARTS | {f"norm{i + 1}": name for i, name in enumerate(norms)}
    theirs = {name: w for name, w in ours.items() if name.startswith("norm.")}
    for i in range(N):
        for old, new in table.items():
            if f"layers.{i}.{new}.query_proj.weight" in ours:
                at = f"layers.{i}.{new}"
                for kind in ("weight", "bias"):
                    projections = [ours[f"{at}.{p}_proj.{kind}"] for p in ("query", "key", "value")]
                    theirs[f"layers.{i}.{old}.in_proj_{kind}"] = torch.cat(projections)
                    theirs[f"layers.{i}.{old}.out_proj.{kind}"] = ours[f"{at}.output_proj.{kind}"]
            elif f"layers.{i}.{new}.weight" in ours:
                for kind in ("weight", "bias"):
                    theirs[f"layers.{i}.{old}.{kind}"] = ours[f"layers.{i}.{new}.{kind}"]
    return theirs


def gradients(out: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    probe = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    return torch.autograd.grad((out * probe).sum(), inputs)


def assert_equal_with_gradients(got: Tensor, want: Tensor, leaves: list[Tensor]) -> None:
    assert_close(got, want, **CLOSE)
    for mine, other in zip(gradients(got, leaves), gradients(want, leaves), strict=True):
        assert other.any()
        assert_close(mine, other, **CLOSE)


@ORDERS
def test_equals_torch_nn_transformer_encoder(norm_first: bool) -> None:
    layer = nn.TransformerEncoderLayer(D, H, F, 0.0, batch_first=True, norm_first=norm_first)
    last = nn.LayerNorm(D) if norm_first else None
    theirs = nn.TransformerEncoder(layer, N, norm=last, enable_nested_tensor=False)
    ours, keep = encoder(norm_first=norm_first, activation="relu"), padded(T, 5, 3)
    weights, x = dict(ours.named_parameters()), draw(B, T, D).requires_grad_()
    named = torchs_names(weights, ENCODER_NORMS)
    assert named.keys() == dict(theirs.named_parameters()).keys()
    masked = {"src_key_padding_mask": ~keep}
    want = torch.func.functional_call(theirs, named, (x,), masked)
    got = ours(x, masks.padding(keep))
    # a key bias shifts all scores of a row alike, so its gradient is zero but for rounding
    leaves = [x, *(w for name, w in weights.items() if not name.endswith("key_proj.bias"))]
    assert_equal_with_gradients(got[keep], want[keep], leaves)


@ORDERS
def test_equals_torch_nn_transformer_decoder(norm_first: bool) -> None:
    """With the padding of both sides, and each mask in its place."""
    layer = nn.TransformerDecoderLayer(D, H, F, 0.0, batch_first=True, norm_first=norm_first)
    theirs = nn.TransformerDecoder(layer, N, norm=nn.LayerNorm(D) if norm_first else None)
    ours = decoder(norm_first=norm_first, activation="relu")
    keep, source_keep = padded(T, 5, 3), padded(S, 4, 7)
    weights = dict(ours.named_parameters())
    x, memory = draw(B, T, D).requires_grad_(), draw(B, S, D).requires_grad_()
    named = torchs_names(weights, DECODER_NORMS)
    assert named.keys() == dict(theirs.named_parameters()).keys()
    masked = {
        "tgt_mask": torch.ones(T, T, dtype=torch.bool).triu(1),
        "tgt_key_padding_mask": ~keep,
        "memory_key_padding_mask": ~source_keep,
    }
    want = torch.func.functional_call(theirs, named, (x, memory), masked)
    got = ours(x, memory, masks.padding(keep), masks.padding(source_keep))
    leaves = [x, memory, *(w for n, w in weights.items() if not n.endswith("key_proj.bias"))]
    assert_equal_with_gradients(got[keep], want[keep], leaves)


# ------------------------------------------------------------------ caches


def in_steps(stack: Decoder, x: Tensor, memory: Tensor, steps: list[int], **masked: Any) -> Tensor:
    """Feed a decoder piece by piece; it sees the source in the first step only."""
    cache, outs, done = KVCache(), [], 0
    keep = masked.get("keep")
    for step in steps:
        new, positions = x[:, done : done + step], torch.arange(done, done + step)
        done += step
        own = None if keep is None else masks.padding(keep[:, :done])
        rotation = Rotary(D // H)(positions)
        bias = ALiBi(H)(positions, torch.arange(done))
        given = memory if len(outs) == 0 else None
        hidden = masked.get("memory_mask")
        outs.append(
            stack(
                new,
                given,
                own,
                hidden,
                bias=bias,
                positions=Positions(rotation=rotation),
                cache=cache,
            )
        )
        assert len(cache) == done
    return torch.cat(outs, 1)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=6), st.booleans(), st.integers(0, 2**32 - 1)
)
def test_any_split_into_steps_gives_the_same(steps: list[int], shared: bool, seed: int) -> None:
    """Self-attention and cross-attention cached, with masks, a rotation and a bias."""
    torch.manual_seed(seed)
    stack, total = decoder(num_kv_heads=1 if shared else None), sum(steps)
    x, memory = draw(B, total, D), draw(B, S, D)
    keep, hidden = torch.rand(B, total) < 0.7, masks.padding(padded(S, 4, 7))
    positions = torch.arange(total)
    rotation, bias = Rotary(D // H)(positions), ALiBi(H)(positions, positions)
    whole = stack(
        x, memory, masks.padding(keep), hidden, bias=bias, positions=Positions(rotation=rotation)
    )
    pieces = in_steps(stack, x, memory, steps, keep=keep, memory_mask=hidden)
    assert_close(pieces, whole, **CLOSE)


@pytest.mark.kills(
    "all layers write into one cache",
    "nn/stacks.py",
    'cache.child(f"layers.{i}")',
    'cache.child("layers")',
)
def test_a_causal_encoder_is_cached_layer_by_layer() -> None:
    stack, x, cache = encoder(), draw(B, T, D), KVCache()
    pieces = [stack(part, masks.causal(), cache=cache) for part in x.split([2, 1, 2], 1)]
    assert_close(torch.cat(pieces, 1), stack(x, masks.causal()), **CLOSE)
    assert list(cache.children) == [f"layers.{i}" for i in range(N)]
    keys = [cache.child(f"layers.{i}").child("attention").keys for i in range(N)]
    assert len({key.sum().item() for key in keys}) == N


def test_a_filled_cache_does_not_read_the_source_again() -> None:
    stack, x, memory, cache = decoder(), draw(B, T, D), draw(B, S, D), KVCache()
    first = stack(x[:, :3], memory, cache=cache)
    rest = stack(x[:, 3:], draw(B, S, D), cache=cache)  # another source comes too late
    assert_close(torch.cat([first, rest], 1), stack(x, memory), **CLOSE)


def test_a_step_without_the_cache_knows_nothing_of_the_past() -> None:
    stack, x, memory = decoder(), draw(B, T, D), draw(B, S, D)
    assert not torch.allclose(stack(x[:, 4:], memory), stack(x, memory)[:, 4:])


def test_beams_take_their_source_along() -> None:
    stack, x, memory, cache = decoder(), draw(3, T, D), draw(3, S, D), KVCache()
    keep, order = padded(S, 4, 7, 2), torch.tensor([2, 2, 0, 1])
    stack(x[:, :3], memory, memory_mask=masks.padding(keep), cache=cache)
    cache.reorder(order)
    hidden = masks.padding(keep[order])
    got = stack(x[order, 3:], memory_mask=hidden, cache=cache)
    want = stack(x[order], memory[order], memory_mask=hidden)[:, 3:]
    assert_close(got, want, **CLOSE)


def test_a_guess_is_taken_back_and_the_source_is_kept() -> None:
    stack, x, memory, cache = decoder(), draw(B, T, D), draw(B, S, D), KVCache()
    stack(x[:, :2], memory, cache=cache)
    stack(draw(B, 4, D), cache=cache)
    cache.crop(2)
    assert_close(stack(x[:, 2:], cache=cache), stack(x, memory)[:, 2:], **CLOSE)
    cache.crop(0)
    assert cache.filled  # with the source
    assert_close(stack(x, cache=cache), stack(x, memory), **CLOSE)


def test_two_conversations_do_not_mix() -> None:
    stack, caches = decoder(), (KVCache(), KVCache())
    talks = [(draw(1, T, D), draw(1, length, D)) for length in (S, S + 3)]
    for t in range(T):
        outs = [
            stack(x[:, t : t + 1], memory if t == 0 else None, cache=cache)
            for (x, memory), cache in zip(talks, caches, strict=True)
        ]
    for (x, memory), out in zip(talks, outs, strict=True):
        assert_close(out, stack(x, memory)[:, -1:], **CLOSE)


# ------------------------------------------------------------------ programs and errors


@pytest.mark.plain
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_compiled_stack_is_one_graph_and_the_same() -> None:
    torch._dynamo.reset()
    stack, x, memory = decoder(), draw(B, T, D), draw(B, S, D)
    keep = padded(S, 4, 7)

    def step(x: Tensor, memory: Tensor | None, cache: KVCache | None) -> Tensor:
        out: Tensor = stack(x, memory, memory_mask=masks.padding(keep), cache=cache)
        return out

    compiled, want = torch.compile(step, fullgraph=True, backend="eager"), step(x, memory, None)
    assert_close(compiled(x, memory, None), want, **CLOSE)
    cache = KVCache()
    with torch.no_grad():
        first = compiled(x[:, :3], memory, cache)
        rest = [compiled(x[:, t : t + 1], None, cache) for t in (3, 4)]
    assert_close(torch.cat([first, *rest], 1), want, **CLOSE)
    torch._dynamo.reset()


@pytest.mark.plain
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_an_exported_stack_takes_any_batch_and_length() -> None:
    class Writer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stack = decoder()

        def forward(self, x: Tensor, memory: Tensor, keep: Tensor) -> Tensor:
            out: Tensor = self.stack(x, memory, memory_mask=masks.padding(keep))
            return out

    def example(b: int, t: int, s: int) -> tuple[Tensor, Tensor, Tensor]:
        return draw(b, t, D), draw(b, s, D), torch.rand(b, s) < 0.6

    model, dim = Writer(), torch.export.Dim
    b, t, s = dim("b", min=2, max=64), dim("t", min=2, max=512), dim("s", min=2, max=512)
    shapes = ({0: b, 1: t}, {0: b, 1: s}, {0: b, 1: s})
    program = torch.export.export(model, example(3, 5, 8), dynamic_shapes=shapes).module()
    for sizes in ((2, 9, 3), (5, 3, 41)):
        args = example(*sizes)
        assert_close(program(*args), model(*args), **CLOSE)


def test_stacks_are_built_on_the_meta_device() -> None:
    with torch.device("meta"):
        stack = Decoder(6, 512, 8, 2048, norm_first=False)
    assert all(p.is_meta for p in stack.parameters())
    assert len(stack.layers) == 6


@pytest.mark.plain
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"memory_mask": masks.padding(torch.ones(B, S + 1).bool())}, r"\bkeep\b|memory_mask|mask"),
        ({"memory_mask": torch.zeros(T, S)}, "mask should"),
        ({"memory": torch.zeros(B + 1, S, D, dtype=torch.float64)}, "B=2"),
        ({"memory": torch.zeros(B, S, D + 1, dtype=torch.float64)}, "D=12"),
        ({"memory": torch.zeros(B, S, D)}, "float32"),
    ],
)
def test_a_refused_call_leaves_the_cache_as_it_was(wrong: dict[str, Any], message: str) -> None:
    """Self-attention comes first and must not have grown when cross-attention refuses."""
    stack, x, memory, cache = decoder(), draw(B, T, D), draw(B, S, D), KVCache()
    with pytest.raises(ValueError, match=message):
        stack(x, **{"memory": memory, **wrong}, cache=cache)
    assert len(cache) == 0
    assert not cache.filled
    assert_close(stack(x, memory, cache=cache), stack(x, memory), **CLOSE)


@pytest.mark.plain
@pytest.mark.parametrize("make", [Encoder, Decoder])
def test_errors_name_what_is_wrong(make: type[Encoder] | type[Decoder]) -> None:
    for sizes, message in {
        (0, D, H, F): "num_layers should be",
        (N, 0, H, F): "d_model should be",
        (N, D, 5, F): "d_model=12 should be a multiple of num_heads=5",
        (N, D, H, 0): "d_ff should be",
    }.items():
        with pytest.raises(ValueError, match=message):
            make(*sizes)
    with pytest.raises(ValueError, match="norm should be one of"):
        make(N, D, H, F, norm="batch")  # type: ignore[arg-type]


@pytest.mark.plain
def test_a_source_is_wanted_where_it_is_read_and_only_there() -> None:
    x, memory, keep = draw(B, T, D), draw(B, S, D), torch.ones(B, S, dtype=torch.bool)
    with pytest.raises(ValueError, match="memory should be given"):
        decoder()(x)
    with pytest.raises(ValueError, match="memory should be given"):
        decoder()(x, cache=KVCache())
    lonely = decoder(cross_attention=False)
    with pytest.raises(ValueError, match="memory should be None"):
        lonely(x, memory)
    with pytest.raises(ValueError, match="memory_mask should be None"):
        lonely(x, memory_mask=masks.padding(keep))
    with pytest.raises(ValueError, match=r"x|query should have shape"):
        encoder()(draw(B, T, D + 1))
