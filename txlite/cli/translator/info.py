"""The rows of ``txlite info`` for a translator's folder, and for the sizes of the paper."""

from collections.abc import Callable
from pathlib import Path

from txlite.cli._family import Rows
from txlite.cli._model import model_rows, preset_rows
from txlite.cli._threads import threads_for
from txlite.cli.translator.folder import load_translator
from txlite.models import TransformerConfig

__all__ = ["PRESETS", "describe"]


def describe(folder: Path) -> dict[str, str]:
    """Say what a folder translates, how well, and with which model."""
    translator = load_translator(folder)
    rows = {"translates": str(translator.about.get("direction", "?"))}
    scores = translator.about.get("scores", {})
    rows |= {key: "–" if value is None else str(value) for key, value in scores.items()}
    rows["vocabularies"] = f"{translator.source.vocab_size}, {translator.target.vocab_size}"
    rows["longest translation"] = f"{translator.longest} tokens"
    rows |= model_rows(translator.model)
    return rows | {"threads": str(threads_for(translator.model.config.d_model))}


PRESETS: dict[str, tuple[str, Callable[[], Rows]]] = {
    "base": ("Transformer, base", lambda: preset_rows(TransformerConfig.base())),
    "big": ("Transformer, big", lambda: preset_rows(TransformerConfig.big())),
}
