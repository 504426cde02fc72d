"""What each process of the tests of tensor parallelism does; spawned, so it lives in a module."""

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)

from txlite.nn import EncoderLayer, masks

B, T, D, H, K, F = 2, 5, 24, 8, 4, 20
PLAN = {
    "attention.query_proj": ColwiseParallel,
    "attention.key_proj": ColwiseParallel,
    "attention.value_proj": ColwiseParallel,
    "attention.output_proj": RowwiseParallel,
    "feed_forward.up_proj": ColwiseParallel,
    "feed_forward.gate_proj": ColwiseParallel,
    "feed_forward.down_proj": RowwiseParallel,
}


def layer(dtype: torch.dtype) -> EncoderLayer:
    """The same layer in every process: grouped heads, gated feed-forward.

    In float64 its weights are far from zero; in float32 they are those that a training begins with.
    """
    torch.manual_seed(3)
    made = EncoderLayer(D, H, F, num_kv_heads=K, activation="swiglu")
    if dtype == torch.float64:
        for p in made.parameters():
            nn.init.normal_(p, std=0.5)
    return made.to(dtype)


def run(module: EncoderLayer) -> dict[str, Tensor]:
    """Return the output, the gradient of the input and that of every weight, whole."""
    torch.manual_seed(4)
    x = torch.randn(B, T, D, dtype=module.attention_norm.weight.dtype, requires_grad=True)
    keep = torch.arange(T) < torch.tensor([[T], [T - 2]])
    out = module(x, masks.causal() & masks.padding(keep))
    out.sin().sum().backward()
    assert x.grad is not None
    grads = {name: whole(p.grad) for name, p in module.named_parameters()}
    return {"out": out.detach(), "x": x.grad, **grads}


def whole(x: Any) -> Tensor:
    full: Tensor = x.full_tensor() if isinstance(x, DTensor) else x
    return full


def work(rank: int, size: int, folder: str, dtype: torch.dtype) -> None:
    """Run the layer shared out among ``size`` processes; the first one keeps what came."""
    torch.set_num_threads(1)
    rendezvous = Path(folder, "rendezvous").as_uri()
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=size)
    try:
        mesh = init_device_mesh("cpu", (size,))
        module = layer(dtype)
        parallelize_module(module, mesh, {name: style() for name, style in PLAN.items()})
        found = run(module)
        found["heads"] = torch.tensor(module.attention.query_proj.weight.to_local().shape[0])
        try:
            module(torch.zeros(B, T, D, dtype=dtype), torch.ones(B, H, T, T, dtype=torch.bool))
        except ValueError as error:
            found["refusal"] = torch.tensor(list(str(error).encode()), dtype=torch.uint8)
        if rank == 0:
            torch.save(found, Path(folder, "found.pt"))
    finally:
        dist.destroy_process_group()
