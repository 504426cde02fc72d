"""The steps of a sentence through a model, read from the model's calls, and what must travel."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from txlite.viz.widgets.sentences import Called, Sentence, Step, Walk, attend, follow
from txlite.viz.widgets.tensors import in_bytes

__all__ = ["STACKS", "Story"]

STACKS = ("encoder", "decoder")


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


def _apart(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).abs().max())
