"""One training: what ``fit`` does in one step, and what it does between steps."""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from txlite._checks import check_number
from txlite._epochs import Resumable
from txlite.training._finite import (
    check_rates,
    check_trainable,
    endless_buffers,
    first_not_finite,
    gradients,
    kept,
)
from txlite.training._modes import evaluating
from txlite.training._state import check_savable
from txlite.training._tensors import device_of, marked, moved, numbers_in
from txlite.training._wrapped import weights
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


def check_rate(name: str, rate: Any) -> float:
    """Require a learning rate, and return it as Python's number."""
    return check_number(name, rate, "finite and at least zero", lambda x: 0 <= x < math.inf)


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
        check_trainable(self.model, self.optimizer)
        if self.folder is not None:
            check_savable(self.model, self.optimizer)
        self.device = device_of(self.model)
        self.amp = self.amp and has_bfloat16(self.device)
        self.trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.constant = endless_buffers(self.model)
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
        """Learn from the next batches; what is not finite stops the training here."""
        number = self.done + 1
        rate = self._set_rate(number)
        self._forget_gradients()
        loss, tokens = self._gradient()
        if tokens == 0:
            raise ValueError(f"batches should hold tokens to learn from, got none in step {number}")
        norm = clip_gradients(self.trained, self.clip_norm)
        if not math.isfinite(loss):
            self._stop(f"the loss of step {number} is {loss}")
        if not math.isfinite(norm):
            name = first_not_finite(gradients(self.model, self.trained), self.team)
            self._stop(f"the length of the gradient of step {number} is {norm}, because of {name}")
        self.optimizer.step()
        name = first_not_finite(weights(self.model), self.team)
        if name is not None:
            self._stop(f"{name} is not finite after step {number}", spoilt=True)
        self.history.add(loss, rate, norm, tokens)

    def _set_rate(self, number: int) -> float:
        name = "the optimizer's learning rate"
        if self.schedule is not None:
            name = f"schedule({number})"
            for group in self.optimizer.param_groups:
                group["lr"] = check_rate(name, self.schedule(number))
        return check_rates(self.optimizer, name)

    def _forget_gradients(self) -> None:
        """Forget them all: also of parameters that another optimiser trains, or none."""
        self.optimizer.zero_grad(set_to_none=True)
        self.model.zero_grad(set_to_none=True)

    def _stop(self, reason: str, spoilt: bool = False) -> None:
        """End the training before anything is written that is not finite."""
        self._forget_gradients()
        newest = None if self.folder is None else latest_checkpoint(self.folder)
        raise FloatingPointError(
            f"{reason}; the weights are {'spoilt' if spoilt else f'those after step {self.done}'}, "
            f"{'nothing was saved' if newest is None else f'the last whole checkpoint is {newest}'}"
        )

    def _gradient(self) -> tuple[float, int]:
        """Leave the gradient of the mean loss of all tokens, of all micro-batches and processes."""
        parts: list[Tensor] = []
        counts: list[Any] = []
        mark = 0
        for micro in range(1, self.accumulate + 1):
            whole = next(self.stream)
            batch, real = local_rows(whole, self.team)
            mark = marked(whole, mark) if self.team.size > 1 else 0
            with gradients_stay_here(self.copy, micro == self.accumulate):
                with autocast(self.device, self.amp):
                    part, number = _pair(self.loss(self.copy, moved(batch, self.device)))
                (part * float(real)).backward()
            if real:
                parts.append(part.detach())
                counts.append(number)
        total, tokens = self._total(sum(numbers_in(parts)), sum(map(int, numbers_in(counts))), mark)
        for p in self.trained:  # sums so far, averaged over the processes
            if p.grad is not None and tokens:
                p.grad.mul_(self.team.size / tokens)
        return (total / tokens if tokens else 0.0), int(tokens)

    def _total(self, loss: float, tokens: int, mark: int) -> tuple[float, float]:
        """Add up over the processes, all of which must have gone through the same batches."""
        mark &= 0xFFFFF  # so few bits that the sums of the squares stay exact
        numbers = [loss, tokens, mark, mark**2]
        loss, count, once, twice = self.team.total(numbers, self.device)
        if int(once) ** 2 != int(twice) * self.team.size:
            raise ValueError(
                f"batches should be the same in every process, in one order: each takes its own "
                f"rows of them; got different ones in step {self.done + 1}. "
                "txlite.training.Batches shuffles alike everywhere; a DataLoader does so with a "
                "generator of its own that is seeded alike"
            )
        return loss, count

    def evaluate(self) -> None:
        """Evaluate, and note the scores; every module goes on in the mode that it has now."""
        if self.score is None:
            return
        with evaluating(self.model), torch.no_grad():
            self.history.note(self.score(self.model))

    def _check_kept(self) -> None:
        """Stop if anything that would be kept is not finite, also what the optimiser keeps."""
        name = first_not_finite(kept(self.model, self.optimizer, self.constant), self.team)
        if name is not None:
            self._stop(f"{name} is not finite after step {self.done}", spoilt=True)

    def save(self) -> None:
        """Write a checkpoint, if there is a folder, and all that it would hold is finite."""
        self._check_kept()
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


def _pair(found: Any) -> tuple[Any, Any]:
    """Return what a loss has computed, if it is a sum and a count."""
    if not isinstance(found, (tuple, list)) or len(found) != 2 or not isinstance(found[0], Tensor):
        raise ValueError(
            "loss should return a pair, the sum over the tokens as a tensor and their count, got "
            f"{type(found).__name__}"
        )
    part, number = found
    return part, number


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
