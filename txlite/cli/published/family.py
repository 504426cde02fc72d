"""How published models meet the command line."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from txlite.cli._family import Family, Rows
from txlite.cli._model import model_rows
from txlite.cli.published.folder import is_published
from txlite.cli.published.info import describe
from txlite.cli.published.write import draw_texts
from txlite.models import BERT, GPT, T5, BERTConfig, GPTConfig, Llama, LlamaConfig, T5Config

__all__ = ["PUBLISHED"]


def _preset(model: Callable[[], nn.Module]) -> dict[str, str]:
    with torch.device("meta"):  # counted, never allocated
        return model_rows(model())


_PRESETS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "bert-base": ("BERT, base", lambda: BERT(BERTConfig.base())),
    "bert-large": ("BERT, large", lambda: BERT(BERTConfig.large())),
    "gpt2": ("GPT-2, small", lambda: GPT(GPTConfig.gpt2())),
    "gpt2-xl": ("GPT-2, XL", lambda: GPT(GPTConfig.gpt2_xl())),
    "gpt3": ("GPT-3, 175B", lambda: GPT(GPTConfig.gpt3())),
    "smollm2-135m": ("SmolLM2, 135M", lambda: Llama(LlamaConfig.smollm2_135m())),
    "llama3-8b": ("Llama 3, 8B", lambda: Llama(LlamaConfig.llama3_8b())),
    "t5-base": ("T5, base", lambda: T5(T5Config.base())),
}

_ROWS: dict[str, tuple[str, Callable[[], Rows]]] = {
    name: (title, partial(_preset, make)) for name, (title, make) in _PRESETS.items()
}

PUBLISHED = Family(knows=is_published, describe=describe, draw=draw_texts, presets=_ROWS)
