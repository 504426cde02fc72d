"""What the processes of these tests do; spawned, so it lives in a module."""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import _functional_collectives as functional
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import RowwiseParallel, parallelize_module

from txlite.distributed import (
    PipelineStage,
    Traffic,
    VocabularyParallelEmbedding,
    apply_tensor_parallel,
    enter_cut,
    record_collectives,
    run_pipeline,
    sum_over,
    vocabulary_cross_entropy,
)
from txlite.models import (
    BERT,
    GPT,
    BERTConfig,
    GPTConfig,
    Llama,
    LlamaConfig,
    Transformer,
    TransformerConfig,
)
from txlite.nn import EncoderLayer, TokenEmbedding
from txlite.nn.positions import Positions, Rotary
from txlite.training import clip_gradients, cross_entropy
from txlite.training.distributed import shard

B, T, S, D, H, K, F, V, LAYERS = 3, 5, 7, 32, 8, 4, 20, 36, 2
SIZES: dict[str, Any] = {
    "vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": LAYERS,
}  # fmt: skip
DRY: dict[str, Any] = {"dropout": 0.0, "attention_dropout": 0.0}
MODELS: dict[str, Callable[[], nn.Module]] = {
    "gpt": lambda: GPT(GPTConfig(**SIZES, **DRY, max_len=9)),
    "llama": lambda: Llama(LlamaConfig(**SIZES, num_kv_heads=K)),
    "bert": lambda: BERT(BERTConfig(**SIZES, **DRY, max_len=9)),
    "transformer": lambda: Transformer(TransformerConfig(**SIZES, dropout=0.0)),
}
KEEP = torch.arange(T) < torch.tensor([[T], [T - 2], [T - 1]])


def redrawn(model: nn.Module) -> nn.Module:
    """The same model in every process, in float64, its weights far from zero."""
    torch.manual_seed(3)
    for p in model.parameters():
        nn.init.normal_(p, std=0.5)
    return model.double()


def tokens(length: int, shift: int = 0) -> Tensor:
    return torch.arange(B * length).view(B, length) * 7 % V + shift


def output(name: str, model: nn.Module) -> Tensor:
    """Return what a model says of one batch, some of it padding."""
    if name == "transformer":
        out: Tensor = model(tokens(S), tokens(T), target_keep=KEEP)
    elif name == "bert":
        out = model(tokens(T), segments=(tokens(T) > 9).long(), keep=KEEP)
    else:
        out = model(tokens(T), keep=KEEP)
    return out


def whole(x: Any) -> Tensor:
    full: Tensor = x.full_tensor() if isinstance(x, DTensor) else x
    return full


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {n: whole(p.grad).clone() for n, p in model.named_parameters() if p.grad is not None}


def trained(name: str, model: nn.Module) -> dict[str, Tensor]:
    """Return output, gradients and their length: what has to be one process's."""
    out = output(name, model)
    (out.sin() * KEEP[..., None]).sum().backward()
    found = {"out": out.detach(), **gradients(model)}
    found["length"] = torch.tensor(clip_gradients(model.parameters(), 2.5))
    return found | {f"clipped {n}": g for n, g in gradients(model).items()}


def cut(mesh: DeviceMesh, name: str) -> dict[str, Any]:
    """Run a model that is cut, and count what is said forward and backward."""
    model = apply_tensor_parallel(redrawn(MODELS[name]()), mesh)
    found: dict[str, Any] = trained(name, model)
    with record_collectives() as forward:
        out = output(name, model)
    with record_collectives() as backward:
        out.sum().backward()
    return found | {"forward": said(forward), "backward": said(backward)}


def said(traffic: Traffic) -> list[tuple[str, int, int]]:
    return [(call.kind, call.message, call.ranks) for call in traffic]


def vocabulary(mesh: DeviceMesh, name: str) -> dict[str, Any]:
    """Train with a vocabulary that is cut."""
    model: Any = apply_tensor_parallel(redrawn(MODELS[name]()), mesh, vocabulary=True)
    with record_collectives() as forward:
        loss = vocabulary_cross_entropy(output(name, model), tokens(T, 2) % V, KEEP)
    with record_collectives() as backward:
        loss.backward()
    found: dict[str, Any] = {"loss": loss.detach(), **gradients(model)}
    return found | {"forward": said(forward), "backward": said(backward)}


def alone_with_vocabulary(name: str) -> dict[str, Tensor]:
    model = redrawn(MODELS[name]())
    loss = cross_entropy(output(name, model), tokens(T, 2) % V, KEEP)
    loss.backward()
    return {"loss": loss.detach(), **gradients(model)}


