"""Whisper tiny.en as it was published: what it writes, when, and what it makes of silence.

Ten clips are transcribed, greedily and with five beams, and their word errors counted. Each word's
vectors of the encoder are hidden from every attention, and the word is asked for again, with the
word after next hidden as the control. Strings of digits, of which it is known when each sounds, are
transcribed and timed, in two voices. And sounds in which nobody speaks are transcribed too.

The model has no chance in it; the seed draws the strings and the noise.
"""

import math
import statistics
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

import txlite
from studies._kept import kept
from studies._tiny_en import (
    PROMPT,
    Written,
    heard,
    model,
    rules,
    timed,
    tokenizer,
    written,
)
from txlite.data.audio import HOP, SAMPLE_RATE, log_mel
from txlite.data.clips import Clip, plain_words, speech_clips
from txlite.data.fetched import fetched_file
from txlite.data.spoken import Utterance, Voice, digit_strings, recordings, spoken
from txlite.generation import TimedWord, token_times, word_times
from txlite.training import WordErrors, corpus_bootstrap, word_errors

BEAMS, STRINGS, SECONDS = 5, 20, 10
VECTOR = 2 * HOP / SAMPLE_RATE  # seconds
FIXED = ("clips", "hidden")  # without chance: what one seed finds is kept for all
LEVELS = {"faint": 1e-4, "soft": 1e-2, "loud": 0.1}


def measure(seed: int) -> dict[str, float]:
    """Return the numbers of every part."""
    parts = {
        "clips": transcribed,
        "hidden": hidden,
        "captcha": lambda: digits(seed, recordings()),
        "asterisk": lambda: digits(seed, recordings(folder=fetched_file("asterisk").parent)),
        "no speech": lambda: nobody(seed),
    }
    found: dict[str, float] = {}
    for part, numbers in parts.items():
        of = 0 if part in FIXED else seed
        found |= {f"{part}: {what}": x for what, x in kept(part, of, numbers).items()}
    return {name: round(value, 4) for name, value in found.items()}


def rate(sums: Sequence[float]) -> float:
    """Return the word error rate of counts that were added up."""
    return WordErrors(*map(int, sums)).rate


def transcribed() -> dict[str, float]:
    """Transcribe the clips, one token after the other and with beams."""
    clips = speech_clips()
    found: dict[str, float] = {"clips": float(len(clips))}
    told: dict[str, list[WordErrors]] = {}
    texts: dict[str, list[Written]] = {}
    for name, beams in (("greedy", 1), ("beams", BEAMS)):
        texts[name] = [written(clip.samples, num_beams=beams) for clip in clips]
        plain = [plain_words(one.text) for one in texts[name]]
        told[name] = word_errors([clip.text for clip in clips], plain)
        sums = WordErrors(*map(sum, zip(*told[name], strict=True)))
        found |= {f"{name}: {kind}": float(n) for kind, n in sums._asdict().items()}
        held_out = torch.Generator().manual_seed(23)
        _, low, high = corpus_bootstrap(told[name], score=rate, generator=held_out)
        found |= {f"{name}: rate": sums.rate, f"{name}: low": low, f"{name}: high": high}
        doubts = [one.doubt for one in texts[name]]
        found[f"{name}: nats a token"] = statistics.mean(d.mean_log_prob for d in doubts)
    doubts = [one.doubt for one in texts["greedy"]]
    found["largest no-speech"] = max(doubt.no_speech for doubt in doubts)
    found["dropped"] = float(sum(doubt.silent() for doubt in doubts))
    found["failed"] = float(sum(doubt.failed() for doubt in doubts))
    found["differ"] = float(
        sum(a.tokens != b.tokens for a, b in zip(texts["greedy"], texts["beams"], strict=True))
    )
    return found


# ------------------------------------------------------------------ a word's vectors are hidden


def hidden() -> dict[str, float]:
    """Hide a word's vectors, or those of the word after next, and ask for the word."""
    own: list[float] = []
    other: list[float] = []
    gone = stayed = asked = 0
    for clip in speech_clips():
        one = written(clip.samples)
        words = timed(clip.samples, one.tokens)
        if len(words) < 4:  # no word after next
            continue
        whole = log_probs(clip, one.tokens, None)
        for i, word in enumerate(words):
            control = words[(i + 2) % len(words)]
            drops = []
            for what in (word, control):
                scores = log_probs(clip, one.tokens, vectors_without(clip, what))
                drops.append(sum((whole - scores)[slice(*word.tokens)].tolist()))
            own.append(drops[0])
            other.append(drops[1])
            again = again_without(clip, word)
            said = plain_words(one.text).split()
            left = plain_words(again).split()
            bare = plain_words(word.text).split()
            asked += 1
            gone += all(left.count(w) < said.count(w) for w in bare)
            after = plain_words(control.text).split()
            stayed += all(left.count(w) >= said.count(w) - bare.count(w) for w in after)
    return {
        "words": float(asked),
        "own: nats": statistics.median(own),
        "control: nats": statistics.median(other),
        "own loses more": sum(a > b for a, b in zip(own, other, strict=True)) / asked,
        "gone": gone / asked,
        "control stays": stayed / asked,
    }


