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

from txlite.viz.widgets.tensors import Tensors, in_bytes

__all__ = ["Called", "Sentence", "Step", "Story", "Walk", "follow"]

Numbers = Mapping[str, Float[Tensor, "..."]]
EPS = 1e-5  # of a layer norm
STACKS = ("encoder", "decoder")


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


class Story:
    """The steps of one walk, what they show, and what of it must travel.

    Parameters
    ----------
    walk : Walk
        The sentence and its calls.
    num_words : int
        The size of the vocabulary.
    weights : mapping of str to Tensor
        The model's parameters, of which the norms' are taken.

    Attributes
    ----------
    sizes : dict of str to int
        What the letters stand for, and how many layers the stacks have.
    steps : list of Step
        In the model's order.
    shown : list of dict of str to Tensor
        The model's own tensors, for each step.
    stored : dict of str to Tensor
        What a page cannot compute.

    Raises
    ------
    ValueError
        If a call is missing or has no tensors, a norm is not there, or words do not fit.
    """

    def __init__(
        self, walk: Walk, num_words: int, weights: Mapping[str, Float[Tensor, "..."]]
    ) -> None:
        self.walk, self.parameters = walk, weights
        self.calls: dict[str, list[Called]] = {}
        for call in walk.calls:
            self.calls.setdefault(call.path, []).append(call)
        self.steps: list[Step] = []
        self.shown: list[dict[str, Tensor]] = []
        self.stored: dict[str, Tensor] = {}
        self.sizes = self._sizes(num_words)
        order = [call.path for call in walk.calls]
        first = "encoder.layers.0.attention"
        self.norm_first = order.index(f"{first}_norm") < order.index(first)
        self._tell()

    def sentence(self) -> Sentence:
        """Return what travels, with its measured distance from the model.

        Returns
        -------
        Sentence
            In bytes.
        """
        numbers, scales = {}, {}
        for name, tensor in self.stored.items():
            role = name.rpartition(".")[2]
            if role in ("weight", "bias"):
                numbers[name] = tensor.float()
            elif role == "logits":
                numbers[name] = tensor.half()
            else:
                small = in_bytes(tensor)
                numbers[name], scales[name] = small.codes, [small.scale, small.offset]
        found = Sentence(numbers=numbers, scales=scales)
        mine = follow(found.restored(), self.steps, self.sizes["H"], norm_first=self.norm_first)
        pairs = list(zip(mine, self.shown, strict=True))
        found.far = [max(_apart(a[name], b[name]) for name in b) for a, b in pairs]
        found.largest = [max(float(x.abs().max()) for x in shown.values()) for shown in self.shown]
        return found

    def call(self, path: str, number: int = 0) -> Called:
        """Return a call of a module, with its tensors.

        Parameters
        ----------
        path : str
            The module's.
        number : int
            Which of its calls.

        Returns
        -------
        Called
            The call.

        Raises
        ------
        ValueError
            If there is none.
        """
        found = self.calls.get(path, [])
        if len(found) <= number or not found[number].returned:
            raise ValueError(f"calls should hold one of {path!r} with its tensors, got none")
        return found[number]

    def out(self, path: str, number: int = 0) -> Float[Tensor, "..."]:
        """Return what a module returned, without the axis of the batch."""
        return self.call(path, number).returned[0][0].cpu()

    def count(self, *paths: str) -> int:
        """Return how many parameters some modules hold."""
        return sum(self.call(path).parameters for path in paths)

    def _sizes(self, num_words: int) -> dict[str, int]:
        _, num_heads, _, width = self.call("encoder.layers.0.attention.attend").returned[0].shape
        logits = self.call("").returned[0]
        if logits.shape[0] != 1 or logits.shape[-1] != num_words:
            raise ValueError(
                f"calls should be of a batch of one and a vocabulary of {num_words}, got logits of "
                f"shape {tuple(logits.shape)}"
            )
        found = {"S": self.out("encoder").shape[0], "T": logits.shape[1]}
        for name, axis in (("source", "S"), ("target", "T")):
            words: Sequence[str] = getattr(self.walk, name)
            if len(words) != found[axis]:
                raise ValueError(f"{name} should name {found[axis]} tokens, got {len(words)}")
        layers = {s: sum(f"{s}.layers.{i}" in self.calls for i in range(99)) for s in STACKS}
        return {
            "D": num_heads * width,
            "H": num_heads,
            "E": width,
            "F": self.out("encoder.layers.0.feed_forward.up_proj").shape[-1],
            "V": num_words,
            **found,
            **layers,
        }

    def _tell(self) -> None:
        shared = "source_embedding" not in self.calls
        for stack, path, number in (
            ("encoder", "embedding" if shared else "source_embedding", 0),
            ("decoder", "embedding", int(shared)),
        ):
            self._read(stack, self.call(path, number))
            for i in range(self.sizes[stack]):
                self._layer(stack, i)
            if f"{stack}.norm" in self.calls:
                given = self.call(f"{stack}.norm").given["x"][0].cpu()
                self._norm(f"{stack}.norm", f"{stack}.norm", given)
        logits = self.out("")
        self.stored["output.logits"] = logits
        exit_of = "output" if "output" in self.calls else "embedding"
        self._add("output", "logits", self.count(exit_of), {"logits": logits})
        chances = {"logits": logits, "probabilities": logits.softmax(-1)}
        self._add("output", "softmax", 0, chances)

    def _read(self, stack: str, embedding: Called) -> None:
        block = f"{stack}_positions"
        x, total = embedding.returned[0][0].cpu(), self.out(block)
        position = total - x
        self.stored |= {f"{block}.x": x, f"{block}.position": position}
        self._add(block, "embed", embedding.parameters, {"x": x})
        self._add(block, "position", 0, {"x": x, "position": position, "sum": total})

    def _layer(self, stack: str, i: int) -> None:
        x = self.call(f"{stack}.layers.{i}").given["x"][0].cpu()
        crossed = ["cross_attention"] if stack == "decoder" else []
        for part in ("attention", *crossed, "feed_forward"):
            x = self._sublayer(f"{stack}.{i}.{part}", f"{stack}.layers.{i}.{part}", x)

    def _sublayer(self, block: str, here: str, x: Tensor) -> Tensor:
        """Tell one sublayer with its norm and its residual sum; return what comes out."""
        branch = self.out(here)
        self.stored[f"{block}.branch"] = branch
        total = x + branch
        after = self.out(f"{here}_norm")
        if self.norm_first:
            self._norm(block, f"{here}_norm", x)
        if block.endswith("feed_forward"):
            self._think(block, here, after if self.norm_first else x)
        else:
            self._attend(block, here)
        self._add(block, "add", 0, {"x": x, "branch": branch, "sum": total})
        if self.norm_first:
            return total
        self._norm(block, f"{here}_norm", total)
        return after

    def _norm(self, block: str, path: str, x: Tensor) -> None:
        for role in ("weight", "bias"):
            name = f"{path}.{role}"
            if name not in self.parameters:
                raise ValueError(f"weights should hold the layer norm's {name!r}, got none")
            self.stored[f"{block}.{role}"] = self.parameters[name].detach().cpu()
        self._add(block, "norm", self.count(path), {"x": x, "y": self.out(path)})

    def _attend(self, block: str, here: str) -> None:
        qkv = {name: self.out(f"{here}.{name}_proj") for name in ("query", "key", "value")}
        self.stored |= {f"{block}.{name}": x for name, x in qkv.items()}
        causal = block.startswith("decoder") and block.endswith(".attention")
        cost = self.count(*(f"{here}.{name}_proj" for name in qkv))
        pair = {name: qkv[name] for name in ("query", "key")}
        pair["weights"] = attend(qkv["query"], qkv["key"], self.sizes["H"], causal=causal)
        z = self.out(f"{here}.attend").transpose(0, 1).flatten(1)
        self._add(block, "project", cost, qkv)
        self._add(block, "weights", 0, pair, causal)
        self._add(block, "gather", 0, pair | {"value": qkv["value"], "z": z}, causal)
        out = f"{here}.output_proj"
        self._add(block, "mix", self.count(out), {"z": z, "branch": self.out(here)})

    def _think(self, block: str, here: str, x: Tensor) -> None:
        hidden, branch = self.out(f"{here}.dropout"), self.out(f"{here}.down_proj")
        self.stored[f"{block}.hidden"] = hidden
        self._add(block, "hidden", self.count(f"{here}.up_proj"), {"x": x, "hidden": hidden})
        down = {"hidden": hidden, "branch": branch}
        self._add(block, "down", self.count(f"{here}.down_proj"), down)

    def _add(
        self,
        block: str,
        kind: str,
        parameters: int,
        shown: dict[str, Tensor],
        causal: bool = False,
    ) -> None:
        self.steps.append(Step(block, kind, parameters, causal))
        self.shown.append(shown)

    def costs(self) -> dict[str, int]:
        """Return how many parameters each part of the map holds.

        Returns
        -------
        dict of str to int
            Named as the map names its parts; all layers of a stack are one, ``"encoder.layer"``.

        Raises
        ------
        ValueError
            If two layers of a stack differ.
        """
        heads = self.sizes["H"]
        exit_of = "output" if "output" in self.calls else "embedding"
        found = {"model": self.count(""), "output": self.count(exit_of)}
        for stack in STACKS:
            shared = stack == "decoder" or "source_embedding" not in self.calls
            entrance = "embedding" if shared else "source_embedding"
            found[f"{stack}_positions"] = self.count(entrance, f"{stack}_positions")
            found[f"{stack}_positions.lookup"] = self.count(entrance)
            found[stack] = self.count(stack)
            paths = [f"{stack}.layers.{i}" for i in range(self.sizes[stack])]
            if len({self.count(path) for path in paths}) != 1:
                raise ValueError(f"the layers of the {stack} should be alike, got different ones")
            layer, here = f"{stack}.layer", paths[0]
            found[layer] = self.count(here)
            if f"{stack}.norm" in self.calls:
                found[f"{stack}.norm"] = self.count(f"{stack}.norm")
            parts = ["attention", "feed_forward"]
            for part in parts + ["cross_attention"] * (stack == "decoder"):
                path, name = f"{here}.{part}", f"{layer}.{part}"
                found |= {name: self.count(path), f"{name}_norm": self.count(f"{path}_norm")}
                if part == "feed_forward":
                    found[f"{name}.W1"] = self.count(f"{path}.up_proj")
                    found[f"{name}.W2"] = self.count(f"{path}.down_proj")
                    continue
                own = {n: self.count(f"{path}.{n}_proj") for n in ("query", "key", "value")}
                found[f"{name}.project"] = sum(own.values())
                found[f"{name}.WO"] = self.count(f"{path}.output_proj")
                found[f"{name}.head"] = sum(own.values()) // heads
                found |= {f"{name}.head.W{n[0].upper()}": c // heads for n, c in own.items()}
        return found


def _split(x: Tensor, num_heads: int) -> Tensor:
    """Return the columns of each head, (H, T, E)."""
    return x.reshape(len(x), num_heads, -1).transpose(0, 1)


def _apart(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).abs().max())
