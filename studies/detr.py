"""DETR: what a set of predictions finds in scenes, beside peaks of maps, and why none is double.

Scenes are digits on photographs (`txlite.data.scenes`); those of the test have digits and
photographs of which none was in the training. DETR and CenterNet are trained with several budgets,
each a training of its own with a schedule that ends there, on the same scenes. At one of them three
things are taken away, one at a time: the auxiliary losses; the matching, so that object i is that
of query i; and our weights of the boxes, for the paper's. The DETR of the largest budget is asked
what each decoder layer says, with and without non-maximum suppression; what its queries say when
none knows of another; what the vectors of the queries hold; and whether each of them answers for a
region of its own, beside three controls.

Each training is kept when it is done, so that an interrupted seed goes on where it was.
"""

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

import txlite
from studies._detr import (
    DETECTORS,
    MOST,
    QUERIES,
    SURE,
    answers,
    built,
    held_out,
    scored,
    trained,
    warmed,
)
from studies._kept import kept
from txlite.models import DETR
from txlite.training import Found, best_classes, match, suppress

BUDGETS = (300, 750, 2400)  # steps
CHANGED = 750  # steps with which something is taken away
SIDE = 3  # regions of a scene in a row: 3 × 3


def point(name: str, seed: int, steps: int) -> dict[str, float]:
    """Train once and return what it costs and what it finds."""
    model = built(name, seed)
    begin = time.process_time()
    trained(name, model, seed, steps)
    seconds = time.process_time() - begin
    found = answers(name, model, held_out("test"))
    about = {
        **_named("", scored(found, held_out("test"))),
        **_named("suppressed: ", scored([suppress(f) for f in found], held_out("test"))),
        "doubles": doubles(found, held_out("test").objects),
        "seconds": seconds,
        "parameters": float(sum(p.numel() for p in model.parameters())),
    }
    if steps == max(BUDGETS):
        about |= by_number(found)
        if isinstance(model, DETR):
            about |= of_layers(model) | of_queries(model)
    return about


def untrained(seed: int) -> dict[str, float]:
    """Return how much the queries of an untrained DETR say about the region, by matching."""
    model = warmed(built("DETR", seed), seed)
    assert isinstance(model, DETR)
    shuffled = _regions(model, None, shuffled=True)
    return {"regions": _regions(model, None), "regions, shuffled": shuffled}


# ------------------------------------------------------------------ none twice


def doubles(found: Sequence[Found], objects: Sequence[tuple[Tensor, Tensor]]) -> float:
    """Return the share of objects on which two or more sure boxes of their class lie."""
    twice = total = 0
    for (labels, scores, boxes), (wanted, there) in zip(found, objects, strict=True):
        over = _overlap(there, boxes) >= 0.5
        lies = over & (labels == wanted[:, None]) & (scores > SURE)
        twice += int((lies.sum(1) > 1).sum())
        total += len(wanted)
    return twice / total


@torch.no_grad()
def of_layers(model: DETR) -> dict[str, float]:
    """Return what each decoder layer says, before and after suppression; and each query alone."""
    test = held_out("test")
    about: dict[str, float] = {}
    said = model(test.pictures.to(txlite.device()))
    logits = torch.cat([said.earlier_logits, said.logits[None]]).cpu()
    boxes = torch.cat([said.earlier_boxes, said.boxes[None]]).cpu()
    for i, (scores, places) in enumerate(zip(logits, boxes, strict=True), 1):
        about |= _both(f"layer {i}", best_classes(scores, places))
    return about | _both("alone", alone(model, test.pictures))


@torch.no_grad()
def alone(model: DETR, pictures: Tensor) -> list[Found]:
    """Return what the queries find when each is the only one: none knows what another has taken."""
    own, said = model.queries, []
    try:
        for vector in torch.split(own.weight, 1):
            model.queries = _embedding(vector)
            said.append(model(pictures.to(txlite.device())))
    finally:
        model.queries = own
    logits, boxes = (torch.cat([one[i] for one in said], dim=1).cpu() for i in (0, 1))
    return best_classes(logits, boxes)


def _both(name: str, found: list[Found]) -> dict[str, float]:
    test = held_out("test")
    left = [suppress(one) for one in found]
    return {
        f"{name}: at 50": scored(found, test)["at 50"],
        f"{name}: suppressed: at 50": scored(left, test)["at 50"],
        f"{name}: doubles": doubles(found, test.objects),
    }


# ------------------------------------------------------------------ what queries hold


@torch.no_grad()
def of_queries(model: DETR) -> dict[str, float]:
    """Return what is found with other vectors, and how much a query says about the region."""
    weight = model.queries.weight
    draw = txlite.seed(77)
    order = torch.randperm(len(weight), generator=draw)
    noise = torch.randn(weight.shape, generator=draw).to(weight)
    others = {
        "in another order": weight[order.to(weight.device)],
        "all their mean": weight.mean(0).expand_as(weight),
        "drawn anew": weight.mean(0) + weight.std(0) * noise,
    }
    about = {f"queries {name}: at 50": _with(model, other) for name, other in others.items()}
    regions = _regions(model, SURE)
    shuffled = _regions(model, SURE, shuffled=True)
    return about | {"regions": regions, "regions, shuffled": shuffled} | _used(model)


