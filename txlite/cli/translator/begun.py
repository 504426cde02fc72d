"""What decides what a translator learns, as plain data that its folder keeps."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from txlite.cli.translator.corpus import Lesson
from txlite.cli.translator.recipe import Recipe

__all__ = ["describe", "name_sentences"]

FREE = {"steps", "warmup_steps", "num_pairs"}  # may grow; hangs on it; is seen in the sentences


def describe(lesson: Lesson, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Return everything that decides what a step of the training does."""
    sentences = json.dumps(lesson.train, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return {
        "options": {k: v for k, v in asdict(recipe).items() if k not in FREE} | {"seed": seed},
        "pairs": len(lesson.train),
        "sha256": hashlib.sha256(sentences).hexdigest(),
    }


def name_sentences(begun: Mapping[str, Any]) -> str:
    """Say in a message with which other sentences a training was begun."""
    return f"other sentences ({begun.get('pairs')} pairs)"
