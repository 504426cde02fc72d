"""Whisper from nothing: spoken digits, and what of the recipe is needed.

A small model learns from 1,500 spoken strings, 400 steps long, with all that helps it and with one
thing taken away at a time; then with none. Beside it stands a matcher that lays the recordings over
the sound, and learns nothing. A longer training is looked at more closely: by length,
in louder noise, at speeds that it has not met, in another voice; which vectors its attention goes
to when it writes a digit; and what it writes when the vectors of one digit are hidden, with those
of another hidden as the control.

Each training is kept when it is done, so that an interrupted seed goes on where it was.
"""

import statistics
import time
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

import txlite
from studies._kept import kept
from studies._whisper import (
    MELS,
    Recipe,
    Score,
    built,
    held_out_speech,
    held_out_strings,
    in_order,
    matched,
    scored,
    test_set,
    told,
    trained,
    tuned_matcher,
    written,
)
from txlite.data.fetched import fetched_file
from txlite.data.spoken import recordings
from txlite.data.spoken_batches import Spectrograms
from txlite.generation import cheapest_path, token_times
from txlite.inspect import record_attention
from txlite.models import HybridWhisper
from txlite.training import WordErrors

STEPS, LONGER = 400, 1_200
PLAIN = {"band_norm": False, "stem_norm": False, "position_scale": 1.0}
RUNS = {
    "recipe": Recipe(STEPS),
    "no stem norms": Recipe(STEPS, choices={"stem_norm": False}),
    "no band norms": Recipe(STEPS, choices={"band_norm": False}),
    "positions unscaled": Recipe(STEPS, choices={"position_scale": 1.0}),
    "no CTC": Recipe(STEPS, ctc_weight=0.0),
    "no curriculum": Recipe(STEPS, short_epochs=0),
    "none": Recipe(STEPS, ctc_weight=0.0, short_epochs=0, choices=PLAIN),
}
ELSEWHERE: dict[str, dict[str, Any]] = {
    "noise at 5 dB": {"noise": (5.0, 5.0)},
    "slower": {"speeds": (0.6, 0.7)},
    "faster": {"speeds": (1.4, 1.5)},
    "pauses of a second": {"pauses": (0.8, 1.0)},
}
ASKED = 100  # strings of which every digit is hidden


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter for one seed."""
    parts = {"matcher": partial(matching, seed), "longer": partial(longer, seed)}
    parts |= {name: partial(point, recipe, seed) for name, recipe in RUNS.items()}
    found: dict[str, float] = {}
    for name, numbers in parts.items():
        found |= {f"{name}: {what}": x for what, x in kept(name, seed, numbers).items()}
    return {name: round(value, 4) for name, value in found.items()}


def point(recipe: Recipe, seed: int) -> dict[str, float]:
    """Train once and return what the test finds."""
    begin = time.process_time()
    model = trained(recipe, seed)
    seconds = time.process_time() - begin
    score = scored(model, test_set())
    found = {**told(score.decoder), "seconds": seconds, **kinds(score.decoder)}
    if recipe.ctc_weight:
        found["frames"] = told(score.frames)["rate"]
    return found


def matching(seed: int) -> dict[str, float]:
    """Lay the recordings over the test's strings, and over those that sound otherwise."""
    other = recordings(folder=fetched_file("asterisk").parent)
    matcher = tuned_matcher(seed)
    begin = time.process_time()
    errors = matched(matcher, held_out_speech())
    found = {**told(errors), "seconds": time.process_time() - begin, **kinds(errors)}
    sounds = {name: held_out_speech(**how) for name, how in ELSEWHERE.items()}
    sounds["another voice"] = held_out_speech(other)
    for name, utterances in sounds.items():
        found[f"{name}: rate"] = told(matched(matcher, utterances))["rate"]
    return found


def kinds(errors: list[WordErrors]) -> dict[str, float]:
    """Return how many words were taken for others, lost, and put in."""
    sums = WordErrors(*map(sum, zip(*errors, strict=True)))
    return {name: float(count) for name, count in sums._asdict().items()}


def longer(seed: int) -> dict[str, float]:
    """Train for longer, and look at the model more closely."""
    other = recordings(folder=fetched_file("asterisk").parent)  # what is missing is said at once
    begin = time.process_time()
    model = trained(Recipe(LONGER), seed)
    found = {"seconds": time.process_time() - begin}
    score = scored(model, test_set())
    found |= {**told(score.decoder), "frames": told(score.frames)["rate"], **kinds(score.decoder)}
    found |= by_length(score)
    for name, how in ELSEWHERE.items():
        found[f"{name}: rate"] = apart(model, Spectrograms(held_out_speech(**how), num_mels=MELS))
    found["another voice: rate"] = apart(model, Spectrograms(held_out_speech(other), num_mels=MELS))
    found |= {f"attention: {what}": x for what, x in attended(model).items()}
    untrained = attended(built(seed))
    found |= {f"attention, untrained: {what}": x for what, x in untrained.items()}
    found |= {f"hidden: {what}": x for what, x in hidden(model).items()}
    return found


