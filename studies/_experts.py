"""What the study of experts trains, and how: a small GPT of bytes on four kinds of text.

Every batch has as many windows of each kind (`txlite.data.kinds_of_text`). Beside the model with
experts stand a GPT of the same arithmetic for a token and one with as many parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

import txlite
from txlite.data.kinds_of_text import kinds_of_text
from txlite.models import GPT, GPTConfig, GPTWithExperts, GPTWithExpertsConfig
from txlite.nn import FeedForward, Router, Routing, take_auxiliary_losses
from txlite.training import adamw, fit, token_losses, warmup_cosine

LENGTH, ROWS, EXPERTS = 64, 4, 4  # bytes of a window; windows of a kind in a step
STEPS, RATE = 640, 6e-3
SIZES: dict[str, Any] = {
    "vocab_size": 256, "d_model": 64, "num_heads": 4, "d_ff": 256, "num_layers": 2,
    "max_len": LENGTH, "dropout": 0.0, "attention_dropout": 0.0, "init_std": 0.06,
    "positions": "rotary",
}  # fmt: skip
ROUTING: dict[str, Any] = {"num_experts": EXPERTS, "capacity_factor": 1.25, "group": "batch"}


@cache
def streams(part: str) -> tuple[Int[Tensor, " N"], ...]:
    """Return the bytes of each kind, to learn from or held out."""
    texts = (getattr(kind, part) for kind in kinds_of_text())
    return tuple(torch.tensor(list(text.encode())) for text in texts)


class Mixed:
    """Batches without end: as many windows of each kind, where the seed says."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __iter__(self) -> Iterator[Int[Tensor, "B T"]]:
        chance = torch.Generator().manual_seed(self.seed)
        span = torch.arange(LENGTH + 1)
        while True:
            rows = []
            for stream in streams("train"):
                starts = torch.randint(len(stream) - LENGTH, (ROWS,), generator=chance)
                rows.append(stream[starts[:, None] + span])
            yield torch.cat(rows)


@cache
def windows(part: str, count: int = 0) -> Int[Tensor, "K N T"]:
    """Return windows one after the other, as many of each kind; by default as there are."""
    whole = [stream[: len(stream) // (LENGTH + 1) * (LENGTH + 1)] for stream in streams(part)]
    rows = [stream.view(-1, LENGTH + 1) for stream in whole]
    least = count or min(map(len, rows)) // ROWS * ROWS
    return torch.stack([one[:: len(one) // least][:least] for one in rows])


@dataclass(frozen=True)
class Plan:
    """What is trained: the router's choices, or how wide every second hidden layer is."""

    routing: tuple[tuple[str, Any], ...] = ()
    learned: bool = True  # whether the router is
    dense: int = 0  # the width of every second hidden layer, in the place of experts


def plan(**routing: Any) -> Plan:
    """Return a plan that differs from the chapter's in some choices."""
    return Plan(tuple(routing.items()))


def built(seed: int, what: Plan) -> GPT:
    """Return an untrained model; the seed decides its weights."""
    txlite.seed(seed)
    if what.dense:
        model = GPT(GPTConfig(**SIZES))
        if what.dense != SIZES["d_ff"]:
            for layer in list(model.decoder.layers)[1::2]:
                part = FeedForward(SIZES["d_model"], what.dense, activation="gelu_tanh")
                nn.init.normal_(part.up_proj.weight, std=SIZES["init_std"])
                narrow = (2 * SIZES["num_layers"]) ** -0.5
                nn.init.normal_(part.down_proj.weight, std=SIZES["init_std"] * narrow)
                layer.feed_forward = part
        return model.to(txlite.device())
    model = GPTWithExperts(GPTWithExpertsConfig(**SIZES, **{**ROUTING, **dict(what.routing)}))
    for router in routers(model):
        router.gate.weight.requires_grad_(what.learned)
    return model.to(txlite.device())


def routers(model: nn.Module) -> list[Router]:
    """Return a model's routers, the lowest first."""
    return [part for part in model.modules() if isinstance(part, Router)]


def next_byte(model: nn.Module, batch: Int[Tensor, "B T"]) -> tuple[Tensor, int]:
    """Return the surprise at the bytes that come next, and what the routers ask for beside it."""
    losses = token_losses(model(batch[:, :-1]), batch[:, 1:])
    asked = sum(take_auxiliary_losses(model).values())
    return losses.sum() + asked * losses.numel(), losses.numel()


def trained(seed: int, what: Plan, steps: int = 0) -> tuple[GPT, list[Routing]]:
    """Return a trained model, and every router's routing in the last tenth of the steps."""
    model, steps, seen = built(seed, what), steps or STEPS, []
    late = steps - max(1, steps // 10)

    def note(_: nn.Module, __: Any, routing: Routing) -> None:
        if note.step >= late:  # type: ignore[attr-defined]
            seen.append(Routing(*(x.detach().cpu() for x in routing)))

    note.step = 0  # type: ignore[attr-defined]

    def on_step(*_: Any) -> None:
        note.step += 1  # type: ignore[attr-defined]

    hooks = [router.register_forward_hook(note) for router in routers(model)]
    fit(
        model,
        Mixed(txlite.seed(seed).initial_seed()),
        next_byte,
        steps=steps,
        optimizer=adamw(model, RATE, betas=(0.9, 0.98), weight_decay=0.1, fused=True),
        schedule=warmup_cosine(RATE, steps // 16, steps),
        clip_norm=1.0,
        on_step=on_step,
        progress=False,
    )
    for hook in hooks:
        hook.remove()
    return model, seen
