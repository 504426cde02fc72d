"""What the tests of ViT, DeiT, DINOv2 and CLIP share: pictures, and twins on their side."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.interop.published import compare, redraw, written
from txlite.inspect import record_attention
from txlite.interop import load
from txlite.models import ViT

# All different, so that a swapped axis cannot pass unseen.
B, C, D, H, F, P = 2, 5, 12, 3, 20, 4
SIDE = 16  # of the learned grid: 4 × 4 patches
SIZES: dict[str, Any] = {
    "hidden_size": D, "num_hidden_layers": 2, "num_attention_heads": H, "intermediate_size": F,
    "image_size": SIDE, "patch_size": P, "num_channels": C,
}  # fmt: skip
SHAPES = {"own": (SIDE, SIDE), "wide": (8, 24), "large": (20, 28), "as many": (8, 32)}
Twin = Callable[..., Any]


def pictures(height: int = SIDE, width: int = SIDE) -> Tensor:
    return torch.randn(B, C, height, width, dtype=torch.float64)


def made(family: str, head: str, sizes: dict[str, Any], options: dict[str, Any]) -> Any:
    """Return a model of theirs, drawn anew; the configuration is the family's."""
    import transformers

    config = getattr(transformers, f"{family}Config")(**{**sizes, **options})
    return redraw(getattr(transformers, f"{family}{head}")(config))


def flat(outputs: Iterable[Tensor]) -> Tensor:
    return torch.cat([x.flatten() for x in outputs])


def ours_say(ours: Any, x: Tensor, masked: Tensor | None) -> list[Tensor]:
    out = ours(x, masked=masked)
    if isinstance(ours, ViT):
        return [out, ours.pool(out)]
    return list(out) if isinstance(out, tuple) else [out]


def they_say(theirs: Any, x: Tensor, given: dict[str, Any]) -> list[Tensor]:
    """A classifier with a teacher says both scores, and their mean, which ours leaves to others."""
    out = theirs(pixel_values=x, **given)
    if "cls_logits" in out:
        assert_close(out.logits, (out.cls_logits + out.distillation_logits) / 2)
        return [out.cls_logits, out.distillation_logits]
    if "logits" in out:
        return [out.logits]
    pooled = out.last_hidden_state[:, 0] if out.pooler_output is None else out.pooler_output
    return [out.last_hidden_state, pooled]


def check_equal(
    theirs: Any, folder: Path, shape: tuple[int, int], *, stretched: bool, masked: bool = False
) -> None:
    """Outputs and gradients, at the size of the learned places and at others."""
    ours = load(written(theirs, folder))
    assert not ours.training
    x, given = pictures(*shape), {}
    if stretched:
        given["interpolate_pos_encoding"] = True
    mask = None
    if masked:
        mask = torch.rand(B, shape[0] // P * (shape[1] // P)) < 0.4
        given["bool_masked_pos"] = mask
    compare(theirs, ours, lambda: (flat(ours_say(ours, x, mask)), flat(they_say(theirs, x, given))))


def check_maps(theirs: Any, folder: Path, say: Callable[[Any], Any]) -> None:
    """Our maps are their eager ones, layer by layer.

    ViT's and DeiT's code rounds them to float32, whatever the dtype of the model.
    """
    ours = load(written(theirs, folder))
    theirs.set_attn_implementation("eager")
    x = pictures()
    with record_attention(ours) as maps:
        ours(x)
    want = say(theirs(pixel_values=x, output_attentions=True))
    assert len(maps) == len(want) == 2
    for got, table in zip(maps.values(), want, strict=True):
        assert_close(got, table, rtol=0.0, atol=1e-6)


def in_float64(monkeypatch: pytest.MonkeyPatch, embeddings: Any) -> None:
    """DINOv2's code stretches places in float32, whatever the dtype; here it is not asked to."""

    class Wide:
        """Stands for torch in their module, without a narrower dtype to go to."""

        float32 = torch.float64

        def __getattr__(self, name: str) -> Any:
            return getattr(torch, name)

    import sys

    monkeypatch.setattr(sys.modules[embeddings.__module__], "torch", Wide())
