"""Reformer: whole chunks, both kinds of layers, nothing from the future, and its published sizes.

That it computes what the published models do stands in tests/interop.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.models.tiny import CLOSE, redrawn
from txlite.generation import generate
from txlite.models import Reformer, ReformerConfig
from txlite.nn import (
    ChunkedFeedForward,
    FeedForward,
    KVCache,
    LSHAttention,
    MultiHeadAttention,
)

B, T, D, H, E, F, V = 3, 21, 12, 2, 5, 20, 23
SIZES: dict[str, Any] = {
    "vocab_size": V, "d_model": D, "num_heads": H, "head_dim": E, "d_ff": F,
    "attention_layers": ("local", "lsh", "lsh"), "max_len": 48, "axial_shape": (6, 8),
    "axial_widths": (5, 7), "local_chunk_length": 4, "lsh_chunk_length": 6, "num_buckets": None,
    "num_hashes": 2, "hash_seed": 3,
}  # fmt: skip


def config(**options: Any) -> ReformerConfig:
    return ReformerConfig(**{**SIZES, **options})


def tiny(**options: Any) -> Reformer:
    return redrawn(Reformer(config(**options)))


def tokens(length: int = T) -> Tensor:
    return torch.randint(V, (B, length))


def slopes(model: Reformer, text: Tensor, **given: Any) -> list[Tensor]:
    torch.manual_seed(1)
    out = model(text, **given)
    return [out, *torch.autograd.grad(out.sin().sum(), list(model.parameters()))]


def test_its_layers_are_what_the_config_says() -> None:
    model = tiny(feed_forward_chunk=4)
    kinds = [type(layer.attention) for layer in model.decoder.layers]  # type: ignore[union-attr]
    assert kinds == [MultiHeadAttention, LSHAttention, LSHAttention]
    assert all(type(layer.feed_forward) is ChunkedFeedForward for layer in model.decoder.layers)
    assert all(type(layer.feed_forward) is FeedForward for layer in tiny().decoder.layers)
    assert model.output.weight.shape == (V, 2 * D)
    shared = tiny(num_kv_heads=1)
    assert shared.decoder.layers[0].attention.key_proj.weight.shape == (E, D)  # type: ignore
    assert shared(tokens()).shape == (B, T, V)


@pytest.mark.parametrize("length", [1, 3, 4, 5, 6, 12, 21, 48])
def test_stored_and_computed_anew_are_the_same_at_each_length(length: int) -> None:
    """The last chunk is filled up, and what fills it does not matter."""
    one, other = tiny(feed_forward_chunk=5), tiny(feed_forward_chunk=5, recompute=False)
    other.load_state_dict(one.state_dict())
    text = tokens(length)
    for made in (one, other):
        made.train()
        for layer in made.decoder.layers:
            layer.dropout.p = 0.2
    mine, want = slopes(one, text), slopes(other, text)
    assert mine[0].shape == (B, length, V)
    for got, wanted in zip(mine, want, strict=True):
        assert_close(got, wanted, rtol=1e-8, atol=1e-8)


def test_no_gradient_comes_from_the_future() -> None:
    model, at = tiny(), 13
    text = tokens()
    x = model.embedding(text).detach().requires_grad_()
    model.embedding.forward = lambda _: x  # type: ignore[method-assign, assignment]
    (slope,) = torch.autograd.grad(model(text)[:, at].sin().sum(), x)
    assert slope[:, at + 1 :].abs().max() == 0
    assert slope[:, : at + 1].abs().amax((0, 2)).gt(0).sum() > 4


def test_what_padding_holds_cannot_matter() -> None:
    model, text = tiny(), tokens()
    for keep in (torch.arange(T) < torch.tensor([21, 9, 2])[:, None],
                 torch.arange(T) >= torch.tensor([0, 9, 2])[:, None]):  # fmt: skip
        other = torch.where(keep, text, tokens())
        assert_close(model(text, keep=keep)[keep], model(other, keep=keep)[keep], **CLOSE)


def test_padding_on_the_right_is_as_good_as_none_in_local_layers() -> None:
    model, text = tiny(attention_layers=("local", "local")), tokens()
    keep = torch.arange(T) < torch.tensor([21, 9, 2])[:, None]
    padded = model(text, keep=keep)
    for row, length in enumerate([21, 9, 2]):
        alone = model(text[row : row + 1, :length])
        assert_close(alone[0], padded[row, :length], **CLOSE)


def test_without_axial_positions_it_has_a_row_for_each() -> None:
    model = tiny(axial_shape=None)
    assert model.positions.added is not None
    assert model.positions.added.table.weight.shape == (48, D)
    assert model(tokens()).shape == (B, T, V)


def test_it_writes() -> None:
    text = tokens(9)
    model = tiny()
    out = generate(model, text, max_new_tokens=4, use_cache=False)
    assert out.shape == (B, 13)
    want = text
    for _ in range(4):
        want = torch.cat([want, model(want)[:, -1:].argmax(-1)], 1)
    assert torch.equal(out, want)
    with pytest.raises(ValueError, match="cache should be None for a Reformer: generate with use_"):
        generate(model, text, max_new_tokens=4)
    with pytest.raises(ValueError, match="cache should be None for a Reformer"):
        model(text, cache=KVCache())


def test_five_steps_of_training_end_where_those_with_stored_states_do() -> None:
    models = tiny(hash_seed=None).train(), tiny(hash_seed=None, recompute=False).train()
    models[1].load_state_dict(models[0].state_dict())
    texts, losses = [tokens() for _ in range(5)], []
    for model in models:
        optimiser = torch.optim.SGD(model.parameters(), 1e-2, momentum=0.9)
        torch.manual_seed(2)
        for text in texts:
            logits = model(text[:, :-1]).flatten(0, 1)
            loss = torch.nn.functional.cross_entropy(logits, text[:, 1:].flatten())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert losses[:5] == pytest.approx(losses[5:], abs=1e-9)
    assert abs(losses[0] - losses[4]) > 0.1
    for p, q in zip(*(m.parameters() for m in models), strict=True):
        assert_close(p, q, rtol=1e-8, atol=1e-8)


def test_the_published_sizes() -> None:
    """Millions of parameters as their pages say; by the formula, and counted on meta."""
    for preset, told in (
        (ReformerConfig.crime_and_punishment(), 3),
        (ReformerConfig.enwik8(), 149),
    ):
        with torch.device("meta"):
            model = Reformer(preset)
        c, width = preset, preset.d_model
        assert c.axial_shape is not None
        assert c.head_dim is not None
        inner = c.num_heads * c.head_dim
        want = c.vocab_size * width + 2 * width * c.vocab_size + c.vocab_size
        want += sum(n * w for n, w in zip(c.axial_shape, c.axial_widths, strict=True))
        for kind in c.attention_layers:
            want += (4 if kind == "local" else 3) * width * inner + 4 * width
            want += 2 * width * c.d_ff + c.d_ff + width
        want += 2 * 2 * width
        count = sum(p.numel() for p in model.parameters())
        assert count == want
        assert round(count / 1e6) == told
        text = torch.zeros(1, 5, dtype=torch.int64, device="meta")
        assert model(text).shape == (1, 5, c.vocab_size)


def test_the_presets_are_the_published_ones() -> None:
    small, large = ReformerConfig.crime_and_punishment(), ReformerConfig.enwik8()
    assert small.attention_layers == ("local", "lsh") * 3
    assert (small.max_len, small.axial_shape, small.num_buckets) == (2**19, (512, 1024), (64, 128))
    assert len(large.attention_layers) == 12
    assert [i for i, kind in enumerate(large.attention_layers) if kind == "lsh"] == [2, 6, 10]
    assert (large.max_len, large.num_hashes, large.num_buckets) == (2**16, 4, (512,))
    for preset in (small, large):
        assert preset.axial_shape is not None
        assert preset.axial_shape[0] * preset.axial_shape[1] == preset.max_len


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention_layers": ()}, "attention_layers should be a positive whole number, got 0"),
        ({"attention_layers": ("lsh", "full")}, "attention_layers should be one of local, lsh"),
        ({"num_kv_heads": 3}, "num_heads=2 should be a multiple of num_kv_heads=3"),
        ({"norm_first": False}, "norm_first should be True in a Reformer, got False"),
        ({"num_buckets": (4, 3)}, "num_buckets should be an even whole number"),
        ({"num_hashes": 0}, "num_hashes should be a positive whole number"),
        ({"lsh_chunk_length": 0}, "lsh_chunk_length should be a positive whole number"),
        ({"local_chunks_before": -1}, "local_chunks_before should be"),
        ({"feed_forward_chunk": -1}, "feed_forward_chunk should be"),
        ({"lsh_dropout": 1.0}, "lsh_dropout should"),
        ({"hash_seed": 0.5}, "hash_seed should be"),
        ({"axial_widths": (5, 8)}, r"axial_widths should add up to d_model=12, got \(5, 8\)"),
        ({"axial_shape": (6,)}, "axial_shape should be two whole numbers"),
        ({"max_len": 0}, "max_len should be a positive whole number"),
    ],
)
def test_what_makes_no_reformer_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**options)


@pytest.mark.plain
def test_what_does_not_fit_is_refused() -> None:
    model = tiny()
    with pytest.raises(ValueError, match="tokens should be at most 48 long, got 49"):
        model(tokens(49))
    with pytest.raises(ValueError, match=r"keep should have shape \(B=3, L=21\)"):
        model(tokens(), keep=torch.ones(B, 4).bool())
    with pytest.raises(ValueError, match=r"tokens should lie in \[0, vocab_size=23\)"):
        model(tokens() + V)


@pytest.mark.plain
def test_a_config_is_a_value() -> None:
    made = config()
    again = ReformerConfig(**vars(made))
    assert again == made
    assert hash(again) == hash(made)
    assert config(attention_layers=["local", "lsh", "lsh"], axial_shape=[6, 8]) == made
