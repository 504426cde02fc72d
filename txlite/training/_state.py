"""Models and optimisers as flat tensors with names, and back; everything is compared before use.

A tensor that is shared, such as a tied embedding, is written once; its other names are kept as
aliases. A tensor that lies in pieces on several processes is put together by torch before it is
written, so that a checkpoint does not know how many processes wrote it. Only the first process gets
what is put together, as only it writes.
"""

from typing import Any

import torch
from torch import Tensor, nn

from txlite._checks import as_number, as_whole
from txlite.training._wrapped import plain_name, unwrapped, weights
from txlite.training.distributed import is_sharded

__all__ = [
    "check_model",
    "check_savable",
    "fill_model",
    "optimizer_state",
    "pack_model",
    "pack_optimizer",
]


def _own(x: Tensor) -> Tensor:
    """Return a copy on the CPU that shares no memory with anything."""
    return x.detach().to("cpu", copy=True).contiguous()


def _like(full: Tensor, template: Tensor) -> Tensor:
    """Cut a whole tensor into pieces as another one is, if that one is."""
    if not hasattr(template, "device_mesh"):
        return full
    from torch.distributed.tensor import distribute_tensor

    mesh, placements = template.device_mesh, template.placements  # type: ignore[attr-defined]
    # Every process has read the whole tensor and cuts its own piece: nobody waits for anybody.
    return distribute_tensor(full.to(template.device), mesh, placements, src_data_rank=None)


def _aliases(model: nn.Module) -> dict[str, str]:
    """Map every further name of a shared tensor to its first one."""
    first: dict[int, str] = {}
    model = unwrapped(model)
    named = [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]
    named = [(plain_name(name), x) for name, x in named]
    return {name: first[id(x)] for name, x in named if first.setdefault(id(x), name) != name}


def _tensors_of(model: nn.Module) -> dict[str, Tensor]:
    state = unwrapped(model).state_dict()
    for name, x in state.items():
        if not isinstance(x, Tensor):
            raise ValueError(f"model should keep tensors only, got {type(x).__name__} in {name}")
        if x.is_meta:
            raise ValueError(f"model should hold numbers, got {plain_name(name)} on meta")
    return {plain_name(name): x for name, x in state.items()}


