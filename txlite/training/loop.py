"""``fit``: the loop that trains every model of the book, on one device or on many processes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from txlite._checks import check_callable, check_module, check_number, check_positive
from txlite._epochs import Resumable
from txlite.training._modes import wake
from txlite.training._run import Evaluate, Loss, OnStep, Run, progress_bar
from txlite.training.distributed import sole_writer, team
from txlite.training.history import History
from txlite.training.schedules import Schedule

__all__ = ["fit"]


def fit(
    model: nn.Module,
    batches: Iterable[Any],
    loss: Loss,
    *,
    steps: int,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule | None = None,
    clip_norm: float | None = None,
    accumulate: int = 1,
    amp: bool = False,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    checkpoint: Path | str | None = None,
    checkpoint_every: int | None = None,
    keep_checkpoints: int = 2,
    on_step: OnStep | None = None,
    progress: bool | None = None,
) -> History:
    """Train a model for a number of steps; begun before and killed, go on from the checkpoint.

    Parameters
    ----------
    model : Module
        Trained where it lies, in place, and left in evaluation mode. A part that is in evaluation
        mode stays there while the rest is trained; where the whole model is, only parts of which
        no parameter wants a gradient stay.
    batches : iterable
        What ``loss`` takes, read again and again; tensors in it are moved to the model's device.
        To be resumed it has the methods of :class:`Resumable`, as :class:`Batches` has.
    loss : callable
        ``loss(model, batch)`` returns the *sum* of the losses of the batch's tokens and the
        *number* of tokens. So every token counts alike, in whichever micro-batch or process it
        is.
    steps : int
        Number of optimiser steps in all, those before a checkpoint included; at least as many as
        it has.
    optimizer : Optimizer
        Any of torch's, over the model's parameters or some of them; see :func:`adamw`. What it
        trains is clipped, and the gradients of all parameters are forgotten before every step.
    schedule : callable, optional
        From the step, 1 for the first, to its learning rate, finite and not negative. By default
        the optimiser's own stays.
    clip_norm : float, optional
        The largest length of the gradient; None does not clip.
    accumulate : int
        How many batches make one step. The gradient is that of one batch with all their tokens.
    amp : bool
        Whether matrix products are done in bfloat16, on devices that have it. Weights and the
        optimiser stay in float32.
    evaluate : callable, optional
        ``evaluate(model)`` returns scores by name. It is called in evaluation mode without
        gradients, in every process.
    evaluate_every : int, optional
        After how many steps; always after the last one, too.
    checkpoint : Path or str, optional
        A folder for checkpoints. If it holds one, the training goes on from there, bit for bit.
    checkpoint_every : int, optional
        After how many steps; always after the last one, too. Only with ``checkpoint``.
    keep_checkpoints : int
        How many stay on the disk, the newest included.
    on_step : callable, optional
        ``on_step(history)`` is called after every step, in every process, when the step has been
        evaluated and saved; the newest entry of the history is the step's. It sees what was
        computed anyway, so it changes nothing and costs nothing but its own time.
    progress : bool, optional
        Whether a bar is drawn on the standard output. By default only in a terminal.

    Returns
    -------
    History
        One entry for each step, from the first, whichever process has done it.

    Raises
    ------
    ValueError
        If an argument is out of range, the optimiser has no parameter of the model, weights that
        are trained are float16, ``eps`` rounds to zero among them, a rate is negative or not
        finite, ``batches`` run out, hold no token or differ from process to process, a checkpoint
        is wanted of what cannot be saved or resumed, the checkpoint has more steps or belongs to
        something else, or another training writes to its folder. A checkpoint that is refused has
        changed nothing.
    FloatingPointError
        If the loss or the gradient of a step is infinite or not a number; the weights are then
        those after the step before. Or if the step has made a weight so, or something that the
        optimiser keeps. Nothing of it was saved: the message names the step, the tensor, and the
        last whole checkpoint.

    Examples
    --------
    >>> from txlite.training import adamw, cross_entropy
    >>> model = nn.Linear(3, 5)
    >>> batches = [(torch.eye(3), torch.tensor([4, 0, 2]))]
    >>> def surprise(model, batch):
    ...     return 3 * cross_entropy(model(batch[0]), batch[1]), 3
    >>> history = fit(model, batches, surprise, steps=50, optimizer=adamw(model, 0.1))
    >>> history.losses[-1] < 0.1
    True
    """
    check_module("model", model)
    check_callable("loss", loss, "from the model and a batch to a sum and a count")
    for name, value, wanted in (
        ("schedule", schedule, "from the step to its learning rate"),
        ("evaluate", evaluate, "from the model to scores by name"),
        ("on_step", on_step, "of the history"),
    ):
        if value is not None:
            check_callable(name, value, wanted)
    steps = check_positive("steps", steps)
    accumulate = check_positive("accumulate", accumulate)
    keep_checkpoints = check_positive("keep_checkpoints", keep_checkpoints)
    if evaluate_every is not None:
        evaluate_every = check_positive("evaluate_every", evaluate_every)
    if checkpoint_every is not None:
        checkpoint_every = check_positive("checkpoint_every", checkpoint_every)
    if clip_norm is not None:
        clip_norm = check_number("clip_norm", clip_norm, "positive", lambda x: x > 0)
    if checkpoint is not None and not isinstance(batches, Resumable):
        raise ValueError(
            "batches should have state_dict and load_state_dict for a checkpoint to hold, got "
            f"{type(batches).__name__}; txlite.training.Batches has them"
        )
    if checkpoint is None and checkpoint_every is not None:
        raise ValueError(
            "checkpoint_every should come with a checkpoint, a folder to write to, got none"
        )
    folder = None if checkpoint is None else Path(checkpoint)
    with sole_writer(folder, team()):
        run = Run(
            model=model,
            batches=batches,
            loss=loss,
            steps=steps,
            optimizer=optimizer,
            schedule=schedule,
            clip_norm=clip_norm,
            accumulate=accumulate,
            amp=amp,
            score=evaluate,
            folder=folder,
            keep=keep_checkpoints,
        )
        wake(model)
        with progress_bar(progress, steps, run.done, run.team.rank) as bar:
            while run.done < steps:
                run.step()
                last = run.done == steps
                if last or (evaluate_every and run.done % evaluate_every == 0):
                    run.evaluate()
                if last or (checkpoint_every and run.done % checkpoint_every == 0):
                    run.save()
                bar.set_postfix_str(f"loss {run.history.losses[-1]:.3f}", refresh=False)
                bar.update()
                if on_step is not None:
                    on_step(run.history)
    model.eval()
    return run.history
