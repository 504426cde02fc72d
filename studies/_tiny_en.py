"""Whisper tiny.en as it was published: its marks, the heads that follow the sound, how it writes.

What is ruled out, and which heads follow the sound, stands in the file beside the weights.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from studies import _published_whisper as published
from txlite import interop
from txlite.data.audio import HOP, SAMPLE_RATE, log_mel
from txlite.data.weights import weights_file
from txlite.generation import (
    Doubt,
    TimedWord,
    beam_search,
    compression_ratio,
    generate,
    no_speech_probability,
    token_times,
    word_times,
)
from txlite.inspect import record_attention
from txlite.models import Whisper

NAME = "whisper-tiny-en"
END, START, NO_SPEECH, NO_TIMES = 50256, 50257, 50361, 50362
PROMPT = (START, NO_TIMES)
LONGEST = 100  # tokens
tokenizer, rules = partial(published.tokenizer, NAME), partial(published.rules, NAME)


class Written(NamedTuple):
    """What was written from one sound."""

    text: str
    tokens: list[int]
    doubt: Doubt


@cache
def model() -> Whisper:
    """Return the model, in float32."""
    found = interop.load(weights_file(NAME, "model.bin"), dtype=torch.float32)
    assert isinstance(found, Whisper)
    return found.eval()


def written(
    samples: Float[Tensor, " T"],
    *,
    num_beams: int = 1,
    suppress: bool = True,
    keep: Bool[Tensor, "1 S"] | None = None,
) -> Written:
    """Transcribe up to half a minute of sound; ``keep`` hides vectors of the encoder."""
    sound = log_mel(samples, SAMPLE_RATE)[None]
    prompt = torch.tensor([PROMPT])
    barred: dict[str, Any] = {"suppress_first": rules()["suppress_ids_begin"]}
    if suppress:
        barred["suppress"] = rules()["suppress_ids"]
    barred["source_keep"] = keep
    options = {"source": sound, "max_new_tokens": LONGEST, "eos_id": END, "pad_id": END, **barred}
    if num_beams > 1:
        found = beam_search(model(), prompt, num_beams=num_beams, **options)
        row = found.tokens[0].reshape(-1)
    else:
        row = generate(model(), prompt, **options)[0]
    tokens = published.until(END, row[len(PROMPT) :].tolist())
    return Written(_text(tokens), tokens, _doubt(sound, tokens))


def timed(samples: Float[Tensor, " T"], tokens: Sequence[int]) -> list[TimedWord]:
    """Return when each word of a transcript was said."""
    maps = heard(samples, tokens, rules()["alignment_heads"])
    return word_times(tokens, token_times(maps), lambda ids: tokenizer().decode(ids))


@torch.no_grad()
def heard(
    samples: Float[Tensor, " T"], tokens: Sequence[int], heads: Sequence[Sequence[int]]
) -> Float[Tensor, "H T S"]:
    """Return with which weights on the sound tokens and end are written, in heads (layer, head)."""
    sound = log_mel(samples, SAMPLE_RATE)[None]
    target = torch.tensor([[*PROMPT, *tokens]])
    with record_attention(model()) as maps:
        model()(sound, target)
    rows = [maps[f"decoder.layers.{layer}.cross_attention"][0, head] for layer, head in heads]
    vectors = (len(samples) // HOP + 1) // 2
    return torch.stack(rows)[:, len(PROMPT) - 1 :, :vectors]


@torch.no_grad()
def _doubt(sound: Float[Tensor, "1 M F"], tokens: Sequence[int]) -> Doubt:
    target: Int[Tensor, "1 T"] = torch.tensor([[*PROMPT, *tokens, END]])
    logits = model()(sound, target[:, :-1])[0]
    of_text = logits[len(PROMPT) - 1 :].log_softmax(-1).gather(1, target[0, len(PROMPT) :, None])
    return Doubt(
        no_speech=no_speech_probability(logits[:1], NO_SPEECH).item(),
        mean_log_prob=of_text.mean().item(),
        compression=compression_ratio(_text(tokens)),
    )


def _text(tokens: Sequence[int]) -> str:
    return tokenizer().decode(list(tokens)).strip()
