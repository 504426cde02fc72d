"""Longformer's attention: by its definition with a table, and as the published layer's."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from txlite.nn import (
    EncoderLayer,
    KVCache,
    LongformerAttention,
    masks,
    scaled_dot_product_attention,
)
from txlite.nn.masks import Mask
from txlite.nn.positions import Positions

B, T, D, H = 3, 32, 12, 3
CLOSE: dict[str, float] = {"rtol": 1e-9, "atol": 1e-9}


def spread(module: Any) -> Any:
    for p in module.double().parameters():
        nn.init.normal_(p, std=0.5)
    return module


def states(length: int = T) -> Tensor:
    return torch.randn(B, length, D, dtype=torch.float64)


def chosen(length: int = T) -> Tensor:
    """Global tokens: two, none, and five, of which one is padding below."""
    found = torch.zeros(B, length, dtype=torch.bool)
    found[0, [0, 7]] = True
    found[2, [0, 1, 5, length // 2, length - 1]] = True
    return found


def kept(length: int = T) -> Tensor:
    return torch.arange(length) < torch.tensor([length, length - 9, length - 3])[:, None]


def by_table(
    part: LongformerAttention, x: Tensor, mask: Mask, glob: Tensor, keep: Tensor
) -> Tensor:
    """All pairs at once: local rows under the mask, global rows by their own projections."""

    def heads(proj: nn.Module) -> Tensor:
        return proj(x).view(B, -1, H, D // H).transpose(1, 2)  # type: ignore[no-any-return]

    q, k, v = (heads(p) for p in (part.query_proj, part.key_proj, part.value_proj))
    local = scaled_dot_product_attention(q, k, v, mask)
    q, k, v = (heads(p) for p in (part.global_query_proj, part.global_key_proj,
                                  part.global_value_proj))  # fmt: skip
    whole = scaled_dot_product_attention(q, k, v, masks.padding(keep))
    z = torch.where(glob[:, None, :, None], whole, local)
    return part.output_proj(z.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


WINDOWS: dict[str, Mask] = {
    "window": masks.sliding_window(3),
    "wider than the text": masks.sliding_window(90),
    "dilated": masks.dilated_window(3, 2),
    "by blocks": masks.block_window(4, 1, 1),
    "behind": masks.causal() & masks.sliding_window(5),
}


@pytest.mark.parametrize("length", [1, 5, 32, 77])
@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.kills(
    "longformer: global tokens attend by the local projections",
    "nn/longformer.py",
    "parts = (self.global_query_proj, self.global_key_proj, self.global_value_proj)",
    "parts = (self.query_proj, self.key_proj, self.value_proj)",
)
@pytest.mark.kills(
    "longformer: a global token in the window counts twice",
    "nn/longformer.py",
    "padding(keep & ~chosen)",
    "padding(keep)",
)
def test_in_chunks_it_is_what_the_table_says(name: str, length: int) -> None:
    part, x = spread(LongformerAttention(D, H)), states(length).requires_grad_()
    glob, keep = chosen(max(length, 10))[:, :length], kept(length)
    window = WINDOWS[name]
    mask = (window | masks.global_tokens(glob)) & masks.padding(keep)
    got, want = part(x, mask=mask), by_table(part, x, mask, glob, keep)
    assert_close(got[keep], want[keep], **CLOSE)
    mine, other = (
        torch.autograd.grad(out[keep].sin().sum(), [x, *part.parameters()], allow_unused=True)
        for out in (got, want)
    )
    for g, w in zip(mine, other, strict=True):
        if g is None:  # no token is global, and theirs by the table is multiplied by nothing
            assert w is None or w.abs().max() == 0
        else:
            assert_close(g, w, **CLOSE)


@pytest.mark.parametrize("window", [4, 8, 16])
@pytest.mark.parametrize("marked", ["none", "some", "padded"])
def test_equals_the_published_layer(
    window: int, marked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Theirs rounds the weights to float32, whatever the dtype, unless softmax is told not to."""
    softmax = nn.functional.softmax
    monkeypatch.setattr(nn.functional, "softmax", lambda x, dim, dtype=None: softmax(x, dim))
    from transformers import LongformerConfig
    from transformers.models.longformer.modeling_longformer import LongformerSelfAttention

    config = LongformerConfig(
        hidden_size=D, num_attention_heads=H, attention_window=[window, window],
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    theirs = spread(LongformerSelfAttention(config, layer_id=1)).eval()
    part = spread(LongformerAttention(D, H))
    with torch.no_grad():
        part.output_proj.weight.copy_(torch.eye(D))
        part.output_proj.bias.zero_()
    names = {"query": "query_proj", "key": "key_proj", "value": "value_proj"}
    names |= {f"{n}_global": f"global_{p}" for n, p in names.items()}
    for other, mine in names.items():
        part.get_submodule(mine).load_state_dict(theirs.get_submodule(other).state_dict())
    glob = torch.zeros(B, T, dtype=torch.bool) if marked == "none" else chosen()
    keep = kept() if marked == "padded" else torch.ones(B, T, dtype=torch.bool)
    glob = glob & keep  # theirs knows three kinds, and padding is no global token
    x = states().requires_grad_()
    told = torch.where(keep, glob.double() * 10_000, -10_000.0)
    want = theirs(
        x, attention_mask=told, is_index_masked=~keep, is_index_global_attn=glob,
        is_global_attn=bool(glob.any()),
    )[0]  # fmt: skip
    one_sided = masks.sliding_window(window // 2 + 1)
    got = part(x, mask=(one_sided | masks.global_tokens(glob)) & masks.padding(keep))
    assert_close(got[keep], want[keep], **CLOSE)
    leaves = [part.get_submodule(mine).weight for mine in names.values()]
    others = [theirs.get_submodule(other).weight for other in names]
    mine_, other_ = (
        torch.autograd.grad(out[keep].sin().sum(), [x, *ws], allow_unused=True)
        for out, ws in ((got, leaves), (want, others))
    )
    for g, w in zip(mine_, other_, strict=True):
        if g is None or w is None:
            assert g is None
            assert w is None or w.abs().max() == 0
        else:
            assert_close(g, w, **CLOSE)


def test_the_work_grows_with_the_length_and_not_with_its_square() -> None:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    part = spread(LongformerAttention(D, H))

    def products(length: int) -> int:
        mask = masks.sliding_window(9) | masks.global_tokens(2)
        with FlopCounterMode(display=False) as counted, sdpa_kernel(SDPBackend.MATH):
            part(states(length), mask=mask)
        return counted.get_total_flops()

    one, two, four = (products(n) for n in (256, 512, 1024))
    assert two <= 2.1 * one
    assert four <= 2.1 * two


def test_it_stands_in_a_layer_and_drops_in_training() -> None:
    layer = spread(EncoderLayer(D, H, 20, attention=LongformerAttention(D, H, dropout=0.4)))
    mask = (masks.sliding_window(3) | masks.global_tokens(1)) & masks.padding(kept())
    x = states()
    assert not torch.equal(layer(x, mask), layer(x, mask))
    layer.eval()
    assert torch.equal(layer(x, mask), layer(x, mask))


def test_the_first_tokens_are_those_that_a_tensor_says() -> None:
    part, x = spread(LongformerAttention(D, H)).eval(), states()
    first = torch.arange(T).expand(B, -1) < 2
    got = part(x, mask=masks.global_tokens(2) | masks.sliding_window(4))
    assert_close(got, part(x, mask=masks.sliding_window(4) | masks.global_tokens(first)), **CLOSE)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mask": None}, "mask should be a window, or window | global_tokens.*got NoneType"),
        ({"mask": masks.causal()}, r"mask should be a window.*got causal\(\)"),
        ({"mask": masks.global_tokens(2)}, r"mask should be a window.*got global_tokens\(2\)"),
        ({"mask": masks.padding(kept())}, "mask should be a window"),
        ({"mask": torch.ones(T, T).bool()}, "mask should be a window.*got Tensor"),
        ({"mask": masks.sliding_window(3), "cache": KVCache()}, "cache should be None for Longf"),
        ({"mask": masks.sliding_window(3), "key": states()}, "key should be None for Longformer"),
        (
            {"mask": masks.sliding_window(3), "positions": Positions(bias=torch.zeros(T, T))},
            "positions.bias should be None for Longformer",
        ),
        ({"query": torch.zeros(B, T, 5).double()}, r"query should have shape \(B, T, D=12\)"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    part = spread(LongformerAttention(D, H))
    with pytest.raises(ValueError, match=message):
        part(**{"query": states(), "mask": masks.sliding_window(3), **given})
