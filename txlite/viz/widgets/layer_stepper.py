"""The layer stepper: one sentence through a whole encoder–decoder, one operation after the other.

The figure carries what a trained model computed on the way: every vector, every query, key and
value. The reader steps forward and back, or clicks into the diagram; the page computes attention
weights, sums and probabilities anew from what they are made of, and says how close it comes to the
model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["Called", "LayerStepper", "Walk"]


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


class LayerStepper(Widget):
    """Step through an encoder–decoder with real tensors.

    Parameters
    ----------
    walks : sequence of Walk
        The sentences that can be chosen, all through the same model.
    vocabulary : sequence of str
        The tokens that the logits belong to.
    **traits : object
        Where the figure starts: ``walk``, ``step``, ``head``, ``row``.

    Raises
    ------
    ValueError
        If there is no walk, a call of the model is missing or has no tensors, or words and tensors
        do not fit.
    """

    title = traitlets.Unicode("One sentence through the whole model").tag(sync=True)
    walks = traitlets.List(traitlets.Dict()).tag(sync=True)
    numbers = Tensors(torch.float32)
    vocabulary = traitlets.List(traitlets.Unicode()).tag(sync=True)
    sizes = traitlets.Dict().tag(sync=True)
    walk = traitlets.Int(0).tag(sync=True, choice=True)
    step = traitlets.Int(0).tag(sync=True, choice=True)
    head = traitlets.Int(0).tag(sync=True, choice=True)
    row = traitlets.Int(-1).tag(sync=True, choice=True)
    parts: ClassVar[tuple[str, ...]] = ("diagram", "pictures")
    uses: ClassVar[tuple[str, ...]] = ("controls", "pictures", "tensors")

    def __init__(self, walks: Sequence[Walk], vocabulary: Sequence[str], **traits: Any) -> None:
        if not walks:
            raise ValueError("walks should hold at least one walk, got none")
        stories = [_Story(walk, len(vocabulary)) for walk in walks]
        super().__init__(
            walks=[story.described() for story in stories],
            numbers={
                f"{n}.{i}": tensor.float()
                for n, story in enumerate(stories)
                for i, tensor in enumerate(story.stored)
            },
            vocabulary=[*vocabulary],
            sizes=stories[0].sizes,
            **traits,
        )

    def tensor(self, name: str) -> Float[Tensor, "T D"]:
        """Return a tensor of the present step, in float64.

        Parameters
        ----------
        name : str
            What the step calls it, for instance ``"query"``.

        Returns
        -------
        Tensor
            One row for each token.
        """
        number, *_ = self.walks[self.walk]["steps"][self.step]["tensors"][name]
        return self.numbers[f"{self.walk}.{number}"].double()

    def weights(self) -> Float[Tensor, "T S"]:
        """Compute the attention weights that the browser shows for the present step and head.

        Returns
        -------
        Tensor
            One row for each query.
        """
        width = self.sizes["D"] // self.sizes["H"]
        own = slice(self.head * width, (self.head + 1) * width)
        scores = self.tensor("query")[:, own] @ self.tensor("key")[:, own].T / width**0.5
        if self.walks[self.walk]["steps"][self.step]["causal"]:
            ahead = torch.ones_like(scores, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(ahead, float("-inf"))
        weights: Tensor = scores.softmax(-1)
        return weights

    def probabilities(self) -> Float[Tensor, "T V"]:
        """Compute the probabilities that the browser shows at the last step.

        Returns
        -------
        Tensor
            One row for each target position.
        """
        logits: Tensor = self.tensor("logits")
        return logits.softmax(-1)


class _Story:
    """The steps of one walk, and the numbers that they show."""

    def __init__(self, walk: Walk, num_words: int) -> None:
        self.walk = walk
        self.calls: dict[str, list[Called]] = {}
        for call in walk.calls:
            self.calls.setdefault(call.path, []).append(call)
        self.steps: list[dict[str, Any]] = []
        self.stored: list[Tensor] = []
        self.sizes = self._sizes(num_words)
        self._tell()

    def described(self) -> dict[str, Any]:
        """Return what the browser needs beside the numbers."""
        walk = self.walk
        return {
            "name": walk.name,
            "source": [*walk.source],
            "target": [*walk.target],
            "steps": self.steps,
        }

    def call(self, path: str, place: int = 0) -> Called:
        """Return a call of the module, with its tensors."""
        found = self.calls.get(path, [])
        if len(found) <= place or not found[place].returned:
            raise ValueError(f"calls should hold one of {path!r} with its tensors, got none")
        return found[place]

    def out(self, path: str, place: int = 0) -> Tensor:
        """Return what a module returned, without the axis of the batch."""
        return self.call(path, place).returned[0][0]

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
        layers = {s: sum(f"{s}.layers.{i}" in self.calls for i in range(99)) for s in _STACKS}
        return {
            "D": num_heads * width,
            "H": num_heads,
            "F": self.out("encoder.layers.0.feed_forward.up_proj").shape[-1],
            "V": num_words,
            **layers,
        }

    def _tell(self) -> None:
        shared = "source_embedding" not in self.calls
        self._read("source", self.call("embedding" if shared else "source_embedding"))
        for i in range(self.sizes["encoder"]):
            self._layer("encoder", i)
        self._final_norm("encoder")
        self._read("target", self.call("embedding", int(shared)))
        for i in range(self.sizes["decoder"]):
            self._layer("decoder", i)
        self._final_norm("decoder")
        tied = self.call("embedding").parameters
        self._add("output", "logits", {"logits": self.call("").returned[0][0]}, tied)
        self._add("output", "softmax", {"logits": self.call("").returned[0][0]}, 0)

    def _read(self, side: str, embedding: Called) -> None:
        stack = "encoder" if side == "source" else "decoder"
        x, placed = embedding.returned[0][0], self.out(f"{stack}_positions")
        self._add(f"{side}.embed", "embed", {"x": x}, embedding.parameters)
        self._add(f"{side}.embed", "place", {"x": x, "position": placed - x, "sum": placed}, 0)

    def _layer(self, stack: str, i: int) -> None:
        here = f"{stack}.layers.{i}"
        order = [call.path for call in self.walk.calls]
        norm_first = order.index(f"{here}.attention_norm") < order.index(f"{here}.attention")
        x = self.call(here).given["x"][0]
        for part in ("attention", *(["cross_attention"] if stack == "decoder" else [])):
            x = self._sublayer(stack, i, part, x, norm_first)
        self._sublayer(stack, i, "feed_forward", x, norm_first)

    def _sublayer(self, stack: str, i: int, part: str, x: Tensor, norm_first: bool) -> Tensor:
        """Tell one sublayer with its norm and its residual sum; return what comes out."""
        here, block = f"{stack}.layers.{i}.{part}", f"{stack}.{i}.{part}"
        norm = self.call(f"{here}_norm")
        after = norm.returned[0][0]
        branch, total = self.out(here), x + self.out(here)
        adds = {"x": x, "branch": branch, "sum": total}
        if norm_first:
            self._add(block, "norm", {"x": x, "y": after}, norm.parameters)
        if part == "feed_forward":
            self._think(block, here, after if norm_first else x)
        else:
            self._look(block, here, part)
        self._add(block, "add", adds, 0)
        if norm_first:
            return total
        self._add(block, "norm", {"x": total, "y": after}, norm.parameters)
        return after

    def _look(self, block: str, here: str, part: str) -> None:
        q, k, v = (self.call(f"{here}.{name}_proj") for name in ("query", "key", "value"))
        qkv = {
            name: call.returned[0][0]
            for name, call in zip(("query", "key", "value"), (q, k, v), strict=True)
        }
        causal = part == "attention" and block.startswith("decoder")
        self._add(block, "project", qkv, sum(call.parameters for call in (q, k, v)))
        self._add(block, "look", {n: qkv[n] for n in ("query", "key")}, 0, causal=causal)
        z = self.call(f"{here}.attend").returned[0][0].transpose(0, 1).flatten(1)
        self._add(block, "gather", {**qkv, "z": z}, 0, causal=causal)
        out = self.call(f"{here}.output_proj")
        self._add(block, "mix", {"z": z, "branch": out.returned[0][0]}, out.parameters)

    def _think(self, block: str, here: str, x: Tensor) -> None:
        up, down = self.call(f"{here}.up_proj"), self.call(f"{here}.down_proj")
        hidden = self.out(f"{here}.dropout")
        self._add(block, "hidden", {"x": x, "hidden": hidden}, up.parameters)
        branch = down.returned[0][0]
        self._add(block, "down", {"hidden": hidden, "branch": branch}, down.parameters)

    def _final_norm(self, stack: str) -> None:
        if f"{stack}.norm" in self.calls:
            norm = self.call(f"{stack}.norm")
            tensors = {"x": norm.given["x"][0], "y": norm.returned[0][0]}
            self._add(f"{stack}.norm", "norm", tensors, norm.parameters)

    def _add(
        self,
        block: str,
        kind: str,
        tensors: Mapping[str, Tensor],
        parameters: int,
        *,
        causal: bool = False,
    ) -> None:
        """Note a step; a tensor that an earlier step has shown is not stored twice."""
        places = {}
        for name, x in tensors.items():
            places[name] = [self._place(x), *x.shape]
        self.steps.append(
            {
                "block": block,
                "kind": kind,
                "tensors": places,
                "parameters": parameters,
                "causal": causal,
            }
        )

    def _place(self, x: Tensor) -> int:
        for number, stored in enumerate(self.stored):
            if stored.shape == x.shape and torch.equal(stored, x):
                return number
        self.stored.append(x)
        return len(self.stored) - 1


_STACKS = ("encoder", "decoder")
