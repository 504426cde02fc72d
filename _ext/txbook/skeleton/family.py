"""The models in their order, how their switches stand, and the steps from one to another.

Nothing of it is typed: the switches are read off a built model, the steps are what differs, and
what a step does to the tensors is counted on the meta device.
"""

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import nn

from txbook.skeleton.assembled import Sizes, Skeleton, Switches
from txlite import models
from txlite.models.clip import _Reader
from txlite.nn import BatchNorm, LayerNorm, RMSNorm

NUMBERED = re.compile(r"\blayers\.\d+\.")


@dataclass(frozen=True)
class System:
    """A published model: its class, its config's class, and presets that are drawn on the page."""

    model: type[nn.Module]
    config: type[Any]
    presets: tuple[str, ...]  # the first one is the one that the steps lead to
    beside: dict[str, str] = field(default_factory=dict)  # its parts that are no skeleton, and why
    renamed: dict[str, str] = field(default_factory=dict)  # tensors, and what the skeleton says
    tower: str = ""  # of a CLIP, whose config has the presets

    def sized(self, preset: str = "") -> Any:
        """Return the config of a preset."""
        whole = models.CLIPConfig if self.tower else self.config
        made = getattr(whole, preset or self.presets[0])()
        return getattr(made, self.tower) if self.tower else made

    def build(self, config: Any) -> nn.Module:
        """Return the model; of BERT its body, on which the heads stand."""
        extra: dict[str, Any] = {"pooler": False} if self.model is models.BERT else {}
        return self.model(config, **extra)


PATCHES = {
    "patches": "the map from a patch to a vector",
    "class_token": "a learned vector before the patches",
}
GRID = {"positions.table": "encoder_positions.added.table.weight"}
FAMILY = {
    "Transformer": System(models.Transformer, models.TransformerConfig, ("base", "big")),
    "BERT": System(models.BERT, models.BERTConfig, ("base", "large")),
    "GPT": System(models.GPT, models.GPTConfig, ("gpt2", "gpt2_xl")),
    "Llama": System(models.Llama, models.LlamaConfig, ("smollm2_135m", "llama3_8b")),
    "T5": System(models.T5, models.T5Config, ("base", "small")),
    "ViT": System(models.ViT, models.ViTConfig, ("b_16", "l_16"), PATCHES, GRID),
    "Whisper": System(
        models.Whisper,
        models.WhisperConfig,
        ("tiny", "base"),
        {
            "conv1": "a convolution over the frames of a spectrogram",
            "conv2": "a second one, which halves their number",
        },
    ),
    "CLIP-vision": System(
        models.ViT, models.ViTConfig, ("b_32", "l_14"), PATCHES, GRID, tower="vision"
    ),
    "CLIP-text": System(_Reader, models.CLIPTextConfig, ("b_32", "l_14"), tower="text"),
    "DETR": System(
        models.DETR,
        models.DETRConfig,
        ("base", "resnet101"),
        {
            "backbone": "a convolutional network, from a picture to a small map of many channels",
            "projection": "the map from its channels to vectors",
            "classifier": "scores of the classes, and of no object",
            "box_head": "three maps, from a vector to a box",
        },
    ),
    "DecisionTransformer": System(
        models.DecisionTransformer,
        models.DecisionTransformerConfig,
        ("gym",),
        {
            "return_embedding": "the map from a return to a vector",
            "state_embedding": "the map from a state to a vector",
            "action_embedding": "the map from an action to a vector",
            "time_embedding": "a vector for each step, added to the three vectors of the step",
            "action_head": "the map from a state's vector to an action",
            "state_head": "the map from an action's vector to the next state",
            "return_head": "the map from an action's vector to the next return",
        },
    ),
    "Forecaster": System(
        models.Forecaster,
        models.ForecasterConfig,
        ("patchtst_42", "patchtst_64"),
        {
            "patches": "the map from a patch of a series to a vector",
            "head": "the map from all vectors of a window to the values to come",
        },
    ),
}
TEXT = ("Transformer", "BERT", "GPT", "Llama", "T5")
NUMBERS = ("DecisionTransformer", "Forecaster")
WAYS = (
    *itertools.pairwise(TEXT),
    ("BERT", "ViT"),
    ("Transformer", "Whisper"),
    ("ViT", "CLIP-vision"),
    ("GPT", "CLIP-text"),
    ("Transformer", "DETR"),
    ("GPT", "DecisionTransformer"),
    ("BERT", "Forecaster"),
)


