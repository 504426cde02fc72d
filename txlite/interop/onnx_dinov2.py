"""A DINOv2 that lies in an ONNX program: its weights, found where the program uses them.

PyTorch's exporter keeps the names of most weights. The matrix of a linear map it stores turned
round and under a number; the node that multiplies by it has the map's name. A table of positions
that it has cut in two, it stores in two parts, each used by a node of the embeddings. Nothing of
the program is run.

Source
    Oquab et al. (2023), "DINOv2: Learning Robust Visual Features without Supervision", section 5.
"""

from functools import partial
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from txlite._checks import check_positive
from txlite.interop._dinov2 import DINOV2
from txlite.interop._extras import needs
from txlite.interop._family import Checkpoint
from txlite.interop._fields import Fields
from txlite.interop._filling import filled
from txlite.interop._stored import Stored
from txlite.models import ViT

__all__ = ["load_onnx_dinov2"]

_PREFIX = "dinov2."
_PATCHES = f"{_PREFIX}embeddings.patch_embeddings.projection.weight"
_PLACES = f"{_PREFIX}embeddings.position_embeddings"
_NEWER = {  # as version 5 of the `transformers` library has them in memory, and so in an export
    ".attention.q_proj.": ".attention.attention.query.",
    ".attention.k_proj.": ".attention.attention.key.",
    ".attention.v_proj.": ".attention.attention.value.",
    ".attention.o_proj.": ".attention.output.dense.",
}


def load_onnx_dinov2(path: str | Path, *, num_heads: int, backbone: str = "backbone") -> ViT:
    """Load the DINOv2 that is a part of an ONNX program, as PyTorch has exported it.

    Parameters
    ----------
    path : str or Path
        The program.
    num_heads : int
        Attention heads of a layer, which no weight tells.
    backbone : str
        What the program calls the part.

    Returns
    -------
    ViT
        The model, in evaluation mode. Its mask token, which no program keeps, is not there.

    Raises
    ------
    ValueError
        If the file is no ONNX program, has no such part, or one whose weights are not a DINOv2's.
    ImportError
        If the library `onnx` of the extra ``onnx`` is missing.
    """
    path, num_heads = Path(path), check_positive("num_heads", num_heads)
    found = _tensors(path, backbone)
    if not {_PATCHES, _PLACES, f"{_PREFIX}encoder.layer.0.mlp.fc1.weight"} <= found.keys():
        raise ValueError(f"{path}: backbone should name a DINOv2 in it, got {backbone!r}")
    width, channels, patch, _ = found[_PATCHES].shape
    content = {
        "hidden_size": width,
        "num_attention_heads": num_heads,
        "num_hidden_layers": sum(name.endswith("lambda1") for name in found) // 2,
        "mlp_ratio": found[f"{_PREFIX}encoder.layer.0.mlp.fc1.weight"].shape[0] // width,
        "image_size": isqrt(found[_PLACES].shape[1] - 1) * patch,
        "patch_size": patch,
        "num_channels": channels,
        "use_mask_token": False,
    }
    stored = {
        name: Stored(path, tuple(x.shape), x.dtype, partial(_same, x), own=True)
        for name, x in found.items()
    }
    fields = Fields(path, content, sum(s.numel for s in stored.values()), len(stored))
    model = filled(path, DINOV2, Checkpoint(fields, stored), dtype=None, device=None)
    assert isinstance(model, ViT)
    return model


def _same(x: Tensor) -> Tensor:
    return x


def _tensors(path: Path, backbone: str) -> dict[str, Tensor]:
    """Return the part's weights by their published names."""
    onnx = needs("onnx", extra="onnx")
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:  # the library has several, of its own and of protobuf's
        raise ValueError(f"{path} should be an ONNX program, and cannot be read: {error}") from None
    held = {t.name: t for t in graph.initializer if t.data_location != t.EXTERNAL}
    names = {t: _PREFIX + t.removeprefix(f"{backbone}.") for t in held if t.startswith(backbone)}
    found = {name: _numbers(onnx, held[t]) for t, name in names.items()}
    places: list[Tensor] = []
    for node in graph.node:
        module = node.name.strip("/").replace("/", ".").rpartition(".")[0]
        inside = module.removeprefix(f"{backbone}.")
        for t in node.input:
            if inside == module or t not in held or t in names:
                continue
            if node.op_type == "MatMul":
                found[f"{_PREFIX}{inside}.weight"] = _numbers(onnx, held[t]).mT.contiguous()
            elif inside == "embeddings" and len(held[t].dims) == 3:
                places.append(_numbers(onnx, held[t]))
    if places:  # the class token's row comes first, and is one
        found[_PLACES] = torch.cat(sorted(places, key=lambda x: x.shape[1]), dim=1)
    return {_published(name): x for name, x in found.items()}


def _published(name: str) -> str:
    for newer, published in _NEWER.items():
        name = name.replace(newer, published)
    return name


def _numbers(onnx: Any, tensor: Any) -> Tensor:
    return torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
