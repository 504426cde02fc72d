"""What a caller is told: every message names the argument, what was wanted and what came."""

import math
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from txlite.generation import (
    beam_search,
    generate,
    min_p,
    repetition_penalty,
    sample,
    temperature,
    top_k,
    top_p,
)

pytestmark = pytest.mark.plain  # as a user runs it: without the run-time type checks

ONES = torch.ones(2, 5)
TOKENS = torch.ones(2, 3, dtype=torch.long)
ROW = torch.tensor([[1.0, 2.0], [-math.inf, -math.inf]])


def flat(tokens: Tensor) -> Tensor:
    return torch.zeros(*tokens.shape, 5)


def two_sided(source: Tensor, target: Tensor, **kwargs: Tensor) -> Tensor:
    return torch.zeros(*target.shape, 5)


def write(prompt: Tensor = TOKENS, model: Callable[..., Tensor] = flat, **kwargs: object) -> object:
    settings = {"max_new_tokens": 2, "use_cache": False, **kwargs}
    return generate(model, prompt, **settings)  # type: ignore[arg-type]


def forgetful(tokens: Tensor, *, cache: object = None) -> Tensor:
    return torch.zeros(*tokens.shape, 5)


def search(prompt: Tensor = TOKENS, **kwargs: object) -> object:
    settings = {"max_new_tokens": 2, "num_beams": 2, "eos_id": 2, "use_cache": False, **kwargs}
    return beam_search(flat, prompt, **settings)  # type: ignore[arg-type]


