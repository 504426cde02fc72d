"""Parameters in groups: what a model is made of, in the same words for every family.

A model's own names of its parts decide: what stands in a layer's place ``attention`` is attention,
whatever class it has.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields

from torch import nn

from txlite._checks import check_module

__all__ = ["ParameterCount"]

ENTRANCES = {
    "embedding", "source_embedding", "segments", "positions", "encoder_positions",
    "decoder_positions", "projection", "patches", "class_token", "distillation_token", "registers",
    "mask_token", "queries", "conv1", "conv2", "return_embedding", "state_embedding",
    "action_embedding", "time_embedding",
}  # fmt: skip
HEADS = {
    "output", "output_bias", "head", "pooler", "next_sentence", "classifier", "teacher_classifier",
    "box_head", "action_head", "state_head", "return_head", "vision_projection", "text_projection",
    "log_scale", "frame_output",
}  # fmt: skip
NORMS = {"norm", "norm1", "norm2", "scale", "band_norm"}  # and whatever ends in _norm
BODIES = {"attention": "attention", "cross_attention": "attention", "feed_forward": "feed_forward"}


@dataclass(frozen=True, kw_only=True)
class ParameterCount:
    """How many parameters each part of a model has; one that is used twice counts once.

    Parameters
    ----------
    embeddings : int
        What enters: tables of tokens, positions and segments, patches, convolutions of sound.
    attention : int
        The projections of all attentions, to oneself and to a source.
    feed_forward : int
        The feed-forward layers, all experts included.
    routers : int
        What sends tokens to experts.
    norms : int
        Scales and shifts, those of a batch norm's statistics included.
    head : int
        What answers, where the embedding does not do it.
    backbone : int
        The convolutions in front of a DETR.
    other : int
        What has none of the names that the models of :mod:`txlite.models` give their parts.

    Examples
    --------
    >>> count = ParameterCount(embeddings=100, attention=40, norms=2)
    >>> count.total, count.without_embeddings, count.groups
    (142, 42, {'embeddings': 100, 'attention': 40, 'norms': 2})
    """

    embeddings: int = 0
    attention: int = 0
    feed_forward: int = 0
    routers: int = 0
    norms: int = 0
    head: int = 0
    backbone: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """All parameters, the embeddings among them."""
        return sum(self.groups.values())

    @property
    def without_embeddings(self) -> int:
        """All but the embeddings: the N of Kaplan et al. (2020), section 1.3, where it is tied.

        An untied output is no embedding here; Kaplan's N leaves it out too.
        """
        return self.total - self.embeddings

    @property
    def groups(self) -> dict[str, int]:
        """The groups that have parameters."""
        counts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: count for name, count in counts.items() if count}

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "ParameterCount":
        """Return the count whose groups are those of a mapping."""
        return cls(**counts)


def count_tree(model: nn.Module) -> ParameterCount:
    """Count the parameters of a module by the names of its parts.

    Raises
    ------
    ValueError
        If it is no module.
    """
    check_module("model", model)
    counts: Counter[str] = Counter()
    for path, parameter in model.named_parameters():  # each once, under its first name
        counts[_group(path.split("."))] += parameter.numel()
    return ParameterCount.of(counts)


def _group(path: list[str]) -> str:
    """Return the group of a parameter, by the first of its names that says one."""
    if "backbone" in path or "stages" in path or "stem" in path:
        return "backbone"
    if "router" in path:
        return "routers"
    *parts, last = path
    for i, name in enumerate(parts):
        if name in BODIES:  # a scale around the part is none of its maps
            return "norms" if last == "scale" and i == len(parts) - 1 else BODIES[name]
        if name in NORMS or name.endswith("_norm"):
            return "norms"
        if name in ENTRANCES:
            return "embeddings"
        if name in HEADS:
            return "head"
    if last in ENTRANCES:
        return "embeddings"
    return "head" if last in HEADS else "other"
