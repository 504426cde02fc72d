"""Exercise: one vector for a thing that has several names.

Sources
    Radford et al. (2021), "Learning Transferable Visual Models From Natural Language Supervision",
    section 3.1.4: the ensemble is made in the space of embeddings, not of probabilities. That each
    vector and the mean have length one is told by the authors' code, not by the paper.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from txlite.checks.framework import Exercise, Step, as_given, normal, swapped

__all__ = ["class_vectors"]


def _unit(x: Tensor) -> Tensor:
    return normalize(x, dim=-1)


def _over_names(x: Tensor) -> Tensor:
    return x.mean(1)


def _class_recipe(
    texts: Tensor, before: Step = _unit, merge: Step = _over_names, after: Step = _unit
) -> Tensor:
    merged: Tensor = after(merge(before(texts)))
    return merged


class_vectors = Exercise(
    name="class_vectors",
    signature="f(texts: (C, P, E)) -> (C, E)",
    task=(
        "Each of C things has P names, in several languages, say, and the text tower has left a "
        "vector for each, of any length. Return a vector of length one for each thing: the mean "
        "of its names, of which each counts alike, however long its vector is."
    ),
    inputs=("texts",),
    reference=_class_recipe,
    cases=(
        (normal(1, 1, 2, 2),),
        (normal(2, 2, 3, 4) * torch.tensor([1.0, 3.0, 0.5])[:, None],),
        (normal(3, 4, 2, 3) * torch.tensor([2.0, 0.5])[:, None],),
        (normal(4, 3, 3, 5) * torch.tensor([0.3, 1.0, 4.0])[:, None],),
    ),
    bank=(
        swapped(
            _class_recipe,
            "averaged before normalising",
            "The mean is taken of vectors of any length, so that the name with the longest vector "
            "decides. Give each name length one first.",
            before=as_given,
        ),
        swapped(
            _class_recipe,
            "the mean not normalised",
            "The mean of vectors of length one is shorter than one, and the more so the less the "
            "names agree. A product with it is no cosine: things whose names disagree would come "
            "later in every search.",
            after=as_given,
        ),
        swapped(
            _class_recipe,
            "nothing normalised",
            "Neither the names nor their mean have length one.",
            before=as_given,
            after=as_given,
        ),
        swapped(
            _class_recipe,
            "over the things",
            "The mean runs over the things: what comes out is a vector for each language.",
            merge=lambda x: x.mean(0),
        ),
        swapped(
            _class_recipe,
            "the first name only",
            "Only the first name of each thing is used.",
            merge=lambda x: x[:, 0],
        ),
        swapped(
            _class_recipe,
            "the last name only",
            "Only the last name of each thing is used.",
            merge=lambda x: x[:, -1],
        ),
        swapped(
            _class_recipe,
            "the largest of each number",
            "For each number of the space the largest of all names is taken. Such a vector points "
            "to where none of the names do; take the mean.",
            merge=lambda x: x.amax(1),
        ),
        swapped(
            _class_recipe,
            "multiplied",
            "The names are multiplied number by number. Signs are lost in it: take the mean.",
            merge=lambda x: x.prod(1),
        ),
        swapped(
            _class_recipe,
            "normalised over the names",
            "Each number is divided by its length over the names. It is a name's vector that gets "
            "length one: the last axis.",
            before=lambda x: normalize(x, dim=1),
        ),
        swapped(
            _class_recipe,
            "divided by the squared length",
            "A vector is divided by its square. Then the longest become the shortest; the root is "
            "missing.",
            before=lambda x: x / x.square().sum(-1, keepdim=True),
        ),
        swapped(
            _class_recipe,
            "the sum of absolute values",
            "The length is taken as the sum of absolute values. For a cosine it is the root of the "
            "sum of squares.",
            before=lambda x: normalize(x, p=1.0, dim=-1),
        ),
        swapped(
            _class_recipe,
            "one length for all names",
            "All names of a thing are divided by one and the same length. That changes nothing in "
            "how much each of them counts.",
            before=lambda x: x / x.norm(dim=-1).mean(1)[:, None, None],
            after=as_given,
        ),
    ),
    praise="Each name counts alike, and what comes out can be compared by its cosine.",
    differentiable=False,
)