MESSAGES = {
    "temperature zero": (
        lambda: temperature(ONES, 0.0),
        "temperature should be a positive number, got 0.0",
    ),
    "temperature infinite": (
        lambda: temperature(ONES, math.inf),
        "temperature should be a positive number, got inf",
    ),
    "temperature of tokens": (
        lambda: temperature(TOKENS, 1.0),
        "logits should hold floating-point numbers, got int64",
    ),
    "no vocabulary": (
        lambda: top_k(torch.ones(2, 0), 1),
        "logits should have a last axis V of at least 1, got (2, 0)",
    ),
    "a seed for chance": (
        lambda: sample(ONES, 0),  # type: ignore[arg-type]
        "generator should be a generator such as torch.Generator().manual_seed(0), got 0",
    ),
    "a model of two texts without a source": (
        lambda: write(model=two_sided),
        "source should be given to a model that reads source and target, got none",
    ),
    "a model that is a word": (
        lambda: write(model="gpt"),  # type: ignore[arg-type]
        "model should be a function, from tokens to logits, got 'gpt'",
    ),
    "a number": (
        lambda: top_k(torch.tensor(1.0), 1),
        "logits should have shape (*B, V), got ()",
    ),
    "k zero": (lambda: top_k(ONES, 0), "k should be a positive whole number, got 0"),
    "top-p above one": (lambda: top_p(ONES, 1.1), "p should be a number in [0, 1], got 1.1"),
    "top-p as a flag": (lambda: top_p(ONES, True), "p should be a number in [0, 1], got True"),
    "min-p below zero": (lambda: min_p(ONES, -0.1), "p should be a number in [0, 1], got -0.1"),
    "penalty zero": (
        lambda: repetition_penalty(ONES, TOKENS, 0.0),
        "penalty should be a positive number, got 0.0",
    ),
    "penalty of another batch": (
        lambda: repetition_penalty(ONES, TOKENS[:1], 1.2),
        "tokens should have shape (*B=(2,), T), got (1, 3)",
    ),
    "penalty with too short a keep": (
        lambda: repetition_penalty(ONES, TOKENS, 1.2, torch.ones(2, 2, dtype=torch.bool)),
        "keep should have the shape of tokens, (2, 3), got (2, 2)",
    ),
    "all filtered": (
        lambda: sample(ROW),
        "logits should leave at least one token and hold neither NaN nor infinity in every row, "
        "got a largest value of -inf",
    ),
    "not a number": (
        lambda: sample(ROW * torch.nan),
        "logits should leave at least one token and hold neither NaN nor infinity in every row, "
        "got a largest value of nan",
    ),
    "nothing to write": (
        lambda: write(max_new_tokens=0),
        "max_new_tokens should be a positive whole number, got 0",
    ),
    "negative temperature": (
        lambda: write(temperature=-1.0),
        "temperature should be a positive number, or zero, got -1.0",
    ),
    "wrong filter, though greedy": (
        lambda: write(top_p=2.0),
        "top_p should be a number in [0, 1], got 2.0",
    ),
    "prompt of one axis": (
        lambda: write(TOKENS[0]),
        "prompt should have shape (B, T), got (3,)",
    ),
    "prompt of floats": (
        lambda: write(TOKENS.float()),
        "prompt should hold int32 or int64 tokens, got float32",
    ),
    "empty prompt": (
        lambda: write(TOKENS[:, :0]),
        "prompt should hold at least one token in one row, got shape (2, 0)",
    ),
    "keep of numbers": (
        lambda: write(prompt_keep=TOKENS),
        "prompt_keep should be a bool tensor (True = may attend), got int64; write",
    ),
    "keep of another length": (
        lambda: write(prompt_keep=TOKENS[:, :2].bool()),
        "prompt_keep should have shape (B=2, T=3), got (2, 2); axis T disagrees",
    ),
    "padding on the right": (
        lambda: write(prompt_keep=torch.tensor([[True] * 3, [True, True, False]])),
        "prompt_keep should be True in its last column: prompts are padded on the left",
    ),
    "source of another batch": (
        lambda: write(model=two_sided, source=TOKENS[:1]),
        "source should have the prompt's batch, B=2, and one axis more, got shape (1, 3)",
    ),
    "source without a length": (
        lambda: write(model=two_sided, source=TOKENS[:, 0]),
        "source should have the prompt's batch, B=2, and one axis more, got shape (2,)",
    ),
    "source_keep alone": (
        lambda: write(source_keep=TOKENS.bool()),
        "source_keep should come with a source, got none",
    ),
    "source_keep of numbers": (
        lambda: write(model=two_sided, source=TOKENS, source_keep=TOKENS),
        "source_keep should be a bool tensor (True = may attend), got int64; write",
    ),
    "source_keep of another batch": (
        lambda: write(model=two_sided, source=TOKENS, source_keep=TOKENS[:1].bool()),
        "source_keep should have shape (B=2, S), got (1, 3); axis B disagrees",
    ),
    "logits of one step": (
        lambda: write(model=lambda tokens: torch.zeros(2, 5)),
        "the model's logits should have shape (N=2, T=3, V), got (2, 5)",
    ),
    "a model without logits": (
        lambda: write(model=lambda tokens: None),  # type: ignore[arg-type, return-value]
        "the model's logits should be a tensor of shape (N, T, V), got NoneType",
    ),
    "logits that are no numbers": (
        lambda: write(model=lambda tokens: flat(tokens) * torch.nan),
        "the model's logits should be numbers, got NaN",
    ),
    "end outside the vocabulary": (
        lambda: write(eos_id=5),
        "eos_id should be a token of the vocabulary, in [0, V=5), got 5",
    ),
    "padding outside the vocabulary": (
        lambda: write(pad_id=-1),
        "pad_id should be a token of the vocabulary, in [0, V=5), got -1",
    ),
    "end as a flag": (
        lambda: write(eos_id=True),
        "eos_id should be a token of the vocabulary, in [0, V=5), got True",
    ),
    "end outside, with beams": (
        lambda: search(eos_id=-2),
        "eos_id should be a token of the vocabulary, in [0, V=5), got -2",
    ),
    "padding outside, with beams": (
        lambda: search(pad_id=5, eos_id=None),
        "pad_id should be a token of the vocabulary, in [0, V=5), got 5",
    ),
    "no beam": (lambda: search(num_beams=0), "num_beams should be a positive whole number, got 0"),
    "more than the beams": (
        lambda: search(num_return_sequences=3),
        "num_return_sequences should be at most num_beams=2, got 3",
    ),
    "early stopping in words": (
        lambda: search(early_stopping="always"),
        "early_stopping should be True, False or 'never', got 'always'",
    ),
    "early stopping as a number": (
        lambda: search(early_stopping=1),
        "early_stopping should be True, False or 'never', got 1",
    ),
    "cache that is not used": (
        lambda: write(model=forgetful, use_cache=True),
        "model should fill the cache that it is given; or use_cache=False",
    ),
    "length penalty infinite": (
        lambda: search(length_penalty=math.inf),
        "length_penalty should be a finite number, got inf",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_what_is_wrong(name: str) -> None:
    ask, message = MESSAGES[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()


def test_the_calls_work_without_their_mistakes() -> None:
    assert write() is not None
    assert write(model=two_sided, source=TOKENS, source_keep=TOKENS.bool()) is not None
    assert search() is not None
    for last in ({"eos_id": 4, "pad_id": 0}, {"eos_id": 0, "pad_id": 4}, {"eos_id": None}):
        assert write(**last) is not None
        assert search(**last) is not None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_generator_on_the_gpu_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^generator should be on the CPU, got one on cuda"):
        sample(ONES, torch.Generator("cuda"))
