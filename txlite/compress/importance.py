r"""Which heads matter: how fast the loss changes where a head is turned down.

.. math:: I_h = \mathbb E_x \left|\frac{\partial \mathcal L(x)}{\partial \xi_h}\right|

with a gate ξ of value 1 on what each head gathers. The absolute value stands inside the mean: a
head that helps one example and hurts another is important, and the two must not cancel. So each
example has a gate of its own, and one backward pass gives the slopes of the whole batch.

Sources
    Michel, Levy and Neubig (2019), "Are Sixteen Heads Really Better than One?", section 4.1,
    equation (2). Molchanov et al. (2017), section 2.2 (the norm within a layer).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from txlite._checks import check_callable, check_generator, check_length, check_shape
from txlite.compress._attentions import attentions
from txlite.nn import MultiHeadAttention
from txlite.training._modes import evaluating
from txlite.training._run import Loss
from txlite.training._tensors import device_of, moved

__all__ = ["head_importance", "least_important", "random_heads"]


def head_importance(
    model: nn.Module, batches: Iterable[Any], loss: Loss, *, normalise: bool = True
) -> dict[str, Float[Tensor, " H"]]:
    """Measure how much every head matters to a loss, by one backward pass for each batch.

    Parameters
    ----------
    model : Module
        Anything that holds a :class:`txlite.nn.MultiHeadAttention`. It is read in evaluation mode,
        and neither its weights nor their gradients change.
    batches : iterable
        What ``loss`` takes; read once.
    loss : callable
        ``loss(model, batch)`` returns the sum of losses and their number, as for
        :func:`txlite.training.fit`. The losses of two examples must not depend on each other.
    normalise : bool
        Whether the heads of one attention are divided by the length of their vector, so that layers
        can be compared (Michel et al., section 4.1).

    Returns
    -------
    dict of str to Tensor, shape (H,)
        For the path of each attention the mean over the examples, not negative.

    Raises
    ------
    ValueError
        If the model holds no attention, or there is no example.

    References
    ----------
    Michel et al. (2019), equation (2).

    Examples
    --------
    >>> attention = MultiHeadAttention(8, 2)
    >>> def loss(model, x):
    ...     return model(x).square().sum(), len(x)
    >>> _ = attention.output_proj.weight.data[:, :4].zero_()  # nobody reads what head 0 gathers
    >>> head_importance(attention, [torch.randn(3, 5, 8)], loss)[""]
    tensor([0., 1.])
    """
    found = attentions(model)
    check_callable("loss", loss, "from the model and a batch to a sum and a count")
    device, examples = device_of(model), 0
    sums: dict[str, Tensor] = {}
    with evaluating(model), torch.enable_grad():
        for batch in batches:
            with _gates(found) as gates:
                total, _ = loss(model, moved(batch, device))
            slopes = torch.autograd.grad(total, list(gates.values()), allow_unused=True)
            for (path, gate), slope in zip(gates.items(), slopes, strict=True):
                slope = torch.zeros_like(gate) if slope is None else slope
                sums[path] = sums.get(path, 0.0) + slope.abs().flatten(1).sum(0)
            examples += max(len(gate) for gate in gates.values()) if gates else 0
    if not examples:
        raise ValueError("batches should hold at least one example that an attention reads")
    means = {path: total.detach() / examples for path, total in sums.items()}
    if not normalise:
        return means
    return {path: x / x.norm().clamp(min=torch.finfo(x.dtype).tiny) for path, x in means.items()}


@contextmanager
def _gates(found: Mapping[str, MultiHeadAttention]) -> Iterator[dict[str, Tensor]]:
    """Put a gate of ones on each head's sum for each example; yield them as they come to be."""
    gates: dict[str, Tensor] = {}

    def listener(path: str) -> Any:
        def gated(module: nn.Module, given: Any, sums: Tensor) -> Tensor:
            if path not in gates:  # an attention in many places has one gate for all of them
                gates[path] = sums.new_ones(*sums.shape[:2], 1, 1).requires_grad_()
            return sums * gates[path]

        return gated

    handles = [a.attend.register_forward_hook(listener(path)) for path, a in found.items()]
    try:
        yield gates
    finally:
        for handle in handles:
            handle.remove()


def least_important(
    importance: Mapping[str, Float[Tensor, " H"]], count: int
) -> dict[str, list[int]]:
    """Choose the heads that matter least, and leave at least one in every attention.

    Parameters
    ----------
    importance : mapping of str to Tensor, shape (H,)
        What :func:`head_importance` returned. Of heads that share a key head, all or none can be
        pruned: add up the numbers of a group, and choose groups.
    count : int
        How many go, in the whole model.

    Returns
    -------
    dict of str to list of int
        For :func:`prune_heads`; of two that matter alike the first goes.

    Raises
    ------
    ValueError
        If ``count`` is negative, or more than leaves one in each.

    References
    ----------
    Michel et al. (2019), section 4.2.

    Examples
    --------
    >>> least_important({"a": torch.tensor([0.1, 0.2]), "b": torch.tensor([0.9, 0.3])}, 2)
    {'a': [0], 'b': [1]}
    """
    count = check_length("count", count)
    for path, x in importance.items():
        check_shape(f"importance of {path!r}", x, "H")
    most = sum(len(x) - 1 for x in importance.values())
    if count > most:
        raise ValueError(f"count should be at most {most}, which leaves one head each, got {count}")
    ranked = sorted(
        (value, place, head)
        for place, x in enumerate(importance.values())
        for head, value in enumerate(x.tolist())
    )
    paths = list(importance)
    chosen: dict[str, list[int]] = {path: [] for path in paths}
    for _, place, head in ranked:
        path = paths[place]
        if sum(map(len, chosen.values())) < count and len(chosen[path]) < len(importance[path]) - 1:
            chosen[path].append(head)
    return {path: sorted(numbers) for path, numbers in chosen.items() if numbers}


def random_heads(
    model: nn.Module, count: int, *, generator: torch.Generator
) -> dict[str, list[int]]:
    """Choose heads by chance, and leave at least one in every attention: the control.

    Parameters
    ----------
    model : Module
        Anything that holds a :class:`txlite.nn.MultiHeadAttention`.
    count : int
        How many go, in the whole model.
    generator : Generator
        Where the chance comes from, on the CPU.

    Returns
    -------
    dict of str to list of int
        For :func:`prune_heads`.

    Raises
    ------
    ValueError
        If the model has no attention, or ``count`` is negative or more than leaves one in each.

    Examples
    --------
    >>> chance = torch.Generator().manual_seed(0)
    >>> len(random_heads(MultiHeadAttention(8, 4), 3, generator=chance)[""])
    3
    """
    check_generator("generator", generator)
    drawn = {
        path: torch.rand(attention.num_heads, generator=generator)
        for path, attention in attentions(model).items()
    }
    return least_important(drawn, count)
