"""What the tests of both layers share: layers far from linear, and the same one in torch.nn."""

from typing import Any

import torch
from torch import Tensor, nn

from txlite.nn import DecoderLayer, EncoderLayer, MultiHeadAttention

B, T, S, D, H, F = 2, 5, 7, 12, 3, 10  # all different
EXACT = {"rtol": 0.0, "atol": 0.0}
CLOSE = {"rtol": 0.0, "atol": 1e-11}


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def spread(module: Any) -> Any:
    """Give a module weights that are large enough to show a fault, in float64."""
    for p in module.double().parameters():
        nn.init.normal_(p, std=0.5)
    return module


def encoder_layer(**options: Any) -> EncoderLayer:
    layer: EncoderLayer = spread(EncoderLayer(D, H, F, **options))
    return layer


def decoder_layer(**options: Any) -> DecoderLayer:
    layer: DecoderLayer = spread(DecoderLayer(D, H, F, **options))
    return layer


def silence(layer: EncoderLayer) -> None:
    """Make every branch say zero."""
    with torch.no_grad():
        for proj in (
            layer.attention.output_proj,
            layer.feed_forward.down_proj,
            *(m.output_proj for n, m in layer.named_children() if n == "cross_attention"),
        ):
            proj.weight.zero_()
            if proj.bias is not None:
                proj.bias.zero_()


NORMS = {"attention_norm": "norm1", "cross_attention_norm": "norm2", "feed_forward_norm": "norm3"}


def torch_layer(ours: EncoderLayer, *, activation: str, bias: bool) -> nn.Module:
    """Return torch.nn's layer with the same weights, and no dropout."""
    cross = isinstance(ours, DecoderLayer)
    kind = nn.TransformerDecoderLayer if cross else nn.TransformerEncoderLayer
    eps, first = ours.attention_norm.eps, ours.norm_first
    theirs = kind(
        D, H, F, 0.0, activation, eps, batch_first=True, norm_first=first, bias=bias
    ).double()
    copy_attention(ours.attention, theirs.self_attn)
    names = dict(NORMS)
    if cross:
        copy_attention(ours.cross_attention, theirs.multihead_attn)
    else:
        names = {"attention_norm": "norm1", "feed_forward_norm": "norm2"}
    for mine, other in names.items():
        getattr(theirs, other).load_state_dict(getattr(ours, mine).state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward.up_proj.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.down_proj.state_dict())
    return theirs


@torch.no_grad()
def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    projections = (ours.query_proj, ours.key_proj, ours.value_proj)
    theirs.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
    theirs.out_proj.load_state_dict(ours.output_proj.state_dict())
    if theirs.in_proj_bias is not None:
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))


def gradients_of(module: nn.Module, out: Tensor, *inputs: Tensor) -> dict[str, Tensor]:
    """Gradients of one sum of the output, for the inputs and every weight, by txlite's names."""
    named = dict(module.named_parameters())
    grads = torch.autograd.grad(out.sin().sum(), [*inputs, *named.values()])
    found = {f"input {i}": g for i, g in enumerate(grads[: len(inputs)])}
    return found | dict(zip(named, grads[len(inputs) :], strict=True))
