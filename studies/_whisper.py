"""What the studies of spoken digits have in common: the strings, the recipe, and how it is scored.

1,500 strings are said by the one voice that there is, 400 others are held out: no string of the
test is among those that are trained on, and their speeds, pauses and noise are their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

import txlite
from txlite.data.audio import SAMPLE_RATE, log_mel
from txlite.data.spoken import DIGITS, Utterance, Voice, digit_strings, recordings, spoken
from txlite.data.spoken_batches import (
    BEGIN,
    END,
    VOCABULARY,
    Spectrograms,
    SpeechBatch,
    SpokenBatches,
)
from txlite.generation import best_path, generate
from txlite.models import HybridWhisper, HybridWhisperConfig, TemplateMatcher
from txlite.training import (
    HybridLoss,
    WordErrors,
    adamw,
    corpus_bootstrap,
    fit,
    warmup_cosine,
    word_errors,
)

TRAIN, TEST = 1_500, 400  # strings
MELS, ROWS = 40, 32
RATE, WARMUP, DECAY, BETAS = 2e-3, 40, 0.01, (0.9, 0.98)
SHORT_EPOCHS = 10  # of 12 steps each
DECIBELS, PRICES, TUNED = (15.0, 20.0, 25.0), (0.0, 1.0, 2.0), 100  # strings


@dataclass(frozen=True)
class Recipe:
    """How a model is built and trained; by default with all that helps."""

    steps: int
    ctc_weight: float = 0.33
    short_epochs: int = SHORT_EPOCHS
    choices: dict[str, Any] = field(default_factory=dict)


class Score(NamedTuple):
    """What a model made of some strings."""

    decoder: list[WordErrors]
    frames: list[WordErrors]
    texts: list[str]


@cache
def held_out_strings() -> tuple[str, ...]:
    """Return the strings of the test, of 3 to 6 digits: the same under every seed."""
    held_out = torch.Generator().manual_seed(20)
    return tuple(digit_strings(TEST, shortest=3, longest=6, generator=held_out))


def held_out_speech(voice: Voice | None = None, **how: Any) -> list[Utterance]:
    """Return the strings of the test as they sound, by default in the voice of the training."""
    held_out = torch.Generator().manual_seed(21)
    voice = recordings() if voice is None else voice
    return [spoken(text, voice, generator=held_out, **how) for text in held_out_strings()]


@cache
def test_set() -> Spectrograms:
    """Return the test."""
    return Spectrograms(held_out_speech(), num_mels=MELS)


def train_set(seed: int) -> Spectrograms:
    """Return what is trained on, in 2 to 6 digits; the seed decides."""
    chance, voice = txlite.seed(seed), recordings()
    texts = digit_strings(
        TRAIN, shortest=2, longest=6, generator=chance, without=held_out_strings()
    )
    return Spectrograms([spoken(text, voice, generator=chance) for text in texts], num_mels=MELS)


def outline(samples: Float[Tensor, " T"]) -> Float[Tensor, "F M"]:
    """Return what a matcher compares: every second frame of a sound, without its loudness."""
    bands = log_mel(samples, SAMPLE_RATE, num_mels=MELS, seconds=None)[:, ::2]
    return (bands - bands.mean(0)).mT


def matcher_of(
    voice: Voice, *, decibels: float, price: float, generator: torch.Generator
) -> TemplateMatcher:
    """Return the baseline: each recording as it sounds in some noise, and what lies between."""
    calm: dict[str, Any] = {"speeds": (1.0, 1.0), "quietest": 0.0, "pauses": (0.2, 0.2)}
    calm["noise"] = (decibels, decibels)
    rows = [outline(spoken(d, voice, generator=generator, **calm).samples) for d in DIGITS]
    pauses = [part for row in rows for part in (row[1:9], row[-9:-1])]
    return TemplateMatcher([row[10:-10] for row in rows], torch.cat(pauses).mean(0), price=price)


def matched(matcher: TemplateMatcher, utterances: Sequence[Utterance]) -> list[WordErrors]:
    """Write down some strings by laying recordings over them."""
    said, texts = [], []
    for at in range(0, len(utterances), 50):
        some = utterances[at : at + 50]
        found = matcher([outline(one.samples) for one in some])
        texts += [" ".join(DIGITS[word] for word in words) for words in found]
        said += [" ".join(one.text) for one in some]
    return word_errors(said, texts)


def tuned_matcher(seed: int) -> TemplateMatcher:
    """Return the baseline with the noise and the price that suit strings of the training best."""
    known = train_set(seed).utterances[:TUNED]
    best, least = None, 0
    for decibels in DECIBELS:
        for price in PRICES:
            chance = txlite.seed(seed)
            one = matcher_of(recordings(), decibels=decibels, price=price, generator=chance)
            errors = sum(each.errors for each in matched(one, known))
            if best is None or errors < least:
                best, least = one, errors
    assert best is not None
    return best


def built(seed: int, **choices: Any) -> HybridWhisper:
    """Return an untrained model; the seed decides its weights."""
    txlite.seed(seed)
    config = HybridWhisperConfig(
        vocab_size=VOCABULARY,
        d_model=96,
        num_heads=4,
        d_ff=384,
        num_layers=2,
        num_decoder_layers=1,
        num_mels=MELS,
        max_source_len=600,
        max_len=10,
        init_std=0.05,
    )
    return HybridWhisper(HybridWhisperConfig(**{**vars(config), **choices})).to(txlite.device())


def trained(recipe: Recipe, seed: int) -> HybridWhisper:
    """Build and train a model."""
    sounds, model = train_set(seed), built(seed, **recipe.choices)
    fit(
        model,
        SpokenBatches(
            sounds,
            batch_size=ROWS,
            seed=txlite.seed(seed).initial_seed(),
            short_epochs=recipe.short_epochs,
        ),
        HybridLoss(ctc_weight=recipe.ctc_weight),
        steps=recipe.steps,
        optimizer=adamw(model, RATE, betas=BETAS, weight_decay=DECAY),
        schedule=warmup_cosine(RATE, WARMUP, recipe.steps),
        clip_norm=1.0,
        progress=False,
    )
    return model


def in_order(sounds: Spectrograms, rows: int = 50) -> list[list[int]]:
    """Return all strings in batches of like length."""
    order = sorted(range(len(sounds)), key=lambda row: sounds.frames[row])
    return [order[at : at + rows] for at in range(0, len(order), rows)]


@torch.no_grad()
def scored(model: HybridWhisper, sounds: Spectrograms) -> Score:
    """Transcribe all strings, by the decoder and by the encoder's own output."""
    model.eval()
    texts, paths = [""] * len(sounds), [""] * len(sounds)
    for rows in in_order(sounds):
        batch = sounds.batch(rows)
        source = batch.source.to(txlite.device())
        memory = model.encode(source)
        heard = best_path(model.frame_scores(memory).cpu(), batch.vectors.tolist())
        for row, text, path in zip(rows, written(model, batch), heard, strict=True):
            texts[row] = " ".join(text)
            paths[row] = " ".join(map(str, path))
    said = [" ".join(one.text) for one in sounds.utterances]
    return Score(word_errors(said, texts), word_errors(said, paths), texts)


def written(model: HybridWhisper, batch: SpeechBatch, keep: Tensor | None = None) -> list[str]:
    """Write what the decoder makes of a batch; ``keep`` hides vectors of the encoder."""
    source = batch.source.to(txlite.device())
    prompt = torch.full((len(source), 1), BEGIN, device=source.device)
    found = generate(
        model, prompt, source=source, source_keep=keep, max_new_tokens=8, eos_id=END, pad_id=END
    )
    rows = found[:, 1:].tolist()
    return ["".join(str(token) for token in row if token < BEGIN) for row in rows]


def rate(sums: Sequence[float]) -> float:
    """Return the word error rate of counts that were added up."""
    return WordErrors(*map(int, sums)).rate


def told(errors: Sequence[WordErrors]) -> dict[str, float]:
    """Return the rate and its interval, which the choice of the test's strings decides."""
    held_out = torch.Generator().manual_seed(22)
    value, low, high = corpus_bootstrap(errors, score=rate, generator=held_out)
    return {"rate": value, "low": low, "high": high}
