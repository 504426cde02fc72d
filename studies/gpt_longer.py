"""GPT, longer: how far a Llama of the middle size gets below the n-grams when it reads on.

One training with the four changes, which reads the text three times and more, scored on ``valid``
while it goes and on the held-out modules at the end; the first score on ``valid`` below the
5-gram's says with how much reading it is passed. The training leaves checkpoints in
``_build/studies/17_longer_checkpoints`` and goes on from the last one.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

import txlite
from studies.gpt import (
    CHANGES,
    DECAY,
    LENGTH,
    RATES,
    ROWS,
    WARMUP,
    built,
    config,
    corpus,
    next_token,
    weights,
)
from txlite.models import NGram
from txlite.training import adamw, fit, surprises, warmup_cosine

STEPS, EVERY, SAVED = 4_800, 600, 600
CHECKPOINTS = Path(__file__).parents[1] / "_build" / "studies" / "17_longer_checkpoints"


def streams(texts: Sequence[str]) -> list[torch.Tensor]:
    """Return each text after the mark that begins it."""
    return [corpus().stream([one])[None] for one in texts if one]


def bits(model: Any, texts: Sequence[str]) -> float:
    """Return the bits per character of some texts."""
    found = 0.0
    for row in streams(texts):
        if isinstance(model, NGram):
            found += float(model.surprises(row).sum())
        else:
            found += float(surprises(model, row, window=LENGTH).double().sum())
    return found / math.log(2) / sum(map(len, texts))


def measure(seed: int) -> dict[str, float]:
    """Train one Llama for long, and return its curve, its end and the 5-gram's numbers."""
    data = corpus()
    together = {key: x for change in CHANGES.values() for key, x in change.items()}
    model = built(config("medium", **together), seed)
    counts = NGram(data.train, data.bpe.vocab_size, order=5)
    valid, test = data.texts["valid"], data.texts["test"]
    begin, rate = time.process_time(), RATES[model.config.d_model]

    def evaluate(one: nn.Module) -> dict[str, float]:
        return {"valid": bits(one, valid), "seconds": time.process_time() - begin}

    history = fit(
        model,
        data.batches(txlite.seed(seed).initial_seed()),
        next_token,
        steps=STEPS,
        optimizer=adamw(model, rate, weight_decay=DECAY, fused=True),
        schedule=warmup_cosine(rate, 4 * WARMUP, STEPS),
        clip_norm=1.0,
        evaluate=evaluate,
        evaluate_every=EVERY,
        checkpoint=CHECKPOINTS / str(seed),
        checkpoint_every=SAVED,
        progress=False,
    )
    bar = bits(counts, valid)
    found = {
        "5-gram: valid": bar,
        "5-gram: test": bits(counts, test),
        "Llama: test": bits(model, test),
        "parameters": float(weights(model)),
        "tokens a step": float(ROWS * LENGTH),
        "share a step": ROWS * LENGTH / len(data.train),
        "passed": 0.0,  # the step at which valid is first below the 5-gram; 0: never
    }
    for step, value in history.scores["valid"]:
        found[f"valid, step {step}"] = value
        if value < bar and not found["passed"]:
            found["passed"] = float(step)
    return {name: round(value, 4) for name, value in found.items()}