def pack_model(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return a model's tensors by name, each once, and the aliases of the shared ones."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    mine = _tensors_of(model)
    aliases = {name: first for name, first in _aliases(model).items() if name in mine}
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    state: dict[str, Any] = dict(get_model_state_dict(unwrapped(model), options=options))
    return {name: _own(x) for name, x in state.items() if name not in aliases}, aliases


def _all_names(tensors: dict[str, Tensor], aliases: dict[str, str]) -> dict[str, Tensor]:
    """Return a checkpoint's tensors by all their names, without what torch.compile adds."""
    named = {**tensors, **{name: tensors[first] for name, first in aliases.items()}}
    return {plain_name(name): x for name, x in named.items()}


def check_model(model: nn.Module, tensors: dict[str, Tensor], aliases: dict[str, str]) -> None:
    """Require that a checkpoint has exactly this model's tensors, in the same shapes."""
    mine, given = _tensors_of(model), _all_names(tensors, aliases)
    if missing := sorted(mine.keys() - given.keys()):
        raise ValueError(f"the checkpoint lacks {len(missing)} of the model's tensors: {missing}")
    if unknown := sorted(given.keys() - mine.keys()):
        raise ValueError(f"the model lacks {len(unknown)} of the checkpoint's tensors: {unknown}")
    for name, x in mine.items():
        if x.shape != given[name].shape or x.dtype != given[name].dtype:
            raise ValueError(
                f"{name} should have shape {tuple(x.shape)} and {x.dtype}, the checkpoint has "
                f"{tuple(given[name].shape)} and {given[name].dtype}"
            )


def fill_model(model: nn.Module, tensors: dict[str, Tensor], aliases: dict[str, str]) -> None:
    """Copy a checkpoint's tensors into a model that has been checked."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    # The first process hands out the pieces, name by name: all must go through them in one order.
    given: dict[str, Any] = dict(sorted(_all_names(tensors, aliases).items()))
    options = StateDictOptions(full_state_dict=is_sharded(model))
    set_model_state_dict(unwrapped(model), given, options=options)


def _names(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[list[str]]:
    """Return the names of the parameters in each of an optimiser's groups."""
    names = {id(p): name for name, p in weights(model)}
    groups = [[names.get(id(p), "") for p in group["params"]] for group in optimizer.param_groups]
    if any("" in group for group in groups):
        raise ValueError("optimizer should train parameters of the model, got others")
    return groups


def pack_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return an optimiser's tensors by parameter and kind, and its numbers for JSON."""
    names, groups = _names(model, optimizer), _groups(optimizer)
    tensors, numbers = {}, {}
    for parameter, entries in _whole_state(model, optimizer).items():
        for kind, value in entries.items():
            key = f"{parameter}:{kind}"
            if isinstance(value, Tensor):
                tensors[key] = _own(value)
            else:
                numbers[key] = value
    named = [{**group, "params": own} for group, own in zip(groups, names, strict=True)]
    return tensors, {"kind": type(optimizer).__name__, "groups": named, "numbers": numbers}


def _groups(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Return an optimiser's settings, group by group; NumPy's numbers become Python's in it."""
    for group in optimizer.param_groups:
        for name, value in group.items():
            if isinstance(value, Tensor):
                raise ValueError(f"optimizer should have a number for {name}, got a tensor")
        group |= {name: _python(x) for name, x in group.items() if name != "params"}
    groups: list[dict[str, Any]] = optimizer.state_dict()["param_groups"]
    return groups


def _python(value: Any) -> Any:
    """Return a setting as JSON holds it."""
    if isinstance(value, tuple | list):
        return type(value)(map(_python, value))
    if isinstance(value, bool | int | float | str) and type(value).__module__ == "builtins":
        return value
    whole = as_whole(value)
    return next((x for x in (whole, as_number(value)) if x is not None), value)


def check_savable(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Refuse at the beginning what the first checkpoint would refuse, when steps would be lost."""
    _tensors_of(model)
    _names(model, optimizer)
    _groups(optimizer)


def _whole_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, dict[str, Any]]:
    """Return what an optimiser keeps of each parameter, by its name, put together."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    if not optimizer.state:  # torch would take a step to have some
        return {}
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    whole: dict[str, Any] = dict(
        get_optimizer_state_dict(unwrapped(model), optimizer, options=options)
    )
    return dict(whole.get("state", {}))


def optimizer_state(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    tensors: dict[str, Tensor],
    about: dict[str, Any],
) -> dict[str, Any]:
    """Return what ``load_state_dict`` of an optimiser of the same kind and parameters takes.

    Torch's ``set_optimizer_state_dict`` is not asked: it takes a step with an optimiser that has
    taken none, and keeps what that made of parameters of which the checkpoint has nothing.
    """
    names = _names(model, optimizer)
    if about["kind"] != type(optimizer).__name__:
        raise ValueError(f"optimizer should be {about['kind']}, got {type(optimizer).__name__}")
    if [list(map(plain_name, group["params"])) for group in about["groups"]] != names:
        raise ValueError("optimizer should have the checkpoint's groups of parameters, got others")
    parameters = dict(weights(model))
    flat = [name for group in names for name in group]
    places = {name: index for index, name in enumerate(flat)}
    state: dict[int, dict[str, Any]] = {}
    for key, value in sorted((tensors | about["numbers"]).items()):
        name, _, kind = plain_name(key).rpartition(":")
        if isinstance(value, Tensor) and value.ndim:
            value = _like(value, parameters[name])
        state.setdefault(places[name], {})[kind] = value
    groups, at = [], 0
    for saved, current in zip(about["groups"], optimizer.param_groups, strict=True):
        count = len(saved["params"])
        now = {k: tuple(v) if isinstance(current.get(k), tuple) else v for k, v in saved.items()}
        groups.append({**now, "params": list(range(at, at + count))})
        at += count
    return {"state": state, "param_groups": groups}
