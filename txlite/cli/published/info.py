"""The rows of ``txlite info`` for a published model."""

from pathlib import Path
from typing import Any

from txlite.cli._model import model_rows
from txlite.cli._threads import threads_for
from txlite.interop import load, load_tokenizer
from txlite.models import CLIP

__all__ = ["describe"]


def describe(path: Path) -> dict[str, str]:
    """Say which model a folder or file holds, and how large it is."""
    model: Any = load(path)
    two = isinstance(model, CLIP)
    sees, reads = (model.config.vision, model.config.text) if two else (model.config, model.config)
    rows = {"model": type(model).__name__, "numbers": _numbers(model)}
    if hasattr(sees, "image_size"):
        height, width = sees.image_size
        rows["pictures"] = f"{height} × {width} pixels, in patches of {sees.patch_size}"
    if hasattr(reads, "vocab_size"):
        rows |= _texts(path, reads)
    for name, tower in {"vision": model.vision, "text": model.text}.items() if two else ():
        rows |= {f"{name}: {row}": value for row, value in model_rows(tower).items()}
    rows |= {} if two else model_rows(model)
    return rows | {"threads": str(threads_for(sees.d_model))}


def _texts(path: Path, config: Any) -> dict[str, str]:
    """Say what a model reads that reads texts."""
    try:
        rows = {"tokenizer": f"{load_tokenizer(path).vocab_size} tokens"}
    except ValueError as error:
        rows = {"tokenizer": f"none: {error}"}
    rows["vocabulary"] = str(config.vocab_size)
    if longest := getattr(config, "max_len", None):
        rows["longest text"] = f"{longest} tokens"
    return rows


def _numbers(model: object) -> str:
    kinds = {str(p.dtype).removeprefix("torch.") for p in model.parameters()}  # type: ignore[attr-defined]
    return ", ".join(sorted(kinds))
