"""GPT, longer: how far the middle size gets below the n-grams when it reads on, and by what.

The medium size is trained three times for 4,800 steps, in which it reads the text three times and
more: with learned positions as GPT-2 has them, with rotary positions alone, and with all four
changes of a Llama. Everything else is the same, so that beside the trainings of 800 steps in
`studies/gpt.py` one sees what the reading brings and what the changes bring. Each is scored on
``valid`` while it goes and on the held-out modules at the end; the first score on ``valid`` below
the 5-gram's says with how much reading it is passed. A training leaves checkpoints in
the folder of what is kept, and an interrupted one goes on from the last.
"""

import time
from typing import Any

from torch import nn

from studies._gpt import (
    LENGTH,
    PLAIN,
    ROWS,
    WARMUP,
    built,
    config,
    corpus,
    together,
    trained,
    weights,
)
from studies._kept import folder, kept
from studies.gpt import RATES

STEPS, EVERY, SAVED = 4_800, 600, 600


def runs() -> dict[str, dict[str, Any]]:
    """Return what the trainings change in the middle size, which has rotary positions."""
    return {"GPT": PLAIN, "rotary": {}, "all four": together()}


def long(name: str, seed: int) -> dict[str, float]:
    """Train one for long, and return its curve and its end."""
    data = corpus()
    bar = data.counted(data.train, 5, "valid").bits_per_character
    clock = 0.0

    def evaluate(model: nn.Module) -> dict[str, float]:
        nonlocal clock
        seconds = time.process_time() - clock
        scored = data.score(model, "valid").bits_per_character
        clock = time.process_time()
        return {"valid": scored, "seconds": seconds}

    model, where = built(config("medium", **runs()[name]), seed), folder()
    kept_there: dict[str, Any] = {}
    if where:
        kept_there = {"checkpoint": where / f"{name} {seed}", "checkpoint_every": SAVED}
    clock = time.process_time()
    scores = trained(
        model,
        seed,
        STEPS,
        rate=RATES[model.config.d_model],
        warmup=4 * WARMUP,
        evaluate=evaluate,
        evaluate_every=EVERY,
        **kept_there,
    ).scores
    below = [step for step, value in scores["valid"] if value < bar]
    return {
        "test": data.score(model).bits_per_character,
        "parameters": float(weights(model)),
        "passed": float(below[0]) if below else 0.0,  # at which step; 0: never
        "seconds": sum(value for _, value in scores["seconds"]),
        **{f"valid, step {step}": value for step, value in scores["valid"]},
    }


def measure(seed: int) -> dict[str, float]:
    """Return the three curves, their ends, and the 5-gram's numbers."""
    data = corpus()
    found = {
        f"5-gram: {part}": data.counted(data.train, 5, part).bits_per_character
        for part in ("valid", "test")
    }
    found["tokens a step"] = float(ROWS * LENGTH)
    found["share a step"] = ROWS * LENGTH / len(data.train)
    for name in runs():
        one = kept(name, seed, lambda n=name: long(n, seed))  # type: ignore[misc]
        found |= {f"{name}: {what}": value for what, value in one.items()}
    return {name: round(value, 4) for name, value in found.items()}
