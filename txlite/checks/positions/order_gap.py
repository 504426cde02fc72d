"""Exercise: how far a layer is from not noticing the order of its words.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.5 (why positions are needed).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, as_given, halves, swapped

__all__ = ["order_gap"]


@dataclass(frozen=True, repr=False)
class Layer:
    """A function of words (T, D) that shows itself as text.

    Parameters
    ----------
    text : str
        The layer as code.
    function : callable
        The layer as a function.
    """

    text: str
    function: Step

    def __call__(self, x: Tensor) -> Tensor:
        """Return the layer's output (T, D)."""
        out: Tensor = self.function(x)
        return out

    def __repr__(self) -> str:
        return self.text


_RUNNING = Layer("lambda x: x.cumsum(0)", lambda x: x.cumsum(0))
_BLIND = Layer("lambda x: (x @ x.T).softmax(-1) @ x", lambda x: (x @ x.T).softmax(-1) @ x)
_PLACED = Layer(
    "lambda x: x * torch.arange(1, len(x) + 1)[:, None]",
    lambda x: x * torch.arange(1, len(x) + 1, device=x.device)[:, None],
)


def _words_first(x: Tensor, order: Tensor) -> Tensor:
    return x[order]


def _largest(gap: Tensor) -> Tensor:
    return gap.abs().max()


def _gap_recipe(
    layer: Layer,
    x: Tensor,
    order: Tensor,
    shuffle: Step = _words_first,
    expect: Step = _words_first,
    pool: Step = as_given,
    measure: Step = _largest,
) -> object:
    return measure(pool(layer(shuffle(x, order))) - pool(expect(layer(x), order)))


def _fits(x: Tensor, order: Tensor) -> Tensor:
    return x[:, order]


order_gap = Exercise(
    name="order_gap",
    signature="f(layer: callable, x: (T, D), order: (T,) int) -> float",
    task=(
        "How far a layer is from equivariance: the largest difference, in size, between the "
        "outputs for the reordered words x[order] and the reordered outputs for x."
    ),
    inputs=("layer", "x", "order"),
    reference=_gap_recipe,
    cases=(
        (_RUNNING, torch.tensor([[3.0], [1.0]]), torch.tensor([1, 0])),
        (_BLIND, halves(51, 3, 2), torch.tensor([2, 0, 1])),
        (_RUNNING, halves(52, 4, 4), torch.tensor([1, 3, 0, 2])),
        (_PLACED, halves(53, 5, 2), torch.tensor([4, 2, 0, 1, 3])),
    ),
    bank=(
        swapped(
            _gap_recipe,
            "outputs not reordered",
            "The outputs for x are not reordered. That asks whether the outputs stay where they "
            "are; but each word takes its output along to its new position.",
            expect=as_given,
        ),
        swapped(
            _gap_recipe,
            "order undone instead of done",
            "The outputs are put into the inverse order. The word that is now at position t was at "
            "position order[t], for the outputs as for the words.",
            expect=lambda y, order: y[order.argsort()],
        ),
        swapped(
            _gap_recipe,
            "words not reordered",
            "The layer never sees the reordered words: x goes in twice.",
            shuffle=as_given,
        ),
        swapped(
            _gap_recipe,
            "columns reordered",
            "The columns are reordered, not the words. Words are the rows, axis 0.",
            shuffle=_fits,
            expect=_fits,
        ),
        swapped(
            _gap_recipe,
            "averaged over the words",
            "The outputs are averaged over the words before they are compared. An average is the "
            "same in any order, which is another theorem: invariance.",
            pool=lambda y: y.mean(0),
        ),
        swapped(
            _gap_recipe,
            "the sign counts",
            "The largest difference is taken with its sign, so a large negative one is missed. "
            "Take abs() first.",
            measure=lambda gap: gap.max(),
        ),
        swapped(
            _gap_recipe,
            "mean instead of largest",
            "The differences are averaged. One word that notices is enough: take the largest.",
            measure=lambda gap: gap.abs().mean(),
        ),
        swapped(
            _gap_recipe,
            "sum instead of largest",
            "The differences are added up, so a longer sentence has a larger gap. Take the "
            "largest.",
            measure=lambda gap: gap.abs().sum(),
        ),
        swapped(
            _gap_recipe,
            "norm instead of largest",
            "This is the norm of all differences together. Take the largest one.",
            measure=lambda gap: gap.norm(),
        ),
        swapped(
            _gap_recipe,
            "yes or no",
            "This says whether there is a gap. Wanted is how large it is.",
            measure=lambda gap: bool(gap.abs().max() > 1e-5),
        ),
        swapped(
            _gap_recipe,
            "one gap for every word",
            "There is a gap for every word. Wanted is one number, the largest of all.",
            measure=lambda gap: gap.abs().amax(1),
        ),
    ),
    praise="Now you can ask any layer whether it knows about order.",
)
