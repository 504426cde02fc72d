"""The training recipe: what each of its choices does, and with which controls.

A small Transformer translates numbers from French to English (`txlite.data.number_words`). Each row
of the table changes one choice of the recipe and nothing else; the held-out loss is measured
without label smoothing, and a translation is perfect if every token is right. The second half
trains four layers with the norm after the residual sum and before each branch, with and without
warm-up, at three peaks of the learning rate.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

import txlite
from txlite.data.collate import BucketBatches, pair_batch
from txlite.data.number_words import NumberTask, number_task
from txlite.data.pairs import PairBatch
from txlite.models import Transformer, TransformerConfig
from txlite.training import (
    Batches,
    History,
    TeacherForcing,
    adamw,
    cross_entropy,
    fit,
    warmup_cosine,
    warmup_inverse_sqrt,
)
from txlite.training.schedules import Schedule

SHORT, LONG, DEEP = 100, 300, 100  # steps
ROWS = 64  # pairs in a batch at random
WARMUP = 40
WIDTH = 64
FACTOR = 0.25
PEAK = FACTOR / (WIDTH * WARMUP) ** 0.5
SGD_RATES = (0.1, 0.3, 0.5)
PEAKS = {"full": 1.0, "half": 0.5, "quarter": 0.25}
LONGER = ("the recipe", "no dropout", "batches by length", "by length, four a step")


def build(task: NumberTask, seed: int, **choices: Any) -> Transformer:
    """Make the model with this seed."""
    txlite.seed(seed)
    config = TransformerConfig(
        vocab_size=len(task.english) + 4,
        source_vocab_size=len(task.french) + 4,
        **{
            "d_model": WIDTH,
            "num_heads": 4,
            "d_ff": 128,
            "num_layers": 1,
            "dropout": 0.1,
            **choices,
        },
    )
    return Transformer(config).to(txlite.device())


@torch.no_grad()
def exam(model: nn.Module, batch: PairBatch) -> dict[str, float]:
    """Return the held-out loss, the share of perfect translations, and how sure the model is."""
    shown, keep = batch.target[:, :-1], batch.target_keep[:, :-1]
    logits = model(batch.source, shown, source_keep=batch.source_keep, target_keep=keep)
    asked, wanted = batch.target_keep[:, 1:], batch.target[:, 1:]
    right = (logits.argmax(-1) == wanted) | ~asked
    return {
        "loss": float(cross_entropy(logits, wanted, asked)),
        "perfect": float(right.all(1).float().mean()),
        "sure": float(logits.softmax(-1).amax(-1)[asked].mean()),
    }


def without_warmup(schedule: Schedule) -> Schedule:
    """Leave the rise away and nothing else: the peak from the first step, then the same fall."""
    return lambda step: schedule(max(step, WARMUP))


def real_tokens(batches: Iterable[PairBatch]) -> float:
    """Return how many tokens a batch has on average, padding not counted."""
    counts = [float(b.source_keep.sum() + b.target_keep.sum()) for b in batches]
    return sum(counts) / len(counts)


def padding(batches: Iterable[PairBatch]) -> float:
    """Return the share of positions that are padding."""
    keep = [torch.cat([b.source_keep.flatten(), b.target_keep.flatten()]) for b in batches]
    return 1 - float(torch.cat(keep).float().mean())


class Lab:
    """One seed's trainings: the task, and a training with any choice of the recipe changed."""

    def __init__(self, seed: int) -> None:
        self.seed, self.task = seed, number_task()
        self.held_out = pair_batch(self.task.held_out).to(txlite.device())
        self.number = txlite.seed(seed).initial_seed()

    def at_random(self) -> Batches:
        """Return batches of 64 pairs in random order."""
        return Batches(self.task.train, pair_batch, batch_size=ROWS, seed=self.number)

    def by_length(self, tokens: int) -> BucketBatches:
        """Return batches of pairs of like length, with this many positions."""
        return BucketBatches(self.task.train, tokens, seed=self.number)

    def train(
        self,
        steps: int,
        *,
        batches: Iterable[PairBatch] | None = None,
        smoothing: float = 0.1,
        optimizer: Callable[[nn.Module], torch.optim.Optimizer] | None = None,
        schedule: Schedule | None = None,
        clip_norm: float | None = 1.0,
        accumulate: int = 1,
        evaluate_every: int = SHORT,
        **choices: Any,
    ) -> History:
        """Train once, by the recipe but for what is named."""
        model = build(self.task, self.seed, **choices)
        return fit(
            model,
            batches or self.at_random(),
            TeacherForcing(label_smoothing=smoothing),
            steps=steps,
            optimizer=(optimizer or (lambda m: adamw(m, lr=1.0)))(model),
            schedule=schedule or warmup_inverse_sqrt(WIDTH, WARMUP, FACTOR),
            clip_norm=clip_norm,
            accumulate=accumulate,
            evaluate=lambda m: exam(m, self.held_out),
            evaluate_every=evaluate_every,
            progress=False,
        )


