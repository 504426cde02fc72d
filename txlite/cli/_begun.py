"""What a training was begun with, so that a folder never becomes half of one and half of another.

The weights of a checkpoint fit the model of any corpus with vocabularies of the same size, and mean
nothing there. So the folder keeps what they were learned from and how, and the next command is
compared with it before anything is touched.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from txlite._atomic import alone, remove_drafts, whole
from txlite.cli._files import CHECKPOINTS, CONFIG, RECORD, read_config, read_object, steps_done

__all__ = ["begin", "check_place", "writing"]

FORMAT = "txlite train"


def check_place(out: Path, config_format: str, files: Sequence[str]) -> None:
    """Refuse a place where a training cannot begin without harm to what is there.

    Parameters
    ----------
    out : Path
        Where the model shall be.
    config_format : str
        What the config of its family calls itself.
    files : sequence of str
        What the folder holds beside its config and its checkpoints when the training is over.

    Raises
    ------
    ValueError
        If it is no folder, or holds a file that this command would replace and has not written.
    """
    there = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not there.is_dir():
        raise ValueError(f"{out} should be a folder, and {there} is a file")
    if (out / CONFIG).exists():
        read_config(out, config_format)
    if _read(out) is not None:
        return
    for name in (CONFIG, *files, CHECKPOINTS):
        if (out / name).exists():
            raise ValueError(
                f"{out} holds {name} and no {RECORD} that says how it was made: name another folder"
            )


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Hold a folder while a training writes to it; say what is left if the disk takes no more.

    Parameters
    ----------
    out : Path
        The folder. What processes that died have left unfinished in it is removed.

    Raises
    ------
    ValueError
        If another process writes to it.
    OSError
        If something cannot be written. The newest checkpoint is whole then.
    """
    try:
        with alone(out):
            remove_drafts(out)
            yield
    except BrokenPipeError:  # of the output, not of the folder
        raise
    except OSError as error:
        step = steps_done(out)
        kept = f"; step {step} is kept, and the same command goes on there" if step else ""
        raise OSError(f"{out} cannot be written to: {error}{kept}") from None


def begin(
    out: Path,
    mine: Mapping[str, Any],
    *,
    name_data: Callable[[Mapping[str, Any]], str],
    write: bool = True,
) -> None:
    """Compare a training with the one that the folder holds; note it down if it is the first.

    Parameters
    ----------
    out : Path
        The folder.
    mine : mapping
        What decides what a step of the training does, as plain data: ``options`` by name, and
        ``sha256``, the fingerprint of what is learned from.
    name_data : callable
        From what the folder was begun with to what a message calls its data.
    write : bool
        Whether to note it down; of several processes only one does.

    Raises
    ------
    ValueError
        If the folder holds steps of another training. Nothing is changed then.
    """
    theirs, mine = _read(out), {"format": FORMAT, **mine}
    anything = steps_done(out) > 0 or (out / CONFIG).exists()
    if theirs is not None and anything:
        others = [name_data(theirs)] if theirs.get("sha256") != mine["sha256"] else []
        if others := others + _other_options(theirs.get("options", {}), mine["options"]):
            raise ValueError(
                f"{out} was begun with {' and '.join(others)}: repeat that, or name another folder"
            )
    if write and theirs != mine:
        with whole(out / RECORD) as draft:  # a power cut must not leave checkpoints without it
            draft.write_text(f"{json.dumps(mine, indent=2)}\n", encoding="utf-8")


def _read(out: Path) -> dict[str, Any] | None:
    return read_object(out / RECORD, FORMAT) if (out / RECORD).exists() else None


def _other_options(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> list[str]:
    """Name what was otherwise, with the values that it had."""
    return [
        f"{name} {theirs.get(name)}" for name, value in mine.items() if theirs.get(name) != value
    ]
