"""From a checkpoint to a model: built without memory, compared, and only then filled.

The model is built on the meta device, where a tensor has a shape and no numbers. Its name table
says what should be stored; whatever is missing, left over or of another shape is listed in one
error. Then each tensor is read, put in its order and given to the model: at no time is there more
than the model and one tensor.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from torch import Tensor, nn

from txlite.interop._family import Checkpoint, Family
from txlite.interop._names import Shape, Weight
from txlite.interop._stored import Stored, shown

__all__ = ["filled"]

_LISTED = 20


def filled(
    path: Path,
    family: Family,
    checkpoint: Checkpoint,
    *,
    dtype: torch.dtype | None,
    device: torch.device | str | None,
    leave_out: Sequence[str] = (),
) -> nn.Module:
    """Build a checkpoint's model and fill it.

    Parameters
    ----------
    path : Path
        Where the checkpoint lies, for messages.
    family : Family
        What it is.
    checkpoint : Checkpoint
        Its configuration and its tensors.
    dtype : torch.dtype, optional
        Of the model. The default is what is stored, the widest if several are.
    device : torch.device, optional
        Of the model; the default is the CPU.
    leave_out : sequence of str
        Patterns of names that may be left over.

    Returns
    -------
    nn.Module
        The model, in evaluation mode.

    Raises
    ------
    ValueError
        If the configuration does not fit, or the tensors do not.
    """
    try:
        build = family.read(checkpoint)
        with torch.device("meta"):
            model = build()
    except (ValueError, RuntimeError, OverflowError) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: the configuration does not fit: {error}") from None
    table = family.table(model)
    shapes: dict[str, Shape] = {n: tuple(p.shape) for n, p in model.named_parameters()}
    _compare(path, family, model, table, shapes, checkpoint.tensors, leave_out)
    wide = _widest(table, checkpoint.tensors) if dtype is None else dtype
    fresh: dict[str, Tensor] = {}
    for weight in table:
        stored = checkpoint.tensors[weight.theirs]
        for name, part in weight.split(_read(stored, weight.theirs), shapes).items():
            fresh[name] = _kept(part, wide, device or "cpu", own=stored.own)
    _give(model, fresh, wide, device or "cpu")
    return model.eval()


def _kept(part: Tensor, dtype: torch.dtype, device: torch.device | str, *, own: bool) -> Tensor:
    """Return a tensor with memory of its own, in order, of the model's dtype and device."""
    as_it_is = own and part.is_contiguous() and part.untyped_storage().nbytes() == part.nbytes
    if as_it_is and part.dtype == dtype and part.device == torch.device(device):
        return part
    return torch.empty(part.shape, dtype=dtype, device=device).copy_(part)


def _compare(
    path: Path,
    family: Family,
    model: nn.Module,
    table: list[Weight],
    shapes: Mapping[str, Shape],
    tensors: Mapping[str, Stored],
    leave_out: Sequence[str],
) -> None:
    """Raise one error that lists every tensor that does not fit."""
    wanted = {weight.theirs: weight for weight in table}
    twins, constants = family.twins(model), family.constants(model)
    missing = [
        f"{name} (our {', '.join(weight.ours)})"
        for name, weight in wanted.items()
        if name not in tensors
    ]
    spare = family.spare(model)
    rest = tensors.keys() - wanted - twins.keys() - constants.keys()
    left = {name: [p for p in leave_out if fnmatchcase(name, p)] for name in rest}
    for pattern in leave_out:
        if not any(pattern in patterns for patterns in left.values()):
            raise ValueError(f"leave_out should name tensors that are left over, got {pattern!r}")
    unexpected = [shown(name) for name in rest if not (left[name] or spare.match(name))]
    other = [
        f"{name} should have shape {weight.shape(shapes)} for our {', '.join(weight.ours)}, got "
        f"{tensors[name].shape}"
        for name, weight in wanted.items()
        if name in tensors and tensors[name].shape != weight.shape(shapes)
    ]
    unlike = [
        f"{name} should hold floating-point numbers, got {tensors[name].dtype}"
        for name in wanted
        if name in tensors and not tensors[name].dtype.is_floating_point
    ]
    if not (missing or unexpected or other):
        unlike += _unlike(tensors, twins, constants)
    faults = {
        "missing": missing,
        "unexpected": sorted(unexpected),
        "of another shape": other,
        "of another content": unlike,
    }
    if any(faults.values()):
        told = "".join(f"\n  {k}:{_listed(v)}" for k, v in faults.items() if v)
        raise ValueError(f"{path} should hold a {type(model).__name__} and does not:{told}")


def _unlike(
    tensors: Mapping[str, Stored], twins: Mapping[str, str], constants: Mapping[str, object]
) -> list[str]:
    """List the tensors that are stored beside the weights, and say something else than they do."""
    found = []
    for name in twins.keys() & tensors.keys():
        first = tensors[twins[name]]
        if tensors[name].shape != first.shape or not torch.equal(
            tensors[name].read(), first.read()
        ):
            found.append(f"{name} should equal {twins[name]}, to which it is tied")
    for name in constants.keys() & tensors.keys():
        stored = tensors[name].read()
        expected = constants[name](len(stored))  # type: ignore[operator]
        if stored.shape != expected.shape or not torch.allclose(
            stored.to(expected), expected, atol=2e-3
        ):
            found.append(f"{name} should hold what the model computes in its place")
    return sorted(found)


def _listed(lines: Iterable[str]) -> str:
    lines = list(lines)
    more = f"\n    and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
    return "".join(f"\n    {line}" for line in lines[:_LISTED]) + more


def _widest(table: Iterable[Weight], tensors: Mapping[str, Stored]) -> torch.dtype:
    """Return the dtype that holds every weight as it is stored."""
    first, *others = {tensors[weight.theirs].dtype for weight in table}
    for other in others:
        first = torch.promote_types(first, other)
    return first


def _read(stored: Stored, name: str) -> Tensor:
    """Read a tensor; a file may have changed since it was looked at."""
    try:
        tensor = stored.read()
    except Exception as error:  # each library has a kind of its own
        raise ValueError(f"{stored.path}: {shown(name)} cannot be read: {error}") from None
    if tuple(tensor.shape) != stored.shape:
        raise ValueError(
            f"{stored.path}: {shown(name)} should have shape {stored.shape}, got "
            f"{tuple(tensor.shape)}"
        )
    return tensor


def _give(
    model: nn.Module, fresh: dict[str, Tensor], dtype: torch.dtype, device: torch.device | str
) -> None:
    """Put tensors in the places of a model's parameters; what was one stays one."""
    places = dict(model.named_parameters())
    assert places.keys() == fresh.keys(), places.keys() ^ fresh.keys()
    new = {
        id(old): nn.Parameter(fresh[name], requires_grad=old.requires_grad)
        for name, old in places.items()
    }
    for module in model.modules():
        for name, old in list(module._parameters.items()):
            if old is not None:
                module._parameters[name] = new[id(old)]
        for name, buffer in list(module._buffers.items()):
            if buffer is not None:
                assert not buffer.numel(), f"{name} is a buffer with content"
                module._buffers[name] = torch.empty(
                    buffer.shape,
                    dtype=dtype if buffer.is_floating_point() else buffer.dtype,
                    device=device,
                )
