"""Experts: a small Switch of bytes on four kinds of text, and what becomes of it if a part is gone.

Beside it are trained, from the same batches, a GPT of the same arithmetic for a token and one with
as many parameters; then the model without the balance loss, without the z-loss, with jitter, with
other capacities, with capacity and balance counted in each sequence, and with a router that is
never trained. Held-out windows of each kind are scored in bits for a byte, with room for every
token, so that no text's score depends on those beside it, and once with the capacity of training.

Who goes where is read off the routers on the same windows: how much the expert tells of the kind
of text, with the kinds shuffled among the windows as control; and how often a table knows the
expert, that was counted on windows of the training text: of the kind, of the byte, of the byte and
the one before.

Each training is kept when it is done, so that an interrupted seed goes on where it was.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import txlite
from studies._experts import (
    EXPERTS,
    LENGTH,
    ROWS,
    SIZES,
    Plan,
    plan,
    routers,
    streams,
    trained,
    windows,
)
from studies._kept import kept
from txlite.data.kinds_of_text import KINDS
from txlite.models import NGram
from txlite.nn import Routing
from txlite.training import token_losses

PLANS = {
    "experts": plan(),
    "dense": Plan(dense=SIZES["d_ff"]),
    "wide": Plan(dense=EXPERTS * SIZES["d_ff"]),
    "no balance": plan(balance_weight=0.0),
    "no balance, no limit": plan(balance_weight=0.0, capacity_factor=None),
    "no z-loss": plan(z_weight=0.0),
    "jitter": plan(jitter=0.01),
    "factor 1": plan(capacity_factor=1.0),
    "factor 2": plan(capacity_factor=2.0),
    "no limit": plan(capacity_factor=None),
    "by sequence": plan(group="sequence"),
    "never trained": Plan(learned=False),
}
ORDERS = (1, 2, 3, 4, 5)
COUNTED, SHUFFLES = 80, 100  # windows of each kind that tables are counted on; controls


# ------------------------------------------------------------------ scores


@contextmanager
def room(model: nn.Module, factor: float | None = None) -> Iterator[None]:
    """Let experts take all that come, or as many as a capacity factor says."""
    before = [router.options for router in routers(model)]
    for router in routers(model):
        router.options = replace(router.options, capacity_factor=factor)
    yield
    for router, options in zip(routers(model), before, strict=True):
        router.options = options


@torch.no_grad()
def bits(model: nn.Module, rows: Int[Tensor, "K N T"]) -> list[float]:
    """Return the mean surprise in bits for a byte, of each kind; batches hold all kinds alike."""
    model.eval()
    sums = torch.zeros(len(rows), dtype=torch.float64)
    for at in range(0, rows.shape[1], ROWS):
        batch = rows[:, at : at + ROWS].flatten(0, 1).to(txlite.device())
        losses = token_losses(model(batch[:, :-1]), batch[:, 1:])
        sums += losses.view(len(rows), -1).double().sum(1).cpu()
    return (sums / (rows.shape[1] * LENGTH * math.log(2))).tolist()


@torch.no_grad()
def chosen(model: nn.Module, rows: Int[Tensor, "K N T"]) -> Int[Tensor, "L M T"]:
    """Return each router's expert for each byte that is read, of all windows in a row."""
    found: list[list[Tensor]] = [[] for _ in routers(model)]

    def note(into: list[Tensor]) -> Callable[..., None]:
        return lambda _, __, routing: into.append(routing.experts[..., 0].cpu())

    hooks = [
        router.register_forward_hook(note(into))
        for router, into in zip(routers(model), found, strict=True)
    ]
    model.eval()
    for batch in rows.flatten(0, 1).split(64):  # type: ignore[no-untyped-call]
        model(batch[:, :-1].to(txlite.device()))
    for hook in hooks:
        hook.remove()
    return torch.stack([torch.cat(one) for one in found])


# ------------------------------------------------------------------ who goes where


