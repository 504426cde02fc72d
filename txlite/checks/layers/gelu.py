"""Exercise: an activation that closes softly.

Sources
    Hendrycks and Gimpel (2016), "Gaussian Error Linear Units", section 2.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from txlite.checks.framework import Exercise, Mistake, Step, as_given, halves, normal, swapped

__all__ = ["gelu"]


def _gelu_recipe(
    x: Tensor,
    inside: Step = lambda x: x / math.sqrt(2),
    curve: Step = torch.erf,
    lift: Step = lambda e: (1 + e) / 2,
    outside: Step = torch.mul,
) -> object:
    return outside(x, lift(curve(inside(x))))


gelu = Exercise(
    name="gelu",
    signature="f(x: (*B,)) -> (*B,)",
    task="The exact GELU: x times the probability that a standard normal number is below x.",
    inputs=("x",),
    reference=functional.gelu,
    cases=(
        (torch.tensor([1.0]),),
        (torch.tensor([-2.2, 2.2]),),
        (torch.tensor([-1.0, 0.0, 1.0]),),
        (torch.linspace(-4, 4, 17),),
        (halves(1, 2, 3),),
        (normal(2, 2, 3, 4),),
    ),
    bank=(
        swapped(
            _gelu_recipe,
            "√2 forgotten",
            "There is an erf(x) where there should be erf(x/√2): the error function is that of a "
            "normal distribution with variance ½.",
            inside=as_given,
        ),
        swapped(
            _gelu_recipe,
            "halves the input",
            "The input of erf is divided by 2, where it should be divided by √2.",
            inside=lambda x: x / 2,
        ),
        swapped(
            _gelu_recipe,
            "not halved",
            "The sum 1 + erf(x/√2) runs from 0 to 2. A probability runs from 0 to 1: halve it.",
            lift=lambda e: 1 + e,
        ),
        swapped(
            _gelu_recipe,
            "one not added",
            "The error function runs from −1 to 1. Add one, then halve: that is a probability.",
            lift=lambda e: e / 2,
        ),
        swapped(
            _gelu_recipe,
            "the upper tail",
            "This is the probability of a number above x. GELU keeps a large x, so it is the "
            "probability of one below.",
            lift=lambda e: (1 - e) / 2,
        ),
        swapped(
            _gelu_recipe,
            "not multiplied by x",
            "This is the probability alone. GELU multiplies x by it, as a soft gate.",
            outside=lambda x, p: p,
        ),
        Mistake(
            "the density",
            "It is the density, the bell curve itself, that multiplies x. It should be the area "
            "under it, up to x, that multiplies.",
            lambda x: x * (-x.square() / 2).exp() / math.sqrt(2 * math.pi),
        ),
        Mistake(
            "tanh approximation",
            "This is the tanh approximation, as in GPT-2. It is off by up to five parts in ten "
            "thousand; asked for is the exact one.",
            lambda x: functional.gelu(x, approximate="tanh"),
        ),
        Mistake(
            "sigmoid approximation",
            "This is x·σ(1.702 x), an approximation of GELU with a sigmoid, off by up to 0.02. "
            "Asked for is the exact one.",
            lambda x: x * (1.702 * x).sigmoid(),
        ),
        Mistake(
            "SiLU",
            "This is SiLU, x·σ(x): the same idea with the logistic distribution in the place of "
            "the normal one.",
            functional.silu,
        ),
        Mistake(
            "ReLU",
            "This is ReLU, which shuts at zero at once. GELU closes softly.",
            torch.relu,
        ),
        Mistake(
            "rounded",
            "The numbers are rounded on the way: GELU is smooth.",
            lambda x: functional.gelu(x).round(decimals=2),
        ),
    ),
    praise="Soft where ReLU is sharp, and the same far away from zero.",
    differentiable=True,
)
