"""DETR: a set of objects from a set of queries, and the backbone below it.

That it computes what the published models do stands in tests/interop.
"""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.models.tiny import CLOSE, EXACT, B, redrawn
from txlite.models import DETR, DETRConfig, FrozenBatchNorm, ResNet, ResNetConfig
from txlite.training import Objects, set_loss

Q, K, D, H, F = 6, 3, 12, 3, 20
HEIGHT, WIDTH = 36, 52
SMALL = ResNetConfig(stem_width=4, widths=(8, 12), depths=(1, 2))  # 8 times smaller


def config(**options: Any) -> DETRConfig:
    sizes: dict[str, Any] = {"num_classes": K, "num_queries": Q, "d_model": D, "num_heads": H}
    sizes |= {"d_ff": F, "num_layers": 2, "num_decoder_layers": 3, "backbone": SMALL}
    return DETRConfig(**{**sizes, **options})


@torch.no_grad()
def statistics(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm):
            module.variance.uniform_(5.0, 20.0)


def tiny(**options: Any) -> DETR:
    model = redrawn(DETR(config(**options)))
    statistics(model)
    return model


def pictures(rows: int = B) -> Tensor:
    return torch.randn(rows, 3, HEIGHT, WIDTH, dtype=torch.float64)


# ------------------------------------------------------------------ the set


def test_queries_in_another_order_give_the_same_set() -> None:
    model, x, order = tiny(), pictures(), torch.randperm(Q)
    want = model(x)
    with torch.no_grad():
        model.queries.weight.copy_(model.queries.weight[order])
    got = model(x)
    assert_close(got.logits, want.logits[:, order], **CLOSE)
    assert_close(got.boxes, want.boxes[:, order], **CLOSE)
    assert_close(got.earlier_boxes, want.earlier_boxes[:, :, order], **CLOSE)
    assert not torch.allclose(want.logits, want.logits[:, order], atol=1e-3)


def test_equal_queries_say_the_same() -> None:
    """Nothing but its vector tells one query from another."""
    model = tiny()
    with torch.no_grad():
        model.queries.weight[4] = model.queries.weight[1]
    found = model(pictures())
    assert_close(found.boxes[:, 4], found.boxes[:, 1], **CLOSE)


def test_every_query_knows_the_others() -> None:
    model = tiny()
    found = model(pictures())
    (grad,) = torch.autograd.grad(found.boxes[0, 2].sum(), model.queries.weight)
    assert grad.abs().amax(-1).gt(0).all()


def test_boxes_are_shares_and_every_layer_predicts() -> None:
    model, x = tiny(), pictures()
    found = model(x)
    assert found.logits.shape == (B, Q, K + 1)
    assert found.boxes.shape == (B, Q, 4)
    assert found.earlier_logits.shape == (2, B, Q, K + 1)
    assert found.earlier_boxes.shape == (2, B, Q, 4)
    for boxes in (found.boxes, found.earlier_boxes):
        assert boxes.min() >= 0
        assert boxes.max() <= 1
    del model.decoder.layers[2]  # what the layers below say does not depend on those above
    shorter = model(x)
    assert_close(shorter.boxes, found.earlier_boxes[1], **EXACT)
    assert_close(shorter.earlier_logits, found.earlier_logits[:1], **EXACT)


# ------------------------------------------------------------------ positions and padding


