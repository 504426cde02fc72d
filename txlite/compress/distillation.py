"""The loss of a student that learns from a teacher instead of, or beside, labels.

Both read the same batch. The teacher stands in evaluation mode, without gradients; the student is
asked for the same scores over the answers, and, as in TinyBERT, for the same states and maps on the
way to them. What counts is a choice of weights; the two stages of TinyBERT are two such choices.

Sources
    Hinton, Vinyals and Dean (2015), "Distilling the Knowledge in a Neural Network", section 2.
    Jiao et al. (2020), "TinyBERT", sections 3.1 (losses) and 4.2 (first the layers, then the end).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from txlite._checks import (
    check_bool,
    check_callable,
    check_choice,
    check_module,
    check_number,
    check_shape,
)
from txlite.compress._listening import Heard, Maps, listening, stack_of
from txlite.compress.layer_map import LayerMap, layer_map
from txlite.compress.losses import (
    attention_losses,
    check_temperature,
    hidden_losses,
    soft_losses,
)
from txlite.compress.student import Student
from txlite.training._modes import evaluating

__all__ = ["Ask", "Distillation"]

Ask = Callable[[nn.Module, Any], tuple[Tensor, Tensor | None]]
"""From a model and a batch to its scores, and which tokens are real."""
_NOT_NEGATIVE = "finite and at least zero"


@dataclass(frozen=True, kw_only=True)
class Distillation:
    r"""What :func:`txlite.training.fit` makes small while a student learns from a teacher.

    .. math:: \lambda_y \mathcal L_{\text{logits}} + \lambda_h \sum_m \mathcal L_{\text{hidden}, m}
              + \lambda_a \sum_m \mathcal L_{\text{attention}, m}
              + \lambda_e \mathcal L_{\text{embeddings}} + \lambda_l \mathcal L_{\text{labels}}

    A part whose weight is 0 is not computed.

    Parameters
    ----------
    teacher : Module
        Stays as it is, on the student's device. It is no part of the student, and no checkpoint
        holds it.
    ask : callable
        ``ask(model, batch)`` calls the student, and in the same way the teacher, and returns two
        things: scores, of shape (B, V) for whole texts or pictures and (B, T, V) for tokens, and
        the mask (B, T) of the tokens that are real, or None if all are.
    temperature : float
        T of :func:`soft_losses`.
    logits : float
        How much the scores count, λ of the first part, not negative.
    hidden, attention, embeddings : float
        How much the states after each layer, the maps in each layer, and what enters the first
        layer count. Each layer of the student counts once, as in TinyBERT. States and embeddings
        are compared in the teacher's width: with these, what is trained is a :class:`Student`.
    layers : str
        Which layers of the teacher: the ways of :func:`layer_map`.
    maps : str
        ``"scores"``, before the softmax as in TinyBERT, or ``"weights"``, after it.
    labels : callable, optional
        ``labels(scores, batch)`` returns the sum of the losses of what has labels in a batch, from
        the student's scores. By default there are none: any text will do.
    label_weight : float
        How much that sum counts.

    Raises
    ------
    ValueError
        If a weight is negative or all are 0, T is not positive, there is no such way, the teacher
        is no module, or compiled where its layers are wanted.

    Notes
    -----
    Whole texts count alike, and within one its real tokens; where the scores are of tokens, these
    count alike. So a step of several micro-batches has the gradient of one batch.

    References
    ----------
    Hinton et al. (2015), section 2. Jiao et al. (2020), equation (11).

    Examples
    --------
    >>> from txlite.training import adamw, fit
    >>> teacher, student = nn.Linear(4, 3), nn.Linear(4, 3)
    >>> loss = Distillation(teacher=teacher, ask=lambda model, x: (model(x), None))
    >>> batches = [torch.randn(64, 4)]  # no labels
    >>> history = fit(student, batches, loss, steps=200, optimizer=adamw(student, 0.05))
    >>> history.losses[-1] < 0.01 * history.losses[0]
    True
    """

    teacher: nn.Module
    ask: Ask
    temperature: float = 1.0
    logits: float = 1.0
    hidden: float = 0.0
    attention: float = 0.0
    embeddings: float = 0.0
    layers: LayerMap = "uniform"
    maps: Maps = "scores"
    labels: Callable[[Tensor, Any], Tensor] | None = None
    label_weight: float = 1.0

    def __post_init__(self) -> None:
        check_module("teacher", self.teacher)
        check_callable("ask", self.ask, "from a model and a batch to scores and a mask")
        if self.labels is not None:
            check_callable("labels", self.labels, "from scores and a batch to a sum")
        check_choice("layers", self.layers, get_args(LayerMap))
        check_choice("maps", self.maps, get_args(Maps))
        object.__setattr__(self, "temperature", check_temperature(self.temperature))
        for name in ("logits", "hidden", "attention", "embeddings", "label_weight"):
            weight = check_number(
                name, getattr(self, name), _NOT_NEGATIVE, lambda x: 0 <= x < math.inf
            )
            object.__setattr__(self, name, weight)
        if not (self.logits or self._looks_inside or (self.labels and self.label_weight)):
            raise ValueError("logits should be above 0 where no other part of the loss is, got 0")
        if self._looks_inside:
            stack_of("teacher", self.teacher)

    @property
    def _looks_inside(self) -> bool:
        return bool(self.hidden or self.attention or self.embeddings)

    def inner(self) -> "Distillation":
        """Return TinyBERT's first stage: states, maps and embeddings, no answers and no labels.

        Returns
        -------
        Distillation
            With ``logits=0`` and without labels.

        Raises
        ------
        ValueError
            If nothing else has a weight.
        """
        return replace(self, logits=0.0, labels=None)

    def outer(self) -> "Distillation":
        """Return TinyBERT's second stage: the answers, and the labels if there are any.

        Returns
        -------
        Distillation
            With ``hidden=0``, ``attention=0`` and ``embeddings=0``.

        Raises
        ------
        ValueError
            If nothing else has a weight.
        """
        return replace(self, hidden=0.0, attention=0.0, embeddings=0.0)

    def __call__(self, model: nn.Module, batch: Any) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """Run both on a batch.

        Parameters
        ----------
        model : Module
            The student.
        batch : object
            What ``ask`` takes.

        Returns
        -------
        total : Tensor, shape ()
            The sum over whole texts, or over real tokens.
        count : Tensor of int, shape ()
            How many there are.

        Raises
        ------
        ValueError
            If both do not answer in the same shape, their heads differ in number where maps are
            compared, or the student has no maps to the teacher's width where states are.
        """
        mine, scores, keep = self._run("model", model, batch)
        with torch.no_grad(), evaluating(self.teacher):
            theirs, wanted, _ = self._run("teacher", self.teacher, batch)
        total = scores.new_zeros((), dtype=torch.promote_types(scores.dtype, torch.float32))
        if self.logits:
            both = _clean(scores, keep), _clean(wanted, keep)
            total = total + self.logits * soft_losses(*both, temperature=self.temperature).sum()
        if self._looks_inside:
            total = total + _over(self._inside(model, mine, theirs), scores, keep)
        if self.labels is not None and self.label_weight:
            total = total + self.label_weight * self.labels(scores, batch)
        return total, _count(scores, keep)

    def _run(self, name: str, model: nn.Module, batch: Any) -> tuple[Heard, Tensor, Tensor | None]:
        """Ask a model, and hear what stands inside it if that counts."""
        heard = Heard()
        if self._looks_inside:
            maps = self.maps if self.attention else None
            with listening(stack_of(name, model), maps) as heard:
                scores, keep = self.ask(model, batch)
        else:
            scores, keep = self.ask(model, batch)
        if not isinstance(scores, Tensor) or scores.ndim not in (2, 3):
            found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise ValueError(f"ask should return scores (B, V) or (B, T, V) first, got {found}")
        if keep is not None:
            check_bool("keep", keep)
            sizes = dict(zip("BT", scores.shape[:-1], strict=False))
            check_shape("keep", keep, "B T", **sizes)
        return heard, scores, keep

    def _inside(self, model: nn.Module, mine: Heard, theirs: Heard) -> Tensor:
        """Return the loss of states, maps and embeddings for each position, (B, T)."""
        last = mine.states[-1]
        losses = last.new_zeros(last.shape[:2])
        pairs = layer_map(len(mine.states) - 1, len(theirs.states) - 1, self.layers)
        if self.hidden or self.embeddings:
            student = next((m for m in model.modules() if isinstance(m, Student)), None)
            if student is None:
                raise ValueError(
                    "model should be a txlite.compress.Student, which has maps to the teacher's "
                    f"width, got a {type(model).__name__}"
                )
            if self.embeddings:
                entered = student.embedding_proj(mine.states[0])
                losses = losses + self.embeddings * hidden_losses(entered, theirs.states[0])
            for m, n in enumerate(pairs) if self.hidden else ():
                states = student.states_proj(mine.states[m + 1])
                losses = losses + self.hidden * hidden_losses(states, theirs.states[n + 1])
        for m, n in enumerate(pairs) if self.attention else ():
            apart = attention_losses(mine.maps[m], theirs.maps[n], mine.seen[m])
            losses = losses + self.attention * apart
        return losses


def _clean(scores: Tensor, keep: Tensor | None) -> Tensor:
    """Set the scores of padding to zero: whatever stands there must not matter."""
    if keep is None or scores.ndim == 2:
        return scores
    return scores.masked_fill(~keep[..., None], 0.0)


def _over(losses: Tensor, scores: Tensor, keep: Tensor | None) -> Tensor:
    """Sum what stands at each position over real tokens, or over texts their means."""
    if keep is not None:
        losses = losses.masked_fill(~keep, 0.0)
    if scores.ndim == 3:
        return losses.sum()
    tokens = losses.shape[1] if keep is None else keep.sum(1).clamp(min=1)
    return (losses.sum(1) / tokens).sum()


def _count(scores: Tensor, keep: Tensor | None) -> Tensor:
    if scores.ndim == 3 and keep is not None:
        return keep.sum()
    return torch.tensor(scores[..., 0].numel(), device=scores.device)
