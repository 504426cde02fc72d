"""The five models in their order, how their switches stand, and the steps from one to the next.

Nothing of it is typed: the switches are read off a built model, the steps are what differs, and
what a step does to the tensors is counted on the meta device.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import nn

from txbook.skeleton.assembled import Sizes, Skeleton, Switches
from txlite import models
from txlite.nn import LayerNorm, RMSNorm

NUMBERED = re.compile(r"\blayers\.\d+\.")


@dataclass(frozen=True)
class System:
    """A published model: its class, its config's class, and presets that are drawn on the page."""

    model: type[nn.Module]
    config: type[Any]
    presets: tuple[str, ...]  # the first one is the one that the steps lead to

    def sized(self, preset: str = "") -> Any:
        """Return the config of a preset."""
        return getattr(self.config, preset or self.presets[0])()

    def build(self, config: Any) -> nn.Module:
        """Return the model; of BERT its body, on which the heads stand."""
        extra: dict[str, Any] = {"pooler": False} if self.model is models.BERT else {}
        return self.model(config, **extra)


FAMILY = {
    "Transformer": System(models.Transformer, models.TransformerConfig, ("base", "big")),
    "BERT": System(models.BERT, models.BERTConfig, ("base", "large")),
    "GPT": System(models.GPT, models.GPTConfig, ("gpt2", "gpt2_xl")),
    "Llama": System(models.Llama, models.LlamaConfig, ("smollm2_135m", "llama3_8b")),
    "T5": System(models.T5, models.T5Config, ("base", "small")),
}


def read(model: nn.Module) -> Switches:
    """Return how the switches of a built model stand, read off its parts."""
    parts: Any = model
    stacks = tuple(name for name in ("encoder", "decoder") if hasattr(model, name))
    layer: Any = model.get_submodule(f"{stacks[-1]}.layers.0")
    norm, attention = layer.attention_norm, layer.attention
    scheme: Any = getattr(model, "positions", None) or parts.encoder_positions
    output = getattr(model, "output", "none")
    return Switches(
        stacks=stacks,
        positions=scheme.name,
        theta=None if scheme.turned is None else scheme.turned.base,
        segments=parts.segments.num_embeddings if hasattr(model, "segments") else 0,
        embedding_norm=hasattr(model, "embedding_norm"),
        scale_embedding=parts.embedding.scale,
        norm_first=layer.norm_first,
        norm={LayerNorm: "layer", RMSNorm: "rms"}[type(norm)],
        norm_eps=norm.eps,
        activation=layer.feed_forward.activation,
        bias=attention.query_proj.bias is not None,
        queries_per_key=attention.num_heads // attention.num_kv_heads,
        scaled_scores=attention.attend.scale is None,
        scores=output if output == "none" else "embedding" if output is None else "own",
        scale_output=getattr(parts.config, "scale_output", False),
    )


def sizes(config: Any) -> Sizes:
    """Return the sizes of a config; a head's width as it comes out."""
    head_dim = config.head_dim or config.d_model // config.num_heads
    names = (field.name for field in fields(Sizes) if field.name != "head_dim")
    return Sizes(head_dim=head_dim, **{name: getattr(config, name) for name in names})


@functools.cache
def switches(name: str) -> Switches:
    """Return how the switches of one of the five stand."""
    with torch.device("meta"):
        return read(FAMILY[name].build(FAMILY[name].sized()))


def turned(a: Switches, b: Switches) -> list[str]:
    """Return the switches that differ, in the order in which a model computes."""
    return [f.name for f in fields(Switches) if getattr(a, f.name) != getattr(b, f.name)]


Shapes = dict[str, torch.Size]


def shapes(model: nn.Module) -> Shapes:
    """Return the shape of each tensor, by a name that all five share."""
    (stack, *more) = (name for name in ("encoder", "decoder") if hasattr(model, name))
    found = {}
    for name, tensor in model.state_dict().items():
        alone = not more and name.startswith("positions.")
        found[f"{stack}_{name}" if alone else name] = tensor.shape
    return found


def count(model: nn.Module) -> int:
    """Return how many parameters a model has; a shared one counts once."""
    return sum(p.numel() for p in model.parameters())


def counted(system: System, preset: str) -> tuple[int, int, int, int, int]:
    """Return a preset's layers in a stack, its width, and three numbers of parameters.

    These are the parameters of the embedding, of one layer (the last stack's), and of the model.
    """
    config = system.sized(preset)
    with torch.device("meta"):
        model = system.build(config)
    stack = "decoder" if hasattr(model, "decoder") else "encoder"
    parts = (model.get_submodule(name) for name in ("embedding", f"{stack}.layers.0"))
    embedding, layer = map(count, parts)
    return config.num_layers, config.d_model, embedding, layer, count(model)


@dataclass(frozen=True)
class Step:
    """One switch that is turned, or the sizes; and what comes of it."""

    name: str
    before: Any
    after: Any
    tensors: str
    parameters: int


def steps(before: str, after: str) -> Iterator[Step]:
    """Yield the way from one model to another: each step builds the skeleton anew.

    It begins with the first model's switches and sizes; the sizes change last.
    """
    here, goal = switches(before), switches(after)
    size = sizes(FAMILY[before].sized())
    last = built(here, size)
    for name in turned(here, goal):
        old, new = getattr(here, name), getattr(goal, name)
        here = replace(here, **{name: new})
        model = built(here, size)
        yield Step(name, old, new, effect(shapes(last), shapes(model)), count(model))
        last = model
    new_size = sizes(FAMILY[after].sized())
    model = built(here, new_size)
    yield Step("sizes", size, new_size, "", count(model))


def built(switches: Switches, sizes: Sizes) -> Skeleton:
    """Return the skeleton without memory for its numbers."""
    with torch.device("meta"):
        return Skeleton(switches, sizes)


def effect(before: Shapes, after: Shapes) -> str:
    """Say which tensors come, go or change their shape; layers are alike and count once.

    A lone stack that is called otherwise keeps its tensors.
    """
    old, new = _alike(before), _alike(after)
    if len(_stacks(old)) == len(_stacks(new)) == 1:
        old, new = ({_plain(n): s for n, s in kept.items()} for kept in (old, new))
    found: dict[str, Counter[str]] = {}
    for name in [*old, *(name for name in new if name not in old)]:
        if name in old and name in new and old[name] == new[name]:
            continue
        sign = "−" if name not in new else "+" if name not in old else "changed "
        found.setdefault(_where(name), Counter())[sign] += 1
    told = []
    for where, signs in found.items():
        told.append(", ".join(f"{sign}{number}" for sign, number in signs.items()) + f" {where}")
    return "; ".join(told) or "none"


def _alike(found: Shapes) -> Shapes:
    return {NUMBERED.sub("layers.*.", name): shape for name, shape in found.items()}


def _stacks(found: Shapes) -> set[str]:
    return {name.partition(".")[0] for name in found if ".layers." in name}


def _plain(name: str) -> str:
    return re.sub(r"^(?:encoder|decoder)(?=[._])", "stack", name)


def _where(name: str) -> str:
    stack, _, rest = name.partition(".")
    if not rest.startswith("layers."):
        return "elsewhere"
    return "in each layer" if stack == "stack" else f"in each {stack} layer"
