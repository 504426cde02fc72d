"""Arguments are checked once, by the outermost call: counted, and never left out."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from txlite.models import Transformer, TransformerConfig
from txlite.nn import Attend, Decoder, Encoder, EncoderLayer, KVCache, MultiHeadAttention, masks

D, H, F, V, B = 12, 3, 10, 17, 2


def checks_in(call: Callable[[], Any]) -> list[str]:
    """Names of the checks that a call runs: those of ``_checks``, and all that are called so."""
    found: list[str] = []

    def watch(frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        name = code.co_name
        if event != "call" or "txlite" not in code.co_filename or name.startswith("<"):
            return
        if code.co_filename.endswith("_checks.py") or name.lstrip("_").startswith("check_"):
            found.append(name)

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


def decoding_step(num_layers: int, **choices: Any) -> list[str]:
    config = TransformerConfig(
        vocab_size=V, d_model=D, num_heads=H, d_ff=F, num_layers=num_layers, **choices
    )
    model, cache = Transformer(config).eval(), KVCache()
    source, target = torch.randint(V, (B, 5)), torch.randint(V, (B, 1))
    keep = torch.ones(B, 5, dtype=torch.bool)
    model(source, target, source_keep=keep, cache=cache)
    return checks_in(lambda: model(None, target, source_keep=keep, cache=cache))


@pytest.mark.plain
@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "alibi", "relative", "learned"])
def test_a_step_checks_as_much_with_two_layers_as_with_twelve(positions: Any) -> None:
    two, twelve = (decoding_step(n, positions=positions) for n in (2, 12))
    assert two == twelve
    assert 0 < len(two) <= 20, two


@pytest.mark.plain
def test_hooks_fire_inside() -> None:
    stack, heard = Encoder(2, D, H, F), []
    for name, part in stack.named_modules():
        part.register_forward_hook(lambda *_, name=name: heard.append(name))
    stack(torch.zeros(1, 4, D))
    wanted = {name for name, part in stack.named_modules() if not isinstance(part, nn.ModuleList)}
    assert set(heard) == wanted


@pytest.mark.plain
def test_a_part_that_is_called_alone_checks() -> None:
    layer = EncoderLayer(D, H, F)
    wrong = torch.zeros(1, 4, D + 1)
    for part in (layer, layer.attention, layer.attention_norm, layer.feed_forward):
        with pytest.raises(ValueError, match="should have shape"):
            part(wrong)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("key", (2, 2, 5, 4)),
        ("key", (1, 2, 5, 3)),
        ("value", (2, 2, 4, 3)),
        ("value", (2, 1, 5, 3)),
    ],
)
def test_heads_that_do_not_fit_each_other_are_refused(name: str, shape: tuple[int, ...]) -> None:
    fitting = {"query": (2, 4, 5, 3), "key": (2, 2, 5, 3), "value": (2, 2, 5, 3)}
    tensors = {part: torch.zeros(size) for part, size in (fitting | {name: shape}).items()}
    with pytest.raises(ValueError, match=rf"^{name} should have shape .* disagrees"):
        Attend()(**tensors)


class Foreign(nn.Module):
    """A part from elsewhere, that calls one of txlite's wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = MultiHeadAttention(D, H)

    def forward(self, x: Tensor, mask: Any = None, **_: Any) -> Tensor:
        out: Tensor = self.inner(x, mask=torch.ones(2, 9, dtype=torch.bool))
        return out


@pytest.mark.plain
def test_what_a_part_from_elsewhere_calls_is_checked() -> None:
    layer = EncoderLayer(D, H, F, attention=Foreign())
    with pytest.raises(ValueError, match=r"^mask should have shape"):
        layer(torch.zeros(1, 4, D))
    assert layer.attention.inner(torch.zeros(1, 4, D)).shape == (1, 4, D)


@pytest.mark.plain
def test_after_a_refusal_the_next_call_checks() -> None:
    stack = Encoder(2, D, H, F)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^x should have shape"):
            stack(torch.zeros(1, 4, D + 1))
        with pytest.raises(ValueError, match=r"^mask should have shape"):
            stack.layers[1](torch.zeros(1, 4, D), torch.ones(3, 3, dtype=torch.bool))


@pytest.mark.plain
def test_each_kind_of_layer_in_a_stack_is_asked() -> None:
    stack = Encoder(3, D, H, F)
    stack.layers[2] = EncoderLayer(D, 2, F)
    mask = torch.ones(1, H, 4, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match="H=2"):
        stack(torch.zeros(1, 4, D), mask)
    stack.layers[2] = EncoderLayer(D, H, F)
    assert stack(torch.zeros(1, 4, D), mask).shape == (1, 4, D)


@pytest.mark.plain
def test_a_refused_call_leaves_the_cache_without_children() -> None:
    stack, cache = Decoder(2, D, H, F), KVCache()
    with pytest.raises(ValueError, match=r"^memory should be given"):
        stack(torch.zeros(1, 4, D), None, masks.causal(), cache=cache)
    assert cache.children == {}
