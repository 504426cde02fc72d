"""A small model in a file: its tensors, and what has been done to the model that its config builds.

A config does not say that heads are gone or weights rounded. The file does, in its header, as
names and numbers: reading one runs no code.
"""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from txlite._atomic import whole
from txlite._checks import as_whole, check_module
from txlite.compress.heads import resize_heads
from txlite.compress.quantize import put
from txlite.compress.quantized_embedding import QuantizedEmbedding
from txlite.compress.quantized_linear import QuantizedLinear
from txlite.nn import MultiHeadAttention, TokenEmbedding
from txlite.training._state import check_model, fill_model, pack_model

__all__ = ["load_compressed", "save_compressed"]

_FORMAT = "txlite compressed 1"
_Model = TypeVar("_Model", bound=nn.Module)


def save_compressed(model: nn.Module, path: Path | str) -> None:
    """Write a model that has been pruned, rounded, or both.

    Parameters
    ----------
    model : Module
        Of this package's parts.
    path : Path or str
        The file, in the format of safetensors; one that is there is replaced. It appears whole.

    Raises
    ------
    ValueError
        If the model has no tensors to save, or keeps anything else.
    ImportError
        If safetensors is missing, which the extra ``training`` brings.
    """
    check_module("model", model)
    save_file = _safetensors().save_file
    tensors, aliases = pack_model(model)
    if not tensors:
        raise ValueError(f"model should hold tensors, got a {type(model).__name__} without any")
    modules = dict(model.named_modules())
    said = {
        "heads": {
            at: [module.num_heads, module.num_kv_heads]
            for at, module in modules.items()
            if isinstance(module, MultiHeadAttention)
        },
        "rounded": {
            at: _choices(module)
            for at, module in modules.items()
            if isinstance(module, QuantizedLinear | QuantizedEmbedding)
        },
        "aliases": aliases,
    }
    with whole(Path(path)) as draft:
        save_file(tensors, draft, metadata={"format": _FORMAT, "txlite": json.dumps(said)})


def load_compressed(path: Path | str, model: _Model) -> _Model:
    """Read a model that :func:`save_compressed` wrote.

    Parameters
    ----------
    path : Path or str
        The file.
    model : Module
        One that the same config builds, neither pruned nor rounded. It stays as it is, and its
        weights do not matter.

    Returns
    -------
    Module
        A copy with the file's heads, layers and tensors, in evaluation mode.

    Raises
    ------
    ValueError
        If the file is not one of these, or does not fit the model.
    ImportError
        If safetensors is missing.

    Examples
    --------
    >>> import tempfile, torch
    >>> from txlite.compress import prune_heads, quantize
    >>> attention = MultiHeadAttention(8, 4)
    >>> prune_heads(attention, {"": [1]})
    >>> names = quantize(attention, bits=4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_compressed(attention, f"{folder}/small.safetensors")
    ...     same = load_compressed(f"{folder}/small.safetensors", MultiHeadAttention(8, 4))
    >>> x = torch.randn(1, 5, 8)
    >>> torch.equal(attention(x), same(x))
    True
    """
    check_module("model", model)
    path = Path(path)
    tensors, said = _read(path)
    made = deepcopy(model)
    found = {
        at: module for at, module in made.named_modules() if isinstance(module, MultiHeadAttention)
    }
    if found.keys() != said["heads"].keys():
        raise ValueError(
            f"{path} should have the model's attentions {sorted(found)}, it has "
            f"{sorted(said['heads'])}"
        )
    for at, sizes in said["heads"].items():
        if [found[at].num_heads, found[at].num_kv_heads] != sizes:
            resize_heads(made, at, *_two(path, sizes))
    for at, choices in said["rounded"].items():
        put(made, at, _rounded(path, made, at, choices))
    try:
        check_model(made, tensors, said["aliases"])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    fill_model(made, tensors, said["aliases"])
    return made.eval()


def _choices(module: QuantizedLinear | QuantizedEmbedding) -> dict[str, Any]:
    """Return what must be known to make such a layer anew, beside its sizes."""
    kept = {"bits": module.bits, "group_size": module.group_size}
    return kept | {"dynamic": module.dynamic} if isinstance(module, QuantizedLinear) else kept


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a file's tensors, and what its header says."""
    safetensors = _safetensors()
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ValueError(f"path should lead to a file of save_compressed, got {str(path)!r}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
        tensors = safetensors.load(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(
            f"{path} should be a file of safetensors, and is damaged: {error}"
        ) from None
    if header.get("format") != _FORMAT:
        raise ValueError(
            f"{path} should be a file of save_compressed ({_FORMAT!r}), it says "
            f"{header.get('format')!r}"
        )
    try:
        said = json.loads(header["txlite"])
        whole_header = all(isinstance(said[name], dict) for name in ("heads", "rounded", "aliases"))
    except (KeyError, TypeError, ValueError):
        whole_header = False
    if not whole_header:
        raise ValueError(f"{path} should say its heads, rounded layers and aliases, and does not")
    return tensors, said


def _rounded(path: Path, model: nn.Module, at: str, choices: Any) -> nn.Module:
    """Return an empty rounded layer with the sizes of the model's own."""
    try:
        layer = model.get_submodule(at)
    except AttributeError:
        raise ValueError(f"{path} rounds {at!r}, which the model has not") from None
    wanted = {"bits", "group_size"} | ({"dynamic"} if isinstance(layer, nn.Linear) else set())
    if not isinstance(choices, dict) or choices.keys() != wanted:
        raise ValueError(f"{path} should say {sorted(wanted)} of {at!r}, got {choices!r}")
    try:
        if type(layer) is nn.Linear:
            linear = QuantizedLinear(layer.in_features, layer.out_features, bias=False, **choices)
            linear.bias = layer.bias
            return linear.to(layer.weight.device)
        if type(layer) is TokenEmbedding:
            rows = QuantizedEmbedding(layer.vocab_size, layer.d_model, scale=layer.scale, **choices)
            rows.dtype_like = layer.weight.detach().new_empty(0)
            return rows.to(layer.weight.device)
    except ValueError as error:
        raise ValueError(f"{path}: {at}: {error}") from None
    raise ValueError(
        f"{path} rounds {at!r}, which should be a Linear or a TokenEmbedding, got a "
        f"{type(layer).__name__}"
    )


def _two(path: Path, sizes: Any) -> tuple[int, int]:
    whole_sizes = [as_whole(n) for n in sizes] if isinstance(sizes, list) else []
    if len(whole_sizes) != 2 or None in whole_sizes:
        raise ValueError(f"{path} should say two numbers of heads, got {sizes!r}")
    return whole_sizes[0], whole_sizes[1]  # type: ignore[return-value]


def _safetensors() -> Any:
    """Return safetensors' door for torch, or say which extra brings it."""
    try:
        import safetensors.torch
    except ImportError:
        raise ImportError("a file needs safetensors: pip install 'txlite[training]'") from None
    return safetensors.torch
