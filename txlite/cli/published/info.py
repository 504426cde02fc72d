"""The rows of ``txlite info`` for a published model."""

from pathlib import Path

from txlite.cli._model import model_rows
from txlite.cli._threads import threads_for
from txlite.interop import load, load_tokenizer

__all__ = ["describe"]


def describe(path: Path) -> dict[str, str]:
    """Say which model a folder or file holds, and how large it is."""
    model = load(path)
    config = model.config
    rows = {"model": type(model).__name__, "numbers": _numbers(model)}
    try:
        rows["tokenizer"] = f"{load_tokenizer(path).vocab_size} tokens"
    except ValueError as error:
        rows["tokenizer"] = f"none: {error}"
    rows["vocabulary"] = str(config.vocab_size)  # type: ignore[union-attr]
    if longest := getattr(config, "max_len", None):
        rows["longest text"] = f"{longest} tokens"
    return rows | model_rows(model) | {"threads": str(threads_for(config.d_model))}  # type: ignore[union-attr,arg-type]


def _numbers(model: object) -> str:
    kinds = {str(p.dtype).removeprefix("torch.") for p in model.parameters()}  # type: ignore[attr-defined]
    return ", ".join(sorted(kinds))
