"""Exercise: what stands before the first layer of a ViT: a class token, patches, positions.

Sources
    Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words", section 3.1, equation (1).
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, halves, normal, swapped

__all__ = ["picture_input"]


def _first(patches: Tensor, token: Tensor) -> Tensor:
    return torch.cat([token.expand(len(patches), 1, -1), patches], dim=1)


def _to_each(x: Tensor, positions: Tensor) -> Tensor:
    return x + positions


def _input_recipe(
    patches: Tensor,
    token: Tensor,
    positions: Tensor,
    join: Step = _first,
    add: Step = _to_each,
) -> Tensor:
    x: Tensor = add(join(patches, token), positions)
    return x


def _last(patches: Tensor, token: Tensor) -> Tensor:
    return torch.cat([patches, token.expand(len(patches), 1, -1)], dim=1)


def _over_the_first(patches: Tensor, token: Tensor) -> Tensor:
    return _first(patches[:, 1:], token)


def _patches_alone(patches: Tensor, token: Tensor, positions: Tensor) -> Tensor:
    return patches + positions[1:]


def _at_the_end(patches: Tensor, token: Tensor, positions: Tensor) -> Tensor:
    return _input_recipe(patches, token, positions).roll(-1, 1)


def _none_for_the_token(x: Tensor, positions: Tensor) -> Tensor:
    return torch.cat([x[:, :1], x[:, 1:] + positions[1:]], dim=1)


def _one_too_early(x: Tensor, positions: Tensor) -> Tensor:
    return torch.cat([x[:, :1], x[:, 1:] + positions[:-1]], dim=1)


def _patches_twice(x: Tensor, positions: Tensor) -> Tensor:
    return torch.cat([x[:, :1] + positions[:1], x[:, 1:] + 2 * positions[1:]], dim=1)


def _by_picture(x: Tensor, positions: Tensor) -> Tensor:
    return x + positions[: len(x), None]


picture_input = Exercise(
    name="picture_input",
    signature="f(patches: (B, P, D), class_token: (D,), positions: (P + 1, D)) -> (B, P + 1, D)",
    task=(
        "Return what the first layer of a ViT reads: of each picture the class token, then its "
        "patches, and to each of them the row of positions that belongs to it, the first row to "
        "the class token."
    ),
    inputs=("patches", "class_token", "positions"),
    reference=_input_recipe,
    cases=(
        (halves(1, 1, 2, 2), halves(2, 2), halves(3, 3, 2) + 0.25),
        (halves(4, 2, 3, 2), halves(5, 2), halves(6, 4, 2) + 0.25),
        (halves(7, 3, 2, 3), halves(8, 3), halves(9, 3, 3) + 0.25),
        (normal(10, 2, 6, 4), normal(11, 4), normal(12, 7, 4)),
    ),
    bank=(
        swapped(
            _input_recipe,
            "class token without a position",
            "The class token gets no position, and the first row of the table is never used.",
            add=_none_for_the_token,
        ),
        swapped(
            _input_recipe,
            "each patch has the position before its own",
            "The class token gets no position, and its row goes to the first patch, so that all "
            "patches stand one row too early.",
            add=_one_too_early,
        ),
        swapped(
            _input_recipe,
            "positions added twice",
            "The positions are added two times.",
            add=lambda x, positions: x + 2 * positions,
        ),
        swapped(
            _input_recipe,
            "patches' positions added twice",
            "Patches get their positions before the class token joins them, and again with it.",
            add=_patches_twice,
        ),
        swapped(
            _input_recipe,
            "a position for each picture",
            "The rows of the table go to the pictures of the batch, and not to the patches: all "
            "patches of a picture get the same one, and which one depends on the batch.",
            add=_by_picture,
        ),
        swapped(
            _input_recipe,
            "one position for all",
            "Class token and patches all get the first row. A vector that is the same for all "
            "says nothing about where a patch stands.",
            add=lambda x, positions: x + positions[:1],
        ),
        swapped(
            _input_recipe,
            "no positions",
            "Nothing says where a patch stands: to this model a picture is a bag of patches.",
            add=lambda x, positions: x,
        ),
        swapped(
            _input_recipe,
            "multiplied by positions",
            "The vectors are multiplied by their positions. They are added.",
            add=lambda x, positions: x * positions,
        ),
        swapped(
            _input_recipe,
            "class token last",
            "The class token comes last, and every row of the table goes to another one than it "
            "was learned for.",
            join=_last,
        ),
        Mistake(
            "all right, in another order",
            "Each vector is right, but the class token stands at the end. What reads the first "
            "state would read a patch.",
            _at_the_end,
        ),
        swapped(
            _input_recipe,
            "over the first patch",
            "The class token stands in the place of the first patch, which is lost. It comes "
            "before it, so that there is one vector more.",
            join=_over_the_first,
        ),
        Mistake(
            "no class token",
            "These are the patches at their positions. The class token is missing.",
            _patches_alone,
        ),
    ),
    praise="A class token first, and each row of the table where it belongs, in every picture.",
    differentiable=True,
)
