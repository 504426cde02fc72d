r"""Which layout fits: tensor × pipeline × data, with the memory and the seconds that each needs.

A model on the meta device is laid out on paper. Every device holds a share of the parameters, with
twelve bytes of Adam's for each beside two of the weight and two of its gradient, and what the
backward pass will ask for; it computes, sends, and waits. What does not fit is told, not left out.

Sources
    Narayanan et al. (2021), "Efficient Large-Scale Language Model Training on GPU Clusters Using
    Megatron-LM", sections 3 and 5.1 (operations), table 1.
    Korthikanti et al. (2022), "Reducing Activation Recomputation in Large Transformer Models",
    sections 4.1 and 4.2.1 (activations; without the scores, which fused attention does not keep).
    Rajbhandari et al. (2020), "ZeRO", section 3.1 (16 bytes), section 5.1 (shared-out moments).
"""

import math
from dataclasses import dataclass

from torch import nn

from txlite._checks import check_positive, check_rate, check_share
from txlite.distributed.parts import ModelParts, model_parts
from txlite.distributed.pipeline import stage_layers
from txlite.distributed.schedules import bubble_share
from txlite.distributed.traffic import bytes_sent, data_parallel_bytes, tensor_parallel_bytes

__all__ = ["Estimate", "Layout", "Machine", "plan_layouts"]

