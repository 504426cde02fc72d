"""One training: what ``fit`` does in one step, and what it does between steps."""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from txlite._epochs import Resumable
from txlite.training._tensors import device_of, moved
from txlite.training.checkpoint import (
    Progress,
    latest_checkpoint,
    open_checkpoint,
    save_checkpoint,
)
from txlite.training.distributed import Team, gradients_stay_here, local_rows, team, wrap_ddp
from txlite.training.history import History
from txlite.training.optim import clip_gradients
from txlite.training.schedules import Schedule

__all__ = ["Evaluate", "Loss", "OnStep", "Run", "autocast", "progress_bar"]

Evaluate = Callable[[nn.Module], Mapping[str, float]]
OnStep = Callable[[History], None]


@runtime_checkable
class Loss(Protocol):
    """What ``fit`` makes small."""

    def __call__(self, model: Any, batch: Any, /) -> tuple[Any, Any]:
        """Return the sum of the tokens' losses, a tensor of shape (), and how many they are."""
        ...


def autocast(device: torch.device, amp: bool) -> AbstractContextManager[Any]:
    """Compute matrix products in bfloat16 where the device has it, if that is wanted."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if amp else nullcontext()


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16; a GPU of before 2020 only imitates it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu"


class Stream:
    """Batches without end: epoch after epoch of a source."""

    def __init__(self, source: Iterable[Any]) -> None:
        self.source = source
        self.epoch: Iterator[Any] = iter(())

    def __next__(self) -> Any:
        for _ in range(3):  # a source that was set back to the end of an epoch has an empty one
            for batch in self.epoch:
                return batch
            self.epoch = iter(self.source)
        raise ValueError(
            "batches should hold enough for all steps, got no more: pass a list, or a source that "
            "can be read again, not a generator"
        )


@dataclass
class Run:
    """A training under way; fields are the arguments of ``fit``, and ``score`` its ``evaluate``."""

    model: nn.Module
    batches: Iterable[Any]
    loss: Loss
    steps: int
    optimizer: torch.optim.Optimizer
    schedule: Schedule | None
    clip_norm: float | None
    accumulate: int
    amp: bool
    score: Evaluate | None
    folder: Path | None
    keep: int
    history: History = field(default_factory=History)
    team: Team = field(default_factory=team)

    def __post_init__(self) -> None:
        self.device = device_of(self.model)
        self.amp = self.amp and has_bfloat16(self.device)
        self.stream = Stream(self.batches)
        self._resume()
        self.history.precision = "bfloat16" if self.amp else "float32"
        self.copy = wrap_ddp(self.model, self.team)

    @property
    def done(self) -> int:
        """How many steps are done."""
        return len(self.history.losses)

    def _resume(self) -> None:
        path = None
        if self.folder is not None:
            found = [latest_checkpoint(self.folder)] if self.team.rank == 0 else []
            path = next(iter(self.team.gathered(found)[0]))
        if path is None:
            if self.team.rank:  # else all processes would drop the same neurons
                torch.manual_seed((torch.initial_seed() + self.team.rank) % 2**63)
            return
        progress, put_back = open_checkpoint(path, model=self.model, optimizer=self.optimizer)
        if progress.step > self.steps:
            raise ValueError(
                f"steps should be at least {progress.step}, which {path.name} in {path.parent} has "
                f"done, got {self.steps}; ask for more, or name another folder"
            )
        history = History.from_state_dict(progress.history)
        if len(history.losses) != progress.step:
            raise ValueError(
                f"history should have {progress.step} losses, one for each step of {path}, "
                f"got {len(history.losses)}"
            )
        assert isinstance(self.batches, Resumable)
        self.batches.load_state_dict(progress.batches)  # the last that may refuse
        put_back()
        self.history = history

    def step(self) -> None:
        """Learn from the next batches; a loss that is no number stops the training here."""
        number = self.done + 1
        rate = self._set_rate(number)
        self.optimizer.zero_grad(set_to_none=True)
        loss, tokens = self._gradient()
        if tokens == 0:
            raise ValueError(f"batches should hold tokens to learn from, got none in step {number}")
        norm = clip_gradients(self.model.parameters(), self.clip_norm)
        for name, value in (("loss", loss), ("length of the gradient", norm)):
            if not math.isfinite(value):
                self.optimizer.zero_grad(set_to_none=True)
                raise FloatingPointError(
                    f"the {name} of step {number} is {value}; the weights are those after step "
                    f"{number - 1}, and nothing was saved since"
                )
        self.optimizer.step()
        self.history.add(loss, rate, norm, tokens)

    def _set_rate(self, number: int) -> float:
        groups = self.optimizer.param_groups
        if self.schedule is not None:
            for group in groups:
                group["lr"] = self.schedule(number)
        return float(groups[0]["lr"])

    def _gradient(self) -> tuple[float, int]:
        """Leave the gradient of the mean loss of all tokens, of all micro-batches and processes."""
        total, count = 0.0, 0
        for micro in range(1, self.accumulate + 1):
            batch, real = local_rows(next(self.stream), self.team)
            with gradients_stay_here(self.copy, micro == self.accumulate):
                with autocast(self.device, self.amp):
                    part, number = self.loss(self.copy, moved(batch, self.device))
                (part * float(real)).backward()
            if real:
                total, count = total + float(part.detach()), count + int(number)
        total, tokens = self.team.total([total, count], self.device)
        for p in self.model.parameters():  # sums so far, averaged over the processes
            if p.grad is not None and tokens:
                p.grad.mul_(self.team.size / tokens)
        return (total / tokens if tokens else 0.0), int(tokens)

    def evaluate(self) -> None:
        """Evaluate, and note the scores."""
        if self.score is None:
            return
        self.model.eval()
        with torch.no_grad():
            self.history.note(self.score(self.model))
        self.model.train()

    def save(self) -> None:
        """Write a checkpoint."""
        if self.folder is None:
            return
        assert isinstance(self.batches, Resumable)
        progress = Progress(
            step=self.done,
            batches=self.batches.state_dict(),
            history=self.history.state_dict(),
        )
        save_checkpoint(
            self.folder, progress, model=self.model, optimizer=self.optimizer, keep=self.keep
        )


def progress_bar(wanted: bool | None, steps: int, done: int, rank: int) -> Any:
    """Return a bar on the standard output, or something as quiet as a bar that is not wanted."""
    shown = rank == 0 and (sys.stdout.isatty() if wanted is None else wanted)
    if not shown:
        return _Silence()
    try:
        from tqdm import tqdm
    except ImportError:
        if wanted:
            raise ImportError("progress=True needs tqdm: pip install 'txlite[training]'") from None
        return _Silence()
    return tqdm(total=steps, initial=done, file=sys.stdout, dynamic_ncols=True)


class _Silence:
    """A bar that shows nothing."""

    def __enter__(self) -> "_Silence":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, steps: int = 1) -> None:
        """Do nothing."""

    def set_postfix_str(self, text: str, refresh: bool = False) -> None:
        """Do nothing."""
