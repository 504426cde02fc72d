"""``txlite info``: what is installed, what a preset costs, what a folder holds."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.table import Table
from torch import nn

from txlite.cli._say import OUT, clearly
from txlite.cli._threads import SMALL, threads_for
from txlite.cli.folder import load_translator
from txlite.models import Transformer, TransformerConfig
from txlite.runtime import budget, device

__all__ = ["info"]

PRESETS = {"base": TransformerConfig.base, "big": TransformerConfig.big}


@clearly
def info(
    what: Annotated[
        str | None,
        typer.Argument(help="A folder that txlite train has written, or a preset: base, big."),
    ] = None,
) -> None:
    """Say what is installed here, what a folder holds, or what a preset costs."""
    if what is None:
        _show("txlite", _here())
    elif what in PRESETS:
        with torch.device("meta"):  # counted, never allocated
            _show(f"Transformer, {what}", _model(Transformer(PRESETS[what]())))
    elif not Path(what).exists():
        raise ValueError(f"there is no folder {what}; the presets are {', '.join(PRESETS)}")
    else:
        translator = load_translator(Path(what))
        rows = {"translates": str(translator.about.get("direction", "?"))}
        rows |= {key: str(value) for key, value in translator.about.get("scores", {}).items()}
        rows["vocabularies"] = f"{translator.source.vocab_size}, {translator.target.vocab_size}"
        rows |= _model(translator.model)
        _show(what, rows | {"threads": str(threads_for(translator.model.config.d_model))})


def _here() -> dict[str, str]:
    return {
        "version": version("txlite"),
        "torch": torch.__version__,
        "device": str(device()),
        "budget": budget(),
        "threads": _threads(),
    }


def _threads() -> str:
    small, large = threads_for(SMALL), threads_for(SMALL + 1)
    return f"{small}" if small == large else f"{small}, or {large} if d_model is above {SMALL}"


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


def _show(title: str, rows: dict[str, str]) -> None:
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows.items():
        if value != "0":
            table.add_row(name, value)
    OUT.print(table)