_HALF = 2  # bytes of a number in half precision


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the devices are, and how they are wired.

    Parameters
    ----------
    memory : float
        Bytes of one device.
    flops : float
        Operations a second of one device, at its best.
    inside, between : float
        Bytes a second that one device can send inside its node, and to another node.
    per_node : int
        Devices of a node.
    utilisation : float
        Share of ``flops`` that large matrices reach.
    usable : float
        Share of ``memory`` that libraries, buffers and gaps leave.

    Raises
    ------
    ValueError
        If a number is not positive, or a share is not in [0, 1].
    """

    memory: float
    flops: float
    inside: float
    between: float
    per_node: int = 8
    utilisation: float = 0.5
    usable: float = 0.9

    def __post_init__(self) -> None:
        for name in ("memory", "flops", "inside", "between"):
            object.__setattr__(self, name, check_rate(name, getattr(self, name)))
        object.__setattr__(self, "per_node", check_positive("per_node", self.per_node))
        for name in ("utilisation", "usable"):
            share = check_share(name, getattr(self, name))
            object.__setattr__(self, name, check_rate(name, share))

    @classmethod
    def dgx2(cls) -> "Machine":
        """Return a DGX-2H, with sixteen V100 (Shoeybi et al. 2019, section 5).

        Inside 300 GB/s for each device, between nodes 100 GB/s for all sixteen; one device alone
        reached 39 of 125 · 10¹² operations a second.
        """
        return cls(
            memory=32 * 2.0**30, flops=125e12, inside=300e9, between=100e9 / 16, per_node=16,
            utilisation=39 / 125,
        )  # fmt: skip

    @classmethod
    def dgx_a100(cls) -> "Machine":
        """Return a DGX A100 with 80 GB a device (Narayanan et al. 2021, section 5).

        Inside 300 GB/s each way, between nodes eight links of 200 Gb/s.
        """
        return cls(memory=80e9, flops=312e12, inside=300e9, between=25e9, per_node=8)


@dataclass(frozen=True)
class Layout:
    """How many ways a model is cut, passed on and copied.

    Parameters
    ----------
    tensor : int
        Processes that share every layer.
    pipeline : int
        Stages of layers.
    data : int
        Copies, each with rows of its own.
    """

    tensor: int
    pipeline: int
    data: int

    def __str__(self) -> str:
        return f"{self.tensor} × {self.pipeline} × {self.data}"


@dataclass(frozen=True)
class Estimate:
    """What a layout needs.

    Parameters
    ----------
    layout : Layout
        The layout.
    parts : int
        In how many parts the rows of a copy go through.
    parameters : int
        Parameters of the fullest device.
    memory : dict of str to float
        Bytes of the fullest device: ``"weights"``, ``"gradients"``, ``"moments"``,
        ``"activations"``.
    sent : dict of str to float
        Bytes that a device sends in a step: ``"tensor"``, ``"pipeline"``, ``"data"``.
    seconds : dict of str to float
        Of a step: ``"compute"``, ``"bubble"``, and one for each of what is sent.
    fits : bool
        Whether the memory is enough.
    """

    layout: Layout
    parts: int
    parameters: int
    memory: dict[str, float]
    sent: dict[str, float]
    seconds: dict[str, float]
    fits: bool

    @property
    def total_memory(self) -> float:
        """Bytes of the fullest device."""
        return sum(self.memory.values())

    @property
    def total_seconds(self) -> float:
        """Seconds of a step, if nothing is sent while anything is computed."""
        return sum(self.seconds.values())


def plan_layouts(
    model: nn.Module,
    devices: int,
    machine: Machine,
    *,
    batch: int,
    length: int,
    micro_batch: int = 1,
    recompute: bool = True,
    shard_moments: bool = False,
) -> list[Estimate]:
    """Lay a model out in every way that its sizes allow.

    Parameters
    ----------
    model : Module
        Of one stack, for instance a :class:`txlite.models.GPT`; best on the meta device.
    devices : int
        How many there are; every layout uses them all.
    machine : Machine
        What they are.
    batch : int
        Rows of a step, of all copies.
    length : int
        Positions of a row.
    micro_batch : int
        Rows that a device computes at once.
    recompute : bool
        Whether of each layer only the input is kept, and the rest computed again.
    shard_moments : bool
        Whether the copies share Adam's twelve bytes out among them (ZeRO, stage 1).

    Returns
    -------
    list of Estimate
        Those that fit first, the fastest of them before the others.

    Raises
    ------
    ValueError
        If a number is not positive, the model has not one stack, or no layout divides it.

    References
    ----------
    Narayanan et al. (2021), section 3.
    """
    devices, batch = check_positive("devices", devices), check_positive("batch", batch)
    length = check_positive("length", length)
    micro_batch = check_positive("micro_batch", micro_batch)
    found = model_parts(model)
    work = _Work(found, machine, batch, length, micro_batch, recompute, shard_moments)
    rows = [work.estimate(layout) for layout in _layouts(found, devices, batch, micro_batch)]
    if not rows:
        raise ValueError(
            f"devices={devices} should divide into layouts that the heads, the layers and the "
            f"batch={batch} allow, got none"
        )
    return sorted(rows, key=lambda row: (not row.fits, row.total_seconds))


def _layouts(found: ModelParts, devices: int, batch: int, micro_batch: int) -> list[Layout]:
    """Return every layout that divides what has to be divided."""
    wide = [t for t in range(1, devices + 1) if devices % t == 0 and found.divides(t)]
    layouts = []
    for tensor in wide:
        rest = devices // tensor
        for pipeline in range(1, min(rest, found.num_layers) + 1):
            if rest % pipeline == 0 and batch % (rest // pipeline * micro_batch) == 0:
                layouts.append(Layout(tensor, pipeline, rest // pipeline))
    return layouts


@dataclass(frozen=True)
class _Work:
    """A step of training, whatever the layout."""

    model: ModelParts
    machine: Machine
    batch: int
    length: int
    micro_batch: int
    recompute: bool
    shard_moments: bool

    def estimate(self, layout: Layout) -> Estimate:
        stages = stage_layers(self.model.num_layers, layout.pipeline)
        parts = self.batch // (layout.data * self.micro_batch)
        held = self.model.held(layout.tensor, stages)
        fullest = max(held)
        shared = layout.data if self.shard_moments else 1
        memory = {
            "weights": 2.0 * fullest,
            "gradients": 2.0 * fullest,
            "moments": 12.0 * fullest / shared,
            "activations": self._activations(layout, max(map(len, stages)), parts),
        }
        sent = self._sent(layout, max(map(len, stages)), fullest)
        flops = self.model.step_flops(self.batch, self.length, recompute=self.recompute)
        compute = flops / (
            layout.tensor * layout.pipeline * layout.data
            * self.machine.flops * self.machine.utilisation
        )  # fmt: skip
        idle = bubble_share(layout.pipeline, parts)
        seconds = {"compute": compute, "bubble": compute * idle / (1 - idle)}
        reach = {
            "tensor": layout.tensor,
            "data": layout.tensor * layout.data if layout.data > 1 else 1,
            "pipeline": layout.tensor * layout.data * layout.pipeline,
        }
        seconds |= {name: x / self._speed(reach[name]) for name, x in sent.items()}
        fits = sum(memory.values()) <= self.machine.usable * self.machine.memory
        return Estimate(layout, parts, fullest, memory, sent, seconds, fits)

    def _speed(self, reach: int) -> float:
        """Bytes a second of a group of neighbours; tensor is the nearest, pipeline the farthest."""
        return self.machine.inside if reach <= self.machine.per_node else self.machine.between

    def _activations(self, layout: Layout, layers: int, parts: int) -> float:
        tokens = self.micro_batch * self.length
        one = tokens * self.model.activation_bytes(layout.tensor)  # of a layer
        kept = _HALF * tokens * self.model.d_model if self.recompute else one
        alive = min(parts, layout.pipeline)  # on the first stage of 1F1B
        scores = 4.0 * tokens * math.ceil(self.model.vocab_size / layout.tensor)
        return alive * layers * kept + (one if self.recompute else 0.0) + scores

    def _sent(self, layout: Layout, layers: int, parameters: int) -> dict[str, float]:
        tokens = self.batch * self.length // layout.data
        message = tensor_parallel_bytes(self.model.d_model, tokens, itemsize=_HALF)
        rounds = message["forward"] * (2 if self.recompute else 1) + message["backward"]
        gradients = data_parallel_bytes(parameters, itemsize=_HALF)
        border = 2.0 * tokens * self.model.d_model * _HALF if layout.pipeline > 1 else 0.0
        return {
            "tensor": layers * bytes_sent("all_reduce", rounds, layout.tensor),
            "pipeline": border,
            "data": bytes_sent("all_reduce", gradients, layout.data),
        }
