"""LayerScale: a part's output, number by number louder or softer; a layer need not know."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.inspect import record_attention
from txlite.nn import (
    Encoder,
    EncoderLayer,
    FeedForward,
    KVCache,
    LayerScale,
    MultiHeadAttention,
    Stack,
    masks,
)

B, T, D, H, F = 2, 5, 6, 3, 11  # all different


def layer(**options: Any) -> EncoderLayer:
    parts = [MultiHeadAttention(D, H), FeedForward(D, F)]
    scaled = [LayerScale(part, D, **options) for part in parts]
    module = EncoderLayer(D, H, F, attention=scaled[0], feed_forward=scaled[1])
    for name, p in module.named_parameters():
        if "scale" not in name:
            nn.init.normal_(p, std=0.5)
    return module.double()


def states() -> Tensor:
    return torch.randn(B, T, D, dtype=torch.float64)


@pytest.mark.kills(
    "layer scale: the scale added",
    "nn/layer_scale.py",
    "**given) * self.scale",
    "**given) + self.scale",
)
def test_a_branch_is_scaled_number_by_number() -> None:
    module, x = layer(), states()
    for part in (module.attention, module.feed_forward):
        nn.init.normal_(part.scale)
    inner = module.attention_norm(x)
    middle = x + module.attention.part(inner) * module.attention.scale
    inner = module.feed_forward_norm(middle)
    want = middle + module.feed_forward.part(inner) * module.feed_forward.scale
    assert_close(module(x), want, rtol=0.0, atol=1e-12)


def test_at_zero_nothing_happens_and_at_one_it_is_the_plain_layer() -> None:
    x = states()
    assert torch.equal(layer(start=0.0)(x), x)
    module = layer(start=1.0)
    plain = EncoderLayer(D, H, F).double()
    plain.load_state_dict(
        {n.replace("part.", ""): p for n, p in module.state_dict().items() if "scale" not in n}
    )
    assert torch.equal(module(x), plain(x))


def test_a_small_start_is_near_the_identity() -> None:
    x = states()
    moved = [(layer(start=start)(x) - x).abs().max().item() for start in (1e-2, 1e-4, 1e-6)]
    assert moved[0] > moved[1] > moved[2] > 0
    assert moved[2] < 1e-4


def test_masks_cache_and_maps_go_through() -> None:
    stack, x = Stack([layer(start=0.5), layer(start=0.5)]).double(), states()
    with record_attention(stack) as maps:
        whole = stack(x, masks.causal())
    assert set(maps) == {f"layers.{i}.attention.part" for i in range(2)}
    assert maps["layers.1.attention.part"].triu(1).eq(0).all()
    cache, parts = KVCache(), []
    for start, end in ((0, 2), (2, 3), (3, T)):
        parts.append(stack(x[:, start:end], masks.causal(), cache=cache))
    assert_close(torch.cat(parts, 1), whole, rtol=1e-9, atol=1e-10)


@pytest.mark.plain
def test_what_is_wrong_is_refused_by_name_as_without_it() -> None:
    module, x = layer(), states()
    with pytest.raises(ValueError, match=r"x should have shape \(B, T, D=6\)"):
        module(x[..., :-1])
    with pytest.raises(ValueError, match="mask"):
        module(x, torch.ones(T, T + 1, dtype=torch.bool))
    for given, message in (
        ({"part": torch.tanh}, r"part should be a torch\.nn\.Module"),
        ({"d_model": 0}, "d_model should be a positive whole number, got 0"),
        ({"start": float("nan")}, "start should be a finite number, got nan"),
    ):
        arguments: dict[str, Any] = {"part": nn.Identity(), "d_model": D, **given}
        with pytest.raises(ValueError, match=message):
            LayerScale(**arguments)
    with pytest.raises(ValueError, match=r"feed_forward should have d_model=6, got a part with"):
        EncoderLayer(D, H, F, feed_forward=LayerScale(FeedForward(D + 1, F), D + 1))


def test_an_encoder_without_it_has_none() -> None:
    assert not any(isinstance(part, LayerScale) for part in Encoder(1, D, H, F).modules())
