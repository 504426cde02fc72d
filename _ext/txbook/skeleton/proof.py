"""The skeleton is each of the five: with a model's own weights it gives the same numbers."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from txbook.skeleton.assembled import Skeleton
from txbook.skeleton.family import FAMILY, read, shapes, sizes

VOCABULARY, BATCH = 23, 3
LENGTHS = 25, 21  # so long that distances share buckets
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY, "d_model": 24, "num_heads": 6, "head_dim": 4, "d_ff": 20,
    "num_layers": 2, "max_len": 30,
}  # fmt: skip


@dataclass(frozen=True)
class Proof:
    """Whether all tensors have the same names and shapes, and how far apart the numbers are."""

    same_tensors: bool
    difference: float
    largest: float


def small(name: str) -> Any:
    """Return the preset of one of the five with small sizes, and its choices as they are."""
    config = FAMILY[name].sized()
    shared = config.num_kv_heads
    heads = SMALL["num_heads"]
    fewer = {"num_kv_heads": shared and heads * shared // config.num_heads}
    return replace(config, **SMALL, **fewer)


def prove(name: str) -> Proof:
    """Build the model and the skeleton, give both the same weights and texts, and compare."""
    config = small(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = FAMILY[name].build(config).double().eval()
        for p in model.parameters():
            nn.init.normal_(p, std=0.5)
        skeleton = Skeleton(read(model), sizes(config)).double().eval()
        same = shapes(model) == shapes(skeleton)
        skeleton.load_state_dict(dict(zip(shapes(model), model.state_dict().values(), strict=True)))
        stacks = len(skeleton.switches.stacks)
        texts = [torch.randint(VOCABULARY, (BATCH, n)) for n in LENGTHS[:stacks]]
        with torch.no_grad():
            wanted, got = model(*texts), skeleton(*texts)
    return Proof(same, (wanted - got).abs().max().item(), wanted.abs().max().item())