def mutual(x: Int[Tensor, " N"], y: Int[Tensor, " N"]) -> float:
    """Return how many bits two numbers tell of each other."""
    table = torch.zeros(int(x.max()) + 1, int(y.max()) + 1, dtype=torch.float64)
    table.index_put_((x, y), torch.ones(len(x), dtype=torch.float64), accumulate=True)
    joint = table / table.sum()
    apart = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    there = joint > 0
    return float((joint[there] * (joint[there] / apart[there]).log2()).sum())


def told_of(
    rows: Int[Tensor, "K N T"], experts: Int[Tensor, "M T"]
) -> dict[str, Iterable[Hashable]]:
    """Return what a table may know of each byte that was read: its keys, by the table's name."""
    kinds, count, _ = rows.shape
    flat = rows.flatten(0, 1)
    kind = torch.arange(kinds).repeat_interleave(count)[:, None].expand_as(experts).flatten()
    byte = flat[:, :-1].flatten()
    first = torch.zeros(len(flat), 1, dtype=flat.dtype)
    before = torch.cat([first, flat[:, :-2]], 1).flatten()
    keys = {"most": [kind * 0], "kind": [kind], "byte": [byte], "byte and kind": [byte, kind],
            "two bytes": [byte, before]}  # fmt: skip
    return {name: list(zip(*(x.tolist() for x in key), strict=True)) for name, key in keys.items()}


def known(
    counted: tuple[Int[Tensor, "K N T"], Int[Tensor, "M T"]],
    asked: tuple[Int[Tensor, "K N T"], Int[Tensor, "M T"]],
) -> dict[str, float]:
    """Return how often each table, counted on some windows, knows the expert on others."""
    learned, exam = told_of(*counted), told_of(*asked)
    answers = counted[1].flatten().tolist()
    truth = asked[1].flatten().tolist()
    often = Counter(answers).most_common(1)[0][0]
    found = {}
    for name, keys in learned.items():
        best = best_of(keys, answers)
        fallback = best_of(learned["byte"], answers)
        said = [
            best.get(key, fallback.get(key[:1], often))  # type: ignore[index]
            for key in exam[name]
        ]
        found[name] = sum(a == b for a, b in zip(said, truth, strict=True)) / len(truth)
    return found


def best_of(keys: Iterable[Hashable], answers: Iterable[int]) -> dict[Hashable, int]:
    """Return the most frequent answer to each key; of equal ones the smaller."""
    counts: dict[Hashable, Counter[int]] = {}
    for key, answer in zip(keys, answers, strict=True):
        counts.setdefault(key, Counter())[answer] += 1
    return {key: min(c, key=lambda a: (-c[a], a)) for key, c in counts.items()}


def routed(model: nn.Module) -> dict[str, float]:
    """Return what the experts of each layer are, on held-out windows with room for all."""
    exam, learned = windows("test"), windows("train", COUNTED)
    held_out_shuffles = torch.Generator().manual_seed(0)
    found: dict[str, float] = {}
    with room(model):
        asked, counted = chosen(model, exam), chosen(model, learned)
    kind = torch.arange(len(exam)).repeat_interleave(exam.shape[1])
    byte = exam.flatten(0, 1)[:, :-1].flatten()
    for i, experts in enumerate(asked):
        at, flat = f"layer {i + 1}", experts.flatten()
        shares = torch.bincount(flat, minlength=EXPERTS) / len(flat)
        found[f"{at}: least"], found[f"{at}: greatest"] = float(shares.min()), float(shares.max())
        found[f"{at}: entropy"] = mutual(flat, flat)
        found[f"{at}: of the kind"] = mutual(kind[:, None].expand_as(experts).flatten(), flat)
        found[f"{at}: of the byte"] = mutual(byte, flat)
        chance = [
            mutual(
                kind[torch.randperm(len(kind), generator=held_out_shuffles)][:, None]
                .expand_as(experts)
                .flatten(),
                flat,
            )
            for _ in range(SHUFFLES)
        ]
        found[f"{at}: of the kind by chance"] = sum(chance) / len(chance)
        found[f"{at}: of the kind by chance, most"] = max(chance)
        for name, share in zip(KINDS, experts.view(len(exam), -1), strict=True):
            found[f"{at}: most of {name}"] = float(torch.bincount(share).max() / len(share))
        tables = known((learned, counted[i]), (exam, experts))
        found |= {f"{at}: known by {name}": right for name, right in tables.items()}
    return found