SCORES = 300.0 * torch.sin(torch.arange(B * T * V, dtype=torch.float64)).view(B, T, V)


def losses(mesh: DeviceMesh) -> dict[str, Tensor]:
    """Return losses of scores too large for an exponential, and their gradients."""
    found, width = {}, V // mesh.size()
    for smooth in (0.0, 0.1):
        for keep in (None, KEEP, torch.zeros_like(KEEP)):
            mine = SCORES.split(width, -1)[mesh.get_local_rank()].clone().requires_grad_()
            loss = vocabulary_cross_entropy(mine, tokens(T), keep, label_smoothing=smooth)
            loss.backward()
            assert mine.grad is not None
            pieces = [torch.empty_like(mine) for _ in range(mesh.size())]
            dist.all_gather(pieces, mine.grad)
            name = f"{smooth} {None if keep is None else int(keep.sum())}"
            found |= {name: loss.detach(), f"{name} gradient": torch.cat(pieces, -1)}
    return found


def embedded(mesh: DeviceMesh) -> dict[str, Any]:
    """Look up, with and without the scale, and refuse what has no row."""
    found: dict[str, Any] = {}
    for scale in (True, False):
        whole_one = redrawn(TokenEmbedding(V, D, scale=scale))
        assert isinstance(whole_one, TokenEmbedding)
        part = VocabularyParallelEmbedding(whole_one, mesh)
        found[str(scale)] = part(tokens(T)).detach()
        found["rows"] = part._rows().shape[0]
    for name, wrong in {"range": tokens(T) + 1, "dtype": tokens(T) > 3}.items():
        try:
            part(wrong)
        except ValueError as error:
            found[name] = str(error)
    try:
        VocabularyParallelEmbedding(TokenEmbedding(V + 1, D), mesh)
    except ValueError as error:
        found["rows do not divide"] = str(error)
    return found


def row_cut(mesh: DeviceMesh) -> Tensor:
    """A layer cut by rows whose bias is added once: xW = (30, 70, 110), b = (100, 200, 300)."""
    layer = nn.Linear(4, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]))
        layer.bias.copy_(torch.tensor([100.0, 200.0, 300.0]))
    parallelize_module(layer, mesh, RowwiseParallel())
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    width = 4 // mesh.size()
    out = layer(x.split(width, -1)[mesh.get_local_rank()])
    out.sum().backward()
    assert layer.bias.grad is not None
    return torch.stack([out.detach()[0], whole(layer.bias.grad)])


def length(mesh: DeviceMesh) -> tuple[float, float]:
    """Gradients 3 and 4 that are cut, and 12 that every process holds."""
    layer = EncoderLayer(4, 4, 4)
    apply_tensor_parallel(layer, mesh)
    for name, p in layer.named_parameters():
        p.grad = torch.zeros_like(p)
        local: Tensor = p.grad.to_local() if isinstance(p.grad, DTensor) else p.grad
        if name == "attention.query_proj.weight":
            local[0, 0] = {0: 3.0, 1: 4.0}.get(mesh.get_local_rank(), 0.0)
        if name == "attention_norm.weight":
            local[0] = 12.0
    before = clip_gradients(layer.parameters(), 6.5)
    assert layer.attention_norm.weight.grad is not None
    return before, float(layer.attention_norm.weight.grad[0])


