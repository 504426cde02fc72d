"""A small training with everything in it, to see what ``fit`` promises kept on your own machine.

The model hears a row of digits and says them backwards. Rows differ in length, there is dropout, a
schedule, clipping and accumulation; so whatever is forgotten by a checkpoint, or counted twice by
two processes, changes the numbers::

    python -m txlite.training.rehearsal --report one.json
    torchrun --standalone --nproc_per_node 2 -m txlite.training.rehearsal --report two.json

With ``--checkpoint folder`` it can be killed at any moment and started again.
"""

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from txlite.nn import MultiHeadAttention, masks
from txlite.runtime import seed as set_seed
from txlite.training._disk import write_json
from txlite.training.batches import Batches
from txlite.training.distributed import processes, shard
from txlite.training.loop import fit
from txlite.training.losses import summed
from txlite.training.optim import adamw
from txlite.training.schedules import warmup_inverse_sqrt

__all__ = ["Backwards", "Digits", "Rehearsal", "main", "rehearse"]

_LONGEST = 9


class Digits(NamedTuple):
    """Rows of digits, padded, and the same rows backwards."""

    digits: Int[Tensor, "B T"]
    backwards: Int[Tensor, "B T"]
    keep: Bool[Tensor, "B T"]


def _digits(rows: list[int]) -> Digits:
    """Make the rows of these numbers: row n has its own length and digits, whatever the batch."""
    draw = [torch.Generator().manual_seed(n) for n in rows]
    here = torch.device("cpu")
    lengths = torch.stack(
        [torch.randint(2, _LONGEST + 1, (), generator=g, device=here) for g in draw]
    )
    digits = torch.stack([torch.randint(10, (_LONGEST,), generator=g, device=here) for g in draw])
    place = torch.arange(_LONGEST, device=here)
    mirrored = (lengths[:, None] - 1 - place).clamp(min=0)
    return Digits(digits, digits.gather(1, mirrored), place < lengths[:, None])


class Backwards(nn.Module):
    """One attention over a row of digits, and a score for each digit at each place.

    Parameters
    ----------
    d_model : int
        Model width D.
    dropout : float
        Probability of dropping an entry of what is heard.
    """

    def __init__(self, d_model: int = 16, dropout: float = 0.0) -> None:
        super().__init__()
        self.digit = nn.Embedding(10, d_model)
        self.place = nn.Embedding(_LONGEST, d_model)
        self.attention = MultiHeadAttention(d_model, 2)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(d_model)
        self.say = nn.Linear(d_model, 10)

    def forward(
        self, digits: Int[Tensor, "B T"], keep: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Score ten digits at every place.

        Parameters
        ----------
        digits : Tensor of int, shape (B, T)
            Rows of digits.
        keep : Tensor of bool, shape (B, T)
            True where a digit is real.

        Returns
        -------
        Tensor, shape (B, T, 10)
            Scores.
        """
        x = self.digit(digits) + self.place.weight[: digits.shape[1]]
        heard = self.attention(x, mask=masks.padding(keep))
        scores: Tensor = self.say(self.norm(x + self.dropout(heard)))
        return scores


def _loss(model: nn.Module, batch: Digits) -> tuple[Tensor, Tensor]:
    logits = model(batch.digits, batch.keep)
    return summed(logits, batch.backwards, batch.keep, label_smoothing=0.1)


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What is rehearsed.

    Parameters
    ----------
    steps : int
        Number of optimiser steps.
    dropout : float
        Drawn differently in every process, so numbers agree over processes only at 0.
    accumulate : int
        Batches that make one step.
    double : bool
        Whether to compute in float64.
    sharded : bool
        Whether several processes keep the parameters in pieces (FSDP2), not as copies (DDP).
    cpu : bool
        Whether to leave GPUs alone.
    checkpoint : str, optional
        A folder to go on from.
    checkpoint_every : int
        After how many steps to save, if there is a folder.
    """

    steps: int = 20
    dropout: float = 0.0
    accumulate: int = 2
    double: bool = False
    sharded: bool = False
    cpu: bool = False
    checkpoint: str | None = None
    checkpoint_every: int = 5


def rehearse(plan: Rehearsal) -> dict[str, Any]:
    """Train, in this process or in all that ``torchrun`` started.

    Parameters
    ----------
    plan : Rehearsal
        What to do.

    Returns
    -------
    dict
        ``losses``, ``gradient_norms`` and ``scores`` as in the history, a ``fingerprint`` of the
        weights, and the number of ``processes``.
    """
    with processes(cpu=plan.cpu) as (crew, device):
        set_seed(11)
        model = Backwards(dropout=plan.dropout).to(device)
        model = model.double() if plan.double else model
        if plan.sharded:
            shard(model, [model.attention])
        held_out = _digits(list(range(1000, 1040)))
        history = fit(
            model,
            Batches(range(300), _digits, batch_size=7, seed=3),
            _loss,
            steps=plan.steps,
            optimizer=adamw(model, 1.0, weight_decay=0.01),
            schedule=warmup_inverse_sqrt(16, 30, factor=0.5),
            clip_norm=1.0,
            accumulate=plan.accumulate,
            evaluate=lambda m: {"held out": _score(m, held_out, device)},
            evaluate_every=5,
            checkpoint=plan.checkpoint,
            checkpoint_every=None if plan.checkpoint is None else plan.checkpoint_every,
        )
        return {
            "losses": history.losses,
            "gradient_norms": history.gradient_norms,
            "scores": history.scores,
            "fingerprint": fingerprint(model),
            "processes": crew.size,
            "rank": crew.rank,
        }


def _score(model: nn.Module, digits: Digits, device: torch.device) -> float:
    total, count = _loss(model, Digits(*(x.to(device) for x in digits)))
    return float(total / count)


def fingerprint(model: nn.Module) -> str:
    """Return a number that changes when any bit of any parameter does."""
    digest = hashlib.sha256()
    for x in model.state_dict().values():
        whole = x.full_tensor() if hasattr(x, "full_tensor") else x
        digest.update(whole.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line, train, and write a report.

    Parameters
    ----------
    words : sequence of str, optional
        The command line's words; by default those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m txlite.training.rehearsal")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--accumulate", type=int, default=2)
    parser.add_argument("--double", action="store_true", help="compute in float64")
    parser.add_argument("--sharded", action="store_true", help="FSDP2 in the place of DDP")
    parser.add_argument("--cpu", action="store_true", help="leave GPUs alone")
    parser.add_argument("--checkpoint", help="folder to go on from")
    parser.add_argument("--checkpoint-every", type=int, default=5)
    parser.add_argument("--report", type=Path, help="JSON file to write")
    options = vars(parser.parse_args(words))
    file = options.pop("report")
    report = rehearse(Rehearsal(**options))
    if file is not None and report["rank"] == 0:
        write_json(file, report)


if __name__ == "__main__":
    main()