def test_positions_are_added_to_queries_and_keys_in_every_layer_and_never_to_values() -> None:
    model, x, read = tiny(), pictures(), {}
    parts = {
        f"{stack}.{i}.{kind}.{proj}": getattr(getattr(layer, kind), f"{proj}_proj")
        for stack in ("encoder", "decoder")
        for i, layer in enumerate(getattr(model, stack).layers)
        for kind in ("attention", "cross_attention")
        if getattr(layer, kind, None) is not None
        for proj in ("query", "key", "value")
    }
    hooks = [
        part.register_forward_pre_hook(lambda _, args, name=name: read.update({name: args[0]}))
        for name, part in parts.items()
    ]
    model(x)
    for hook in hooks:
        hook.remove()
    grids = [read[f"encoder.{i}.attention.query"] - read[f"encoder.{i}.attention.value"]
             for i in range(2)]  # fmt: skip
    assert_close(*grids, **CLOSE)  # the same in every layer
    assert grids[0].abs().max() > 0.5
    for i in range(3):
        own = read[f"decoder.{i}.attention.query"] - read[f"decoder.{i}.attention.value"]
        assert_close(own, model.queries.weight.expand(B, -1, -1), **CLOSE)
        keys = read[f"decoder.{i}.cross_attention.key"] - read[f"decoder.{i}.cross_attention.value"]
        assert_close(keys, grids[0], **CLOSE)
    for i in range(2):
        same = read[f"encoder.{i}.attention.key"] - read[f"encoder.{i}.attention.query"]
        assert_close(same, torch.zeros_like(same), **EXACT)


def test_a_picture_alone_and_padded_in_a_batch_say_the_same() -> None:
    """The backbone sees the padding's edge; so the picture ends in zeros, as its padding does."""
    backbone = Patches()
    model = redrawn(DETR(config(), backbone=backbone))
    alone = torch.randn(1, 3, 16, 24, dtype=torch.float64)
    together = torch.zeros(2, 3, 40, 32, dtype=torch.float64)
    together[0, :, :16, :24] = alone
    together[1].normal_()
    keep = torch.zeros(2, 40, 32, dtype=torch.bool)
    keep[0, :16, :24] = True
    keep[1] = True
    want, got = model(alone), model(together, keep)
    assert_close(got.boxes[:1], want.boxes, **CLOSE)
    assert_close(got.logits[:1], want.logits, **CLOSE)
    with torch.no_grad():
        together[0, :, 16:] = 5.0  # what padding holds cannot matter
        together[0, :, :, 24:] = -3.0
    assert_close(model(together, keep).boxes, got.boxes, **CLOSE)


class Patches(nn.Conv2d):
    """A backbone that sees each patch by itself."""

    width = 7

    def __init__(self) -> None:
        super().__init__(3, 7, 8, stride=8)


def test_where_things_are_is_known_by_positions_alone() -> None:
    """Without them a DETR over patches would not see that they have changed places."""
    model = redrawn(DETR(config(), backbone=Patches()))
    x = torch.randn(1, 3, 16, 16, dtype=torch.float64)
    assert not torch.allclose(model(x).boxes, model(x.roll(8, -1)).boxes, atol=1e-4)


# ------------------------------------------------------------------ the backbone


def test_the_picture_is_four_times_smaller_and_halved_in_each_stage_but_the_first() -> None:
    for widths, factor in (((8,), 4), ((8, 12), 8), ((8, 12, 16, 20), 32)):
        made = ResNet(ResNetConfig(stem_width=4, widths=widths, depths=(1,) * len(widths)))
        out = made(torch.zeros(1, 3, 64, 96))
        assert out.shape == (1, widths[-1], 64 // factor, 96 // factor)


def test_a_frozen_norm_is_one_scale_and_one_shift() -> None:
    norm = FrozenBatchNorm(4).double()
    with torch.no_grad():
        for p in norm.parameters():
            p.uniform_(0.5, 2.0)
    reference = nn.BatchNorm2d(4).double().eval()
    reference.load_state_dict(
        {"weight": norm.weight, "bias": norm.bias, "running_mean": norm.mean,
         "running_var": norm.variance, "num_batches_tracked": torch.tensor(0)}
    )  # fmt: skip
    x = torch.randn(2, 4, 5, 3, dtype=torch.float64)
    for mode in (True, False):
        norm.train(mode)
        assert_close(norm(x), reference(x), **CLOSE)
    assert not any(p.requires_grad for p in norm.parameters())


def test_what_is_frozen_stays_and_the_rest_learns() -> None:
    for frozen in range(4):
        made = ResNet(ResNetConfig(stem_width=4, widths=(8, 12), depths=(1, 1), frozen=frozen))
        parts = [made.stem, *made.stages]
        learn = [any(p.requires_grad for p in part.parameters()) for part in parts]
        assert learn == [i >= frozen for i in range(3)]


def test_a_block_adds_to_what_was_there() -> None:
    """With nothing found, a block hands on what is not negative."""
    made = ResNet(ResNetConfig(stem_width=8, widths=(8,), depths=(2,), bottleneck=False))
    block = made.stages[0][1]
    with torch.no_grad():
        block.layers[1].norm.weight.zero_()
    x = torch.randn(1, 8, 5, 5)
    assert_close(block(x), x.relu(), **EXACT)
    assert block.shortcut is None


def test_sizes_are_the_published_ones() -> None:
    """torchvision's ResNet-50 has 25 557 032 weights, 2 049 000 of them in its classifier."""
    with torch.device("meta"):
        made = ResNet(ResNetConfig.resnet50())
        detr = DETR(DETRConfig.base())
        larger = DETR(DETRConfig.resnet101())
    statistic = 2 * sum(m.mean.numel() for m in made.modules() if isinstance(m, FrozenBatchNorm))
    assert sum(p.numel() for p in made.parameters()) - statistic == 25_557_032 - 2_049_000
    for model, millions in ((detr, 41), (larger, 60)):
        assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=1)


