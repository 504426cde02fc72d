"""GPT: what it learns from a text, beside n-grams that have counted the same text.

The text is what Python's standard library says about itself (`txlite.data.library`), cut into byte
pairs. Every model is scored on the held-out modules, in bits per character. Three sizes are trained
with two, three or four budgets each, every one a training of its own with a schedule that ends
there; beside each stands the 5-gram that has counted exactly the windows that were read. The rate
of each size is the one that `studies/gpt_rates.py` has found best on ``valid``. Then Llama's four
changes to a GPT, one at a time and all together, at equal steps. And a GPT whose layers attend to
later positions too: what it seems to score, and what it scores when the later tokens are not there.

Each training is kept when it is done, so that an interrupted seed goes on where it was.
"""

import math
import time

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

import txlite
from studies._gpt import (
    CHANGES,
    LENGTH,
    PLAIN,
    ROWS,
    built,
    config,
    corpus,
    together,
    trained,
    weights,
)
from studies._kept import kept
from txlite.models import GPTConfig
from txlite.training import causality_leaks, surprises, token_losses

RATES = {64: 8e-3, 128: 4e-3, 192: 2e-3}  # by width, chosen by gpt_rates.py on valid
STEPS = 800  # of each of Llama's changes
BUDGETS = {"small": (400, 800, 1600, 3200), "medium": (400, 800, 1600), "large": (400, 800)}
ORDERS = (1, 2, 3, 4, 5, 6)
PEEKING_STEPS, ASKED = 300, 120  # tokens at which it is asked honestly: within one window


def point(settings: GPTConfig, seed: int, steps: int) -> dict[str, float]:
    """Train once and return what it costs and what it scores."""
    model = built(settings, seed)
    begin = time.process_time()
    trained(model, seed, steps, rate=RATES[settings.d_model])
    seconds = time.process_time() - begin
    score = corpus().score(model)
    held_out_probe = torch.Generator().manual_seed(0)
    leaks = causality_leaks(
        model,
        corpus().exam()[0][:, :32].repeat(2, 1),
        vocab_size=settings.vocab_size,
        generator=held_out_probe,
        cuts=(1, 16, 31),
    )
    tokens = steps * ROWS * LENGTH
    return {
        "nats": score.nats,
        "bits": score.bits_per_character,
        "seconds": seconds,
        "tokens": float(tokens),
        "parameters": float(weights(model)),
        "compute": 6.0 * weights(model) * tokens,
        "leaks": float(len(leaks)),
    }


def beside(seed: int, steps: int) -> dict[str, float]:
    """Return what a 5-gram scores that has counted what so many steps read."""
    tokens = corpus().read(txlite.seed(seed).initial_seed(), steps)
    return {
        "bits": corpus().counted(tokens, 5).bits_per_character,
        "share": len(tokens) / len(corpus().train),
    }


def peeking(seed: int, causal: bool) -> dict[str, float]:
    """Train a small GPT whose layers may attend to later positions, or not, and ask it twice.

    First as always, all positions of a window at once. Then honestly: the text up to a token, and
    nothing of what follows.
    """
    model = built(config("small"), seed)
    for layer in model.decoder.layers:
        layer.causal = causal  # type: ignore[assignment]
    trained(model, seed, PEEKING_STEPS, rate=RATES[model.config.d_model])
    bpe = corpus().bpe
    row = torch.cat([row[0] for row in corpus().exam()])[None, : ASKED + 1]
    text = bpe.decode(row[0, 1:].tolist())
    bits = 1 / math.log(2) / len(text)
    at_once = surprises(model, row)
    honest = prefix_by_prefix(model, row)
    return {
        "at once": float(at_once.double().sum()) * bits,
        "honest": float(honest.double().sum()) * bits,
        "characters": float(len(text)),
    }


@torch.no_grad()
def prefix_by_prefix(model: nn.Module, row: Int[Tensor, "1 T"]) -> Float[Tensor, " N"]:
    """Return −log p of every token but the first, from a model that is shown nothing after it."""
    model.eval()
    found = []
    for at in range(1, row.shape[1]):
        shown = row[:, max(0, at - LENGTH) : at].to(txlite.device())
        found.append(token_losses(model(shown)[:, -1], row[:, at].to(txlite.device())))
    return torch.cat(found)


def n_grams() -> dict[str, float]:
    """Return what the baselines score, which no seed changes, and the sizes of the text."""
    data = corpus()
    found = {
        "train: characters": float(data.characters),
        "train: tokens": float(len(data.train)),
        "test: characters": float(sum(map(len, data.texts["test"]))),
        "test: tokens": float(sum(row.shape[1] - 1 for row in data.exam())),
    }
    for order in ORDERS:
        begin = time.process_time()
        score = data.counted(data.train, order)
        found[f"{order}-gram: nats"] = score.nats
        found[f"{order}-gram: bits"] = score.bits_per_character
        found[f"{order}-gram: seconds"] = time.process_time() - begin
    return found


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's curves and tables for one seed."""
    runs = {
        f"{size}, {steps} steps": (config(size), steps)
        for size, budgets in BUDGETS.items()
        for steps in budgets
    }
    for name, change in {"GPT": {}, **CHANGES, "all four": together()}.items():
        runs[f"{name}, {STEPS} steps"] = config("medium", **{**PLAIN, **change}), STEPS
    found = n_grams()
    found["untrained: bits"] = kept(
        "untrained", seed, lambda: {"bits": _bits(built(config("medium"), seed))}
    )["bits"]
    for name, (settings, steps) in runs.items():
        point_of = name.replace("rotary", "medium")  # the same training
        one = kept(point_of, seed, lambda s=settings, n=steps: point(s, seed, n))  # type: ignore[misc]
        found |= {f"{name}: {what}": value for what, value in one.items()}
    for steps in sorted({n for budgets in BUDGETS.values() for n in budgets}):
        one = kept(f"beside {steps}", seed, lambda n=steps: beside(seed, n))  # type: ignore[misc]
        found |= {f"5-gram of {steps} steps: {what}": value for what, value in one.items()}
    for name, causal in (("causal", True), ("peeking", False)):
        one = kept(name, seed, lambda c=causal: peeking(seed, c))  # type: ignore[misc]
        found |= {f"{name}: {what}": value for what, value in one.items()}
    return {name: round(value, 4) for name, value in found.items()}


def _bits(model: nn.Module) -> float:
    return corpus().score(model).bits_per_character