@contextmanager
def rerouted(
    model: nn.Module, other: Callable[[int, Int[Tensor, "B T K"]], Int[Tensor, "B T K"]]
) -> Iterator[None]:
    """Send tokens to other experts than the routers say, with the same gates."""

    def instead(i: int) -> Callable[..., Routing]:
        return lambda _, __, routing: routing._replace(experts=other(i, routing.experts))

    hooks = [router.register_forward_hook(instead(i)) for i, router in enumerate(routers(model))]
    yield
    for hook in hooks:
        hook.remove()


def moved(model: nn.Module) -> dict[str, float]:
    """Return what the held-out windows cost if every token goes to the next expert."""
    with room(model), rerouted(model, lambda _, experts: (experts + 1) % EXPERTS):
        cost = bits(model, windows("test"))
    return {"next expert: bits": sum(cost) / len(cost)}


# ------------------------------------------------------------------ one training


def point(seed: int, what: Plan) -> dict[str, float]:
    """Train once, and return what it costs, what it scores, and who went where."""
    begin = time.process_time()
    model, late = trained(seed, what)
    found = {"seconds": time.process_time() - begin}
    found["parameters"] = float(sum(p.numel() for p in model.parameters()))
    with room(model):
        found |= scored(model, "bits")
        found["flops"] = flops(model)
    if what.dense:
        return found
    placed = [one.placed.float().mean().item() for one in late]
    layers = len(routers(model))
    for i in range(layers):
        own = placed[i::layers]
        found[f"layer {i + 1}: dropped"] = 1 - sum(own) / len(own)
    found["dropped"] = 1 - sum(placed) / len(placed)
    logits = torch.cat([one.logits.flatten() for one in late])
    found["largest score"] = float(logits.abs().quantile(0.999))
    found |= scored(model, "bits as trained")
    return found | routed(model) | moved(model)


def scored(model: nn.Module, name: str) -> dict[str, float]:
    """Return the bits for a byte of each kind, and their mean."""
    found = bits(model, windows("test"))
    return {name: sum(found) / len(found)} | {
        f"{name}, {kind}": one for kind, one in zip(KINDS, found, strict=True)
    }


def flops(model: nn.Module) -> float:
    """Return the floating-point operations of matrices for a token, forward."""
    batch = windows("test")[:, :ROWS].flatten(0, 1)[:, :-1].to(txlite.device())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(batch)
    return counter.get_total_flops() / batch.numel()  # type: ignore[no-any-return]


@cache
def by_counting() -> dict[str, float]:
    """Return what n-grams score that have counted all four texts, and how many windows ask."""
    stream, exam = torch.cat(streams("train")), windows("test")
    found = {"exam windows": float(exam.shape[1])}
    for order in ORDERS:
        model = NGram(stream, SIZES["vocab_size"], order=order)
        costs = [float(model.surprises(rows).mean()) / math.log(2) for rows in exam]
        found[f"{order}-gram: bits"] = sum(costs) / len(costs)
        for kind, cost in zip(KINDS, costs, strict=True):
            found[f"{order}-gram: bits, {kind}"] = cost
    return found


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's tables for one seed."""
    found = by_counting()
    for name, what in PLANS.items():
        one = kept(name, seed, lambda w=what: point(seed, w))  # type: ignore[misc]
        found |= {f"{name}: {key}": value for key, value in one.items()}
    return {name: round(value, 5) for name, value in found.items()}
