r"""What a student is to have in common with its teacher: its answers, its states, its maps.

The file reads from the outside in: the distribution over the answers, then the hidden states and
the attention maps behind it. A teacher is an example and not a pupil: none of these losses has a
gradient for it.

Sources
    Hinton, Vinyals and Dean (2015), "Distilling the Knowledge in a Neural Network", section 2.
    Jiao et al. (2020), "TinyBERT: Distilling BERT for Natural Language Understanding", section 3.1.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from txlite._checks import check_bool, check_floating, check_rate, check_shape

__all__ = ["attention_losses", "hidden_losses", "soft_loss", "soft_losses"]


def soft_losses(
    student: Float[Tensor, "*B V"], teacher: Float[Tensor, "*B V"], *, temperature: float = 1.0
) -> Float[Tensor, "*B"]:
    r"""How far the student's distribution is from the teacher's, both softened.

    .. math:: T^2 \sum_v p_v \log \frac{p_v}{q_v},\quad
              p = \operatorname{softmax}(t / T),\quad q = \operatorname{softmax}(s / T)

    The slopes of softened scores shrink with the square of T. The factor gives them back, so that
    this loss and one of labels keep their balance whatever T is (Hinton et al., section 2).

    Parameters
    ----------
    student, teacher : Tensor, shape (..., V)
        Scores before the softmax, s and t. Half-precision scores are summed in float32.
    temperature : float
        T, above zero. The higher, the more the wrong answers say about each other.

    Returns
    -------
    Tensor, shape (...)
        In nats; zero where both say the same. It differs from the paper's cross-entropy by the
        teacher's entropy, which no student can change.

    Raises
    ------
    ValueError
        If the shapes disagree, they are no floating-point numbers, or T is not positive.

    References
    ----------
    Hinton et al. (2015), equations (1) and (2). Jiao et al. (2020), equation (10).

    Examples
    --------
    >>> teacher, student = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 0.0])
    >>> round(float(soft_losses(student, teacher)), 4)
    0.3278
    >>> hot = soft_losses(student.double(), teacher.double(), temperature=100.0)
    >>> round(float(hot), 4)  # T² times almost nothing: half the variance of (2, 0)
    0.5
    """
    temperature = check_temperature(temperature)
    check_shape("student", student, "*B V")
    check_floating("student", student)
    _check_pair(student, teacher)
    mine, theirs = (_exact(x / temperature).log_softmax(-1) for x in (student, teacher.detach()))
    parts = theirs.exp() * (theirs - mine)
    return temperature**2 * parts.masked_fill(theirs == -math.inf, 0.0).sum(-1)


def soft_loss(
    student: Float[Tensor, "*B V"],
    teacher: Float[Tensor, "*B V"],
    keep: Bool[Tensor, "*B"] | None = None,
    *,
    temperature: float = 1.0,
) -> Float[Tensor, ""]:
    """Mean of :func:`soft_losses` over the real tokens of a whole batch.

    Parameters
    ----------
    student, teacher : Tensor, shape (..., V)
        Scores before the softmax.
    keep : Tensor of bool, shape (...), optional
        True where the token is real; what stands elsewhere does not matter. By default all are.
    temperature : float
        T, above zero.

    Returns
    -------
    Tensor, shape ()
        In nats per token; 0, with a gradient of zeros, if no token is real.

    Raises
    ------
    ValueError
        If the shapes disagree, or T is not positive.
    """
    check_shape("student", student, "*B V")
    if keep is not None:
        check_bool("keep", keep)
        if keep.shape != student.shape[:-1]:
            raise ValueError(
                f"keep should have the student's axes before the last, "
                f"{tuple(student.shape[:-1])}, got {tuple(keep.shape)}"
            )
        student = student.masked_fill(~keep[..., None], 0.0)
        _check_pair(student, teacher)
        teacher = teacher.masked_fill(~keep[..., None], 0.0)
    losses = soft_losses(student, teacher, temperature=temperature)
    return losses.mean() if keep is None else losses.sum() / keep.sum().clamp(min=1)


def hidden_losses(
    student: Float[Tensor, "*B D"], teacher: Float[Tensor, "*B D"]
) -> Float[Tensor, "*B"]:
    r"""Mean square of the difference between two hidden states, for each position.

    .. math:: \frac{1}{D} \lVert h^S W - h^T \rVert^2

    Parameters
    ----------
    student : Tensor, shape (..., D)
        The student's states in the teacher's width: projected, by a map that is learned with it.
    teacher : Tensor, shape (..., D)
        The teacher's.

    Returns
    -------
    Tensor, shape (...)
        Zero where they are the same.

    Raises
    ------
    ValueError
        If the shapes disagree.

    References
    ----------
    Jiao et al. (2020), equations (8) and (9).
    """
    check_shape("student", student, "*B D")
    _check_pair(student, teacher)
    return (_exact(student) - _exact(teacher.detach())).square().mean(-1)


def attention_losses(
    student: Float[Tensor, "B H T S"],
    teacher: Float[Tensor, "B H T S"],
    seen: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "B T"]:
    r"""Mean square of the difference between two attention maps, for each query.

    TinyBERT compares the scores before the softmax, and says that this converges faster (section
    3.1). The mean is over the heads and the keys that may be seen, so that padding changes nothing.

    Parameters
    ----------
    student, teacher : Tensor, shape (B, H, T, S)
        Scores or weights; the head h of one is compared with the head h of the other.
    seen : Tensor of bool, optional
        True where the query may attend to the key; broadcasts to (B, H, T, S).

    Returns
    -------
    Tensor, shape (B, T)
        Zero where they are the same, and for a query that may attend nothing.

    Raises
    ------
    ValueError
        If the shapes disagree, for instance because the numbers of heads do.

    References
    ----------
    Jiao et al. (2020), equation (7).
    """
    check_shape("student", student, "B H T S")
    _check_pair(student, teacher)
    apart = (_exact(student) - _exact(teacher.detach())).square()
    if seen is None:
        return apart.mean((1, 3))
    check_bool("seen", seen)
    seen = seen.expand_as(apart)
    return apart.masked_fill(~seen, 0.0).sum((1, 3)) / seen.sum((1, 3)).clamp(min=1)


def check_temperature(temperature: float) -> float:
    """Require a temperature by which scores can be divided.

    Raises
    ------
    ValueError
        If it is not positive and finite.
    """
    return check_rate("temperature", temperature)


def _check_pair(student: Tensor, teacher: Tensor) -> None:
    if not isinstance(teacher, Tensor) or teacher.shape != student.shape:
        found = tuple(teacher.shape) if isinstance(teacher, Tensor) else type(teacher).__name__
        raise ValueError(
            f"teacher should have the student's shape {tuple(student.shape)}, got {found}"
        )


def _exact(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
