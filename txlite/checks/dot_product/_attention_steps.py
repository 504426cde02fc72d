"""The steps of attention, right and wrong: what every bank about attention is made of.

A recipe calls its steps by these names and signatures::

    score(query, key) -> scores                  how alike query and key are
    scale(scores, query, key) -> scores          divide by √E
    normalise(scores) -> weights                 softmax over the keys
    finish(weights, query) -> weights            nothing

Shapes: query (…, T, E), key (…, S, E), scores and weights (…, T, S).
"""

import math

from torch import Tensor

from txlite.checks.framework import Mistake, Step, as_given, swapped

__all__ = [
    "MISTAKES",
    "by_root_width",
    "dot",
    "mistakes_of",
    "softmax_over_keys",
]


def dot(query: Tensor, key: Tensor) -> Tensor:
    """Score by the dot product."""
    return query @ key.mT


def by_root_width(scores: Tensor, query: Tensor, key: Tensor) -> Tensor:
    """Divide by the root of the width."""
    return scores / math.sqrt(key.shape[-1])


def softmax_over_keys(scores: Tensor) -> Tensor:
    """Make every query's row a distribution."""
    return scores.softmax(-1)


def _over_everything(scores: Tensor) -> Tensor:
    return scores.flatten(-2).softmax(-1).reshape(scores.shape)


def _without_exp(scores: Tensor) -> Tensor:
    return scores / scores.sum(-1, keepdim=True)


def _plain_exp(scores: Tensor) -> Tensor:
    weights = scores.exp()
    return weights / weights.sum(-1, keepdim=True)


def _winner(scores: Tensor) -> Tensor:
    return (scores == scores.amax(-1, keepdim=True)).to(scores.dtype)


MISTAKES: tuple[tuple[str, str, dict[str, Step]], ...] = (
    (
        "no scale",
        "The scores are not divided by √d_k. The wider the vectors, the larger their dot "
        "products, until the softmax gives nearly everything to one key and little gradient comes "
        "through.",
        {"scale": as_given},
    ),
    (
        "divides by d_k",
        "The scores are divided by d_k, not by its square root. A dot product of d_k terms has "
        "the standard deviation √d_k: dividing by more makes all weights nearly alike.",
        {"scale": lambda s, q, k: s / k.shape[-1]},
    ),
    (
        "multiplies by √d_k",
        "The scores are multiplied by √d_k where they should be divided by it.",
        {"scale": lambda s, q, k: s * math.sqrt(k.shape[-1])},
    ),
    (
        "divides by √(number of keys)",
        "The scores are divided by the root of the number of keys. Their size comes from the "
        "width of one key, d_k, the last axis.",
        {"scale": lambda s, q, k: s / math.sqrt(k.shape[-2])},
    ),
    (
        "reads d_k from axis 1",
        "The width d_k is read from axis 1. With a batch in front that is another axis; the "
        "width is always the last one, shape[-1].",
        {"scale": lambda s, q, k: s / math.sqrt(q.shape[1])},
    ),
    (
        "scale after the softmax",
        "The division by √d_k comes after the softmax. It belongs before it: now the rows no "
        "longer sum to one, and the softmax is as hard as without a scale.",
        {"scale": as_given, "finish": lambda w, q: w / math.sqrt(q.shape[-1])},
    ),
    (
        "softmax over the queries",
        "The softmax runs over the queries, axis −2. Each query divides its attention among the "
        "keys, so it is the rows, axis −1, that sum to one.",
        {"normalise": lambda s: s.softmax(-2)},
    ),
    (
        "softmax over axis 0",
        "The softmax runs over axis 0. The keys are the last axis, −1, however many axes there "
        "are in front.",
        {"normalise": lambda s: s.softmax(0)},
    ),
    (
        "softmax over axis 1",
        "The softmax runs over axis 1. That is the last axis only while there is no batch; "
        "axis −1 is right always.",
        {"normalise": lambda s: s.softmax(1)},
    ),
    (
        "softmax over everything",
        "The softmax runs over the whole matrix, so all its entries together sum to one. Every "
        "query has a whole attention of its own: each row sums to one.",
        {"normalise": _over_everything},
    ),
    (
        "sigmoid",
        "There is a sigmoid in the place of the softmax. It looks at each score alone; in the "
        "softmax the keys compete, and their weights sum to one.",
        {"normalise": lambda s: s.sigmoid()},
    ),
    (
        "no softmax",
        "The scores are never made into weights. Scores can be negative and sum to anything; "
        "the softmax makes them positive and each row sum to one.",
        {"normalise": as_given},
    ),
    (
        "no exponential",
        "The scores are divided by their sum without the exponential. Negative scores then "
        "give negative weights, and a sum of zero gives infinity.",
        {"normalise": _without_exp},
    ),
    (
        "the exponential overflows",
        "The exponential of a large score is infinite, and ∞/∞ is NaN. Subtract each row's "
        "maximum first, or let torch.softmax do it.",
        {"normalise": _plain_exp},
    ),
    (
        "softmax twice",
        "The softmax is taken twice. The second one sees numbers between 0 and 1 only and makes "
        "them nearly alike.",
        {"normalise": lambda s: s.softmax(-1).softmax(-1)},
    ),
    (
        "log-softmax",
        "These are the logarithms of the weights: log_softmax in the place of softmax.",
        {"normalise": lambda s: s.log_softmax(-1)},
    ),
    (
        "only the best key",
        "The whole weight goes to the best key. The softmax is soft: lesser keys keep a share, "
        "and it is through these shares that the gradient learns.",
        {"normalise": _winner},
    ),
    (
        "query and key swapped",
        "Query and key have changed places. Rows belong to the queries, columns to the keys: "
        "QKᵀ, not KQᵀ.",
        {"score": lambda q, k: k @ q.mT},
    ),
    (
        "key reshaped, not transposed",
        "The key is brought into shape by reshape or view. That keeps the numbers in reading "
        "order and mixes the keys; a transpose keeps each key together.",
        {"score": lambda q, k: q @ k.reshape(*k.shape[:-2], k.shape[-1], k.shape[-2])},
    ),
    (
        "key not transposed",
        "The key is not transposed. A score is a dot product of a query with a key, row with "
        "row: Q @ K.mT.",
        {"score": lambda q, k: q @ k},
    ),
    (
        "transposes axes 0 and 1",
        "The transpose swaps axes 0 and 1. With a batch in front those are others; .mT or "
        "transpose(-2, -1) swaps the last two always.",
        {"score": lambda q, k: q @ k.transpose(0, 1)},
    ),
    (
        "transposes axes 1 and 2",
        "The transpose swaps axes 1 and 2, which is right for exactly one batch axis; .mT or "
        "transpose(-2, -1) swaps the last two always.",
        {"score": lambda q, k: q @ k.transpose(1, 2)},
    ),
)


def mistakes_of(recipe: Step, *names: str) -> tuple[Mistake, ...]:
    """Return the mistakes of the table above, all or those named, made in a recipe."""
    wanted = names or tuple(name for name, _, _ in MISTAKES)
    table = {name: (sentence, steps) for name, sentence, steps in MISTAKES}
    return tuple(swapped(recipe, name, table[name][0], **table[name][1]) for name in wanted)