def _with(model: DETR, weight: Tensor) -> float:
    """Return what a model finds whose queries have other vectors."""
    own = model.queries
    try:
        model.queries = _embedding(weight)
        return scored(answers("DETR", model, held_out("test")), held_out("test"))["at 50"]
    finally:
        model.queries = own


def _embedding(weight: Tensor) -> nn.Embedding:
    return nn.Embedding(len(weight), weight.shape[1], _weight=weight.clone())


def _used(model: DETR) -> dict[str, float]:
    """Return the shares of sure boxes that the busiest queries say."""
    sure = torch.stack([f.scores > SURE for f in answers("DETR", model, held_out("test"))])
    share = (sure.sum(0) / sure.sum()).sort(descending=True).values
    return {f"share of query {i}": float(x) for i, x in enumerate(share, 1)}


@torch.no_grad()
def _regions(model: DETR, sure: float | None, *, shuffled: bool = False) -> float:
    """Return how many bits a query that answers tells about where its object is.

    That is the mutual information of the query and the region, of 3 × 3, in which the centre of the
    box lies. Answers are boxes with a score above ``sure``; without it, those that the matching
    gives to objects, at the centres of these. Where ``shuffled``, the queries of each scene have
    changed their numbers by chance: what is left is what so many answers give by chance.
    """
    test = held_out("test")
    pairs = []
    draw = txlite.seed(78)
    found = answers("DETR", model, test)
    said = model(test.pictures.to(txlite.device())) if sure is None else None
    for i, one in enumerate(found):
        order = torch.randperm(QUERIES, generator=draw) if shuffled else torch.arange(QUERIES)
        if sure is None:
            assert said is not None
            ((queries, objects),) = match(
                said.logits[i : i + 1].cpu(), said.boxes[i : i + 1].cpu(), test.objects[i : i + 1]
            )
            middle = test.objects[i][1][objects, :2]
        else:
            queries = (one.scores > sure).nonzero()[:, 0]
            middle = one.boxes[queries, :2]
        cell = (middle * SIDE).long().clamp(0, SIDE - 1)
        pairs.append(order[queries] * SIDE**2 + cell[:, 1] * SIDE + cell[:, 0])
    counts = torch.cat(pairs).bincount(minlength=QUERIES * SIDE**2).double()
    return information(counts.view(QUERIES, SIDE**2))


def information(counts: Tensor) -> float:
    """Return the mutual information of the rows and columns of a table of counts, in bits."""
    joint = counts / counts.sum().clamp(min=1)
    free = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    some = joint > 0
    return float((joint[some] * (joint[some] / free[some]).log2()).sum())


# ------------------------------------------------------------------ which scenes are hard


def by_number(found: Sequence[Found]) -> dict[str, float]:
    """Return what is found in scenes of one digit, of two and of more."""
    test, about = held_out("test"), {}
    for number in range(1, MOST + 1):
        rows = [i for i, (labels, _) in enumerate(test.objects) if len(labels) == number]
        some = test._replace(objects=[test.objects[i] for i in rows])
        about[f"{number} digits: at 50"] = scored([found[i] for i in rows], some)["at 50"]
    return about


def _overlap(boxes: Tensor, others: Tensor) -> Tensor:
    """Return the intersection over union of all pairs, shape (N, M)."""
    low = torch.maximum(
        (boxes[:, :2] - boxes[:, 2:] / 2)[:, None], others[:, :2] - others[:, 2:] / 2
    )
    high = torch.minimum(
        (boxes[:, :2] + boxes[:, 2:] / 2)[:, None], others[:, :2] + others[:, 2:] / 2
    )
    both = (high - low).clamp(min=0).prod(-1)
    return both / (boxes[:, 2:].prod(-1)[:, None] + others[:, 2:].prod(-1) - both)


def _named(prefix: str, values: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in values.items()}


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's curves and tables for one seed."""
    runs = [(name, steps) for name in ("DETR", "CenterNet") for steps in BUDGETS]
    runs += [(name, CHANGED) for name in DETECTORS if name not in ("DETR", "CenterNet")]
    found: dict[str, float] = {}
    for name, steps in runs:
        run = f"{name}, {steps} steps"
        one = kept(run, seed, lambda n=name, s=steps: point(n, seed, s))  # type: ignore[misc]
        found |= _named(f"{run}: ", one)
    found |= _named("untrained: ", kept("untrained", seed, lambda: untrained(seed)))
    return {name: round(value, 4) for name, value in found.items()}
