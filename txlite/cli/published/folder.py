"""A published model on the disk: what is read of it before the model is."""

from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from txlite.cli._files import CONFIG, read_json
from txlite.interop import PublishedTokenizer, load, load_tokenizer
from txlite.models import GPT, T5, Llama, Transformer, Whisper

__all__ = ["Writer", "is_published", "load_writer", "settings_of"]

GGUF = ".gguf"
WRITERS = (GPT, Llama, T5, Transformer)  # what goes on from a text, or answers one
SETTINGS = "generation_config.json"


class Writer(NamedTuple):
    """A model that writes, its tokenizer, and the tokens that have a meaning for it."""

    model: nn.Module
    tokenizer: PublishedTokenizer
    ends: tuple[int, ...]  # any of them ends a text
    begin: int | None  # what an encoder–decoder's text begins with
    pad: int
    settings: dict[str, Any]  # how its authors draw


def is_published(path: Path) -> bool:
    """Whether this is a GGUF file, or a folder whose config names a type of model."""
    if path.is_file():
        return path.suffix == GGUF
    try:
        content = read_json(path / CONFIG)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "model_type" in content and "format" not in content


def settings_of(path: Path) -> dict[str, Any]:
    """Return what the folder says of generation, in its own words; a file says nothing."""
    found: dict[str, Any] = {}
    for name in (CONFIG, SETTINGS) if path.is_dir() else ():
        file = path / name
        if not file.is_file():
            continue
        content = read_json(file)
        if not isinstance(content, dict):
            raise ValueError(f"{file} should hold a JSON object, got {type(content).__name__}")
        found |= {key: value for key, value in content.items() if value is not None}
    return found


def load_writer(path: Path) -> Writer:
    """Load a published model that writes.

    Parameters
    ----------
    path : Path
        A folder as Hugging Face writes it, or a GGUF file.

    Returns
    -------
    Writer
        The model in evaluation mode, on the CPU.

    Raises
    ------
    ValueError
        If a file is missing or damaged, or the model does not write from a text.
    """
    model = load(path)
    if not isinstance(model, WRITERS):
        does = "writes from a sound" if isinstance(model, Whisper) else "reads and does not write"
        raise ValueError(f"{path} holds a {type(model).__name__}, which {does}")
    settings, tokenizer = settings_of(path), load_tokenizer(path)
    ends = settings.get("eos_token_id")
    if ends is None and "eos" in tokenizer.roles:
        ends = tokenizer.token_id("eos")
    several = ends if isinstance(ends, list) else [] if ends is None else [ends]
    config: Any = model.config
    vocabulary = config.vocab_size
    for name, token in [("eos_token_id", end) for end in several] + [
        (name, settings[name])
        for name in ("decoder_start_token_id", "pad_token_id")
        if name in settings
    ]:
        if type(token) is not int or not 0 <= token < vocabulary:
            raise ValueError(
                f"{name} of {path} should be a token in [0, {vocabulary}), got {token!r}"
            )
    return Writer(
        model=model,
        tokenizer=tokenizer,
        ends=tuple(several),
        begin=settings.get("decoder_start_token_id"),
        pad=settings.get("pad_token_id", next(iter(several), 0)),
        settings=settings,
    )
