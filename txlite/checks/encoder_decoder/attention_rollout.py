"""Exercise: where a word's vector comes from, through all layers and the largest of their heads.

Sources
    Abnar and Zuidema (2020), "Quantifying Attention Flow in Transformers", section 3, where the
    heads are joined by their mean.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, as_given, halves, normal, swapped

__all__ = ["attention_rollout"]


def _same(count: int, like: Tensor) -> Tensor:
    return torch.eye(count).to(like)


def _largest(maps: Tensor) -> Tensor:
    return maps.amax(1)


def _and_itself(joined: Tensor) -> Tensor:
    return joined + _same(joined.shape[-1], joined)


def _shares(x: Tensor) -> Tensor:
    return x / x.sum(-1, keepdim=True)


def _upwards(total: Tensor, layer: Tensor) -> Tensor:
    return layer @ total


def _through(layers: Tensor, join: Step) -> Tensor:
    total = _same(layers.shape[-1], layers)
    for layer in layers:
        total = join(total, layer)
    return total


def _rollout_recipe(
    maps: Tensor,
    heads: Step = _largest,
    stay: Step = _and_itself,
    settle: Step = _shares,
    join: Step = _upwards,
    through: Step = _through,
    finish: Step = as_given,
) -> object:
    return finish(through(settle(stay(heads(maps))), join))


attention_rollout = Exercise(
    name="attention_rollout",
    signature="f(maps: (N, H, T, T)) -> (T, T)",
    task=(
        "Attention rollout through N layers, whose heads are joined by the largest weight: A of a "
        "layer holds for each two words the largest weight of any head. Add I, divide each row by "
        "its sum, and multiply the layers, the last on the left. maps[0] is the first layer."
    ),
    inputs=("maps",),
    reference=_rollout_recipe,
    cases=tuple(
        (draw.softmax(-1),)
        for draw in (
            halves(1, 1, 1, 2, 2),
            halves(2, 1, 2, 3, 3),
            halves(3, 2, 2, 3, 3),
            2 * normal(4, 3, 4, 5, 5),
            normal(5, 4, 2, 4, 4),
        )
    ),
    bank=(
        swapped(
            _rollout_recipe,
            "divided by another row's sum",
            "Column j is divided by the sum of row j. A sum over the last axis is laid along the "
            "columns; keepdim=True leaves each sum beside its row.",
            settle=lambda x: x / x.sum(-1).unsqueeze(-2),
        ),
        swapped(
            _rollout_recipe,
            "columns divided",
            "The columns are divided by their sums. It is the rows that are shares: row i belongs "
            "to the word that receives.",
            settle=lambda x: x / x.sum(-2, keepdim=True),
        ),
        swapped(
            _rollout_recipe,
            "not divided",
            "The rows are not divided by their sums, so they grow from layer to layer.",
            settle=as_given,
        ),
        swapped(
            _rollout_recipe,
            "halved",
            "A + I is halved. That is right for a mean of the heads, whose rows sum to one; the "
            "largest weights sum to more.",
            settle=lambda x: x / 2,
        ),
        swapped(
            _rollout_recipe,
            "divided once, at the end",
            "The rows are divided by their sums once, after the product. Each layer's rows have "
            "sums of their own: divide in every layer.",
            settle=as_given,
            finish=_shares,
        ),
        swapped(
            _rollout_recipe,
            "heads averaged",
            "The heads are joined by their mean. That is the usual rollout; here it is the "
            "largest weight of any head.",
            heads=lambda maps: maps.mean(1),
        ),
        swapped(
            _rollout_recipe,
            "first head only",
            "Only the first head is looked at.",
            heads=lambda maps: maps[:, 0],
        ),
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
            "The maps are multiplied without I. But a layer adds to a vector, it does not replace "
            "it: A + I.",
            stay=as_given,
        ),
        swapped(
            _rollout_recipe,
            "mean of the layers",
            "The layers are averaged. Each layer mixes what the layer below has mixed: layers "
            "multiply.",
            through=lambda layers, join: layers.mean(0),
        ),
        swapped(
            _rollout_recipe,
            "multiplied entry by entry",
            "The layers are multiplied entry by entry, with *. The product of matrices, @, adds up "
            "all the paths from word to word.",
            through=lambda layers, join: layers.prod(0),
        ),
        swapped(
            _rollout_recipe,
            "the last layer only",
            "This is the last layer alone. The vectors that it mixes were mixed below already.",
            through=lambda layers, join: layers[-1],
        ),
        swapped(
            _rollout_recipe,
            "the first layer only",
            "This is the first layer alone.",
            through=lambda layers, join: layers[0],
        ),
        swapped(
            _rollout_recipe,
            "transposed",
            "Rows and columns are exchanged: row i belongs to the word that receives.",
            finish=lambda total: total.mT,
        ),
    ),
    praise="Rows still sum to one: they are shares.",
    differentiable=True,
)
