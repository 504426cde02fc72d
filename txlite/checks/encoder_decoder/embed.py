"""Exercise: tokens and positions at the entrance of a Transformer.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", sections 3.4 and 3.5.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, halves, normal, swapped

__all__ = ["embed"]


def _look_up(tokens: Tensor, weight: Tensor) -> Tensor:
    return weight[tokens]


def _by_root_width(x: Tensor) -> Tensor:
    scaled: Tensor = x * x.shape[-1] ** 0.5
    return scaled


def _first_places(positions: Tensor, tokens: Tensor) -> Tensor:
    return positions[: tokens.shape[1]]


def _embed_recipe(
    tokens: Tensor,
    weight: Tensor,
    positions: Tensor,
    look_up: Step = _look_up,
    scale: Step = _by_root_width,
    places: Step = _first_places,
    join: Step = torch.add,
    finish: Step = lambda x: x,
) -> object:
    return finish(join(scale(look_up(tokens, weight)), places(positions, tokens)))


embed = Exercise(
    name="embed",
    signature="f(tokens: (B, T) whole numbers, weight: (V, D), positions: (L, D)) -> (B, T, D)",
    task=(
        "What enters the first layer: each token's row of weight, times √D, plus the position's "
        "row, the first T of L."
    ),
    inputs=("tokens", "weight", "positions"),
    reference=_embed_recipe,
    cases=(
        (torch.tensor([[1]]), halves(1, 2, 2), halves(2, 2, 2)),
        (torch.tensor([[2, 0]]), halves(3, 3, 4), halves(4, 3, 4)),
        (torch.tensor([[4, 1, 1], [0, 3, 2]]), normal(5, 5, 9), normal(6, 7, 9)),
    ),
    bank=(
        swapped(
            _embed_recipe,
            "no scale",
            "The rows are not multiplied by √D. They were drawn small, and the positions would "
            "drown them out.",
            scale=lambda x: x,
        ),
        swapped(
            _embed_recipe,
            "times D",
            "The rows are multiplied by D. It is its root.",
            scale=lambda x: x * x.shape[-1],
        ),
        swapped(
            _embed_recipe,
            "divided by √D",
            "The rows are divided by √D. That is what the scores of an attention are; here it is a "
            "product.",
            scale=lambda x: x / x.shape[-1] ** 0.5,
        ),
        swapped(
            _embed_recipe,
            "positions scaled too",
            "The sum is multiplied by √D, and with it the positions. Only the tokens' rows are "
            "scaled.",
            scale=lambda x: x,
            finish=_by_root_width,
        ),
        swapped(
            _embed_recipe,
            "positions scaled instead",
            "The positions are multiplied by √D, and the tokens' rows are not. It is the other way "
            "round.",
            scale=lambda x: x,
            places=lambda p, t: _by_root_width(_first_places(p, t)),
        ),
        swapped(
            _embed_recipe,
            "positions forgotten",
            "The positions are missing. Then the model cannot tell one order of the tokens from "
            "another.",
            places=lambda p, t: torch.zeros_like(_first_places(p, t)),
        ),
        swapped(
            _embed_recipe,
            "positions counted from one",
            "The first token gets the row of position 1. Positions are counted from 0.",
            places=lambda p, t: p[1 : 1 + t.shape[1]],
        ),
        swapped(
            _embed_recipe,
            "the same position everywhere",
            "All tokens get the row of position 0, so that their order is lost again.",
            places=lambda p, t: p[:1],
        ),
        swapped(
            _embed_recipe,
            "positions from the end",
            "The last rows of the table are taken. The first token has position 0.",
            places=lambda p, t: p[-t.shape[1] :],
        ),
        swapped(
            _embed_recipe,
            "positions looked up by token",
            "The position's row is picked by the token's number. It is picked by the token's index "
            "in the sentence.",
            places=lambda p, t: p[t],
        ),
        swapped(
            _embed_recipe,
            "positions multiplied",
            "Tokens' rows and positions are multiplied. They are added.",
            join=torch.mul,
        ),
        swapped(
            _embed_recipe,
            "positions side by side",
            "Tokens' rows and positions are concatenated, which doubles the width. They are added.",
            join=lambda x, p: torch.cat([x, p.expand_as(x)], -1),
        ),
    ),
    praise="Token and position in one vector, of about the same size.",
    differentiable=True,
)
