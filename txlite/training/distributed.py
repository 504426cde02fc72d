"""Several processes that train one model: who they are, who gets what, and how they add up.

``torchrun --nproc_per_node 2 train.py`` starts the processes; :func:`processes` joins them; ``fit``
does the rest. Every process goes through the *same* batches and takes its own rows of each, and
gradients are weighted by tokens over all processes: so two processes compute what one would have.

Sources
    Li et al. (2020), "PyTorch Distributed": the copies of DDP.
    Zhao et al. (2023), "PyTorch FSDP": parameters in pieces, put together layer by layer.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from txlite._atomic import alone
from txlite.runtime import device as default_device
from txlite.training._tensors import mapped, tensors_in

__all__ = ["Team", "local_rows", "processes", "shard", "team"]


@dataclass(frozen=True)
class Team:
    """The processes that train together, seen from one of them.

    Parameters
    ----------
    rank : int
        This process's number, from 0.
    size : int
        How many there are; 1 without ``torchrun``.
    """

    rank: int = 0
    size: int = 1

    def total(self, numbers: Sequence[float | int], device: torch.device) -> list[float]:
        """Add numbers up over all processes, in float64.

        Parameters
        ----------
        numbers : sequence of float
            As many on every process.
        device : torch.device
            Where this process computes.

        Returns
        -------
        list of float
            The sums, the same on every process.
        """
        if self.size == 1:
            return [float(x) for x in numbers]
        sums = torch.tensor(list(numbers), dtype=torch.float64, device=device)
        dist.all_reduce(sums)
        return [float(x) for x in sums.tolist()]

    def gathered(self, thing: Any) -> list[Any]:
        """Collect one thing from every process.

        Parameters
        ----------
        thing : object
            This process's.

        Returns
        -------
        list
            By rank, on every process.
        """
        if self.size == 1:
            return [thing]
        things: list[Any] = [None] * self.size
        dist.all_gather_object(things, thing)
        return things

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()


def team() -> Team:
    """Return the processes that this one belongs to; itself alone outside :func:`processes`.

    Returns
    -------
    Team
        This process's rank, and the number of processes.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return Team()
    return Team(dist.get_rank(), dist.get_world_size())


@contextmanager
def processes(*, cpu: bool = False) -> Iterator[tuple[Team, torch.device]]:
    """Join the processes that ``torchrun`` started; without it, be the only one.

    Parameters
    ----------
    cpu : bool
        Whether to leave GPUs alone.

    Yields
    ------
    team : Team
        This process's rank, and the number of processes.
    device : torch.device
        Where this process computes: a GPU of its own if there is one for each, else the CPU.

    Examples
    --------
    >>> with processes() as (crew, device):
    ...     print(crew)
    Team(rank=0, size=1)
    """
    if "LOCAL_RANK" not in os.environ:
        yield Team(), torch.device("cpu") if cpu else default_device()
        return
    place, here = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    wanted = not cpu and default_device().type == "cuda"
    enough = wanted and torch.cuda.device_count() >= here
    device = torch.device("cuda", place) if enough else torch.device("cpu")
    if enough:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if enough else "gloo")
    try:
        yield team(), device
    finally:
        dist.destroy_process_group()


def local_rows(batch: Any, crew: Team) -> tuple[Any, bool]:
    """Take one process's rows of a batch: every ``crew.size``-th, from ``crew.rank`` on.

    Parameters
    ----------
    batch : object
        Whose tensors all have the rows as their first axis.
    crew : Team
        The processes.

    Returns
    -------
    batch : object
        The same with this process's rows only.
    real : bool
        False where there were fewer rows than processes and this one got none of its own: it then
        holds a copy of the first row, whose loss must not count.

    Raises
    ------
    ValueError
        If tensors of the batch have different numbers of rows.
    """
    if crew.size == 1:
        return batch, True
    rows = {x.shape[0] if x.ndim else 0 for x in tensors_in(batch)}
    if len(rows) != 1 or rows == {0}:
        raise ValueError(f"batch should have one number of rows in all tensors, got {sorted(rows)}")
    if crew.rank >= rows.pop():
        return mapped(lambda x: x[:1], batch), False
    return mapped(lambda x: x[crew.rank :: crew.size], batch), True


def shard(model: nn.Module, parts: Sequence[nn.Module] = ()) -> nn.Module:
    """Lay a model's parameters in pieces over all processes (FSDP2), each put together when used.

    Call it before the optimiser is made, in every process, on models that were initialised from
    the same seed. Without several processes it does nothing.

    Parameters
    ----------
    model : Module
        The whole model.
    parts : sequence of Module
        What is put together and let go one after the other, for instance its layers. Parameters
        that several parts share stay with the whole.

    Returns
    -------
    Module
        The same model.
    """
    crew = team()
    if crew.size == 1:
        return model
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    device = next(model.parameters()).device.type
    mesh = init_device_mesh(device, (crew.size,))
    for part in parts:
        fully_shard(part, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def wrap_ddp(model: nn.Module, crew: Team) -> nn.Module:
    """Wrap a model so that its gradients are averaged over the processes, if there are several."""
    from torch.nn.parallel import DistributedDataParallel

    if crew.size == 1 or is_sharded(model) or isinstance(model, DistributedDataParallel):
        return model
    device: Tensor = next(model.parameters())
    places = [device.device] if device.is_cuda else None
    return DistributedDataParallel(model, device_ids=places)


def is_sharded(model: nn.Module) -> bool:
    """Whether a model's parameters lie in pieces on several processes."""
    return any(hasattr(p, "device_mesh") for p in model.parameters())


@contextmanager
def sole_writer(folder: Path | None, crew: Team) -> Iterator[None]:
    """Hold a folder of checkpoints for this training; every process refuses one that is held."""
    with ExitStack() as held:
        refusal = ""
        if folder is not None and crew.rank == 0:
            try:
                held.enter_context(alone(folder))
            except ValueError as error:
                refusal = str(error)
            except PermissionError:  # nobody can write to it; whoever has to will say so
                pass
        if folder is not None:
            refusal = crew.gathered(refusal)[0]
        if refusal:
            raise ValueError(refusal)
        yield


@contextmanager
def gradients_stay_here(model: nn.Module, until_last: bool) -> Iterator[None]:
    """Keep gradients in this process while more of the same step are to come."""
    hold = getattr(model, "no_sync", None)
    if until_last or hold is None:
        yield
        return
    with hold():
        yield
