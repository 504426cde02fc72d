"""The files that every folder of the command line has, and what is read of them first."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from txlite.cli._family import Family
from txlite.training import checkpoint

__all__ = [
    "CHECKPOINTS", "CONFIG", "RECORD", "family_of", "read_config", "read_json", "read_object",
    "steps_done",
]  # fmt: skip

CONFIG = "config.json"  # a folder that has one is whole
RECORD = "training.json"  # what the training was begun with
CHECKPOINTS = "checkpoints"


def read_json(path: Path) -> Any:
    """Read a file of JSON; say which one is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} should hold JSON, and is damaged: {error}") from None


def read_object(path: Path, *formats: str) -> dict[str, Any]:
    """Read a JSON object that says of itself which of some formats it has; refuse any other."""
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") not in formats:
        wanted = " or ".join(map(repr, formats))
        raise ValueError(f"{path} should begin with format {wanted}: it belongs to something else")
    return content


def read_config(folder: Path, *formats: str) -> dict[str, Any]:
    """Read the config of a folder that is whole; say what the folder is if it is not."""
    if not folder.exists():
        raise ValueError(f"there is no folder {folder}")
    path = folder / CONFIG
    if path.is_file():
        return read_object(path, *formats)
    if (folder / RECORD).is_file():
        raise ValueError(
            f"{folder} holds an unfinished training (step {steps_done(folder)}): repeat the train "
            "command"
        )
    raise ValueError(
        f"{folder} should be a folder that txlite train has written, got one without {CONFIG}"
    )


def family_of(path: Path, families: Sequence[Family]) -> Family:
    """Return the family that a folder or file is of; say what it is if it is of none."""
    for family in families:
        if family.knows is not None and family.knows(path):
            return family
    kinds = {family.format: family for family in families if family.format is not None}
    return kinds[read_config(path, *kinds)["format"]]


def steps_done(folder: Path) -> int:
    """Return after how many steps the newest checkpoint was written; 0 if there is none."""
    return checkpoint.steps_done(folder / CHECKPOINTS)