def dropped(mesh: DeviceMesh) -> dict[str, Any]:
    """Return the masks of dropout: in the hidden layer, in the heads and on the residual path."""
    torch.manual_seed(11)
    layer = apply_tensor_parallel(
        EncoderLayer(8, 4, 16, dropout=0.5, attention_dropout=0.5, ff_dropout=0.5),
        mesh, seed=5,
    )  # fmt: skip
    assert isinstance(layer, EncoderLayer)
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda _, __, out: seen.update({name: (out != 0).detach()})

    layer.feed_forward.dropout.register_forward_hook(keep("hidden"))
    layer.dropout.register_forward_hook(keep("residual"))
    torch.manual_seed(12)
    ones = torch.ones(2, 4 // mesh.size(), 6, 2)
    heads = layer.attention.attend(ones, ones, ones)
    x = torch.randn(2, 6, 8)
    out = layer(x)
    again = layer(x)
    layer.eval()
    return {
        **seen, "heads": heads, "out": out.detach(), "again": again.detach(),
        "next": torch.rand(3), "dry": torch.equal(layer(x), layer(x)),
    }  # fmt: skip


def long_one(name: str) -> Any:
    """A model of five layers, which four stages cannot share evenly."""
    more: dict[str, Any] = {**SIZES, "num_layers": 5}
    if name == "gpt":
        return redrawn(GPT(GPTConfig(**more, **DRY, max_len=9)))
    return redrawn(Llama(LlamaConfig(**more, num_kv_heads=K)))


def piped(mesh: DeviceMesh, name: str, schedule: Any) -> dict[str, Any]:
    """Send three rows through, one by one, and say what crosses the borders."""
    model = long_one(name)
    stage = PipelineStage(model, mesh.get_local_rank(), mesh.size())
    with record_collectives() as traffic:
        loss = run_pipeline(
            stage, tokens(T), tokens(T, 2) % V, cross_entropy, parts=B, schedule=schedule
        )
    return {"loss": loss, "gradients": gradients(model), "said": said(traffic)}


def copied(mesh: DeviceMesh) -> list[tuple[str, int, int]]:
    """Say what copies of a model exchange in a step."""
    model = nn.parallel.DistributedDataParallel(redrawn(MODELS["gpt"]()))
    with record_collectives() as traffic:
        model(tokens(T)).sum().backward()
    return said(traffic)


def in_pieces(mesh: DeviceMesh) -> list[tuple[str, int, int]]:
    """Say what the processes exchange whose weights lie in pieces."""
    model: Any = redrawn(GPT(GPTConfig(**SIZES, **DRY, max_len=8)))
    shard(model, list(model.decoder.layers))
    with record_collectives() as traffic:
        model(tokens(T)).sum().backward()
    return said(traffic)


def everything(size: int) -> dict[str, Any]:
    """Do all of it: processes are dear, so they are started once."""
    mesh = init_device_mesh("cpu", (size,))
    found: dict[str, Any] = {f"cut {name}": cut(mesh, name) for name in MODELS}
    for name in ("gpt", "llama", "transformer"):
        found[f"vocabulary {name}"] = vocabulary(mesh, name)
    found |= {"losses": losses(mesh), "embedded": embedded(mesh), "length": length(mesh)}
    for name in ("gpt", "llama"):
        for schedule in ("gpipe", "1f1b"):
            found[f"{schedule} {name}"] = piped(mesh, name, schedule)
    found |= {"copied": copied(mesh), "pieces": in_pieces(mesh)}
    found |= operators(mesh) | kinds(mesh)
    return found | {"row cut": row_cut(mesh), "dropped": dropped(mesh)}


def part_of_layer(layer: nn.Module) -> Tensor:
    """Return the output of a real layer that is cut."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    return layer_output(apply_tensor_parallel(layer, mesh))


def layer_output(layer: nn.Module) -> Tensor:
    x = torch.sin(torch.arange(5 * 576, dtype=torch.float64)).view(1, 5, 576)
    rotation = Rotary(64, base=100_000.0)(torch.arange(5))
    with torch.no_grad():
        out: Tensor = layer(x, positions=Positions(rotation=rotation))
    return out


def operators(mesh: DeviceMesh) -> dict[str, Any]:
    """Return value and gradient of both operators, from rank + 1 forward and backward."""
    found: dict[str, Any] = {}
    mine = torch.full((2, 3), mesh.get_local_rank() + 1.0)
    for name, operator in {"entered": enter_cut, "summed": sum_over}.items():
        x = mine.clone().requires_grad_()
        out = operator(x)
        out.backward(mine)
        found[name] = out.detach(), x.grad
    return found


def kinds(mesh: DeviceMesh) -> dict[str, Any]:
    """Say one thing in every way."""
    size, rank = mesh.size(), mesh.get_local_rank()
    x = torch.arange(6.0)
    wide = torch.zeros(6 * size)
    with record_collectives() as traffic:
        dist.all_reduce(x)
        functional.all_reduce(x, "sum", mesh.get_group()).sum()
        dist.all_gather_into_tensor(wide, x)
        functional.all_gather_tensor(x, 0, mesh.get_group()).sum()
        dist.all_gather([torch.zeros(6) for _ in range(size)], x)
        dist.reduce_scatter_tensor(torch.zeros(6), wide)
        dist.broadcast(x, 0)
        if rank < size - 1:
            dist.send(x, rank + 1)
        if rank:
            dist.recv(x, rank - 1)
    dist.all_reduce(x)
    return {"kinds": said(traffic), "after": traffic.calls()}
