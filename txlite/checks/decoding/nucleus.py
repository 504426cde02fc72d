"""Exercise: the nucleus of a distribution.

Sources
    Holtzman et al. (2020), "The Curious Case of Neural Text Degeneration", section 3.1.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped
from txlite.generation import top_p

__all__ = ["nucleus"]


def _largest_first(probabilities: Tensor) -> Tensor:
    return probabilities.argsort(-1, descending=True)


def _until_reached(ordered: Tensor, p: float) -> Tensor:
    return ordered.cumsum(-1) - ordered < p  # the mass before a token does not reach p yet


def _back(keep: Tensor, order: Tensor) -> Tensor:
    return torch.zeros_like(keep).scatter(-1, order, keep)


def _share(probabilities: Tensor, keep: Tensor) -> Tensor:
    kept = probabilities * keep
    return kept / kept.sum(-1, keepdim=True)


def _nucleus_recipe(
    probabilities: Tensor,
    p: float,
    sort: Step = _largest_first,
    choose: Step = _until_reached,
    unsort: Step = _back,
    finish: Step = _share,
) -> object:
    order = sort(probabilities)
    keep = choose(probabilities.gather(-1, order), p)
    return finish(probabilities, unsort(keep, order))


def _reference(probabilities: Tensor, p: float) -> Tensor:
    return top_p(probabilities.log(), p).softmax(-1)


def _as_they_come(probabilities: Tensor) -> Tensor:
    return torch.arange(probabilities.shape[1]).expand(probabilities.shape)


def _softmax_again(probabilities: Tensor, keep: Tensor) -> Tensor:
    return probabilities.masked_fill(~keep, -torch.inf).softmax(1)


def _one_more(ordered: Tensor, p: float) -> Tensor:
    keep = _until_reached(ordered, p)
    return torch.cat([torch.ones_like(keep[:, :1]), keep[:, :-1]], dim=1)


nucleus = Exercise(
    name="nucleus",
    signature="f(probabilities: (B, V), p: float) -> (B, V)",
    task=(
        "Keep, in every row, the fewest most probable tokens that hold at least p together; give "
        "the others probability zero, and let what is left sum to one."
    ),
    inputs=("probabilities", "p"),
    reference=_reference,
    cases=(
        (torch.tensor([[0.15, 0.5, 0.35]]), 0.75),
        (torch.tensor([[0.05, 0.3, 0.4, 0.25], [0.1, 0.2, 0.3, 0.4]]), 0.65),
        (torch.tensor([[0.02, 0.62, 0.06, 0.2, 0.1], [0.3, 0.18, 0.17, 0.16, 0.19]]), 0.88),
        (torch.tensor([[0.2, 0.7, 0.1]]), 0.25),
    ),
    bank=(
        swapped(
            _nucleus_recipe,
            "the crossing token dropped",
            "The token with which p is reached is left out. What you keep holds less than p, and "
            "where one token alone holds more than p nothing is left at all.",
            choose=lambda ordered, p: ordered.cumsum(1) <= p,
        ),
        swapped(
            _nucleus_recipe,
            "one token too many",
            "One token more is kept than is needed: compare the mass *before* a token with p.",
            choose=_one_more,
        ),
        swapped(
            _nucleus_recipe,
            "not sorted",
            "The probabilities are added up in the order of the vocabulary. The nucleus is made of "
            "the most probable tokens: sort first.",
            sort=_as_they_come,
        ),
        swapped(
            _nucleus_recipe,
            "smallest first",
            "The least probable tokens come first, so that the tail is kept and the head is cut "
            "off.",
            sort=lambda x: x.argsort(1),
        ),
        swapped(
            _nucleus_recipe,
            "the order not undone",
            "The choice was made among the sorted probabilities and is applied to the unsorted "
            "ones: scatter it back to the tokens' own positions.",
            unsort=lambda keep, order: keep,
        ),
        swapped(
            _nucleus_recipe,
            "not renormalised",
            "What is left does not sum to one: divide by its sum.",
            finish=lambda probabilities, keep: probabilities * keep,
        ),
        swapped(
            _nucleus_recipe,
            "softmax again",
            "A softmax of probabilities is not a renormalisation: it flattens them. Divide by the "
            "sum.",
            finish=_softmax_again,
        ),
        swapped(
            _nucleus_recipe,
            "a threshold for each token",
            "Each token's own probability is compared with 1 - p. The nucleus looks at what tokens "
            "hold together.",
            choose=lambda ordered, p: ordered >= 1 - p,
        ),
        swapped(
            _nucleus_recipe,
            "min-p",
            "This keeps what has at least p times the largest probability: that is min-p, another "
            "filter.",
            choose=lambda ordered, p: ordered >= p * ordered.amax(1, keepdim=True),
        ),
        swapped(
            _nucleus_recipe,
            "shared out evenly",
            "The tokens that stay keep their proportions; here all get the same probability.",
            finish=lambda probabilities, keep: keep / keep.sum(1, keepdim=True),
        ),
    ),
    praise="Where the model is sure the nucleus is small, and where it is not, wide.",
    differentiable=False,
)
