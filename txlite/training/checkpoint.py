"""Checkpoints: everything a training needs to go on as if nothing had happened.

A checkpoint is a folder of safetensors and JSON; there is no pickle in it, so reading one runs no
code. It appears in one piece, and the one before it stays until then::

    runs/french/
        latest                    names the newest: step-00000400
        step-00000400/
            model.safetensors     every parameter and buffer
            optimizer.safetensors its running means
            random.safetensors    torch's states of chance, for every process
            training.json         the step, the position in the data, the history, fingerprints

Whatever kills the process at whatever moment, ``latest`` names a whole checkpoint, or there is
none yet.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from txlite._atomic import whole
from txlite._checks import check_length, check_positive
from txlite.training import _disk, _rng, _state
from txlite.training._finite import first_not_finite, kept
from txlite.training._names import free_name, saved, step_of
from txlite.training._tensors import device_of
from txlite.training.distributed import Team, team

__all__ = [
    "Progress",
    "average_checkpoints",
    "latest_checkpoint",
    "load_checkpoint",
    "save_checkpoint",
]

_FORMAT, _VERSION = "txlite training", 1
_FILES = ("model", "optimizer", "random")
_ENTRIES = {  # of training.json, beside the format and its version
    "step": int,
    "batches": dict,
    "history": dict,
    "aliases": dict,
    "optimizer": dict,
    "random": list,
    "files": dict,
}


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a training has come, beside its tensors.

    Parameters
    ----------
    step : int
        How many steps are done.
    batches : dict, optional
        The position in the data, as the source's ``state_dict`` says it.
    history : dict, optional
        What happened, as ``History.state_dict`` says it.
    """

    step: int
    batches: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[str, Any] = field(default_factory=dict)


def latest_checkpoint(folder: Path | str) -> Path | None:
    """Find the newest whole checkpoint.

    Parameters
    ----------
    folder : Path or str
        Where a training keeps its checkpoints.

    Returns
    -------
    Path or None
        The checkpoint's own folder; None if there is none yet.

    Raises
    ------
    ValueError
        If the folder's ``latest`` names something that is not there.
    """
    return _disk.pointed_at(Path(folder))


def steps_done(folder: Path | str) -> int:
    """Return after how many steps a folder's newest checkpoint was written; 0 if there is none."""
    newest = latest_checkpoint(folder)
    return 0 if newest is None else step_of(newest)


def save_checkpoint(
    folder: Path | str,
    progress: Progress,
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    keep: int = 2,
) -> Path:
    """Write a checkpoint, whole or not at all; with several processes, all of them call this.

    Parameters
    ----------
    folder : Path or str
        Where the training keeps its checkpoints; made if it is not there.
    progress : Progress
        How far the training has come.
    model : Module
        Whose parameters and buffers are written, shared ones once.
    optimizer : Optimizer
        Any of torch's, over the model's parameters.
    keep : int
        How many checkpoints stay, the new one included.

    Returns
    -------
    Path
        The new checkpoint's own folder.

    Raises
    ------
    ValueError
        If something cannot be written without pickle: a state that is not a tensor, or a learning
        rate that is one.
    FloatingPointError
        If a parameter, or something that the optimiser keeps of it, is infinite or not a number,
        or if a buffer holds NaN. Nothing is written then.
    """
    step = check_length("step", progress.step)
    keep = check_positive("keep", keep)
    crew = team()
    bad = first_not_finite(kept(model, optimizer), crew)
    if bad is not None:
        raise FloatingPointError(f"{bad} is not finite; nothing was saved of step {step}")
    weights, aliases = _state.pack_model(model)
    means, about = _state.pack_optimizer(model, optimizer)
    name = free_name(Path(folder), step)  # by all, before anybody writes
    chances = crew.gathered(_rng.capture(device_of(model)))
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "torch": str(torch.__version__),
        "step": step,
        "batches": dict(progress.batches),
        "history": dict(progress.history),
        "aliases": aliases,
        "optimizer": about,
        "random": [others for _, others in chances],
    }
    random = {f"{i}:{k}": x for i, (tensors, _) in enumerate(chances) for k, x in tensors.items()}
    if crew.rank == 0:
        _write(Path(folder), name, content, (weights, means, random), keep)
    crew.wait()
    return Path(folder) / name