@torch.no_grad()
def log_probs(
    clip: Clip, tokens: Sequence[int], keep: Bool[Tensor, "1 S"] | None
) -> Float[Tensor, " T"]:
    """Return the log-probability of each token after the right ones before it."""
    sound = log_mel(clip.samples, SAMPLE_RATE)[None]
    target = torch.tensor([[*PROMPT, *tokens]])
    scores = model()(sound, target[:, :-1], source_keep=keep)[0, len(PROMPT) - 1 :]
    found: Tensor = scores.log_softmax(-1).gather(1, target[0, len(PROMPT) :, None])[:, 0]
    return found


def vectors_without(clip: Clip, word: TimedWord) -> Bool[Tensor, "1 S"]:
    """Return which vectors are kept when those of a word are hidden."""
    keep = torch.ones(1, model().config.max_source_len, dtype=torch.bool)
    keep[:, round(word.begin / VECTOR) : round(word.end / VECTOR)] = False
    return keep


def again_without(clip: Clip, word: TimedWord) -> str:
    """Transcribe a clip with a word's vectors hidden."""
    return written(clip.samples, keep=vectors_without(clip, word)).text


# ------------------------------------------------------------------ strings of digits


def digits(seed: int, voice: Voice) -> dict[str, float]:
    """Transcribe strings of digits, and compare when each was said with when it was."""
    chance = txlite.seed(seed)
    texts = digit_strings(STRINGS, shortest=4, longest=6, generator=chance)
    calm: dict[str, Any] = {"speeds": (1.0, 1.0), "pauses": (0.1, 1.2), "noise": (30.0, 30.0)}
    said = [spoken(text, voice, generator=chance, **calm) for text in texts]
    told: list[WordErrors] = []
    inside: dict[str, list[float]] = {"chosen heads": [], "all heads": [], "evenly": []}
    for one in said:
        found = written(one.samples)
        figures = plain_words(found.text).split()
        wanted = plain_words(" ".join(one.text)).split()
        told += word_errors([" ".join(wanted)], [" ".join(figures)])
        if figures == wanted:
            for name, times in aligned(one, found.tokens).items():
                inside[name] += times
    sums = WordErrors(*map(sum, zip(*told, strict=True)))
    _, low, high = corpus_bootstrap(told, score=rate, generator=chance)
    told_times = {f"{name}: in its word": statistics.mean(x) for name, x in inside.items() if x}
    return {
        "words": float(sums.words),
        "rate": sums.rate,
        "low": low,
        "high": high,
        "timed": float(len(inside["evenly"])),
        **told_times,
    }


def aligned(one: Utterance, tokens: Sequence[int]) -> dict[str, list[float]]:
    """Return for each digit whether its middle lies in its word's time, by three rules.

    Where the silence between two words belongs nobody can say; so their edges are not compared.
    """
    config = model().config
    every = [
        (layer, head)
        for layer in range(config.num_decoder_layers or config.num_layers)
        for head in range(config.num_heads)
    ]
    middles = one.spans.mean(1).tolist()
    found = {}
    for name, heads in (("chosen heads", rules()["alignment_heads"]), ("all heads", every)):
        times = token_times(heard(one.samples, tokens, heads))
        words = word_times(tokens, times, lambda ids: tokenizer().decode(ids))
        found[name] = held(middles, [(w.begin, w.end) for w in words if plain_words(w.text)])
    step = len(one.samples) / SAMPLE_RATE / len(middles)
    found["evenly"] = held(middles, [(i * step, (i + 1) * step) for i in range(len(middles))])
    counts = set(map(len, found.values()))
    return found if counts == {len(middles)} else {name: [] for name in found}


def held(middles: Sequence[float], times: Sequence[tuple[float, float]]) -> list[float]:
    """Return whether each time holds its middle; nothing where they are not equally many."""
    if len(middles) != len(times):
        return []
    return [float(a <= x < b) for x, (a, b) in zip(middles, times, strict=True)]


# ------------------------------------------------------------------ nobody speaks


def nobody(seed: int) -> dict[str, float]:
    """Transcribe silence, noise and a tone."""
    chance = txlite.seed(seed)
    length = SECONDS * SAMPLE_RATE
    noise = torch.randn(length, generator=chance, device="cpu")
    time = torch.arange(length) / SAMPLE_RATE
    sounds = {"silence": torch.zeros(length)}
    sounds |= {f"{name} noise": level * noise for name, level in LEVELS.items()}
    sounds["tone"] = 0.3 * (2 * math.pi * 440 * time).sin()
    found = {}
    for name, sound in sounds.items():
        one = written(sound.clamp(-1, 1))
        found[f"{name}: characters"] = float(len(one.text))
        found[f"{name}: no speech"] = one.doubt.no_speech
        found[f"{name}: nats a token"] = one.doubt.mean_log_prob
        found[f"{name}: dropped"] = float(one.doubt.silent())
    return found
