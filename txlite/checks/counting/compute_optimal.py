"""Exercise: how large a model, and how many tokens, for a given number of operations.

Sources
    Hoffmann et al. (2022), "Training Compute-Optimal Large Language Models", section 3.3 and
    equation 4. Besiroglu et al. (2024), "Chinchilla Scaling: A Replication Attempt", fitted the
    constants anew.
"""

import math

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["compute_optimal"]


def _pairs(flops: float) -> float:
    return flops / 6


def _balance(a: float, b: float, alpha: float, beta: float) -> float:
    return alpha * a / (beta * b)


def _root(ratio: float, alpha: float, beta: float) -> float:
    return float(ratio ** (1 / (alpha + beta)))


def _share(alpha: float, beta: float) -> float:
    return beta / (alpha + beta)


def _the_rest(pairs: float, parameters: float, scale: float, share: float) -> float:
    return pairs / parameters


def _as_asked(parameters: float, tokens: float) -> list[float]:
    return [parameters, tokens]


def _optimal_recipe(
    flops: float,
    a: float,
    b: float,
    alpha: float,
    beta: float,
    pairs: Step = _pairs,
    balance: Step = _balance,
    root: Step = _root,
    share: Step = _share,
    tokens: Step = _the_rest,
    order: Step = _as_asked,
) -> object:
    product, part = pairs(flops), share(alpha, beta)
    scale = root(balance(a, b, alpha, beta), alpha, beta)
    parameters = scale * product**part
    return order(parameters, tokens(product, parameters, scale, part))


compute_optimal = Exercise(
    name="compute_optimal",
    signature=(
        "f(flops: float, a: float, b: float, alpha: float, beta: float) -> [parameters, tokens]"
    ),
    task=(
        "A model of N parameters that has read D tokens has the loss E + a / N^alpha + b / D^beta, "
        "and its training takes 6·N·D operations. Return the N and the D of the lowest loss that "
        "so many operations can buy."
    ),
    inputs=("flops", "a", "b", "alpha", "beta"),
    reference=_optimal_recipe,
    cases=(
        (600.0, 8.0, 2.0, 0.5, 0.25),
        (6e4, 3.0, 7.0, 0.25, 0.5),
        (1e9, 400.0, 900.0, 0.3, 0.4),
        (5.76e23, 482.01, 2085.43, 0.3478, 0.3658),
    ),
    bank=(
        swapped(
            _optimal_recipe,
            "the six forgotten",
            "N·D is taken for the number of operations. Each parameter takes six for each token: "
            "two forward, four backward.",
            pairs=lambda flops: flops,
        ),
        swapped(
            _optimal_recipe,
            "forward alone",
            "N and D come from 2·N·D, which is the forward pass. Training takes 6·N·D.",
            pairs=lambda flops: flops / 2,
        ),
        swapped(
            _optimal_recipe,
            "exponents swapped",
            "The model grows with the exponent of the data, and the data with that of the model. "
            "Where a larger model helps more slowly, it has to be larger: N grows with the "
            "exponent beta / (alpha + beta).",
            share=lambda alpha, beta: alpha / (alpha + beta),
        ),
        swapped(
            _optimal_recipe,
            "a half each",
            "N and D grow with the root of the operations here. That is so only where alpha and "
            "beta are equal.",
            share=lambda alpha, beta: 0.5,
        ),
        swapped(
            _optimal_recipe,
            "equal losses",
            "The operations are parted so that both terms are equal. At the lowest loss it is "
            "their slopes that are: the exponents alpha and beta come down as factors.",
            balance=lambda a, b, alpha, beta: a / b,
        ),
        swapped(
            _optimal_recipe,
            "a and b swapped",
            "The constant of the data stands where the model's should, or the ratio is upside "
            "down: a large a makes the model larger.",
            balance=lambda a, b, alpha, beta: beta * b / (alpha * a),
        ),
        swapped(
            _optimal_recipe,
            "the constants forgotten",
            "The ratio of the constants is missing: only the exponents are used.",
            balance=lambda a, b, alpha, beta: 1.0,
        ),
        swapped(
            _optimal_recipe,
            "no root",
            "The ratio of the constants stands there as it is. It is taken to the power "
            "1 / (alpha + beta), for N is.",
            root=lambda ratio, alpha, beta: ratio,
        ),
        swapped(
            _optimal_recipe,
            "twenty tokens for a parameter",
            "D is 20·N here whatever the constants say. That is a rule of thumb for one fit and "
            "for one range of operations; it does not follow from 6·N·D.",
            balance=lambda a, b, alpha, beta: 1.0,
            root=lambda ratio, alpha, beta: 1 / math.sqrt(20),
            share=lambda alpha, beta: 0.5,
        ),
        swapped(
            _optimal_recipe,
            "as many tokens as parameters",
            "N and D are the root of C / 6 here: the operations alone do not say how to part "
            "them, the loss does.",
            balance=lambda a, b, alpha, beta: 1.0,
            share=lambda alpha, beta: 0.5,
        ),
        swapped(
            _optimal_recipe,
            "more than can be paid",
            "The factor before D is the same as before N. It is one over it, or 6·N·D would be "
            "another number of operations.",
            tokens=lambda pairs, n, scale, share: scale * pairs ** (1 - share),
        ),
        swapped(
            _optimal_recipe,
            "operations, not tokens",
            "D is what is left when the operations are divided by N. Each token takes 6·N.",
            tokens=lambda pairs, n, scale, share: 6 * pairs / n,
        ),
        swapped(
            _optimal_recipe,
            "in the other order",
            "The tokens stand first here. Asked was [parameters, tokens].",
            order=lambda n, d: [d, n],
        ),
    ),
    praise="Chinchilla's operations, with the constants fitted anew, are the last case.",
)
