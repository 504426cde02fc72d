"""How published models meet the command line."""

from collections.abc import Callable
from functools import partial
from typing import Any

from txlite.cli._family import Family, Rows
from txlite.cli._model import preset_rows
from txlite.cli.published.folder import is_published
from txlite.cli.published.info import describe
from txlite.cli.published.write import draw_texts
from txlite.models import (
    BERTConfig,
    GPTConfig,
    LlamaConfig,
    SwitchConfig,
    T5Config,
    ViTConfig,
    WhisperConfig,
)

__all__ = ["PUBLISHED"]


def _preset(make: Callable[[], Any]) -> dict[str, str]:
    return preset_rows(make())


_PRESETS: dict[str, tuple[str, Callable[[], Any]]] = {
    "bert-base": ("BERT, base", BERTConfig.base),
    "bert-large": ("BERT, large", BERTConfig.large),
    "gpt1": ("GPT-1", GPTConfig.gpt1),
    "gpt2": ("GPT-2, small", GPTConfig.gpt2),
    "gpt2-xl": ("GPT-2, XL", GPTConfig.gpt2_xl),
    "megatron-8b": ("Megatron-LM, 8.3B", GPTConfig.megatron_8b),
    "turing-nlg": ("Turing-NLG, 17B", GPTConfig.turing_nlg),
    "gpt3": ("GPT-3, 175B", GPTConfig.gpt3),
    "smollm2-135m": ("SmolLM2, 135M", LlamaConfig.smollm2_135m),
    "llama3-8b": ("Llama 3, 8B", LlamaConfig.llama3_8b),
    "mistral-7b": ("Mistral, 7B", LlamaConfig.mistral_7b),
    "t5-base": ("T5, base", T5Config.base),
    "switch-base": ("Switch, base, 8 experts", SwitchConfig.base),
    "switch-c": ("Switch-C, 1.6T", SwitchConfig.c_1600b),
    "vit-b16": ("ViT, B/16", ViTConfig.b_16),
    "whisper-tiny": ("Whisper, tiny", WhisperConfig.tiny),
}

_ROWS: dict[str, tuple[str, Callable[[], Rows]]] = {
    name: (title, partial(_preset, make)) for name, (title, make) in _PRESETS.items()
}

PUBLISHED = Family(knows=is_published, describe=describe, draw=draw_texts, presets=_ROWS)
