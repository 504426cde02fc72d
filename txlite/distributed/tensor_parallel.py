r"""Tensor parallelism: every layer shared out among processes, by Megatron-LM's two cuts.

A pair of matrices needs no word between the two if the first is cut by columns and the second by
rows: each process computes some heads, or some hidden units, whole, and the outputs are summed.

.. math:: a(x [W_1, W_2]) \begin{bmatrix} V_1 \\ V_2 \end{bmatrix}
          = a(x W_1) V_1 + a(x W_2) V_2

So that a layer costs two sums forward and two backward. A bias of the second matrix is added once,
to the sum. What is dropped is drawn from one seed where all processes hold the same, and from each
process's own where each holds other heads and units.

Sources
    Shoeybi et al. (2019), "Megatron-LM", section 3, figures 3 and 4, and appendix B.2 (chance).
    torch's ``torch.distributed.tensor.parallel``, which carries the plan out.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Replicate
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    RowwiseParallel,
    parallelize_module,
)

from txlite._checks import check_divides, check_module, check_positive, check_whole
from txlite.distributed.vocabulary import VocabularyParallelEmbedding
from txlite.nn import Attend, FeedForward, MultiHeadAttention, TokenEmbedding
from txlite.nn.positions.scheme import PositionScheme

__all__ = ["EnterCut", "OwnChance", "apply_tensor_parallel", "tensor_parallel_plan"]


class EnterCut(ParallelStyle):
    """What enters several column cuts at once: its gradients are summed once, not for each.

    A style for :func:`torch.distributed.tensor.parallel.parallelize_module`, beside torch's own: in
    the place of an attention or a feed-forward layer it is Megatron-LM's *f*.
    """

    def _apply(self, module: nn.Module, device_mesh: DeviceMesh) -> nn.Module:
        def enter(_: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
            met: dict[int, Tensor] = {}

            def whole(x: Any) -> Any:
                if not isinstance(x, Tensor) or isinstance(x, DTensor):
                    return x
                if id(x) not in met:
                    met[id(x)] = DTensor.from_local(x, device_mesh, [Replicate()], run_check=False)
                return met[id(x)]

            # query, key and value, or the one thing that a feed-forward layer reads
            first = tuple(whole(x) for x in args[:3])
            rest = {k: whole(x) if k in _READ else x for k, x in named.items()}
            return (*first, *args[3:]), rest

        module.register_forward_pre_hook(enter, with_kwargs=True)
        return module


_READ = ("query", "key", "value", "x")


class OwnChance(ParallelStyle):
    """Dropout of what is cut: each process draws from a stream of its own.

    A style for :func:`torch.distributed.tensor.parallel.parallelize_module`. Modules that share an
    instance share its stream.

    Parameters
    ----------
    seed : int
        The process of rank r draws from the seed ``seed + 1 + r``.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = check_whole("seed", seed)
        self._state: Tensor | None = None
        self._outside: list[Tensor] = []

    def _apply(self, module: nn.Module, device_mesh: DeviceMesh) -> nn.Module:
        kind = device_mesh.device_type
        chance: Any = torch.random if kind == "cpu" else torch.get_device_module(kind)
        own = torch.Generator(kind).manual_seed(self.seed + 1 + device_mesh.get_local_rank())
        self._state = own.get_state()

        def begin(*_: Any) -> None:
            self._outside.append(chance.get_rng_state())
            chance.set_rng_state(self._state)

        def end(*_: Any) -> None:
            self._state = chance.get_rng_state()
            chance.set_rng_state(self._outside.pop())

        module.register_forward_pre_hook(begin)
        module.register_forward_hook(end, always_call=True)
        return module