def matched(lab: Lab, tokens: float, parts: int = 1) -> int:
    """Return the budget with which ``parts`` batches by length hold this many real tokens."""
    budget = int(tokens / parts)
    for _ in range(4):
        budget = round(budget * tokens / (parts * real_tokens(lab.by_length(budget))))
    return budget


def scores(history: History, steps: tuple[int, ...]) -> dict[str, float]:
    """Return the exam's scores after these steps, by name and step."""
    return {
        f"{name}, {step} steps": value
        for name in ("loss", "perfect", "sure")
        for step, value in history.scores[name]
        if step in steps
    }


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    """Return gradient descent with momentum."""
    return torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)


def one_choice_at_a_time(lab: Lab) -> dict[str, float]:
    """Train one layer by the recipe, and with each choice changed."""
    recipe = warmup_inverse_sqrt(WIDTH, WARMUP, FACTOR)
    tokens = real_tokens(lab.at_random())
    whole, quarter = matched(lab, tokens), matched(lab, tokens, parts=4)
    rows: dict[str, dict[str, Any]] = {
        "the recipe": {},
        "no label smoothing": {"smoothing": 0.0},
        "no warm-up": {"schedule": without_warmup(recipe)},
        "no clipping": {"clip_norm": None},
        "no dropout": {"dropout": 0.0},
        "torch's β₂": {"optimizer": lambda m: adamw(m, lr=1.0, betas=(0.9, 0.999))},
        "batches by length": {"batches": lab.by_length(whole)},
        "by length, four a step": {"batches": lab.by_length(quarter), "accumulate": 4},
    }
    found = {
        "tokens a step, at random": tokens,
        "tokens a step, by length": real_tokens(lab.by_length(whole)),
        "tokens a step, four by length": 4 * real_tokens(lab.by_length(quarter)),
        "padding, at random": padding(lab.at_random()),
        "padding, by length": padding(lab.by_length(whole)),
        "padding, four by length": padding(lab.by_length(quarter)),
    }
    for name, change in rows.items():
        history = lab.train(LONG if name in LONGER else SHORT, **change)
        found |= {f"{name}: {key}": x for key, x in scores(history, (SHORT, LONG)).items()}
        if name == "the recipe":
            clipped = torch.tensor(history.gradient_norms[:SHORT]) > 1.0
            found["clipped steps"] = float(clipped.float().mean())
    rows = {"cosine": {"schedule": warmup_cosine(PEAK, WARMUP, SHORT)}}
    for rate in SGD_RATES:
        scaled = warmup_inverse_sqrt(WIDTH, WARMUP, FACTOR * rate / PEAK)
        rows[f"SGD at {rate:g}"] = {"optimizer": sgd, "schedule": scaled}
    for name, change in rows.items():
        history = lab.train(SHORT, **change)
        found |= {f"{name}: {key}": x for key, x in scores(history, (SHORT,)).items()}
    return found


def norm_warmup_peak(lab: Lab) -> dict[str, float]:
    """Train four layers: where the norm stands × with or without warm-up × the peak."""
    found: dict[str, float] = {}
    for order, norm_first in (("post", False), ("pre", True)):
        for peak, share in PEAKS.items():
            rise = warmup_inverse_sqrt(WIDTH, WARMUP, FACTOR * share)
            for name, schedule in (("warm-up", rise), ("none", without_warmup(rise))):
                history = lab.train(
                    DEEP,
                    schedule=schedule,
                    num_layers=4,
                    norm_first=norm_first,
                    evaluate_every=DEEP,
                )
                key = f"{order}-norm, {name}, {peak} peak"
                found |= {f"{key}: {k}": x for k, x in scores(history, (DEEP,)).items()}
    return found


def measure(seed: int) -> dict[str, float]:
    """Return every number of the table and of the grid for one seed."""
    lab = Lab(seed)
    return one_choice_at_a_time(lab) | norm_warmup_peak(lab)