def by_length(score: Score) -> dict[str, float]:
    """Return the rate of the strings of each length."""
    lengths = sorted({len(text) for text in held_out_strings()})
    of_length = {
        n: [e for e, text in zip(score.decoder, held_out_strings(), strict=True) if len(text) == n]
        for n in lengths
    }
    return {f"of {n} digits: rate": told(errors)["rate"] for n, errors in of_length.items()}


def apart(model: HybridWhisper, sounds: Spectrograms) -> float:
    """Return the rate on other sounds."""
    return told(scored(model, sounds).decoder)["rate"]


@torch.no_grad()
def attended(model: HybridWhisper) -> dict[str, float]:
    """Say how much of the weight lies on a digit when it is written, and how well it is timed.

    The model is shown the right digits. A digit's share of the vectors is the control of the
    weights, and digits that are spread evenly over the sound that of the times.
    """
    weights: list[float] = []
    share: list[float] = []
    inside: dict[str, list[float]] = {}
    sounds = test_set()
    for rows in in_order(sounds):
        batch = sounds.batch(rows)
        with record_attention(model) as maps:
            model(batch.source.to(txlite.device()), batch.target[:, :-1].to(txlite.device()))
        heads = maps["decoder.layers.0.cross_attention"].cpu()  # (B, H, T, S)
        for i, row in enumerate(rows):
            one, vectors = sounds.utterances[row], int(batch.vectors[i])
            count = len(one.text)
            own = spans(sounds, row, vectors)
            part = heads[i, :, : count + 1, :vectors]
            mean = part.mean(0)
            for n in range(count):
                weights.append(mean[n, own[n]].sum().item())
                share.append(own[n].double().mean().item())
            for rule, at in middles(part, count).items():
                right = (at >= one.spans[:, 0]) & (at < one.spans[:, 1])
                inside.setdefault(rule, []).extend(right.double().tolist())
    return {
        "weight on its digit": statistics.mean(weights),
        "share of its digit": statistics.mean(share),
        **{f"{rule}: in its digit": statistics.mean(x) for rule, x in inside.items()},
    }


def middles(heads: Float[Tensor, "H T S"], count: int) -> dict[str, Float[Tensor, " N"]]:
    """Say when each of the first ``count`` tokens sounds, in seconds, by six rules.

    The published steps norm every vector over the tokens, the end among them, and follow a path;
    beside them stand the same without the norm, without the end, and without both; the vector
    with the largest weight; and a rule that reads nothing.
    """
    length = heads.shape[2]
    spread, mean = torch.std_mean(heads.double(), 1, correction=0, keepdim=True)
    normed = (heads - mean) / spread.where(spread > 0, 1.0)
    found = {"published": token_times(heads, width=3)[:count].mean(1)}
    ways = {"no end": normed[:, :count], "no norm": heads, "neither": heads[:, :count]}
    for name, rows in ways.items():
        path = cheapest_path(-rows.double().mean(0))
        begins = torch.full((rows.shape[1],), length)
        begins = begins.scatter_reduce(0, path[:, 0], path[:, 1], "amin")
        ends = torch.cat([begins[1:], torch.tensor([length])])
        found[name] = (begins + ends)[:count].double() / 100
    found["largest weight"] = (heads[:, :count].mean(0).argmax(1).double() + 0.5) / 50
    found["evenly"] = (torch.arange(count).double() + 0.5) * length / count / 50
    return found


def spans(sounds: Spectrograms, row: int, vectors: int) -> Bool[Tensor, "N S"]:
    """Return which vectors hold each digit of a string."""
    begins, ends = (50 * sounds.utterances[row].spans).T[:, :, None]
    at = torch.arange(vectors)
    own: Tensor = (at + 1 > begins) & (at < ends)
    return own


@torch.no_grad()
def hidden(model: HybridWhisper) -> dict[str, float]:
    """Hide the vectors of one digit from every attention, and look at it and at all others.

    What is compared is the string that is written with the vectors and without them.
    """
    sounds = test_set()
    gone = asked = lost = others = 0
    for row in range(ASKED):
        text = sounds.utterances[row].text
        batch = sounds.batch([row] * len(text))
        own = spans(sounds, row, batch.source.shape[2] // 2)
        found = written(model, batch, ~own.to(txlite.device()))
        for i, new in enumerate(found):
            asked += 1
            others += len(text) - 1
            gone += new.count(text[i]) < text.count(text[i])
            without = text[:i] + text[i + 1 :]
            lost += sum(max(0, without.count(digit) - new.count(digit)) for digit in set(without))
    return {"gone": gone / asked, "others lost": lost / others, "digits": float(asked)}
