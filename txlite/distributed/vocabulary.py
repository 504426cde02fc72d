r"""A vocabulary that is cut by rows: each process looks up, scores and sums its own tokens.

The scores of all tokens are the largest tensor of a training step. Cut, they are never put
together: of the loss's softmax the processes exchange a maximum, a sum and the right token's score,
three numbers for each position instead of V.

Source
    Shoeybi et al. (2019), "Megatron-LM", section 3: the embedding cut along the vocabulary, and the
    cross-entropy fused with the scores.
"""

import torch
import torch.distributed as dist
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor
from torch.nn import functional

from txlite._checks import (
    check_divides,
    check_floating,
    check_probability,
    check_shape,
    check_tokens,
    dtype_name,
)
from txlite.distributed.operators import enter_cut, sum_over
from txlite.nn import TokenEmbedding

__all__ = ["VocabularyParallelEmbedding", "vocabulary_cross_entropy"]


class VocabularyParallelEmbedding(nn.Module):
    """A :class:`txlite.nn.TokenEmbedding` of which each process holds as many rows as the others.

    Parameters
    ----------
    embedding : TokenEmbedding
        The whole; process 0's is cut.
    mesh : DeviceMesh
        The processes, along one axis.

    Attributes
    ----------
    weight : Parameter
        A distributed tensor of shape (V, D): :func:`txlite.training.clip_gradients` and
        checkpoints see it whole.

    Raises
    ------
    ValueError
        If the vocabulary's size is no multiple of the number of processes.

    References
    ----------
    Shoeybi et al. (2019), section 3.
    """

    def __init__(self, embedding: TokenEmbedding, mesh: DeviceMesh) -> None:
        super().__init__()
        check_divides("mesh.size()", mesh.size(), "vocab_size", embedding.vocab_size)
        self.vocab_size, self.d_model = embedding.vocab_size, embedding.d_model
        self.scale, self.group = embedding.scale, mesh.get_group()
        self.first = mesh.get_local_rank() * (self.vocab_size // mesh.size())
        self.weight = nn.Parameter(distribute_tensor(embedding.weight.detach(), mesh, [Shard(0)]))

    def forward(self, tokens: Integer[Tensor, "*B T"]) -> Float[Tensor, "*B T D"]:
        """Look up the tokens that are this process's, and sum over all.

        Parameters
        ----------
        tokens : Tensor of int, shape (..., T)
            Token numbers in [0, vocab_size), the same on every process.

        Returns
        -------
        Tensor, shape (..., T, D)
            One vector for each token.

        Raises
        ------
        ValueError
            If ``tokens`` holds anything but whole numbers of 32 or 64 bits, or a number outside the
            vocabulary.
        """
        check_shape("tokens", tokens, "*B T")
        if tokens.dtype not in (torch.int32, torch.int64):
            raise ValueError(f"tokens should hold int32 or int64 numbers, got {dtype_name(tokens)}")
        check_tokens("tokens", tokens, self.vocab_size, "vocab_size")
        rows = self._rows()
        row, mine = _own(tokens, self.first, rows.shape[0])
        x = functional.embedding(row, rows).masked_fill(~mine[..., None], 0.0)
        x = sum_over(x, self.group)
        return x * self.d_model**0.5 if self.scale else x

    def logits(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B W"]:
        """Score this process's tokens.

        Parameters
        ----------
        x : Tensor, shape (..., D)
            What a model says of the next token, the same on every process.

        Returns
        -------
        Tensor, shape (..., W)
            One score for each of the W = V / N tokens of this process, for
            :func:`vocabulary_cross_entropy`.

        Raises
        ------
        ValueError
            If the last axis of ``x`` is not the model's width.
        """
        check_shape("x", x, "*B D", D=self.d_model)
        return functional.linear(enter_cut(x, self.group), self._rows())

    def _rows(self) -> Tensor:
        weight = self.weight
        rows: Tensor = weight.to_local() if isinstance(weight, DTensor) else weight
        return rows

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"vocab_size={self.vocab_size}, d_model={self.d_model}, first={self.first}"


def vocabulary_cross_entropy(
    logits: Float[Tensor, "*B W"],
    targets: Int[Tensor, "*B"],
    keep: Bool[Tensor, "*B"] | None = None,
    *,
    label_smoothing: float = 0.0,
    group: dist.ProcessGroup | None = None,
) -> Float[Tensor, ""]:
    r"""Return :func:`txlite.training.cross_entropy` of scores that lie on several processes.

    .. math:: -\log p_\text{target} = \log \sum_n \sum_{v \in n} e^{s_v - m} + m - s_\text{target}

    with the largest score m of all processes n.

    Parameters
    ----------
    logits : Tensor, shape (..., W)
        This process's W = V / N scores: those of the tokens from W times its rank on.
    targets : Tensor of int, shape (...)
        The right tokens, numbered in the whole vocabulary; the same on every process.
    keep : Tensor of bool, shape (...), optional
        True where the token is real. By default all are.
    label_smoothing : float
        Share of the target that is spread over all V classes, ε in [0, 1).
    group : ProcessGroup, optional
        The processes. By default all.

    Returns
    -------
    Tensor, shape ()
        In nats per token, the same on every process; 0 if no token is real.

    Raises
    ------
    ValueError
        If shapes or dtypes disagree, or ε or a target that counts is outside its range.

    References
    ----------
    Shoeybi et al. (2019), section 3.
    """
    label_smoothing = check_probability("label_smoothing", label_smoothing)
    check_floating("logits", logits)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"targets should have the logits' axes before the last, {tuple(logits.shape[:-1])}, "
            f"got {tuple(targets.shape)}"
        )
    if keep is not None and (keep.dtype != torch.bool or keep.shape != targets.shape):
        raise ValueError(
            f"keep should hold bool in the targets' shape {tuple(targets.shape)}, "
            f"got {dtype_name(keep)} in {tuple(keep.shape)}"
        )
    width, ranks = logits.shape[-1], dist.get_world_size(group)
    scores = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    if keep is not None:  # what stands at a blank must not matter
        scores, targets = scores.masked_fill(~keep[..., None], 0.0), targets.masked_fill(~keep, 0)
    check_tokens("targets", targets, width * ranks, "V")
    largest = scores.detach().amax(-1)
    dist.all_reduce(largest, dist.ReduceOp.MAX, group=group)
    scores = scores - largest[..., None]
    log_sum = sum_over(scores.exp().sum(-1), group).log()
    place, mine = _own(targets.long(), width * dist.get_rank(group), width)
    right = scores.gather(-1, place[..., None])[..., 0].masked_fill(~mine, 0.0)
    losses = log_sum - (1 - label_smoothing) * sum_over(right, group)
    if label_smoothing:
        mean = sum_over(scores.sum(-1), group) / (width * ranks)
        losses = losses - label_smoothing * mean
    if keep is None:
        return losses.mean()
    return (losses * keep).sum() / keep.sum().clamp(min=1)


def _own(tokens: Tensor, first: int, count: int) -> tuple[Tensor, Tensor]:
    """Return each token's place among those of this process, and whether it has one."""
    place = tokens - first
    mine = (place >= 0) & (place < count)
    return place.where(mine, 0), mine
