"""The files of a translator's folder: what they are called, and what is read of them first."""

import json
import re
from pathlib import Path
from typing import Any

from txlite.training import latest_checkpoint

__all__ = [
    "CHECKPOINTS",
    "CONFIG",
    "FORMAT",
    "RECORD",
    "TOKENIZERS",
    "WEIGHTS",
    "read_config",
    "read_object",
    "steps_done",
]

CONFIG, WEIGHTS = "config.json", "model.safetensors"
TOKENIZERS = ("source.json", "target.json")
RECORD = "training.json"  # what the training was begun with
CHECKPOINTS = "checkpoints"
FORMAT = "txlite translator"


def read_object(path: Path, form: str) -> dict[str, Any]:
    """Read a JSON object that says of itself which format it has; refuse any other."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} should hold JSON, and is damaged: {error}") from None
    if not isinstance(content, dict) or content.get("format") != form:
        raise ValueError(f"{path} should begin with format {form!r}: it belongs to something else")
    return content


def read_config(folder: Path) -> dict[str, Any]:
    """Read the config of a whole translator; say what the folder is if it holds none."""
    if not folder.exists():
        raise ValueError(f"there is no folder {folder}")
    path = folder / CONFIG
    if path.is_file():
        return read_object(path, FORMAT)
    if (folder / RECORD).is_file():
        raise ValueError(
            f"{folder} holds an unfinished training (step {steps_done(folder)}): repeat the train "
            "command"
        )
    raise ValueError(
        f"{folder} should be a folder that txlite train has written, got one without {CONFIG}"
    )


def steps_done(folder: Path) -> int:
    """Return after how many steps the newest checkpoint was written; 0 if there is none."""
    newest = latest_checkpoint(folder / CHECKPOINTS)
    number = re.search(r"\d+$", newest.name) if newest else None
    return int(number[0]) if number else 0
