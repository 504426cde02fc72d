"""Pipeline parallelism: some layers on each process, and a batch that goes through in parts.

A stage hands hidden states to the next and receives their gradients from it, and nothing else. The
order of :mod:`txlite.distributed.schedules` decides who waits; the gradients are those of one
process in any order.

Sources
    Huang et al. (2019), "GPipe", section 2. Narayanan et al. (2021), "Efficient Large-Scale
    Language Model Training on GPU Clusters Using Megatron-LM", section 2.2. A matrix that scores
    and looks up stands on the first stage and on the last, and its gradients are summed.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import torch
import torch.distributed as dist
from jaxtyping import Float, Integer
from torch import Tensor, nn

from txlite._checks import (
    check_callable,
    check_divides,
    check_module,
    check_positive,
    check_shape,
    check_whole,
)
from txlite.distributed.schedules import ScheduleName, pipeline_order
from txlite.nn import Stack, TokenEmbedding

__all__ = ["PipelineStage", "run_pipeline", "stage_layers"]


def stage_layers(num_layers: int, stages: int) -> list[range]:
    """Share layers out among stages, as evenly as they can be; the last stages have one more.

    Parameters
    ----------
    num_layers : int
        Layers of the stack.
    stages : int
        Stages of the pipeline.

    Returns
    -------
    list of range
        The layers of each stage.

    Raises
    ------
    ValueError
        If a number is not positive, or there are fewer layers than stages.

    Examples
    --------
    >>> stage_layers(7, 3)
    [range(0, 2), range(2, 4), range(4, 7)]
    """
    num_layers, stages = check_positive("num_layers", num_layers), check_positive("stages", stages)
    if num_layers < stages:
        raise ValueError(f"stages should be at most num_layers={num_layers}, got {stages}")
    borders = [num_layers * i // stages for i in range(stages + 1)]
    return [range(a, b) for a, b in pairwise(borders)]


class PipelineStage(nn.Module):
    """One process's part of a model that writes the next token from what came before.

    Parameters
    ----------
    model : Module
        With ``embedding``, ``positions``, ``dropout``, ``decoder`` and ``output``, as
        :class:`txlite.models.GPT` and :class:`txlite.models.Llama` have them. The stage keeps the
        parts that are its own.
    stage : int
        Which stage, from 0.
    stages : int
        How many there are.

    Attributes
    ----------
    first, last : bool
        Whether it reads tokens, and whether it scores them.
    tied : bool
        Whether one matrix does both, so that the first stage and the last hold a copy each.

    Raises
    ------
    ValueError
        If the model lacks one of the parts, its positions attend to a window, there are fewer
        layers than stages, or no such stage.
    """

    def __init__(self, model: nn.Module, stage: int, stages: int) -> None:
        super().__init__()
        check_module("model", model)
        given = cast(Any, model)
        wanted = {"embedding": TokenEmbedding, "positions": nn.Module, "decoder": Stack}
        for name, kind in wanted.items():
            if not isinstance(getattr(model, name, None), kind):
                found = type(getattr(model, name, None)).__name__
                raise ValueError(f"model.{name} should be a {kind.__name__}, got {found}")
        if getattr(model, "sliding_window", None) is not None:
            raise ValueError(
                f"model.sliding_window should be None in a pipeline, got {given.sliding_window}"
            )
        stages = check_positive("stages", stages)
        shares = stage_layers(len(given.decoder.layers), stages)
        wanted_stage = f"a whole number in [0, stages={stages})"
        stage = check_whole("stage", stage, wanted_stage, lambda n: 0 <= n < stages)
        self.stage, self.stages = stage, stages
        self.first, self.last = stage == 0, stage == stages - 1
        output = getattr(model, "output", None)
        self.tied = output is None and stages > 1
        needs_embedding = self.first or (self.last and output is None)
        self.embedding = given.embedding if needs_embedding else None
        self.positions = given.positions
        if not self.first and given.positions.added is not None:
            self.positions = None  # they are in the hidden states
        self.dropout = given.dropout if self.first else None
        self.layers = nn.ModuleList(given.decoder.layers[i] for i in shares[stage])
        self.norm = given.decoder.norm if self.last else None
        self.output = output if self.last else None
        self.d_model = given.embedding.d_model

    def forward(
        self, x: Integer[Tensor, "B T"] | Float[Tensor, "B T D"]
    ) -> Float[Tensor, "B T *D"]:
        """Do this stage's part.

        Parameters
        ----------
        x : Tensor, shape (B, T) or (B, T, D)
            Tokens for the first stage, else what the stage before put out.

        Returns
        -------
        Tensor, shape (B, T, D) or (B, T, V)
            Hidden states, or the last stage's scores.

        Raises
        ------
        ValueError
            If the shape is another stage's.
        """
        check_shape("x", x, "B T" if self.first else "B T D", **({} if self.first else self._width))
        positions = None
        if self.first and self.embedding is not None:
            x = self.embedding(x)
        if self.positions is not None:
            x, positions = self.positions(x)
        if self.dropout is not None:
            x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, positions=positions)
        if self.norm is not None:
            x = self.norm(x)
        if self.last:
            x = self.output(x) if self.output is not None else self._scores(x)
        return x

    @property
    def _width(self) -> dict[str, int]:
        return {"D": self.d_model}

    def _scores(self, x: Tensor) -> Tensor:
        embedding = cast(TokenEmbedding, self.embedding)
        return embedding.logits(x)


def run_pipeline(
    stage: PipelineStage,
    tokens: Integer[Tensor, "B T"],
    targets: Integer[Tensor, "B T"],
    loss: Callable[[Float[Tensor, "B T V"], Integer[Tensor, "B T"]], Float[Tensor, ""]],
    *,
    parts: int,
    schedule: ScheduleName = "1f1b",
) -> float | None:
    """Send a batch through the pipeline, forward and back; leave the gradients of one process.

    Call it in every process, whose rank is its stage, with the same batch.

    Parameters
    ----------
    stage : PipelineStage
        This process's.
    tokens : Tensor of int, shape (B, T)
        The batch; the first stage reads it.
    targets : Tensor of int, shape (B, T)
        The right tokens; the last stage looks at them.
    loss : callable
        From scores (B / parts, T, V) and targets to their mean loss.
    parts : int
        In how many parts the rows go through; they divide the batch.
    schedule : str
        ``"gpipe"`` or ``"1f1b"``.

    Returns
    -------
    float or None
        The mean loss, on the last stage.

    Raises
    ------
    ValueError
        If a shape does not fit, or there is no such schedule.

    References
    ----------
    Narayanan et al. (2021), section 2.2.
    """
    batch, length = check_shape("tokens", tokens, "B T").values()
    check_shape("targets", targets, "B T", B=batch, T=length)
    check_callable("loss", loss, "from scores and targets to a mean")
    parts = check_positive("parts", parts)
    check_divides("parts", parts, "B", batch)
    rows = batch // parts
    weight = next(stage.parameters())
    held: dict[int, tuple[Tensor, Tensor]] = {}
    sending: list[tuple[Any, Tensor]] = []
    total = 0.0
    for step in pipeline_order(schedule, stage.stage, stage.stages, parts):
        if not step.backward:
            x = tokens[step.part * rows : (step.part + 1) * rows]
            if not stage.first:
                x = weight.new_empty(rows, length, stage.d_model)
                dist.recv(x, stage.stage - 1)
                x.requires_grad_()
            out = stage(x)
            if stage.last:
                out = loss(out, targets[step.part * rows : (step.part + 1) * rows]) / parts
                total += out.item()
            else:
                sending.append(_sent(out.detach(), stage.stage + 1))
            held[step.part] = x, out
            continue
        x, out = held.pop(step.part)
        slope = None
        if not stage.last:
            slope = torch.empty_like(out)
            dist.recv(slope, stage.stage + 1)
        out.backward(slope)  # type: ignore[no-untyped-call]
        if not stage.first and x.grad is not None:
            sending.append(_sent(x.grad, stage.stage - 1))
    for sent, _ in sending:
        sent.wait()
    _sum_tied(stage)
    return total if stage.last else None


def _sent(x: Tensor, to: int) -> tuple[Any, Tensor]:
    """Begin to send, and keep what is sent until it is there."""
    x = x.contiguous()
    return dist.isend(x, to), x


def _sum_tied(stage: PipelineStage) -> None:
    """Add up the gradients of the two copies of a matrix that looks up and scores."""
    if not stage.tied or stage.embedding is None:
        return
    gradient = stage.embedding.weight.grad
    if gradient is None:
        return
    other = 0 if stage.last else stage.stages - 1
    theirs = torch.empty_like(gradient)
    sent, _ = _sent(gradient.clone(), other)
    dist.recv(theirs, other)
    sent.wait()
    gradient.add_(theirs)
