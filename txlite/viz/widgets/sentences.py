"""A sentence on its way through a model, in bytes: what the living map steps through.

Only what a page cannot compute travels: embeddings and positions, queries, keys and values, what
the branches and hidden layers return, the norms' weights, the logits. Sums, norms, attention
weights, what the heads gather and probabilities are computed anew, by :func:`follow` here and by
the page alike; how far they are from the model's own is measured and travels with them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import anywidget
import torch
import traitlets
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from txlite.viz.widgets.tensors import Tensors

__all__ = ["Called", "Sentence", "Step", "Walk", "attend", "follow"]

Numbers = Mapping[str, Float[Tensor, "..."]]
EPS = 1e-5  # of a layer norm


@runtime_checkable
class Called(Protocol):
    """One call of one module, with its tensors; a shape trace with tensors consists of them."""

    path: str
    parameters: int
    given: dict[str, Tensor]
    returned: list[Tensor]


class Walk(NamedTuple):
    """A sentence on its way through a model.

    ``calls`` are the model's calls, in order and with tensors, for a batch of one; ``source`` and
    ``target`` are the tokens that it read, and ``name`` is what the reader chooses it by.
    """

    name: str
    calls: Sequence[Called]
    source: Sequence[str]
    target: Sequence[str]


class Step(NamedTuple):
    """One operation: in which block, of which kind, with how many parameters, under which mask."""

    block: str
    kind: str
    parameters: int
    causal: bool = False


class Sentence(anywidget.AnyWidget):
    """The numbers of one sentence; a page asks for them when a reader first wants them.

    Parameters
    ----------
    **traits : object
        The values of its traits.

    Attributes
    ----------
    numbers : dict of str to Tensor
        In bytes, the norms' weights as float32, and the logits as float16.
    scales : dict of str to list
        Scale and offset of each tensor that is in bytes.
    far : list of float
        For each step, how far its numbers are at most from the model's own.
    largest : list of float
        For each step, the largest of the model's numbers.
    """

    _esm = "export default { render() {} };"
    apart = traitlets.Bool(True).tag(sync=True)  # a file of its own, see txbook/live.py
    numbers = Tensors(torch.uint8, torch.float16, torch.float32)
    scales = traitlets.Dict().tag(sync=True)
    far = traitlets.List(traitlets.Float()).tag(sync=True)
    largest = traitlets.List(traitlets.Float()).tag(sync=True)

    def restored(self) -> dict[str, Float[Tensor, "..."]]:
        """Return the numbers that the page computes with.

        Returns
        -------
        dict of str to Tensor
            In float64.
        """
        found = {}
        for name, tensor in self.numbers.items():
            found[name] = tensor.double()
            if name in self.scales:
                scale, offset = self.scales[name]
                found[name] = offset + scale * found[name]
        return found


def follow(
    stored: Numbers, steps: Sequence[Step], num_heads: int, *, norm_first: bool
) -> list[dict[str, Float[Tensor, "..."]]]:
    """Compute what each step shows from what has travelled.

    Parameters
    ----------
    stored : mapping of str to Tensor
        Named by block and role, for instance ``"encoder.0.attention.query"``.
    steps : sequence of Step
        In the order of the model.
    num_heads : int
        Of every attention.
    norm_first : bool
        Whether norms stand in the branches.

    Returns
    -------
    list of dict of str to Tensor
        One for each step.
    """
    found: list[dict[str, Tensor]] = []
    x = normed = z = torch.empty(0)
    for step in steps:
        own = {
            name.rpartition(".")[2]: tensor
            for name, tensor in stored.items()
            if name.rpartition(".")[0] == step.block
        }
        shown: dict[str, Tensor] = {}
        if step.kind == "embed":
            x = own["x"]
            shown = {"x": x}
        elif step.kind == "position":
            shown = {"x": x, "position": own["position"], "sum": x + own["position"]}
            x = shown["sum"]
        elif step.kind == "norm":
            weight, bias = own["weight"], own["bias"]
            normed = functional.layer_norm(x, x.shape[-1:], weight, bias, EPS)
            shown = {"x": x, "y": normed}
            x = x if norm_first else normed
        elif step.kind == "project":
            shown = {name: own[name] for name in ("query", "key", "value")}
        elif step.kind in ("weights", "gather"):
            shown = {name: own[name] for name in ("query", "key")}
            shown["weights"] = attend(own["query"], own["key"], num_heads, causal=step.causal)
            if step.kind == "gather":
                values = _split(own["value"], num_heads)
                z = (shown["weights"] @ values).transpose(0, 1).flatten(1)
                shown |= {"value": own["value"], "z": z}
        elif step.kind == "mix":
            shown = {"z": z, "branch": own["branch"]}
        elif step.kind == "add":
            shown = {"x": x, "branch": own["branch"], "sum": x + own["branch"]}
            x = shown["sum"]
        elif step.kind == "hidden":
            shown = {"x": normed if norm_first else x, "hidden": own["hidden"]}
        elif step.kind == "down":
            shown = {"hidden": own["hidden"], "branch": own["branch"]}
        else:
            shown = {"logits": own["logits"]}
            if step.kind == "softmax":
                shown["probabilities"] = own["logits"].softmax(-1)
        found.append(shown)
    return found


def attend(
    query: Float[Tensor, "T D"], key: Float[Tensor, "S D"], num_heads: int, *, causal: bool
) -> Float[Tensor, "H T S"]:
    """Return the attention weights of all heads.

    Parameters
    ----------
    query, key : Tensor
        With the columns of all heads.
    num_heads : int
        How many there are.
    causal : bool
        Whether no row may look ahead.

    Returns
    -------
    Tensor, shape (H, T, S)
        Rows that sum to one.
    """
    q, k = (_split(x, num_heads) for x in (query, key))
    scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
    if causal:
        ahead = torch.ones_like(scores, dtype=torch.bool).triu(1)
        scores = scores.masked_fill(ahead, float("-inf"))
    weights: Tensor = scores.softmax(-1)
    return weights


def _split(x: Tensor, num_heads: int) -> Tensor:
    """Return the columns of each head, (H, T, E)."""
    return x.reshape(len(x), num_heads, -1).transpose(0, 1)