def _write(
    folder: Path,
    name: str,
    content: dict[str, Any],
    tensors: tuple[dict[str, Tensor], ...],
    keep: int,
) -> None:
    with whole(folder / name) as unfinished:
        unfinished.mkdir()
        content["files"] = {
            file: _disk.write_tensors(unfinished / f"{file}.safetensors", x)
            for file, x in zip(_FILES, tensors, strict=True)
        }
        _disk.write_json(unfinished / "training.json", content)
    _disk.point_at(folder, name)
    _disk.sweep(folder, keep)


def load_checkpoint(
    path: Path | str, *, model: nn.Module, optimizer: torch.optim.Optimizer
) -> Progress:
    """Put a training back where it was: weights, optimiser, and every source of chance.

    Everything is read and compared before anything is changed.

    Parameters
    ----------
    path : Path or str
        A checkpoint's own folder, as :func:`latest_checkpoint` finds it.
    model : Module
        With the same tensors in the same shapes as the one that was saved.
    optimizer : Optimizer
        Of the same kind, over the same parameters in the same groups.

    Returns
    -------
    Progress
        How far the training had come. The source of batches is set back with its ``batches``.

    Raises
    ------
    ValueError
        If a file is missing, damaged or foreign, or belongs to another model or optimiser.
    """
    progress, put_back = open_checkpoint(path, model=model, optimizer=optimizer)
    put_back()
    return progress


def open_checkpoint(
    path: Path | str, *, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Progress, Callable[[], None]]:
    """Read and compare a checkpoint as ``load_checkpoint`` does; return what then puts it back."""
    folder = Path(path)
    content = _content(folder / "training.json")
    weights, means, random = (
        _disk.read_tensors(folder / f"{file}.safetensors", content["files"].get(file))
        for file in _FILES
    )
    _state.check_model(model, weights, content["aliases"])
    state = _state.optimizer_state(model, optimizer, means, content["optimizer"])

    def put_back() -> None:
        optimizer.load_state_dict(state)
        _state.fill_model(model, weights, content["aliases"])
        _recall(model, random, content["random"], team())

    about = {name: content[name] for name in ("step", "batches", "history")}
    return Progress(**about), put_back


def average_checkpoints(folder: Path | str, *, model: nn.Module) -> int:
    """Give a model the mean of the weights of all steps that a folder has checkpoints of.

    The paper's base model is the mean of the last five, the big one of the last twenty: keep as
    many with ``keep_checkpoints`` of ``fit``. A step that was saved twice counts once, as it was
    saved last. Counters, which are no means, come from the newest.

    Parameters
    ----------
    folder : Path or str
        Where the training keeps its checkpoints.
    model : Module
        With the same tensors in the same shapes.

    Returns
    -------
    int
        Of how many checkpoints it is the mean.

    Raises
    ------
    ValueError
        If there is no checkpoint, or one is damaged or belongs to another model.

    References
    ----------
    Vaswani et al. (2017), section 6.1.
    """
    paths = list({step_of(path): path for path in saved(Path(folder))}.values())  # the last of each
    if not paths:
        raise ValueError(f"folder should hold at least one checkpoint, got none in {folder}")
    mean: dict[str, Tensor] = {}
    for count, path in enumerate(paths, start=1):
        content = _content(path / "training.json")
        weights = _disk.read_tensors(path / "model.safetensors", content["files"].get("model"))
        _state.check_model(model, weights, content["aliases"])
        for name, x in weights.items():
            last = mean.get(name, x.double())
            mean[name] = last + (x.double() - last) / count if x.is_floating_point() else x
    whole = {name: mean[name].to(x.dtype) for name, x in weights.items()}
    _state.fill_model(model, whole, content["aliases"])
    return len(paths)


def _content(file: Path) -> dict[str, Any]:
    content = _disk.read_json(file)
    if content.get("format") != _FORMAT or content.get("version") != _VERSION:
        raise ValueError(
            f"{file} should be of the format {_FORMAT!r}, version {_VERSION}, "
            f"got {content.get('format')!r}, version {content.get('version')!r}"
        )
    for name, kind in _ENTRIES.items():
        if not isinstance(content.get(name), kind):
            raise ValueError(f"{file} lacks the entry {name!r}, a {kind.__name__}")
    return content


def _recall(
    model: nn.Module, random: dict[str, Tensor], others: list[dict[str, Any]], crew: Team
) -> None:
    """Set this process's chance; a process that was not there when it was saved keeps its own."""
    mine = f"{crew.rank}:"
    if crew.rank < len(others):
        tensors = {k.removeprefix(mine): x for k, x in random.items() if k.startswith(mine)}
        _rng.recall(device_of(model), tensors, others[crew.rank])
