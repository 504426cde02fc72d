"""Named arrays on their way from Python to the page: one trait and one layout.

The page receives ``{"layout": [[name, dtype, shape, offset], …], "data": bytes}`` and reads it with
``tx.tensors`` (``common/tensors.js``). The bytes are little-endian; every array begins at a
multiple of :data:`ALIGNMENT`.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import traitlets
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

__all__ = ["ALIGNMENT", "DTYPES", "InBytes", "Tensors", "in_bytes", "pack", "unpack"]

AnyTensor = Shaped[Tensor, "..."]

ALIGNMENT = 8
"""Bytes; the widest number that travels is a float64."""

DTYPES = {
    torch.bool: "bool",
    torch.uint8: "uint8",
    torch.int8: "int8",
    torch.int16: "int16",
    torch.int32: "int32",
    torch.float16: "float16",
    torch.float32: "float32",
    torch.float64: "float64",
}
"""What a page can hold as a typed array. Neither int64 nor bfloat16 is there."""


def pack(tensors: Mapping[str, AnyTensor]) -> dict[str, Any]:
    """Return the layout and the bytes of some tensors.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Of any shape, contiguous or not, on any device; see :data:`DTYPES` for their types.

    Returns
    -------
    dict
        ``layout``, a list of [name, dtype, shape, offset], and ``data``, bytes.

    Raises
    ------
    ValueError
        If something is no tensor, or of a type that a page does not have.

    Examples
    --------
    >>> packed = pack({"weight": torch.ones(2, 3, dtype=torch.float16)})
    >>> packed["layout"], len(packed["data"])
    ([['weight', 'float16', [2, 3], 0]], 12)
    """
    layout: list[list[Any]] = []
    data = bytearray()
    for name, tensor in tensors.items():
        _check(name, tensor, tuple(DTYPES))
        data += bytes(-len(data) % ALIGNMENT)
        layout.append([name, DTYPES[tensor.dtype], list(tensor.shape), len(data)])
        array = tensor.detach().cpu().numpy()
        data += array.astype(array.dtype.newbyteorder("<"), order="C", copy=False).tobytes()
    return {"layout": layout, "data": bytes(data)}


def unpack(packed: Mapping[str, Any]) -> dict[str, AnyTensor]:
    """Return the tensors that :func:`pack` has packed.

    Parameters
    ----------
    packed : mapping
        ``layout`` and ``data``.

    Returns
    -------
    dict of str to Tensor
        In the order of the layout.

    Raises
    ------
    ValueError
        If the layout names an unknown type, or more than the bytes hold.
    """
    names = {name: dtype for dtype, name in DTYPES.items()}
    data = bytes(packed["data"])
    found: dict[str, AnyTensor] = {}
    for name, dtype, shape, offset in packed["layout"]:
        if dtype not in names:
            raise ValueError(f"{name} should be one of {', '.join(names)}, got {dtype}")
        kind = np.dtype(dtype)
        count = math.prod(shape)
        size = count * kind.itemsize
        if offset < 0 or offset + size > len(data):
            raise ValueError(f"{name} should lie within {len(data)} bytes, got {size} at {offset}")
        flat = np.frombuffer(data, kind.newbyteorder("<"), count, offset).astype(kind)
        found[name] = torch.from_numpy(flat.reshape(shape))
    return found


class InBytes(NamedTuple):
    """A tensor as bytes: each number is ``offset + scale * code``.

    Parameters
    ----------
    codes : Tensor of uint8
        Whole numbers from 0 to 255.
    scale, offset : float
        What a step of one is worth, and what 0 stands for.
    """

    codes: UInt8[Tensor, "..."]
    scale: float
    offset: float

    def numbers(self) -> Float[Tensor, "..."]:
        """Return the numbers that the page computes with, in float64.

        Returns
        -------
        Tensor
            At most half a ``scale`` from what they were made of.
        """
        return self.offset + self.scale * self.codes.double()


class Tensors(traitlets.TraitType[dict[str, AnyTensor], Mapping[str, AnyTensor]]):
    """A trait that carries named tensors, synchronised with the page.

    In Python it is a dictionary of tensors on the CPU; on the page it is what ``tx.tensors`` reads.
    Names may have dots, for instance those of a state dict, with the number of the model before
    them: ``tx.part`` and :meth:`part` take them apart.

    Parameters
    ----------
    *dtypes : torch.dtype
        The types that are allowed. The default is all that a page can hold.
    **metadata : object
        As of any trait.

    Examples
    --------
    ::

        class HeadViewer(Widget):
            weights = Tensors(torch.float32)
    """

    info_text = "named tensors"

    def __init__(self, *dtypes: torch.dtype, **metadata: Any) -> None:
        for dtype in dtypes:
            if dtype not in DTYPES:
                raise ValueError(
                    f"dtypes should be among {', '.join(DTYPES.values())}, got {dtype}"
                )
        self.dtypes = dtypes or tuple(DTYPES)
        super().__init__(default_value=traitlets.Undefined, **metadata)
        self.tag(sync=True, to_json=_to_json, from_json=_from_json)

    def make_dynamic_default(self) -> dict[str, AnyTensor]:
        """Return no tensors: what a figure has that was given none."""
        return {}

    def validate(self, obj: Any, value: Any) -> dict[str, AnyTensor]:
        """Return the tensors, without their gradients and on the CPU.

        Raises
        ------
        ValueError
            If the value is no mapping, something in it is no tensor, or of another type.
        """
        if not isinstance(value, Mapping):
            raise ValueError(f"{self.name} should be named tensors, got {type(value).__name__}")
        for name, tensor in value.items():
            _check(name, tensor, self.dtypes)
        return {name: tensor.detach().cpu() for name, tensor in value.items()}

    @staticmethod
    def part(tensors: Mapping[str, AnyTensor], prefix: str) -> dict[str, AnyTensor]:
        """Return the tensors whose names begin with ``prefix``, named without it.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            All of them.
        prefix : str
            For instance ``"0."``.

        Returns
        -------
        dict of str to Tensor
            In the same order.
        """
        size = len(prefix)
        return {name[size:]: t for name, t in tensors.items() if name.startswith(prefix)}


def _to_json(tensors: Mapping[str, AnyTensor], _: Any) -> dict[str, Any]:
    return pack(tensors)


def _from_json(packed: Mapping[str, Any], _: Any) -> dict[str, AnyTensor]:
    return unpack(packed)


def _check(name: str, tensor: Any, dtypes: tuple[torch.dtype, ...]) -> None:
    wanted = ", ".join(DTYPES[dtype] for dtype in dtypes)
    if not isinstance(tensor, Tensor):
        raise ValueError(f"{name} should be a tensor of {wanted}, got {type(tensor).__name__}")
    if tensor.dtype not in dtypes:
        got = str(tensor.dtype).removeprefix("torch.")
        raise ValueError(f"{name} should be a tensor of {wanted}, got {got}")


def in_bytes(tensor: Float[Tensor, "..."]) -> InBytes:
    """Return a tensor as whole numbers from 0 to 255, with what makes numbers of them again.

    Parameters
    ----------
    tensor : Tensor
        Finite numbers, at least one.

    Returns
    -------
    InBytes
        The smallest number is 0, the largest 255.

    Raises
    ------
    ValueError
        If a number is not finite, or there is none.

    Examples
    --------
    >>> found = in_bytes(torch.tensor([-1.0, 0.0, 4.0]))
    >>> found.codes, found.numbers()
    (tensor([  0,  51, 255], dtype=torch.uint8), tensor([-1.,  0.,  4.], dtype=torch.float64))
    """
    numbers = tensor.detach().cpu().double()
    if not numbers.numel() or not bool(numbers.isfinite().all()):
        raise ValueError(f"tensor should hold finite numbers, got {tensor!r}")
    low, high = float(numbers.min()), float(numbers.max())
    scale = (high - low) / 255 or 1.0
    return InBytes(((numbers - low) / scale).round().to(torch.uint8), scale, low)
