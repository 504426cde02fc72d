"""What of a model can be shared out: counted from its modules, on the meta device as well.

Sources
    Narayanan et al. (2021), section 5.1 (operations of a step).
    Korthikanti et al. (2022), section 4.1, equation (1) (bytes that a layer keeps).
"""

import math
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel

from txlite._checks import check_module
from txlite.distributed.tensor_parallel import tensor_parallel_plan
from txlite.nn import FeedForward, MultiHeadAttention, Stack, TokenEmbedding

__all__ = ["ModelParts", "model_parts"]


@dataclass(frozen=True)
class ModelParts:
    """The sizes of a model of one stack, as far as they are cut.

    Parameters
    ----------
    num_layers, d_model, vocab_size : int
        Sizes.
    cut : int
        Parameters of a layer that tensor parallelism shares out.
    whole : int
        Parameters of a layer that every process holds: norms, and biases of what is summed.
    matrices : int
        Entries of a layer's matrices.
    heads, kv_heads, hidden : int
        Widths of all query heads, of all key heads and of the hidden layer.
    hidden_copies : int
        Tensors of that width that a feed-forward layer keeps: 2, or 4 with a gate.
    before, after : int
        Parameters beside the layers and the vocabulary, on the first stage and on the last.
    tied : bool
        Whether the embedding scores the next token.
    divisible : tuple of int
        What the number of processes has to divide.
    """

    num_layers: int
    d_model: int
    vocab_size: int
    cut: int
    whole: int
    matrices: int
    heads: int
    kv_heads: int
    hidden: int
    hidden_copies: int
    before: int
    after: int
    tied: bool
    divisible: tuple[int, ...]

    def divides(self, tensor: int) -> bool:
        """Return whether every layer can be shared out evenly.

        Parameters
        ----------
        tensor : int
            Among how many processes.

        Returns
        -------
        bool
            Whether heads and hidden units divide.
        """
        return all(size % tensor == 0 for size in self.divisible)

    def held(self, tensor: int, stages: list[range]) -> list[int]:
        """Return how many parameters a process of each stage holds.

        Parameters
        ----------
        tensor : int
            Processes that share a layer.
        stages : list of range
            Layers of each stage.

        Returns
        -------
        list of int
            Parameters; a vocabulary that does not divide is filled up with rows.
        """
        layer = self.cut // tensor + self.whole
        rows = math.ceil(self.vocab_size / tensor) * self.d_model
        counts = [len(stage) * layer for stage in stages]
        counts[0] += rows + self.before
        counts[-1] += self.after
        if not self.tied or len(stages) > 1:
            counts[-1] += rows
        return counts

    def step_flops(self, batch: int, length: int, *, recompute: bool) -> float:
        """Return the operations of one step of training.

        Parameters
        ----------
        batch, length : int
            Rows, and positions of each.
        recompute : bool
            Whether layers are computed once more before they go backward.

        Returns
        -------
        float
            Two for each multiplication with its addition; all scores are counted, also those that
            a causal mask hides.

        References
        ----------
        Narayanan et al. (2021), equation (3), for layers whose hidden layer is four times as wide.
        """
        tokens = batch * length
        layer = 2.0 * tokens * self.matrices + 4.0 * tokens * length * self.heads
        scores = 2.0 * tokens * self.d_model * self.vocab_size
        return (4 if recompute else 3) * self.num_layers * layer + 3 * scores

    def activation_bytes(self, tensor: int) -> float:
        """Return what a layer keeps of each position until it goes backward, in half precision.

        Parameters
        ----------
        tensor : int
            Processes that share the layer.

        Returns
        -------
        float
            Bytes: the inputs of both norms and of both sublayers, two masks of dropout, and shared
            out queries, keys, values, what leaves the heads and the hidden layer.

        References
        ----------
        Korthikanti et al. (2022), section 4.2.1: sbh (10 + 24/t) where h is the width.
        """
        shared = 2 * (2 * self.heads + 2 * self.kv_heads + self.hidden_copies * self.hidden)
        return 10 * self.d_model + shared / tensor


def model_parts(model: nn.Module) -> ModelParts:
    """Count what of a model can be shared out.

    Parameters
    ----------
    model : Module
        With an ``embedding`` and one stack, ``decoder`` or ``encoder``, whose layers are alike.

    Returns
    -------
    ModelParts
        Its sizes.

    Raises
    ------
    ValueError
        If it has no vocabulary, not one stack, or layers that differ.
    """
    check_module("model", model)
    given: Any = model
    stacks = [getattr(model, name, None) for name in ("encoder", "decoder")]
    found = [stack for stack in stacks if isinstance(stack, Stack)]
    if len(found) != 1 or not isinstance(getattr(model, "embedding", None), TokenEmbedding):
        raise ValueError(
            f"model should have an embedding and one stack, got {type(model).__name__}"
        )
    (stack,) = found
    layers = list(stack.layers)
    counts = {tuple(p.shape for p in layer.parameters()) for layer in layers}
    if len(counts) > 1 or len({id(layer) for layer in layers}) < len(layers):
        raise ValueError("model should have layers that are alike, and each once, got others")
    layer: Any = layers[0]
    plan = tensor_parallel_plan(layer)
    attention = next(m for m in layer.modules() if isinstance(m, MultiHeadAttention))
    feed = next((m for m in layer.modules() if isinstance(m, FeedForward)), None)
    if feed is None:
        raise ValueError("model should have feed-forward layers that can be cut, got none")
    cut = whole = matrices = 0
    for name, p in layer.named_parameters():
        module, _, kind = name.rpartition(".")
        style = plan.get(module)
        shared = isinstance(style, ColwiseParallel)
        shared = shared or (isinstance(style, RowwiseParallel) and kind == "weight")
        cut, whole = cut + shared * p.numel(), whole + (not shared) * p.numel()
        matrices += p.numel() if p.ndim > 1 else 0
    embedding, output = given.embedding, getattr(model, "output", None)
    after = 0 if stack.norm is None else _size(stack.norm)
    inside = _size(stack) - (0 if stack.norm is None else after)
    rows = embedding.weight.numel() + (0 if output is None else _size(output))
    return ModelParts(
        num_layers=len(layers), d_model=layer.d_model, vocab_size=embedding.vocab_size,
        cut=cut, whole=whole, matrices=matrices,
        heads=attention.num_heads * attention.head_dim,
        kv_heads=attention.num_kv_heads * attention.head_dim,
        hidden=feed.d_ff, hidden_copies=2 if feed.gate_proj is None else 4,
        before=_size(model) - inside - after - rows, after=after, tied=output is None,
        divisible=(attention.num_heads, attention.num_kv_heads, feed.d_ff),
    )  # fmt: skip


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
