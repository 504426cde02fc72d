"""Counting: how the loss of a small GPT falls with its parameters and with the tokens it reads.

Five sizes are trained with three to five budgets of tokens each, every one a training of its own
with a schedule that ends there, on the text of `studies/_gpt.py` and with its recipe. The loss on
the held-out modules is in nats per token; all models have one vocabulary. Embeddings are counted
apart, so that the same trainings can be drawn over either count of parameters.

The control has the same tokens in an order that chance has drawn: there is nothing to learn but how
often each token occurs, and a size that is larger has nothing to gain. Beside the narrow sizes
stand trainings with half and with twice the rate, scored on ``valid``, for no sweep was made of
their rates.

Each training is kept when it is done, so that an interrupted seed goes on where it was.
"""

import time
from collections.abc import Callable, Sequence
from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor

import txlite
from studies._gpt import BETAS, DECAY, LENGTH, ROWS, WARMUP, built, config, corpus, next_token
from studies._kept import kept
from txlite.models import GPT, GPTConfig, NGram
from txlite.training import Batches, adamw, fit, token_losses, warmup_cosine

LAYERS = {16: 1, 32: 1, 40: 2, 64: 2, 96: 3}  # layers, by width
BUDGETS = {  # steps of 512 tokens: what is narrow has time for more of them
    16: (100, 200, 400, 800, 1600),
    32: (100, 200, 400, 800, 1600),
    40: (100, 200, 400, 800),
    64: (100, 200, 400, 800),
    96: (100, 200, 400),
}
ORDERLESS, ORDERLESS_STEPS = (16, 32, 64), 200
TRIED, TRIED_STEPS = (16, 32), 200  # the widths below any that had a sweep
PEAK = 0.512  # over the width: the peak of a learning rate


def rate(width: int) -> float:
    """Return the peak of a size's learning rate.

    `studies/gpt_rates.py` has found 0.008 best for a width of 64 and 0.004 for 128. Elsewhere it
    goes with one over the width.
    """
    return PEAK / width


def settings(width: int) -> GPTConfig:
    """Return a GPT of one of the sizes."""
    return config("small", d_model=width, d_ff=4 * width, num_layers=LAYERS[width])


def run(
    width: int,
    seed: int,
    steps: int,
    *,
    window: Callable[[Sequence[int]], Tensor] | None = None,
    factor: float = 1.0,
) -> tuple[GPT, float]:
    """Train one model, and return it with its seconds; ``factor`` is for its rate."""
    model = built(settings(width), seed)
    data, peak = corpus(), factor * rate(width)
    rows = Batches(
        data.starts,
        window or data.window,
        batch_size=ROWS,
        seed=txlite.seed(seed).initial_seed(),
    )
    begin = time.process_time()
    fit(
        model,
        rows,
        next_token,
        steps=steps,
        optimizer=adamw(model, peak, betas=BETAS, weight_decay=DECAY, fused=True),
        schedule=warmup_cosine(peak, min(WARMUP, steps // 4), steps),
        clip_norm=1.0,
        progress=False,
    )
    return model, time.process_time() - begin


def point(width: int, seed: int, steps: int) -> dict[str, float]:
    """Train once and return what it has cost and what it scores."""
    model, seconds = run(width, seed, steps)
    score = corpus().score(model)
    return {
        "loss": score.nats / score.tokens,
        "bits": score.bits_per_character,
        "seconds": seconds,
    }


def at_rate(width: int, seed: int, factor: float) -> dict[str, float]:
    """Train once with another rate, and score it on what is there to choose by."""
    score = corpus().score(run(width, seed, TRIED_STEPS, factor=factor)[0], "valid")
    return {"loss": score.nats / score.tokens}


# --- the control: the same tokens, in no order ----------------------------------------------------


@cache
def scattered(part: str) -> Int[Tensor, " N"]:
    """Return all tokens of the training or the test text, in an order that is drawn once."""
    data = corpus()
    tokens = data.train if part == "train" else data.stream(data.texts[part])
    held_out_order = torch.Generator().manual_seed({"train": 24, "test": 25}[part])
    return tokens[torch.randperm(len(tokens), generator=held_out_order)]


def scattered_window(starts: Sequence[int]) -> Int[Tensor, "B T"]:
    """Return windows of the scattered training text."""
    return torch.stack([scattered("train")[at : at + LENGTH + 1] for at in starts])


@torch.no_grad()
def scattered_loss(model: GPT) -> float:
    """Return the mean loss on the scattered test text, window by window."""
    model.eval()
    rows = scattered("test")
    rows = rows[: len(rows) // (LENGTH + 1) * (LENGTH + 1)].view(-1, LENGTH + 1)
    losses = [token_losses(model(x[:, :-1]), x[:, 1:]) for x in rows.to(txlite.device()).split(32)]  # type: ignore[no-untyped-call]
    return float(torch.cat(losses).double().mean())


def orderless(width: int, seed: int) -> dict[str, float]:
    """Train once on scattered tokens, and score it on scattered tokens."""
    model, seconds = run(width, seed, ORDERLESS_STEPS, window=scattered_window)
    return {"loss": scattered_loss(model), "seconds": seconds}


# --- everything -----------------------------------------------------------------------------------


def sizes() -> dict[str, float]:
    """Return what no seed changes: the counts, and what a table of frequencies scores."""
    data = corpus()
    unigram = NGram(data.train, data.bpe.vocab_size, order=1)
    found = {
        "train: tokens": float(len(data.train)),
        "test: tokens": float(sum(row.shape[1] - 1 for row in data.exam())),
        "frequencies: loss": float(unigram.surprises(scattered("test")[None]).double().mean()),
    }
    for width in LAYERS:
        with torch.device("meta"):
            model = GPT(settings(width))
        total = sum(p.numel() for p in model.parameters())
        found[f"{width}: parameters"] = float(total)
        found[f"{width}: embeddings"] = float(data.bpe.vocab_size * width)
    return found


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's curves and tables for one seed."""
    found = sizes()
    for width in LAYERS:
        for steps in BUDGETS[width]:
            name = f"{width}, {steps} steps"
            one = kept(name, seed, lambda w=width, n=steps: point(w, seed, n))  # type: ignore[misc]
            found |= {f"{name}: {what}": value for what, value in one.items()}
    for width in ORDERLESS:
        name = f"{width}, no order"
        one = kept(name, seed, lambda w=width: orderless(w, seed))  # type: ignore[misc]
        found |= {f"{name}: {what}": value for what, value in one.items()}
    for width in TRIED:
        for factor in (0.5, 1.0, 2.0):
            name = f"{width}, rate times {factor:g}"
            one = kept(name, seed, lambda w=width, f=factor: at_rate(w, seed, f))  # type: ignore[misc]
            found |= {f"{name}: {what}": value for what, value in one.items()}
    return {name: round(value, 5) for name, value in found.items()}
