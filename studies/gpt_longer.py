"""GPT, longer: how far a Llama of the middle size gets below the n-grams when it reads on.

One training with the four changes, which reads the text three times and more, scored on ``valid``
while it goes and on the held-out modules at the end; the first score on ``valid`` below the
5-gram's says with how much reading it is passed. A training leaves checkpoints in the folder of
what is kept, and an interrupted one goes on from the last.
"""

from typing import Any

from torch import nn

from studies._gpt import (
    LENGTH,
    ROWS,
    WARMUP,
    built,
    config,
    corpus,
    together,
    trained,
    weights,
)
from studies._kept import folder
from studies.gpt import RATES

STEPS, EVERY, SAVED = 4_800, 600, 600


def measure(seed: int) -> dict[str, float]:
    """Train one Llama for long, and return its curve, its end and the 5-gram's numbers."""
    data = corpus()
    bar, test = (data.counted(data.train, 5, p).bits_per_character for p in ("valid", "test"))

    def evaluate(one: nn.Module) -> dict[str, float]:
        return {"valid": data.score(one, "valid").bits_per_character}

    model, where = built(config("medium", **together()), seed), folder()
    resumed: dict[str, Any] = {}
    if where:
        resumed = {"checkpoint": where / f"checkpoints {seed}", "checkpoint_every": SAVED}
    history = trained(
        model,
        seed,
        STEPS,
        rate=RATES[model.config.d_model],
        warmup=4 * WARMUP,
        evaluate=evaluate,
        evaluate_every=EVERY,
        **resumed,
    )
    below = [step for step, value in history.scores["valid"] if value < bar]
    found = {
        "5-gram: valid": bar,
        "5-gram: test": test,
        "Llama: test": data.score(model).bits_per_character,
        "parameters": float(weights(model)),
        "tokens a step": float(ROWS * LENGTH),
        "share a step": ROWS * LENGTH / len(data.train),
        "passed": float(below[0]) if below else 0.0,  # at which step; 0: never
        **{f"valid, step {step}": value for step, value in history.scores["valid"]},
    }
    return {name: round(value, 4) for name, value in found.items()}
