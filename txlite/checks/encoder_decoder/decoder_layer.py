"""Exercise: the decoder's layer, three branches in order.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", figure 1, right half.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from txlite.checks.encoder_decoder._sublayers import attend, kept, keys_that, normed
from txlite.checks.framework import Exercise, Mistake, Step, halves, normal, swapped

__all__ = ["decoder_layer"]

Branch = Callable[[Tensor], Tensor]


def _past(size: int, like: Tensor) -> Tensor:
    return torch.ones(size, size, dtype=torch.bool).to(like.device).tril()


def _own_rule(target_keep: Tensor, source_keep: Tensor) -> Tensor:
    return _past(target_keep.shape[1], target_keep) & keys_that(target_keep)


def _their_rule(target_keep: Tensor, source_keep: Tensor) -> Tensor:
    return keys_that(source_keep)


def _read(z: Tensor, memory: Tensor, allowed: Tensor) -> Tensor:
    return attend(z, memory, allowed)


def _three(gather: Branch, look_up: Branch, think: Branch) -> tuple[Branch, ...]:
    return gather, look_up, think


def _in_turn(x: Tensor, branches: tuple[Branch, ...]) -> Tensor:
    for branch in branches:
        x = x + branch(normed(x))
    return x


def _decoder_recipe(
    x: Tensor,
    memory: Tensor,
    target_keep: Tensor,
    source_keep: Tensor,
    own: Step = _own_rule,
    their: Step = _their_rule,
    read: Step = _read,
    order: Step = _three,
    run: Step = _in_turn,
    blind: float = 0.0,
) -> object:
    keeps = target_keep, source_keep
    branches = order(
        lambda z: attend(z, z, own(*keeps), blind=blind),
        lambda z: read(z, memory, their(*keeps)),
        torch.relu,
    )
    return run(x, branches)


def _at_once(x: Tensor, branches: tuple[Branch, ...]) -> Tensor:
    z = normed(x)
    for branch in branches:
        x = x + branch(z)
    return x


def _after(x: Tensor, branches: tuple[Branch, ...]) -> Tensor:
    for branch in branches:
        x = normed(x + branch(x))
    return x


def _without_sum(x: Tensor, branches: tuple[Branch, ...]) -> Tensor:
    for branch in branches:
        x = branch(normed(x))
    return x


def _from_its_results(
    x: Tensor, memory: Tensor, target_keep: Tensor, source_keep: Tensor
) -> Tensor:
    """Go token by token, the earlier ones read as the layer has returned them."""
    rows: list[Tensor] = []
    for t in range(x.shape[1]):
        y = x[:, t : t + 1]
        seen = normed(torch.cat([*rows, y], 1))
        y = y + attend(normed(y), seen, keys_that(target_keep[:, : t + 1]))
        y = y + attend(normed(y), memory, keys_that(source_keep))
        rows.append(y + normed(y).relu())
    return torch.cat(rows, 1)


_MASK_BANK = (
    swapped(
        _decoder_recipe,
        "not causal",
        "The future is visible: a target word attends to words that are not written yet.",
        own=lambda target, source: keys_that(target),
    ),
    swapped(
        _decoder_recipe,
        "strictly causal",
        "A word may not attend to itself, so the first one has no key. It is j ≤ i: the diagonal "
        "is allowed.",
        own=lambda target, source: _past(target.shape[1], target).tril(-1) & keys_that(target),
    ),
    swapped(
        _decoder_recipe,
        "strictly causal, first row NaN",
        "A word may not attend to itself, so the first one has no key, and a softmax over nothing "
        "is NaN. It is j ≤ i: the diagonal is allowed.",
        own=lambda target, source: _past(target.shape[1], target).tril(-1) & keys_that(target),
        blind=math.nan,
    ),
    swapped(
        _decoder_recipe,
        "the past is hidden",
        "The triangle is the wrong one: every word attends to itself and to the words after it.",
        own=lambda target, source: _past(target.shape[1], target).mT & keys_that(target),
    ),
    swapped(
        _decoder_recipe,
        "the past is hidden, rows of NaN",
        "The triangle is the wrong one: every word attends to itself and to the words after it. "
        "The padding is left without any key, and a softmax over nothing is NaN.",
        own=lambda target, source: _past(target.shape[1], target).mT & keys_that(target),
        blind=math.nan,
    ),
    swapped(
        _decoder_recipe,
        "target padding ignored",
        "The padding of the target gets weight: in self-attention target_keep belongs beside the "
        "causal rule.",
        own=lambda target, source: _past(target.shape[1], target),
    ),
    swapped(
        _decoder_recipe,
        "target mask used for the source",
        "Cross-attention gets the target's mask. It is the padding of the source that must be "
        "hidden.",
        their=lambda target, source: keys_that(target),
    ),
    swapped(
        _decoder_recipe,
        "source padding ignored",
        "The padding of the source gets weight: cross-attention needs source_keep.",
        their=lambda target, source: keys_that(source | True),
    ),
    swapped(
        _decoder_recipe,
        "causal towards the source",
        "Cross-attention is causal. The whole source is known; only the target is still being "
        "written.",
        their=lambda target, source: (
            keys_that(source) & torch.ones(target.shape[1], source.shape[1]).bool().tril()
        ),
    ),
)

_BRANCH_BANK = (
    swapped(
        _decoder_recipe,
        "cross-attention first",
        "Cross-attention comes before self-attention. First a word attends to what is written, "
        "then to the source.",
        order=lambda gather, look_up, think: (look_up, gather, think),
    ),
    swapped(
        _decoder_recipe,
        "cross-attention missing",
        "The source is never read. This is the layer of a language model.",
        order=lambda gather, look_up, think: (gather, think),
    ),
    swapped(
        _decoder_recipe,
        "self-attention missing",
        "No word attends to the words before it: the causal self-attention is missing.",
        order=lambda gather, look_up, think: (look_up, think),
    ),
    swapped(
        _decoder_recipe,
        "feed-forward missing",
        "The last branch is missing: x = x + relu(norm(x)).",
        order=lambda gather, look_up, think: (gather, look_up),
    ),
    swapped(
        _decoder_recipe,
        "memory normalised again",
        "The memory is normalised in the layer. The encoder has done that at its own end; the "
        "layer's norm is for x.",
        read=lambda z, memory, allowed: attend(z, normed(memory), allowed),
    ),
    swapped(
        _decoder_recipe,
        "values from the target",
        "Cross-attention hands over the target's vectors. Keys and values both come from memory.",
        read=lambda z, memory, allowed: attend(z, memory, allowed, z),
    ),
    swapped(
        _decoder_recipe,
        "branches side by side",
        "All three branches read the same x. Each should read what the one before has added.",
        run=_at_once,
    ),
    Mistake(
        "reads what it has returned",
        "Self-attention reads what this layer has returned for earlier words. It should read what "
        "came in at them: what it returns is for the next layer.",
        _from_its_results,
    ),
    swapped(
        _decoder_recipe,
        "post-norm",
        "The sums are normalised, not what the branches read: that is the paper's order. Wanted "
        "is x = x + branch(norm(x)).",
        run=_after,
    ),
    swapped(
        _decoder_recipe,
        "residual missing",
        "A branch's output replaces x. It should be added: x = x + ….",
        run=_without_sum,
    ),
)

decoder_layer = Exercise(
    name="decoder_layer",
    signature=(
        "f(x: (B, T, D), memory: (B, S, D), target_keep: (B, T) bool, source_keep: (B, S) bool) "
        "-> (B, T, D)"
    ),
    task=(
        "A pre-norm decoder layer without weights: x = x + branch(norm(x)) for causal "
        "self-attention, attention to memory (not normalised), and relu. Attention has scale "
        "1/√D, no projections, and hides the padding of whatever it reads."
    ),
    inputs=("x", "memory", "target_keep", "source_keep"),
    reference=_decoder_recipe,
    cases=(
        (halves(1, 1, 2, 3), halves(2, 1, 2, 3), kept(2, size=2), kept(1, size=2)),
        (halves(3, 1, 3, 3), halves(4, 1, 3, 3), kept(2, size=3), kept(3, size=3)),
        (normal(5, 2, 4, 5), normal(6, 2, 4, 5), kept(4, 2, size=4), kept(3, 4, size=4)),
        (normal(7, 3, 4, 6), 2 * normal(8, 3, 5, 6), kept(4, 1, 3, size=4), kept(2, 5, 4, size=5)),
    ),
    bank=_MASK_BANK + _BRANCH_BANK,
    praise="Three branches, in this order: six such layers are the paper's decoder.",
    differentiable=True,
)
