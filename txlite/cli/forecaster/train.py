"""The training of a forecaster, which can be stopped and goes on."""

import sys
from collections.abc import Sequence
from pathlib import Path

from txlite.cli._files import CHECKPOINTS, steps_done
from txlite.cli._progress import LossLines
from txlite.cli._signals import Stopped, patient
from txlite.cli.forecaster.recipe import Plan, Recipe
from txlite.cli.forecaster.windows import made_batches
from txlite.data.series import Series
from txlite.models import Forecaster
from txlite.runtime import device
from txlite.runtime import seed as set_seed
from txlite.training import ForecastLoss, History, adamw, fit, warmup_cosine
from txlite.training.checkpoint import Progress, save_checkpoint

__all__ = ["train_model"]


def train_model(
    series: Sequence[Series], plan: Plan, recipe: Recipe, out: Path, seed: int
) -> tuple[Forecaster, float]:
    """Train a model on what lies before the test, or go on with the one in a folder's checkpoints.

    Parameters
    ----------
    series : sequence of Series
        What is learned from.
    plan, recipe : Plan, Recipe
        What is learned, and how.
    out : Path
        The folder.
    seed : int
        Decides everything that is drawn.

    Returns
    -------
    model : Forecaster
        In evaluation mode.
    loss : float
        Of the last step.

    Raises
    ------
    FloatingPointError
        If a loss is no number.
    """
    batches = made_batches(series, plan, recipe, seed)
    set_seed(seed)
    model = Forecaster(plan.config(recipe)).to(device())
    rate, every = recipe.learning_rate, max(1, recipe.steps // 10)
    optimizer = adamw(model, rate, weight_decay=recipe.weight_decay)
    lines = LossLines(steps_done(out), recipe.steps, every)

    def after_a_step(history: History) -> None:
        if not sys.stdout.isatty():
            lines(history)
        if ear.heard is None:
            return
        step = len(history.losses)
        if step % every and step != recipe.steps:  # else it is saved already
            progress = Progress(
                step=step, batches=batches.state_dict(), history=history.state_dict()
            )
            save_checkpoint(out / CHECKPOINTS, progress, model=model, optimizer=optimizer)
        remark = f" after step {step}, which is kept: the same command goes on there"
        raise Stopped(ear.heard, remark)

    try:
        with patient() as ear:
            history = fit(
                model,
                batches,
                ForecastLoss(),
                steps=recipe.steps,
                optimizer=optimizer,
                schedule=warmup_cosine(rate, min(50, recipe.steps // 4), recipe.steps),
                clip_norm=1.0,
                checkpoint=out / CHECKPOINTS,
                checkpoint_every=every,
                on_step=after_a_step,
            )
    except FloatingPointError as error:
        raise FloatingPointError(
            f"{error}; {out} leads no further: name another folder and a smaller --learning-rate"
        ) from None
    return model.eval(), history.losses[-1]
