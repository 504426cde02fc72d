r"""The contrastive loss: each picture is to find its own text among those of the batch, and back.

A row of scores is one picture's, a column one text's. The loss is a cross-entropy in both
directions, over rows and over columns, and these are not the same: with the scores ``[[2, 2],
[0, 0]]`` no picture can choose, and the text of the second one has chosen wrongly.

Every other pair of the batch is a wrong answer, so a batch that is parted among processes would
have fewer of them. Therefore the vectors of all processes are gathered, *with* their gradients: a
vector is a wrong answer for the pairs of the others, too.

Sources
    Radford et al. (2021), "Learning Transferable Visual Models From Natural Language Supervision",
    section 2.3 and figure 3. Oord, Li and Vinyals (2018), "Representation Learning with
    Contrastive Predictive Coding", section 2.3.
"""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from txlite._checks import check_length, check_shape
from txlite.training.distributed import team

__all__ = ["contrastive_loss", "contrastive_losses"]


def contrastive_losses(
    per_picture: Float[Tensor, "B N"], per_text: Float[Tensor, "B N"], *, first: int = 0
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    r"""Return the loss of each pair in both directions.

    .. math:: -\log \frac{e^{s_{i,f+i}}}{\sum_j e^{s_{ij}}}

    Parameters
    ----------
    per_picture : Tensor, shape (B, N)
        Scores before the softmax: a row for each picture of B pairs, a column for each of N texts.
    per_text : Tensor, shape (B, N)
        The same for each text: what :class:`txlite.models.CLIP` returns.
    first : int
        The number, f, of the first of the B pairs among the N: 0 where these are all there are.

    Returns
    -------
    picture_to_text, text_to_picture : Tensor, shape (B,)
        In nats.

    Raises
    ------
    ValueError
        If the shapes disagree, or there are fewer than ``first`` and B columns.

    References
    ----------
    Radford et al. (2021), figure 3.

    Examples
    --------
    >>> scores = torch.tensor([[2.0, 2.0], [0.0, 0.0]])
    >>> picture_to_text, text_to_picture = contrastive_losses(scores, scores.mT)
    >>> picture_to_text.mean(), text_to_picture.mean()
    (tensor(0.6931), tensor(1.1269))
    """
    rows, columns = check_shape("per_picture", per_picture, "B N").values()
    check_shape("per_text", per_text, "B N", B=rows, N=columns)
    first = check_length("first", first)
    if first + rows > columns:
        raise ValueError(
            f"per_picture should have a column for each of first + B = {first + rows} pairs, got "
            f"{columns}"
        )
    own = first + torch.arange(rows, device=per_picture.device)
    one, other = (
        functional.cross_entropy(scores, own, reduction="none")
        for scores in (per_picture, per_text)
    )
    return one, other


def contrastive_loss(
    pictures: Float[Tensor, "B E"], texts: Float[Tensor, "B E"], scale: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Return the mean of both directions over this process's pairs, among the pairs of all.

    Where processes share a batch, each hands over its own pairs, as many as every other. The mean
    over processes of the gradients, which is what DDP takes, is then the gradient of one process
    with the whole batch.

    Parameters
    ----------
    pictures, texts : Tensor, shape (B, E)
        Vectors of length one: what ``encode_pictures`` and ``encode_texts`` of
        :class:`txlite.models.CLIP` return. Row i of the one belongs to row i of the other.
    scale : Tensor, shape ()
        What cosines are multiplied by: one over the temperature.

    Returns
    -------
    Tensor, shape ()
        In nats. A model for which all texts are alike has ln N, with N the pairs of all processes.

    Raises
    ------
    ValueError
        If the shapes disagree.

    References
    ----------
    Radford et al. (2021), section 2.3.

    Examples
    --------
    >>> same = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> contrastive_loss(same, same, torch.tensor(10.0))  # ln 2: nothing to choose by
    tensor(0.6931)
    """
    rows, width = check_shape("pictures", pictures, "B E").values()
    check_shape("texts", texts, "B E", B=rows, E=width)
    here = team()
    all_pictures, all_texts = (_gathered(x) if here.size > 1 else x for x in (pictures, texts))
    losses = contrastive_losses(
        scale * pictures @ all_texts.mT, scale * texts @ all_pictures.mT, first=here.rank * rows
    )
    return torch.stack(losses).mean()


def _gathered(x: Tensor) -> Tensor:
    """Return the rows of all processes in order."""
    rows: Tensor = _Gathered.apply(x)  # type: ignore[no-untyped-call]
    return rows


class _Gathered(torch.autograd.Function):
    """The rows of all processes in order; each row gets the gradients that all have for it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.rows = len(x)
        parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total[dist.get_rank() * ctx.rows :][: ctx.rows]
