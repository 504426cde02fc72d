"""Memory: what a training holds from step to step, and what a model that is used holds.

Adam keeps two moments of every parameter beside its gradient. In float32 that makes 16 bytes a
parameter, and in mixed precision 16 again: 2 for the weight, 2 for its gradient, and 12 for what
must stay exact, the weight itself and both moments. What 16 bits save is in the activations.

Sources
    Rajbhandari et al. (2020), "ZeRO: Memory Optimizations Toward Training Trillion Parameter
    Models", section 3.1. Kingma and Ba (2015), "Adam", algorithm 1.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from txlite._checks import check_choice, check_length, check_module, check_positive
from txlite.counting._parts import head_width
from txlite.counting.activations import predict_activations
from txlite.counting.kinds import kind_of
from txlite.counting.parameters import predict_parameters
from txlite.models import GPTConfig, LlamaConfig

__all__ = [
    "TrainingMemory",
    "kv_cache_bytes",
    "measure_state",
    "predict_training_memory",
    "state_memory",
    "weight_bytes",
]

Precision = Literal["float32", "mixed", "bfloat16"]
BYTES = {  # of a parameter: weight, gradient, both moments, and a copy of the weight in float32
    "float32": (4, 4, 8, 0),
    "mixed": (2, 2, 8, 4),
    "bfloat16": (2, 2, 4, 0),
}


@dataclass(frozen=True, kw_only=True)
class TrainingMemory:
    """Bytes that a training holds.

    Parameters
    ----------
    weights, gradients : int
        What the model computes with, and what its backward pass leaves.
    moments : int
        Adam's two running means.
    master_weights : int
        A copy in float32, which small steps can still change.
    activations : int
        What is kept between the passes, which grows with the batch.
    """

    weights: int = 0
    gradients: int = 0
    moments: int = 0
    master_weights: int = 0
    activations: int = 0

    @property
    def state(self) -> int:
        """All but the activations: it depends on nothing but the model."""
        return self.weights + self.gradients + self.moments + self.master_weights

    @property
    def total(self) -> int:
        """All of it."""
        return self.state + self.activations


def weight_bytes(num_parameters: int, *, bits: int = 16) -> float:
    """Return the bytes of a model's weights: there are eight bits in a byte, so bits / 8 each.

    Parameters
    ----------
    num_parameters : int
        All of them, embeddings included.
    bits : int
        Of one number: 32, 16, 8, 4.

    Returns
    -------
    float
        Without the scales that quantised numbers need beside them.

    Raises
    ------
    ValueError
        If a number is not positive.

    Examples
    --------
    >>> weight_bytes(7_000_000_000, bits=4) / 1e9
    3.5
    """
    return check_positive("num_parameters", num_parameters) * check_positive("bits", bits) / 8


def kv_cache_bytes(
    config: Any,
    *,
    length: int,
    source_length: int = 0,
    batch: int = 1,
    bytes_per_number: int = 2,
) -> int:
    """Say how large a cache of keys and values is when a decoder has read so many tokens.

    Parameters
    ----------
    config : config of :mod:`txlite.models`
        Of a model that writes: its key and value heads count, however many queries share them.
    length : int
        Tokens that the decoder has read. A sliding window keeps no more than its own.
    source_length : int
        Tokens of the source, whose keys and values each decoder layer keeps too.
    batch : int
        How many texts at once.
    bytes_per_number : int
        2 in 16 bits, 4 in float32.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ValueError
        If a number is not positive, or the config's model has no decoder, or no source.

    Examples
    --------
    >>> from txlite.models import LlamaConfig
    >>> kv_cache_bytes(LlamaConfig.llama3_8b(), length=1)  # of 8 heads, not of 32
    131072
    """
    kind_of(config)
    length, batch = check_positive("length", length), check_positive("batch", batch)
    size, source = check_positive("bytes_per_number", bytes_per_number), source_length
    source = check_length("source_length", source)
    two = hasattr(config, "num_decoder_layers") and hasattr(config, "vocab_size")
    if not two and not isinstance(config, GPTConfig | LlamaConfig):
        raise ValueError(f"config should be of a model that writes, got {type(config).__name__}")
    if source and not two:
        raise ValueError(f"source_length should be 0 without an encoder, got {source}")
    layers = (config.num_decoder_layers or config.num_layers) if two else config.num_layers
    window = getattr(config, "sliding_window", None)
    tokens = length if window is None else min(length, window)
    heads = config.num_kv_heads or config.num_heads
    vector = heads * head_width(config, config.d_model, config.num_heads)
    return int(2 * batch * layers * (tokens + source) * vector * size)


def state_memory(num_parameters: int, *, precision: Precision = "float32") -> TrainingMemory:
    """Say what a training with Adam holds from step to step.

    Parameters
    ----------
    num_parameters : int
        Those that learn.
    precision : str
        ``"float32"``: 16 bytes a parameter. ``"mixed"``: weights and gradients in 16 bits, and a
        copy and moments in float32, 16 bytes again. ``"bfloat16"``: all in 16 bits, 8 bytes; small
        steps are lost in rounding. ``torch.autocast`` keeps the weights in float32 and is
        ``"float32"`` here.

    Returns
    -------
    TrainingMemory
        Without activations.

    Raises
    ------
    ValueError
        If the number is not positive, or there is no such precision.

    References
    ----------
    Rajbhandari et al. (2020), section 3.1, whose Ψ = 7.5 billion parameters take 120 GB.

    Examples
    --------
    >>> state_memory(7_500_000_000, precision="mixed").total / 1e9
    120.0
    """
    count = check_positive("num_parameters", num_parameters)
    check_choice("precision", precision, get_args(Precision))
    weight, gradient, moments, master = BYTES[precision]
    return TrainingMemory(
        weights=weight * count,
        gradients=gradient * count,
        moments=moments * count,
        master_weights=master * count,
    )


def predict_training_memory(
    config: Any,
    *,
    batch: int,
    length: int,
    precision: Precision = "float32",
    checkpointed: bool = False,
) -> TrainingMemory:
    """Say what a step of training holds at its most: state and activations.

    Parameters
    ----------
    config : GPTConfig or LlamaConfig
        Sizes and choices.
    batch, length : int
        How many texts, and tokens of each.
    precision : str
        As for :func:`state_memory`. Activations are in 16 bits unless it is ``"float32"``.
    checkpointed : bool
        Whether layers keep their inputs only.

    Returns
    -------
    TrainingMemory
        Without what a kernel needs for itself.

    Raises
    ------
    ValueError
        If the config is of another family, or a number is not positive.

    Examples
    --------
    >>> from txlite.models import GPTConfig
    >>> memory = predict_training_memory(GPTConfig.gpt2(), batch=8, length=1024)
    >>> round(memory.state / 1e9, 2), round(memory.activations / 1e9, 2)
    (1.99, 21.66)
    """
    check_choice("precision", precision, get_args(Precision))
    kept = predict_activations(
        config, batch=batch, length=length, checkpointed=checkpointed,
        bytes_per_number=4 if precision == "float32" else 2,
    )  # fmt: skip
    state = state_memory(predict_parameters(config).total, precision=precision)
    return replace(state, activations=kept)


def measure_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> TrainingMemory:
    """Count what a training does hold from step to step.

    Parameters
    ----------
    model : Module
        After a backward pass, so that it has gradients.
    optimizer : Optimizer
        After a step, so that it has moments.

    Returns
    -------
    TrainingMemory
        Bytes of the tensors that are there; the optimiser's counters of steps are left out.

    Raises
    ------
    ValueError
        If ``model`` is no module, or ``optimizer`` no optimiser.

    Examples
    --------
    >>> model = nn.Linear(3, 5)
    >>> optimizer = torch.optim.AdamW(model.parameters())
    >>> model(torch.zeros(7, 3)).sum().backward()
    >>> optimizer.step()
    >>> measure_state(model, optimizer) == state_memory(20)
    True
    """
    check_module("model", model)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"optimizer should be a torch.optim.Optimizer, got {optimizer!r}")
    parameters = list(model.parameters())
    states = [state for p in parameters for state in optimizer.state.get(p, {}).items()]
    moments = [x for name, x in states if name != "step" and isinstance(x, Tensor)]
    return TrainingMemory(
        weights=sum(p.nbytes for p in parameters),
        gradients=sum(p.grad.nbytes for p in parameters if p.grad is not None),
        moments=sum(x.nbytes for x in moments),
    )
