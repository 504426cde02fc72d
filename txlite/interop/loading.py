"""The two doors: a published checkpoint becomes a model, and a model becomes a checkpoint."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from txlite._atomic import whole
from txlite._checks import dtype_name
from txlite.interop._ctranslate2 import read_ctranslate2
from txlite.interop._extras import needs
from txlite.interop._families import family_in_ctranslate2, family_in_gguf, family_named, family_of
from txlite.interop._family import Checkpoint
from txlite.interop._fields import Fields
from txlite.interop._files import SINGLE, inside, read_tensors
from txlite.interop._filling import filled
from txlite.interop._gguf import read_gguf
from txlite.interop._hub import fetched, is_repository
from txlite.interop._json import read_json

__all__ = ["load", "read_config", "save"]

_CONFIG, _GGUF, _BIN = "config.json", ".gguf", ".bin"


def load(
    folder_or_repo: str | Path,
    *,
    revision: str | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
    leave_out: Sequence[str] = (),
) -> nn.Module:
    """Load a published model: a folder as Hugging Face writes it, one file, or a repository.

    Parameters
    ----------
    folder_or_repo : str or Path
        A folder with ``config.json`` and weights (``model.safetensors`` or ``pytorch_model.bin``,
        in one file or in several with their index), a ``.gguf`` file of a Llama, the ``model.bin``
        of a Whisper as CTranslate2 writes it, or the ``owner/name`` of a repository of the Hugging
        Face hub.
    revision : str, optional
        The commit of a repository, 40 hexadecimal digits; needed there, and only there.
    dtype : torch.dtype, optional
        Of the model. The default is what is stored, the widest if several are.
    device : torch.device or str, optional
        Of the model. The default is the CPU.
    leave_out : sequence of str
        Tensors that are stored and that the model has no place for, for instance the heads of
        somebody's own task: names, in which ``*`` stands for anything. Any other that is left over
        is an error.

    Returns
    -------
    nn.Module
        A model of :mod:`txlite.models`, in evaluation mode: which one, the configuration says.

    Raises
    ------
    ValueError
        If there is nothing there, a file is damaged, the configuration asks for something that is
        not built here, or a tensor is missing, left over or of another shape. One message lists
        all of them, and nothing is half loaded.
    ImportError
        If a library of the extra ``interop`` is missing.
    RuntimeError
        If a repository cannot be fetched.

    Notes
    -----
    Nothing of a checkpoint is executed. Sizes are compared with the files' own length before
    memory is asked for.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from txlite.models import Transformer, TransformerConfig
    >>> config = TransformerConfig(vocab_size=50, d_model=16, num_heads=2, d_ff=32, num_layers=2)
    >>> with TemporaryDirectory() as folder:
    ...     save(Transformer(config), f"{folder}/small")
    ...     type(load(f"{folder}/small")).__name__
    'Transformer'
    """
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise ValueError(f"dtype should be a floating-point torch.dtype, got {dtype!r}")
    where = _located(folder_or_repo, revision)
    content: Mapping[str, Any]
    if where.suffix == _GGUF:
        path, (content, stored) = where, read_gguf(where)
        family = family_in_gguf(path, content.get("general.architecture"))
    elif where.suffix == _BIN:
        path, (content, stored) = where, read_ctranslate2(where)
        family = family_in_ctranslate2(path, content["name"])
    else:
        path, content = where / _CONFIG, read_config(where)
        family = family_named(path, content.get("model_type"))
        stored = read_tensors(where)
    try:
        tensors = family.spelt(stored)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    fields = Fields(path, content, sum(t.numel for t in tensors.values()), len(tensors))
    return filled(
        where, family, Checkpoint(fields, tensors),
        dtype=dtype, device=device, leave_out=leave_out,
    )  # fmt: skip


def read_config(folder: str | Path) -> dict[str, Any]:
    """Read a checkpoint's configuration as it stands in ``config.json``.

    Parameters
    ----------
    folder : str or Path
        The checkpoint.

    Returns
    -------
    dict
        Its fields, in their words.

    Raises
    ------
    ValueError
        If it is not there, or damaged.
    """
    return read_json(inside(Path(folder), _CONFIG))


def save(model: nn.Module, folder: str | Path, *, extra: Mapping[str, Any] | None = None) -> None:
    """Write a model as Hugging Face would, so that its library and others can load it.

    Parameters
    ----------
    model : nn.Module
        A model of :mod:`txlite.models` that has a published twin.
    folder : str or Path
        Where to. It may be there, but hold no checkpoint.
    extra : Mapping, optional
        Fields of their configuration that a model does not know, for instance
        ``{"pad_token_id": 0}``.

    Raises
    ------
    ValueError
        If the model is none of these, makes a choice that its twin cannot, has no numbers, or the
        folder holds a checkpoint; or if ``extra`` contradicts the model.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from txlite.models import Transformer, TransformerConfig
    >>> config = TransformerConfig(vocab_size=50, d_model=16, num_heads=2, d_ff=32, num_layers=2)
    >>> with TemporaryDirectory() as folder:
    ...     save(Transformer(config), f"{folder}/small", extra={"pad_token_id": 0})
    ...     read_config(f"{folder}/small")["model_type"]
    'marian'
    """
    family = family_of(model)
    fields = {**family.write(model), "model_type": family.model_type}
    for name, value in (extra or {}).items():
        if fields.get(name) is not None and fields[name] != value:
            raise ValueError(
                f"extra should not contradict the model's {name}={fields[name]!r}, got {value!r}"
            )
        fields[name] = value
    ours = {name: p.detach() for name, p in model.named_parameters()}
    if any(p.is_meta for p in ours.values()):
        raise ValueError("model should hold numbers, got one on the meta device")
    folder = Path(folder)
    for name in (_CONFIG, *SINGLE, *(f"{single}.index.json" for single in SINGLE)):
        if (folder / name).exists():
            raise ValueError(f"folder should hold no checkpoint yet, got one with {name}: {folder}")
    prefix = family.prefix if family.bare(model) else ""
    theirs = {
        weight.theirs.removeprefix(prefix): weight.join(ours).cpu().contiguous()
        for weight in family.table(model)
    }
    first = next(iter(theirs.values()))
    fields = {**fields, "dtype": dtype_name(first)}
    save_file = needs("safetensors.torch").save_file
    text = json.dumps(fields, indent=2, sort_keys=True) + "\n"
    with whole(folder / SINGLE[0]) as draft:
        save_file(theirs, draft, {"format": "pt"})
    with whole(folder / _CONFIG) as draft:  # last: without it there is no checkpoint
        draft.write_text(text, encoding="utf-8")


def _located(where: str | Path, revision: str | None) -> Path:
    """Return a checkpoint's folder or file, fetched if it is a repository."""
    path = Path(where)
    if path.is_dir() or (path.is_file() and path.suffix in (_GGUF, _BIN)):
        if revision is not None:
            raise ValueError(f"revision should be None for what is here, got {revision!r}")
        return path
    if isinstance(where, str) and not path.exists() and is_repository(where):
        return fetched(where, revision)
    raise ValueError(
        "folder_or_repo should be a folder, a .gguf or .bin file or a repository as owner/name, "
        f"got {str(where)!r}"
    )
