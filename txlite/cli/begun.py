"""What a training was begun with, so that a folder never becomes half of one and half of another.

The weights of a checkpoint fit the model of any corpus with vocabularies of the same size, and mean
nothing there. So the folder keeps what they were learned from and how, and the next command is
compared with it before anything is touched.
"""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from txlite.cli._files import (
    CHECKPOINTS,
    CONFIG,
    RECORD,
    TOKENIZERS,
    WEIGHTS,
    read_config,
    read_object,
    steps_done,
)
from txlite.cli.corpus import Lesson
from txlite.cli.recipe import Recipe

__all__ = ["begin", "check_place", "describe"]

FORMAT = "txlite train"
FREE = {"steps", "warmup_steps", "num_pairs"}  # may grow; hangs on it; is seen in the sentences


def describe(lesson: Lesson, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Return everything that decides what a step of the training does, as plain data."""
    sentences = json.dumps(lesson.train, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return {
        "format": FORMAT,
        "options": {k: v for k, v in asdict(recipe).items() if k not in FREE} | {"seed": seed},
        "pairs": len(lesson.train),
        "sha256": hashlib.sha256(sentences).hexdigest(),
    }


def check_place(out: Path) -> None:
    """Refuse a place where a training cannot begin without harm to what is there.

    Parameters
    ----------
    out : Path
        Where the translator shall be.

    Raises
    ------
    ValueError
        If it is no folder, or holds a file that this command would replace and has not written.
    """
    there = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not there.is_dir():
        raise ValueError(f"{out} should be a folder, and {there} is a file")
    if (out / CONFIG).exists():
        read_config(out)
    if _read(out) is not None:
        return
    for name in (CONFIG, WEIGHTS, *TOKENIZERS, CHECKPOINTS):
        if (out / name).exists():
            raise ValueError(
                f"{out} holds {name} and no {RECORD} that says how it was made: name another folder"
            )


def begin(out: Path, mine: dict[str, Any], *, write: bool = True) -> None:
    """Compare a training with the one that the folder holds; note it down if it is the first.

    Parameters
    ----------
    out : Path
        The folder.
    mine : dict
        What :func:`describe` says of the training that is wanted.
    write : bool
        Whether to note it down; of several processes only one does.

    Raises
    ------
    ValueError
        If the folder holds steps of another training. Nothing is changed then.
    """
    theirs = _read(out)
    anything = steps_done(out) > 0 or (out / CONFIG).exists()
    if theirs is not None and anything and (others := _differences(theirs, mine)):
        raise ValueError(
            f"{out} was begun with {' and '.join(others)}: repeat that, or name another folder"
        )
    if write and theirs != mine:
        out.mkdir(parents=True, exist_ok=True)
        draft = out / f".writing-{RECORD}-{os.getpid()}"
        with draft.open("w", encoding="utf-8") as file:
            file.write(f"{json.dumps(mine, indent=2)}\n")
            file.flush()
            os.fsync(file.fileno())  # a power cut must not leave checkpoints without it
        os.replace(draft, out / RECORD)


def _read(out: Path) -> dict[str, Any] | None:
    return read_object(out / RECORD, FORMAT) if (out / RECORD).exists() else None


def _differences(theirs: dict[str, Any], mine: dict[str, Any]) -> list[str]:
    """Name what was otherwise, with the values that it had."""
    found = []
    if theirs.get("sha256") != mine["sha256"]:
        found.append(f"other sentences ({theirs.get('pairs')} pairs)")
    before = theirs.get("options", {})
    found += [f"{k} {before.get(k)}" for k, v in mine["options"].items() if before.get(k) != v]
    return found
