"""What the tests of the writer share: random models that it can carry, and a tokenizer of prose."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pydoc_data.topics import topics
from typing import Any

import torch
from torch import nn

from txlite.data.tokenizers import BPE, train_bpe
from txlite.models import GPT, GPTConfig, Llama, LlamaConfig
from txlite.viz.widgets.writer import Writer

VOCAB, LONGEST, MAX_LEN = 400, 20, 40
SIZES = {"d_model": 24, "num_heads": 3, "d_ff": 40, "num_layers": 2, "max_len": MAX_LEN}
PROMPT = "The statement is\nnot executed"


@cache
def paragraphs() -> Sequence[str]:
    """Return prose about Python, with ends of lines in it."""
    return [part for topic in topics.values() for part in topic.split("\n\n")][:1200]


@cache
def prose() -> BPE:
    return train_bpe(paragraphs(), VOCAB)


def drawn_anew(model: nn.Module, seed: int, size: float = 0.3) -> nn.Module:
    """Give a model large weights that float16 holds exactly."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            scale = 1.0 if name.endswith("norm.weight") else 0.0
            p.copy_((torch.randn(p.shape, generator=generator) * size + scale).half())
    return model.double().eval()


def random_gpt(seed: int, **choices: Any) -> GPT:
    return drawn_anew(GPT(GPTConfig(vocab_size=VOCAB, **(SIZES | choices))), seed)


def random_llama(seed: int, **choices: Any) -> Llama:
    return drawn_anew(Llama(LlamaConfig(vocab_size=VOCAB, **(SIZES | choices))), seed)


def writer(model: GPT | Llama, prompt: str = PROMPT, **traits: Any) -> Writer:
    config, weights = asdict(model.config), model.state_dict()
    traits.setdefault("longest", LONGEST)
    return Writer(config, weights, prose().to_json(), prompt, **traits)