def test_a_few_steps_find_the_object() -> None:
    """One white square on black: the loss of the set falls, and the box comes to it."""
    torch.manual_seed(0)
    model = DETR(config(dropout=0.0), backbone=Patches())
    x = torch.zeros(1, 3, 32, 32)
    x[:, :, 8:24, 16:32] = 1.0
    there = [Objects(torch.tensor([1]), torch.tensor([[0.75, 0.5, 0.5, 0.5]]))]
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        found = model(x)
        loss = set_loss(
            found.logits, found.boxes, there,
            earlier_logits=found.earlier_logits, earlier_boxes=found.earlier_boxes,
        )  # fmt: skip
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        losses.append(loss.total.item())
    assert losses[-1] < losses[0] / 5
    best = found.logits[0].softmax(-1)[:, 1].argmax()
    assert_close(found.boxes[0, best].detach(), there[0].boxes[0], rtol=0, atol=0.08)


# ------------------------------------------------------------------ what is refused


@pytest.mark.plain
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pictures": pictures()[0]}, "pictures should have shape (B, C, H, W), got (3, 36, 52)"),
        ({"pictures": pictures()[:, :1]}, "pictures should have shape (B, C=3, H, W)"),
        ({"pictures": pictures().byte()}, "pictures should hold floating-point numbers"),
        ({"keep": torch.ones(B, HEIGHT, WIDTH)}, "keep should be a bool tensor"),
        (
            {"keep": torch.ones(B, WIDTH, HEIGHT, dtype=torch.bool)},
            "keep should have shape (B=3, H=36, W=52), got (3, 52, 36)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        tiny()(**{"pictures": pictures(), **change})


@pytest.mark.plain
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: config(d_model=18), "d_model=18 should be a multiple of 4"),
        (lambda: config(num_queries=0), "num_queries should be a positive whole number, got 0"),
        (lambda: config(activation="swiglu"), "activation should be one of"),
        (lambda: config(backbone=None), "backbone should be a ResNetConfig, got None"),
        (lambda: DETR(config(), backbone=3), "backbone should be"),
        (lambda: ResNetConfig(widths=(8, 6), depths=(1, 1)), "widths should be multiples of 4"),
        (lambda: ResNetConfig(widths=(8,), depths=(1, 1)), "widths should have 2 numbers"),
        (lambda: ResNetConfig(widths=(8, 0), depths=(1, 1)), "each of widths should be a positive"),
        (lambda: ResNetConfig(depths="3463"), "depths should hold a whole number for each stage"),
        (lambda: ResNetConfig(frozen=6), "frozen should be at most 5, got 6"),
        (lambda: ResNetConfig(channels=0), "channels should be a positive whole number, got 0"),
    ],
)
def test_sizes_that_do_not_fit(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        make()
