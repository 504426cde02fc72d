"""Exercise: tokens to their experts and back, as far as there is room.

Sources
    Fedus et al. (2022), "Switch Transformers: Scaling to Trillion Parameter Models with Simple and
    Efficient Sparsity", section 2.2 and figure 3: a token without a place is handed on by the
    residual connection alone.
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from txlite.checks.framework import Exercise, Step, halves, swapped

__all__ = ["dispatch_with_drops"]


def _as_they_stand(experts: Tensor, gates: Tensor) -> Tensor:
    """Return each token's place at its expert, from 1."""
    taken = one_hot(experts)
    return (taken.cumsum(0) * taken).sum(-1)


def _within(places: Tensor, capacity: int) -> Tensor:
    return places <= capacity


def _worked(x: Tensor, experts: Tensor, weights: Tensor) -> Tensor:
    return torch.einsum("tij,tj->ti", weights[experts], x)


def _gated(answers: Tensor, gates: Tensor) -> Tensor:
    return answers * gates[:, None]


def _zeros(x: Tensor, experts: Tensor, gates: Tensor, weights: Tensor) -> Tensor:
    return torch.zeros_like(x)


def _either(there: Tensor, answers: Tensor, others: Tensor) -> Tensor:
    return torch.where(there[:, None], answers, others)


def _in_place(out: Tensor, experts: Tensor, there: Tensor, x: Tensor) -> Tensor:
    return out


def _dispatch_recipe(
    x: Tensor,
    experts: Tensor,
    gates: Tensor,
    weights: Tensor,
    capacity: int,
    stand: Step = _as_they_stand,
    room: Step = _within,
    weigh: Step = _gated,
    instead: Step = _zeros,
    back: Step = _in_place,
) -> Tensor:
    there = room(stand(experts, gates), capacity)
    answers = weigh(_worked(x, experts, weights), gates)
    out = _either(there, answers, instead(x, experts, gates, weights))
    found: Tensor = back(out, experts, there, x)
    return found


def _from_the_end(experts: Tensor, gates: Tensor) -> Tensor:
    return _as_they_stand(experts.flip(0), gates).flip(0)


def _surest_first(experts: Tensor, gates: Tensor) -> Tensor:
    order = gates.argsort(descending=True)
    places = torch.empty_like(experts)
    places[order] = _as_they_stand(experts[order], gates)
    return places


def _by_position(experts: Tensor, gates: Tensor) -> Tensor:
    return torch.arange(len(experts), device=experts.device) + 1


def _by_expert(out: Tensor, experts: Tensor, there: Tensor, x: Tensor) -> Tensor:
    return out[experts.argsort(stable=True)]


def _sorted_twice(out: Tensor, experts: Tensor, there: Tensor, x: Tensor) -> Tensor:
    order = experts.argsort(stable=True)
    return out[order][order]


def _next_one(x: Tensor, experts: Tensor, gates: Tensor, weights: Tensor) -> Tensor:
    return _gated(_worked(x, (experts + 1) % len(weights), weights), gates)


def _case(seed: int, capacity: int, width: int, count: int, *experts: int) -> tuple[object, ...]:
    chosen = torch.tensor(experts, device="cpu")
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(experts), generator=draw, device="cpu")
    return (
        halves(seed, len(experts), width) + 0.25,
        chosen,
        (order + 1) / (len(experts) + 1),
        halves(seed + 1, count, width, width),
        capacity,
    )


dispatch_with_drops = Exercise(
    name="dispatch_with_drops",
    signature=(
        "f(x: (T, D), experts: (T,) int, gates: (T,), weights: (N, D, D), capacity: int) -> (T, D)"
    ),
    task=(
        "Token t goes to expert `experts[t]`, which answers `weights[e] @ token`; the answer is "
        "multiplied by `gates[t]`. Each expert takes `capacity` tokens, in the order in which they "
        "stand; a token that comes later is dropped, and its row is zero: the residual connection "
        "around the layer hands it on. Return the rows in the order of the tokens."
    ),
    inputs=("x", "experts", "gates", "weights", "capacity"),
    reference=_dispatch_recipe,
    cases=(
        _case(3, 1, 2, 2, 0, 0),
        _case(5, 2, 2, 2, 1, 0, 1, 1),
        _case(7, 2, 3, 3, 2, 0, 2, 1, 2, 0, 0, 0),
        _case(9, 3, 2, 4, 3, 1, 1, 0, 1, 3, 1, 1, 3, 2, 3),
    ),
    bank=(
        swapped(
            _dispatch_recipe,
            "dropped tokens are handed through",
            "A dropped token comes out as it came in. The residual connection adds the token to "
            "what the layer returns, so that it would count twice: return zeros.",
            instead=lambda x, experts, gates, weights: x,
        ),
        swapped(
            _dispatch_recipe,
            "dropped tokens, times their gates",
            "A dropped token comes out times its gate. No expert has worked on it: return zeros.",
            instead=lambda x, experts, gates, weights: _gated(x, gates),
        ),
        swapped(
            _dispatch_recipe,
            "sent to the next expert",
            "A token that finds its expert full goes to the next one, whether or not it has room "
            "there. A router did not send it: it is dropped.",
            instead=_next_one,
        ),
        swapped(
            _dispatch_recipe,
            "dropped rows are missing",
            "Only the tokens that have a place come back. There has to be a row for each token, "
            "of zeros where it was dropped.",
            back=lambda out, experts, there, x: out[there],
        ),
        swapped(
            _dispatch_recipe,
            "not sorted back",
            "The rows stand expert by expert. Each has to go back to where its token stands: the "
            "residual connection adds it to that token.",
            back=_by_expert,
        ),
        swapped(
            _dispatch_recipe,
            "sorted twice",
            "The rows are sorted by expert, and then in the same order once more. The way back is "
            "the inverse: out[order] = rows, not rows[order].",
            back=_sorted_twice,
        ),
        swapped(
            _dispatch_recipe,
            "later tokens win",
            "Where an expert is full, the first tokens are dropped. The first ones have their "
            "places; whoever comes later finds none.",
            stand=_from_the_end,
        ),
        swapped(
            _dispatch_recipe,
            "the surest tokens win",
            "Where an expert is full, the tokens with the largest gates have its places. That is "
            "another rule: here they are taken as they stand.",
            stand=_surest_first,
        ),
        swapped(
            _dispatch_recipe,
            "the capacity of all together",
            "The first tokens of the text are taken, as many as the capacity says, whichever their "
            "expert. Each expert counts for itself.",
            stand=_by_position,
        ),
        swapped(
            _dispatch_recipe,
            "one place too many",
            "Each expert takes one token more than its capacity. A place that is counted from 0 "
            "has to be smaller than the capacity.",
            room=lambda places, capacity: places <= capacity + 1,
        ),
        swapped(
            _dispatch_recipe,
            "one place too few",
            "Each expert takes one token less than its capacity.",
            room=lambda places, capacity: places < capacity,
        ),
        swapped(
            _dispatch_recipe,
            "nothing is dropped",
            "Every token is computed, however full its expert is.",
            room=lambda places, capacity: places > 0,
        ),
        swapped(
            _dispatch_recipe,
            "without the gates",
            "The answers are not multiplied by their gates: the router would not learn.",
            weigh=lambda answers, gates: answers,
        ),
        swapped(
            _dispatch_recipe,
            "the residual is added",
            "The token is added to its answer. That is the layer's work, around the experts.",
            back=lambda out, experts, there, x: x + out,
        ),
    ),
    praise="Whoever finds a place is worked on, and all come back to where they stood.",
    differentiable=True,
)