def tensor_parallel_plan(
    model: nn.Module, size: int | None = None, *, seed: int = 0
) -> dict[str, ParallelStyle]:
    """Say how each matrix of a model is cut, for torch's ``parallelize_module``.

    Queries, keys, values, gates and what goes up are cut by columns; what comes out of the heads
    and goes down, by rows. Norms, embeddings and everything else stay whole on every process.

    Parameters
    ----------
    model : Module
        Any that is built from :mod:`txlite.nn`; it may be on the meta device.
    size : int, optional
        Number of processes. With it, what cannot be shared out evenly is refused.
    seed : int
        Of the dropout inside what is cut.

    Returns
    -------
    dict of str to ParallelStyle
        By the modules' names.

    Raises
    ------
    ValueError
        If there is nothing to cut, the heads or the hidden units of a layer do not divide, or the
        positions add another bias to the scores of each head.

    References
    ----------
    Shoeybi et al. (2019), section 3.

    Examples
    --------
    >>> from txlite.nn import EncoderLayer
    >>> plan = tensor_parallel_plan(EncoderLayer(8, 2, 16))
    >>> type(plan["feed_forward.up_proj"]).__name__
    'ColwiseParallel'
    """
    check_module("model", model)
    size = 1 if size is None else check_positive("size", size)
    plan: dict[str, ParallelStyle] = {}
    chance = OwnChance(seed)
    for name, part in model.named_modules():
        dot = f"{name}." if name else ""
        if isinstance(part, PositionScheme) and part.biased is not None:
            raise ValueError(
                f"positions should add nothing to the scores of single heads where heads are "
                f"shared out, got {part.name!r} in {name}"
            )
        if isinstance(part, MultiHeadAttention):
            for heads in ("num_heads", "num_kv_heads"):
                check_divides("size", size, dot + heads, getattr(part, heads))
            if not isinstance(part.attend, Attend):
                raise ValueError(
                    f"{dot}attend should be an Attend, whose heads are independent, got "
                    f"{type(part.attend).__name__}"
                )
            columns, row = ["query_proj", "key_proj", "value_proj"], "output_proj"
            plan[dot + "attend"] = chance
        elif isinstance(part, FeedForward):
            check_divides("size", size, dot + "d_ff", part.d_ff)
            columns = [c for c in ("up_proj", "gate_proj") if getattr(part, c) is not None]
            row = "down_proj"
            plan[dot + "dropout"] = chance
        else:
            continue
        plan |= {dot + column: ColwiseParallel() for column in columns}
        plan |= {dot + row: RowwiseParallel(), name: EnterCut()}
    if not plan:
        raise ValueError("model should hold attention or feed-forward layers to cut, got none")
    return plan


def apply_tensor_parallel(
    model: nn.Module, mesh: DeviceMesh, *, vocabulary: bool = False, seed: int = 0
) -> nn.Module:
    """Cut a model among the processes of a mesh, by :func:`tensor_parallel_plan`.

    Call it in every process; process 0's weights are shared out. What follows is as with one
    process: the same batch goes in everywhere, the same output comes out, and
    :func:`txlite.training.clip_gradients` measures the gradient of the whole.

    Parameters
    ----------
    model : Module
        Any that is built from :mod:`txlite.nn`. It is changed.
    mesh : DeviceMesh
        The processes, along one axis.
    vocabulary : bool
        Whether ``model.embedding`` is cut by rows too. Scores then come out in pieces, one on each
        process, for :func:`txlite.distributed.vocabulary_cross_entropy`.
    seed : int
        Of the dropout inside what is cut.

    Returns
    -------
    Module
        The same model.

    Raises
    ------
    ValueError
        If something cannot be shared out evenly, or there is no vocabulary to cut.

    References
    ----------
    Shoeybi et al. (2019), section 3.
    """
    plan = tensor_parallel_plan(model, mesh.size(), seed=seed)
    whole = plan.pop("", None)  # a model that is one layer itself
    if vocabulary:
        _check_vocabulary(model)
    model = parallelize_module(model, mesh, plan)
    if whole is not None:
        whole._apply(model, mesh)
    if vocabulary:
        _cut_vocabulary(model, mesh)
    return model


def _check_vocabulary(model: Any) -> None:
    found = getattr(model, "embedding", None)
    if not isinstance(found, TokenEmbedding):
        raise ValueError(f"model.embedding should be a TokenEmbedding to cut, got {found!r}")
    bias = getattr(model, "output_bias", None)
    if bias is not None:
        raise ValueError("model.output_bias should be None where a vocabulary is cut, got one")


def _cut_vocabulary(model: Any, mesh: DeviceMesh) -> None:
    model.embedding = VocabularyParallelEmbedding(model.embedding, mesh)
    if isinstance(getattr(model, "output", None), nn.Linear):  # the embedding does not score
        parallelize_module(model, mesh, {"output": ColwiseParallel()})