def read(model: nn.Module) -> Switches:
    """Return how the switches of a built model stand, read off its parts."""
    parts: Any = model
    stacks = tuple(name for name in ("encoder", "decoder") if hasattr(model, name))
    stack: Any = parts.get_submodule(stacks[-1])
    layer = stack.layers[0]
    norm, attention = layer.attention_norm, layer.attention
    scheme: Any = getattr(model, "positions", None) or getattr(model, "encoder_positions", None)
    turned = getattr(scheme, "turned", None)
    queries = hasattr(model, "queries")
    scores = hasattr(model, "_scores") or hasattr(model, "output")
    output = getattr(model, "output", None) if scores else "none"
    vectors = queries or any(
        hasattr(model, part) for part in ("patches", "conv1", "state_embedding")
    )
    none = "none" if hasattr(model, "time_embedding") else "grid"  # time enters before the stack
    return Switches(
        stacks=stacks,
        source="vectors" if vectors else "tokens",
        queries=queries,
        causal=getattr(layer, "causal", True),
        positions=none if scheme is None else getattr(scheme, "name", "learned"),
        theta=None if turned is None else turned.base,
        segments=parts.segments.num_embeddings if hasattr(model, "segments") else 0,
        embedding_norm=getattr(model, "embedding_norm", None) is not None,
        scale_embedding=hasattr(model, "embedding") and parts.embedding.scale,
        norm_first=layer.norm_first,
        decoder_norm=not layer.norm_first and stack.norm is not None,
        norm={LayerNorm: "layer", RMSNorm: "rms", BatchNorm: "batch"}[type(norm)],
        norm_eps=norm.eps,
        activation=layer.feed_forward.activation,
        bias=attention.query_proj.bias is not None,
        unbiased_keys=(attention.key_proj.bias is None) != (attention.query_proj.bias is None),
        queries_per_key=attention.num_heads // attention.num_kv_heads,
        scaled_scores=attention.attend.scale is None,
        scores=output if output == "none" else "embedding" if output is None else "own",
        scale_output=getattr(parts.config, "scale_output", False),
    )


def sizes(config: Any) -> Sizes:
    """Return the sizes of a config; a head's width as it comes out."""
    plain = ("d_model", "num_heads", "d_ff", "num_layers")
    found = {name: getattr(config, name) for name in plain}
    return Sizes(
        **found,
        head_dim=config.head_dim or config.d_model // config.num_heads,
        vocab_size=getattr(config, "vocab_size", 0),
        max_len=_longest(config),
        max_source_len=getattr(config, "max_source_len", None),
    )


def _longest(config: Any) -> int:
    """Return for how many vectors the last stack has positions."""
    if isinstance(config, models.ViTConfig):
        rows, columns = config.grid
        return config.class_token + rows * columns
    if isinstance(config, models.ForecasterConfig):
        return config.num_patches
    found: int = config.num_queries if isinstance(config, models.DETRConfig) else config.max_len
    return found


@functools.cache
def switches(name: str) -> Switches:
    """Return how the switches of one of the models stand."""
    with torch.device("meta"):
        return read(FAMILY[name].build(FAMILY[name].sized()))


def turned(a: Switches, b: Switches) -> list[str]:
    """Return the switches that differ, in the order in which a model computes."""
    return [f.name for f in fields(Switches) if getattr(a, f.name) != getattr(b, f.name)]


Shapes = dict[str, torch.Size]


def tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors of the skeleton in a model, by names that all share."""
    (stack, *more) = (name for name in ("encoder", "decoder") if hasattr(model, name))
    system = _system(model)
    found = {}
    for name, tensor in model.state_dict().items():
        if name.partition(".")[0] not in system.beside:
            alone = not more and name.startswith("positions.")
            known = system.renamed.get(name, f"{stack}_{name}" if alone else name)
            found[known] = tensor
    return found


def shapes(model: nn.Module) -> Shapes:
    """Return the shapes of these tensors."""
    return {name: tensor.shape for name, tensor in tensors(model).items()}


def _system(model: nn.Module) -> System:
    """Return the system whose model this is; the skeleton has nothing beside it."""
    found = [system for system in FAMILY.values() if type(model) is system.model]
    return found[0] if found else System(Skeleton, Switches, ())


def count(model: nn.Module) -> int:
    """Return how many parameters a model has; a shared one counts once."""
    return sum(p.numel() for p in model.parameters())


def beside(model: nn.Module) -> dict[str, int]:
    """Return the parameters of each part that stands beside the skeleton."""
    parts = {name: getattr(model, name) for name in _system(model).beside}
    return {
        name: part.numel() if isinstance(part, nn.Parameter) else count(part)
        for name, part in parts.items()
    }


def within(model: nn.Module) -> int:
    """Return how many parameters are of the skeleton."""
    return count(model) - sum(beside(model).values())


def counted(system: System, preset: str) -> tuple[int, int, int, int, int]:
    """Return a preset's layers in a stack, its width, and three numbers of parameters.

    These are the parameters of the embedding, or of what else makes vectors, of one layer (the last
    stack's), and of the model.
    """
    config = system.sized(preset)
    with torch.device("meta"):
        model = system.build(config)
    stack = "decoder" if hasattr(model, "decoder") else "encoder"
    enters = ["embedding", "patches", "conv1", "conv2", "backbone", "projection"]
    enters += [name for name in FAMILY["DecisionTransformer"].beside if name.endswith("embedding")]
    parts = (getattr(model, name, None) for name in enters)
    embedding = sum(count(part) for part in parts if part is not None)
    layer = count(model.get_submodule(f"{stack}.layers.0"))
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
