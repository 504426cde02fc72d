"""Layers over pictures are told as they are, and come back as they were."""

import re

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.models import FrozenBatchNorm, ResNet, ResNetConfig
from txlite.viz.widgets._convolutions import convolutional, rebuilt


def tower() -> nn.Sequential:
    """Return every layer that the page knows, in one sequence with another in it."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8, eps=1e-3),
        nn.GELU(),
        nn.Sequential(nn.Conv2d(8, 12, 5, padding=2, groups=4), nn.GroupNorm(3, 12, eps=1e-2)),
        nn.SiLU(),
        nn.Dropout(0.5),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.AvgPool2d(2, padding=1),
        nn.GELU(approximate="tanh"),
        FrozenBatchNorm(12),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(12, eps=1e-3),
        nn.Linear(12, 7),
        nn.Identity(),
    )


def drawn(module: nn.Module, seed: int = 0) -> nn.Module:
    """Draw weights and statistics that float16 holds."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            new = 0.4 * torch.randn(tensor.shape, generator=generator)
            tensor.copy_((new.abs() + 0.5 if "var" in name else new).half())
    return module.double().eval()


def test_a_tower_comes_back_as_it_was() -> None:
    made = drawn(tower())
    layers, weights = convolutional(made)
    kinds = [layer["kind"] for layer in layers]
    assert kinds == [
        "conv", "batch_norm", "activation", "conv", "group_norm", "activation", "max_pool",
        "mean_pool", "activation", "batch_norm", "activation", "mean_pool", "flatten",
        "layer_norm", "linear",
    ]  # fmt: skip
    assert layers[0] == {
        "kind": "conv", "name": "0", "stride": 2, "padding": 1, "groups": 1,
    }  # fmt: skip
    assert layers[3]["name"] == "3.0"
    assert layers[4] == {"kind": "group_norm", "name": "3.1", "groups": 3, "eps": 1e-2}
    assert layers[6] == {"kind": "max_pool", "size": 3, "stride": 2, "padding": 1}
    assert sum(t.numel() for t in weights.values()) == sum(
        t.numel() for t in made.state_dict().values() if t.is_floating_point()
    )
    x = torch.randn(2, 3, 17, 22, dtype=torch.float64)
    assert_close(rebuilt(layers, weights)(x), made(x), rtol=0, atol=1e-12)
    assert made(x).std() > 0.1


@pytest.mark.parametrize("bottleneck", [True, False])
def test_a_resnets_blocks_are_taken_apart(bottleneck: bool) -> None:
    config = ResNetConfig(stem_width=4, widths=(8, 12), depths=(2, 1), bottleneck=bottleneck)
    made = drawn(ResNet(config))
    parts = nn.Sequential(made.stem, nn.ReLU(), made.pool, *made.stages)
    layers, weights = convolutional(parts)
    assert [layer["kind"] for layer in layers].count("residual") == 3
    x = torch.randn(2, 3, 33, 40, dtype=torch.float64)
    assert_close(rebuilt(layers, weights)(x), made(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (nn.Sequential(nn.ReLU(), nn.Tanh()), "the page cannot compute Tanh, layer 1"),
        (nn.Tanh(), "the page cannot compute Tanh, the outermost layer"),
        (nn.Conv2d(1, 1, 3, stride=(1, 2)), "stride of .* should be one whole number, got (1, 2)"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding="same")), "padding of 0 .* got 'same'"),
        (nn.Conv2d(1, 1, 3, dilation=2), "should have dilation 1"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), "zeros around it"),
        (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode=False"),
        (nn.AdaptiveAvgPool2d(2), "should leave one point"),
        (nn.GroupNorm(1, 2, affine=False), "should have weights"),
    ],
)
def test_what_the_page_cannot_compute_is_refused_by_name(module: nn.Module, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says).replace(r"\.\*", ".*")):
        convolutional(module)


def test_a_block_without_a_map_adds_what_was_there() -> None:
    class Block(nn.Module):
        shortcut = None

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1)])

        def forward(self, x: Tensor) -> Tensor:
            first, second = self.layers
            return (second(first(x).relu()) + x).relu()

    made = drawn(Block())
    layers, weights = convolutional(made)
    assert [layer["kind"] for layer in layers] == ["residual", "activation"]
    assert layers[0]["shortcut"] == []
    x = torch.randn(3, 2, 4, 4, dtype=torch.float64)
    assert_close(rebuilt(layers, weights)(x), made(x), rtol=0, atol=1e-12)
