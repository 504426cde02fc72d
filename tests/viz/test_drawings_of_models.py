"""The drawings of whole models say what the models are: sizes, parts, and what stands where."""

import dataclasses
import inspect
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from txlite.data.masking import mask_tokens
from txlite.models import GPT, T5, BERTConfig, BERTForPreTraining, GPTConfig, LlamaConfig, T5Config
from txlite.models.llama import Llama
from txlite.nn import LayerNorm, RMSNorm
from txlite.viz import drawings
from txlite.viz.schematic import Schematic

CONFIGS: dict[str, Any] = {
    "bert": BERTConfig.base(),
    "gpt": GPTConfig.gpt2(),
    "t5": T5Config.base(),
    "llama_layer": LlamaConfig.smollm2_135m(),
}
NAMES = {"buckets": "num_buckets"}  # a drawing's argument, and the config's field


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the arguments that have a number as default."""
    found = inspect.signature(function).parameters.items()
    return {name: p.default for name, p in found if isinstance(p.default, int | float)}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_sizes_that_are_drawn_are_those_of_the_published_model(name: str) -> None:
    found = defaults(getattr(drawings, name))
    assert found
    for argument, number in found.items():
        assert number == getattr(CONFIGS[name], NAMES.get(argument, argument)), argument


def test_the_shares_that_are_drawn_are_those_of_the_recipe() -> None:
    drawn, used = defaults(drawings.masked_lm), defaults(mask_tokens)
    assert drawn == {name: used[name] for name in ("share", "masked", "random")}
    assert "80% become [MASK], 10% another token, and 10% stay" in drawings.masked_lm().alt
    assert "50% become [MASK], 25% another" in drawings.masked_lm(0.4, 0.5, 0.25).alt


def small(name: str) -> nn.Module:
    """Return a model with weights on the meta device, whose parts are looked at."""
    with torch.device("meta"):
        if name == "bert":
            return BERTForPreTraining(CONFIGS[name])
        builder: Any = {"gpt": GPT, "t5": T5, "llama_layer": Llama}[name]
        return builder(CONFIGS[name])


def places(drawing: Schematic) -> dict[str, Any]:
    return drawing.layout()[0].places


@pytest.mark.parametrize("name", ["bert", "gpt", "t5"])
def test_parts_are_named_like_the_modules(name: str) -> None:
    modules = dict(small(name).named_modules())
    modules |= {path.removeprefix("bert."): module for path, module in modules.items()}
    modules |= {path.replace("layers.", ""): module for path, module in modules.items()}
    made_up = re.compile(r"tokens|embedding$|sum|hidden states|words|next token|output|more")
    for part in places(getattr(drawings, name)()):
        assert part in modules or made_up.search(part), part


def test_a_norm_is_drawn_where_the_model_has_one() -> None:
    bert: Any = small("bert")
    assert isinstance(bert.bert.embedding_norm, LayerNorm)
    assert bert.bert.encoder.norm is None
    assert "encoder.norm" not in places(drawings.bert())
    gpt: Any = small("gpt")
    assert isinstance(gpt.decoder.norm, LayerNorm)
    assert "decoder.norm" in places(drawings.gpt())
    t5: Any = small("t5")
    assert isinstance(t5.encoder.norm, RMSNorm)
    assert {"encoder.norm", "decoder.norm"} <= places(drawings.t5()).keys()


def test_the_layer_of_a_llama_has_what_is_drawn_and_no_bias() -> None:
    llama: Any = small("llama_layer")
    layer = llama.decoder.layers[0]
    assert isinstance(layer.attention_norm, RMSNorm)
    assert layer.norm_first
    assert layer.feed_forward.activation == "swiglu"
    assert llama.positions.turned is not None
    assert not [name for name, _ in llama.named_parameters() if name.endswith("bias")]
    drawing = drawings.llama_layer()
    assert {"turn q", "turn k"} <= places(drawing).keys()
    assert "turn v" not in places(drawing)
    assert "9 heads of queries share 3 heads of keys" in drawing.alt
    assert "share 1 head of" in drawings.llama_layer(8, 1).alt


def test_the_bias_of_a_t5_reaches_every_layer_that_is_drawn() -> None:
    for layers in (1, 2, 3, 12):
        drawing = drawings.t5(layers)
        for stack in ("encoder", "decoder"):
            drawn = [n for n in places(drawing) if re.fullmatch(rf"{stack}\.\d+", n)]
            ends = [a.end for a in drawing.arrows if a.start == f"{stack}_positions"]
            assert sorted(ends) == sorted(drawn)
            assert f"{stack}.{layers - 1}" in drawn


@pytest.mark.parametrize(
    "config",
    [
        GPTConfig.gpt2(),
        GPTConfig(vocab_size=9, d_model=64, d_ff=160, num_heads=8, num_kv_heads=2),
        GPTConfig.gpt3(),
    ],
    ids=["gpt2", "grouped", "gpt3"],
)
def test_the_areas_of_a_layer_are_true_to_scale(config: GPTConfig) -> None:
    """Each rectangle has as many pixels for a number as any other, and all numbers are drawn."""
    one = dataclasses.replace(config, num_layers=1)
    with torch.device("meta"):
        layer = GPT(one).decoder.layers[0]
    kv = config.num_kv_heads
    drawing = drawings.block_areas(config.d_model, config.d_ff, config.num_heads, kv)
    found = places(drawing)
    shapes = {n: tuple(p.shape) for n, p in layer.named_parameters() if p.ndim == 2}
    drawn = {
        "WQ": "query", "WK": "key", "WV": "value", "WO": "output",
    }  # fmt: skip
    numbers = {
        name: math.prod(next(s for n, s in shapes.items() if word in n))
        for name, word in drawn.items()
    }
    numbers |= dict.fromkeys(("W1", "W2"), config.d_model * config.d_ff)
    whole = sum(p.numel() for p in layer.parameters())
    numbers["rest"] = whole - sum(numbers.values())
    assert sum(map(math.prod, shapes.values())) == whole - numbers["rest"]
    scales = [found[n].width * found[n].height / count for n, count in numbers.items()]
    assert scales == pytest.approx([scales[0]] * len(scales))
    assert f"{whole:,} numbers" in drawing.alt
    assert found["WQ"].width == pytest.approx(found["WQ"].height)


def test_areas_of_sizes_that_make_no_layer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^d_ff should be a positive whole number, got 0"):
        drawings.block_areas(8, 0, 2)
    with pytest.raises(ValueError, match="d_model=8 should be a multiple of num_heads=3"):
        drawings.block_areas(8, 8, 3)
    with pytest.raises(ValueError, match="num_heads=4 should be a multiple of num_kv_heads=3"):
        drawings.block_areas(8, 8, 4, 3)
