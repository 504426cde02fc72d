"""Exercise: where a word's vector comes from, through all layers.

Sources
    Abnar and Zuidema (2020), "Quantifying Attention Flow in Transformers", section 3.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, halves, normal, swapped

__all__ = ["attention_rollout"]


def _same(count: int, like: Tensor) -> Tensor:
    return torch.eye(count).to(like)


def _stay(maps: Tensor) -> Tensor:
    return (maps + _same(maps.shape[-1], maps)) / 2


def _upwards(total: Tensor, layer: Tensor) -> Tensor:
    return layer @ total


def _through(maps: Tensor, join: Step) -> Tensor:
    total = _same(maps.shape[-1], maps)
    for layer in maps:
        total = join(total, layer)
    return total


def _rollout_recipe(
    maps: Tensor, stay: Step = _stay, join: Step = _upwards, through: Step = _through
) -> object:
    return through(stay(maps), join)


attention_rollout = Exercise(
    name="attention_rollout",
    signature="f(maps: (N, T, T)) -> (T, T)",
    task=(
        "Attention rollout: row i says from which input words the vector of word i comes after N "
        "layers, each of which keeps half of it and takes half by attention: the product of the "
        "(A + I)/2, the last layer on the left. maps[0] is the first layer."
    ),
    inputs=("maps",),
    reference=_rollout_recipe,
    cases=tuple(
        (draw.softmax(-1),)
        for draw in (
            halves(1, 1, 2, 2),
            halves(2, 2, 3, 3),
            2 * normal(3, 3, 5, 5),
            normal(4, 4, 4, 4),
        )
    ),
    bank=(
        swapped(
            _rollout_recipe,
            "layers in reverse",
            "The product is in the wrong order. The last layer mixes vectors that the layers below "
            "have made: it stands on the left.",
            join=lambda total, layer: total @ layer,
        ),
        swapped(
            _rollout_recipe,
            "residual forgotten",
            "The maps are multiplied as they are. But a layer adds to a vector, it does not "
            "replace it: half of it comes straight up, (A + I)/2.",
            stay=lambda maps: maps,
        ),
        swapped(
            _rollout_recipe,
            "not halved",
            "The identity is added, but the sum is not halved: the rows grow to 2 to the N.",
            stay=lambda maps: 2 * _stay(maps),
        ),
        swapped(
            _rollout_recipe,
            "mean of the layers",
            "The maps are averaged. Each layer mixes what the layer below has mixed: layers "
            "multiply.",
            stay=lambda maps: maps,
            through=lambda maps, join: maps.mean(0),
        ),
        swapped(
            _rollout_recipe,
            "multiplied entry by entry",
            "The maps are multiplied entry by entry, with *. The product of matrices, @, adds up "
            "all the paths from word to word.",
            stay=lambda maps: maps,
            through=lambda maps, join: maps.prod(0),
        ),
        swapped(
            _rollout_recipe,
            "the last layer only",
            "This is the last layer alone. The vectors that it mixes were mixed below already.",
            stay=lambda maps: maps,
            through=lambda maps, join: maps[-1],
        ),
        swapped(
            _rollout_recipe,
            "the first layer only",
            "This is the first layer alone.",
            stay=lambda maps: maps,
            through=lambda maps, join: maps[0],
        ),
        swapped(
            _rollout_recipe,
            "transposed",
            "Rows and columns are exchanged: row i belongs to the word that receives.",
            stay=lambda maps: _stay(maps).mT,
            join=lambda total, layer: total @ layer,
        ),
        swapped(
            _rollout_recipe,
            "residual around the whole",
            "The identity comes in once, around the whole product. Every layer has a residual "
            "connection of its own.",
            stay=lambda maps: maps,
            through=lambda maps, join: _stay(_through(maps, join)),
        ),
    ),
    praise="Rows still sum to one: they are shares.",
    differentiable=True,
)
