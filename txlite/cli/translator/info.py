"""The rows of ``txlite info`` for a translator's folder, and for the sizes of the paper."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from txlite.cli._family import Rows
from txlite.cli._threads import threads_for
from txlite.cli.translator.folder import load_translator
from txlite.models import Transformer, TransformerConfig

__all__ = ["PRESETS", "describe"]


def describe(folder: Path) -> dict[str, str]:
    """Say what a folder translates, how well, and with which model."""
    translator = load_translator(folder)
    rows = {"translates": str(translator.about.get("direction", "?"))}
    scores = translator.about.get("scores", {})
    rows |= {key: "–" if value is None else str(value) for key, value in scores.items()}
    rows["vocabularies"] = f"{translator.source.vocab_size}, {translator.target.vocab_size}"
    rows["longest translation"] = f"{translator.longest} tokens"
    rows |= _model(translator.model)
    return rows | {"threads": str(threads_for(translator.model.config.d_model))}


def _preset(make: Callable[[], TransformerConfig]) -> dict[str, str]:
    with torch.device("meta"):  # counted, never allocated
        return _model(Transformer(make()))


PRESETS: dict[str, tuple[str, Callable[[], Rows]]] = {
    "base": ("Transformer, base", partial(_preset, TransformerConfig.base)),
    "big": ("Transformer, big", partial(_preset, TransformerConfig.big)),
}


def _model(model: Transformer) -> dict[str, str]:
    config = model.config
    layers = f"{config.num_layers} + {config.num_decoder_layers or config.num_layers}"
    return {
        "layers": f"{layers}, {'pre' if config.norm_first else 'post'}-norm",
        "width": f"{config.d_model}, feed-forward {config.d_ff}",
        "heads": str(config.num_heads),
        "positions": config.positions,
        **{f"parameters in {name}": _count(part) for name, part in model.named_children()},
        "parameters": _count(model),
    }


def _count(module: nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()):,}"
