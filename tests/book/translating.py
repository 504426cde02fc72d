"""What the tests of the translator share: random models that it can carry, and what it shows."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import torch
from playwright.sync_api import Page

from txlite.data.corpora import (
    CAPITALISED,
    ParallelCorpus,
    chinese_english,
    french_english,
    words_of,
)
from txlite.data.tokenizers import BPE, train_bpe
from txlite.models import Transformer, TransformerConfig
from txlite.viz.widgets.translator import PageModel

LONGEST = 12
VOCAB = 500
LANGUAGES = ["French", "Chinese"]


def random_model(seed: int, **choices: Any) -> Transformer:
    """Return a model with large weights that float16 holds exactly."""
    sizes = {"vocab_size": VOCAB, "d_model": 24, "num_heads": 3, "d_ff": 40, "num_layers": 2}
    model = Transformer(TransformerConfig(**(sizes | choices))).double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            scale = 1.0 if name.endswith("norm.weight") else 0.0
            p.copy_((torch.randn(p.shape, generator=generator) * 0.3 + scale).half())
    return model


@cache
def corpus(language: str) -> ParallelCorpus:
    return {"French": french_english, "Chinese": chinese_english}[language](2_000)


@cache
def tokenizers(language: str) -> tuple[BPE, BPE]:
    pairs = corpus(language).train
    source, target = (train_bpe([pair[side] for pair in pairs], VOCAB) for side in (0, 1))
    assert source.vocab_size <= target.vocab_size == VOCAB
    return source, target


def met(language: str) -> list[str]:
    return sorted({word for pair in corpus(language).train for word in words_of(pair.source)})


def page_model(
    model: Transformer, language: str, examples: list[str], words: Sequence[str] = ()
) -> PageModel:
    source, target = tokenizers(language)
    return PageModel(
        f"{language} → English",
        asdict(model.config),
        model.state_dict(),
        source.to_json(),
        target.to_json(),
        examples,
        CAPITALISED if language == "French" else (),
        words,
    )


def shown(page: Page, what: str) -> Any:
    return json.loads(page.locator(".tx-stage").get_attribute(f"data-{what}") or "null")
