"""CLIP: pictures and names in three languages, asked about a hand that it has never seen.

The towers learn from OpenMoji's drawings of 1,516 emoji. Asked are the emoji that were trained on
and those held out, each as OpenMoji draws them and as Google does; flags apart. Beside them stand
chance, a bag of colours and the pixels themselves. What the baselines can choose is chosen on the
training pictures redrawn, and on ``valid``; nothing is chosen on Google's drawings.

Then one thing is changed at a time, at fewer pictures: the batch size, the scale, whether pictures
are redrawn.

Each training is kept when it is done, so that an interrupted seed goes on where it was.
"""

import math
import time
from collections.abc import Callable, Iterator
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

import txlite
from studies._clip import BATCH, Asked, Plan, asked, built, of, pieces, seen, told, trained
from studies._kept import kept
from txlite.data.emoji import LANGUAGES, STYLES, Emoji, draw_emoji
from txlite.data.redrawn import redrawn
from txlite.models import CLIP
from txlite.training import paired_bootstrap, recall_at

SHOWN, SHORT = (
    256 * BATCH,
    80 * BATCH,
)  # pictures seen: by the model that is asked everything, and by a row
SHORTER: dict[str, Plan] = {
    "batch 256": Plan(pictures=SHORT),
    "batch 128": Plan(pictures=SHORT, batch_size=128),
    "batch 32": Plan(pictures=SHORT, batch_size=32),
    "fixed at 1/0.07": Plan(pictures=SHORT, learned=False),
    "begun at 1": Plan(pictures=SHORT, log_scale=0.0),
    "fixed at 1": Plan(pictures=SHORT, log_scale=0.0, learned=False),
    "not redrawn": Plan(pictures=SHORT, redrawn=False),
}
BINS = [(n, paper) for n in (2, 3, 4, 6, 8) for paper in (True, False)]  # to choose from
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
SETS = [(part, flags) for part in ("train", "held_out") for flags in (False, True)]


def marks(scores: Float[Tensor, "N M"], right: Bool[Tensor, "N M"], k: int = 1) -> list[float]:
    """Return the mark of each query."""
    return recall_at(scores, right, k).tolist()


def mean(values: list[float]) -> float:
    """Return a mean."""
    return sum(values) / len(values)


def label(part: str, style: str, flags: bool) -> str:
    """Return what a set of pictures is called."""
    return f"{style}, {part}{', flags' if flags else ''}"


# --- a bag of colours -----------------------------------------------------------------------------


def bag(pictures: Float[Tensor, "N 3 Y X"], how: tuple[int, bool]) -> Float[Tensor, "N V"]:
    """Return how much of each picture is of each colour: where it is, is forgotten.

    ``how`` says how many bins each of red, green and blue has, and whether white paper counts.
    """
    bins, paper = how
    levels = (pictures * bins).long().clamp(max=bins - 1)
    number = (levels[:, 0] * bins + levels[:, 1]) * bins + levels[:, 2]
    counts = torch.zeros(len(pictures), bins**3)
    ones = torch.ones_like(number.flatten(1), dtype=counts.dtype)
    counts.scatter_add_(1, number.flatten(1), ones)
    if not paper:
        counts[:, -1] = 0
    return counts / counts.sum(-1, keepdim=True).clamp(min=1)


def likeness(one: Float[Tensor, "N V"], other: Float[Tensor, "M V"]) -> Float[Tensor, "N M"]:
    """Return how much of two bags is the same: the affinity of Bhattacharyya."""
    return one.sqrt() @ other.sqrt().mT


def lighter(pictures: Float[Tensor, "N 3 Y X"]) -> Float[Tensor, "N V"]:
    """Return pictures of 16 pixels as one row each, centred."""
    small = torch.nn.functional.avg_pool2d(pictures, 2).flatten(1)
    return torch.nn.functional.normalize(small - small.mean(-1, keepdim=True), dim=-1)


@cache
def again() -> Asked:
    """Return the training pictures, redrawn once: what bins are chosen on, the same for all."""
    there = asked("train", STYLES[0])
    held_out_strokes = torch.Generator().manual_seed(21)
    return Asked(there.emoji, redrawn(there.pictures, generator=held_out_strokes), there.right)


@cache
def bins() -> tuple[int, bool]:
    """Return the bag by which redrawn pictures are found best."""
    there = asked("train", STYLES[0])

    def score(n: tuple[int, bool]) -> float:
        return mean(marks(likeness(bag(again().pictures, n), bag(there.pictures, n)), there.right))

    return max(BINS, key=score)


def words(emoji: list[Emoji], language: str) -> Float[Tensor, "N V"]:
    """Return which byte pairs each name has."""
    rows = torch.zeros(len(emoji), pieces().vocab_size)
    for row, one in zip(rows, emoji, strict=True):
        row[pieces().encode(one.name(language).casefold())] = 1
    return rows


@cache
def guesser(language: str) -> Callable[[Tensor, list[Emoji]], Tensor]:
    """Return what scores names by a picture's colours: the words that such colours went with."""
    known = of("train")
    told_of = words(known, language)
    rarity = (len(known) / (1 + told_of.sum(0))).log().clamp(min=0)
    n = bins()
    x = bag(draw_emoji(known), n).sqrt()
    centre = x.mean(0)

    def maps(ridge: float) -> Tensor:
        square = (x - centre).mT @ (x - centre) / len(x)
        square += ridge * square.diagonal().mean() * torch.eye(square.shape[0])
        y = torch.nn.functional.normalize(told_of * rarity, dim=-1)
        found: Tensor = torch.linalg.solve(square, (x - centre).mT @ (y - y.mean(0)) / len(x))
        return found

    def scores(weights: Tensor, pictures: Tensor, emoji: list[Emoji]) -> Tensor:
        names = torch.nn.functional.normalize(words(emoji, language) * rarity + 1e-9, dim=-1)
        found: Tensor = (bag(pictures, n).sqrt() - centre) @ weights @ names.mT
        return found

    valid = asked("valid", STYLES[0])
    tried = [maps(ridge) for ridge in RIDGES]
    best = max(
        tried, key=lambda w: mean(marks(scores(w, valid.pictures, valid.emoji), valid.right, 5))
    )
    return lambda pictures, emoji: scores(best, pictures, emoji)


def by_colour(part: str, style: str, flags: bool, language: str) -> Float[Tensor, "N N"]:
    """Return how well each name fits the colours of each picture.

    A name that was trained has a picture, whose bag is compared. A new one has its words only.
    """
    these = asked(part, style, flags)
    if part == "train":
        known = draw_emoji(these.emoji)
        return likeness(bag(these.pictures, bins()), bag(known, bins()))
    return guesser(language)(these.pictures, these.emoji)


# --- CLIP -----------------------------------------------------------------------------------------


def rankings(model: CLIP) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield every table of scores that is told: its name, cosines, and what is right."""
    for part, flags in SETS:
        emoji = asked(part, STYLES[0], flags).emoji
        names = {language: told(model, emoji, language) for language in LANGUAGES}
        for style in STYLES:
            these = asked(part, style, flags)
            vectors = seen(model, these.pictures)
            for language in LANGUAGES:
                scores = vectors @ names[language].mT
                head = f"{label(part, style, flags)}, {language}"
                yield f"{head}, name", scores, these.right
                yield f"{head}, picture", scores.mT, these.right


def among_all(model: CLIP, style: str) -> float:
    """Return R@1 of held-out pictures where the names that were trained compete."""
    these, known = asked("held_out", style), of("train")
    names = told(model, these.emoji + known, "en")
    right = torch.cat([these.right, torch.zeros(len(these.emoji), len(known)).bool()], -1)
    return mean(marks(seen(model, these.pictures) @ names.mT, right))


def spoiled(seed: int) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return what is taken from pictures: the colours, or all but the colours."""
    order = torch.randperm(32 * 32, generator=txlite.seed(seed))
    return {
        "grey": lambda x: x.mean(1, keepdim=True).expand_as(x),
        "scattered": lambda x: x.flatten(2)[..., order].view_as(x),
    }


def page(seed: int) -> dict[str, float]:
    """Train a model and ask it everything."""
    plan = Plan(pictures=SHOWN)
    begin = time.process_time()
    model, history = trained(seed, plan)
    found = {
        "seconds": time.process_time() - begin,
        "loss": mean(history.losses[-10:]),
        "scale": model.scale().item(),
        "parameters of pictures": float(sum(p.numel() for p in model.vision.parameters())),
        "parameters of texts": float(sum(p.numel() for p in model.text.parameters())),
    }
    return found | answers(model, seed)


def answers(model: CLIP, seed: int) -> dict[str, float]:
    """Ask a model everything, and compare it with the bag of colours."""
    found = {}
    for name, scores, right in rankings(model):
        for k in (1, 5):
            found[f"{name}: R@{k}"] = mean(marks(scores, right, k))
    for style in STYLES:
        found[f"{style}, held_out among all, en, name: R@1"] = among_all(model, style)
    return found | compared(model, seed)


def compared(model: CLIP, seed: int) -> dict[str, float]:
    """Return how much better the towers are than a bag of colours, on the same pictures."""
    found = {}
    chance = txlite.seed(seed)
    for part, flags in SETS:
        for style in STYLES:
            these = asked(part, style, flags)
            name = label(part, style, flags)
            mine = marks(
                seen(model, these.pictures) @ told(model, these.emoji, "en").mT, these.right
            )
            other = marks(by_colour(part, style, flags, "en"), these.right)
            edges = paired_bootstrap(mine, other, generator=chance)
            for what, value in zip(("more", "low", "high"), edges, strict=True):
                found[f"{name}: {what} than colours"] = value
    these = asked("train", STYLES[1])
    names = told(model, these.emoji, "en")
    for what, change in spoiled(seed).items():
        scores = seen(model, change(these.pictures)) @ names.mT
        found[f"{what}: R@1"] = mean(marks(scores, these.right))
        found[f"{what}, openmoji: R@1"] = mean(
            marks(seen(model, change(asked("train", STYLES[0]).pictures)) @ names.mT, these.right)
        )
    return found


def row(seed: int, plan: Plan) -> dict[str, float]:
    """Train a model on fewer pictures, and ask it about English names of trained emoji."""
    begin = time.process_time()
    model, history = trained(seed, plan)
    found = {"seconds": time.process_time() - begin, "scale": model.scale().item()}
    found["loss"] = mean(history.losses[-5:])
    for style in STYLES:
        these = asked("train", style)
        scores = seen(model, these.pictures) @ told(model, these.emoji, "en").mT
        found[f"{style}: R@1"] = mean(marks(scores, these.right))
        found[f"{style}: R@5"] = mean(marks(scores, these.right, 5))
    valid = asked("valid", STYLES[0])
    scores = seen(model, valid.pictures) @ told(model, valid.emoji, "en").mT
    return found | {"valid: R@5": mean(marks(scores, valid.right, 5))}


def beside() -> dict[str, float]:
    """Return what no seed changes: sizes, chance, the bag of colours and the pixels."""
    found = {"bins": float(bins()[0]), "paper counts": float(bins()[1])}
    for part, flags in SETS:
        for style in STYLES:
            these = asked(part, style, flags)
            name = label(part, style, flags)
            found[f"{name}: pictures"] = float(len(these.emoji))
            for k in (1, 5):
                same = torch.zeros(len(these.emoji), len(these.emoji))
                found[f"{name}: R@{k} by chance"] = mean(marks(same, these.right, k))
                scores = by_colour(part, style, flags, "en")
                found[f"{name}: R@{k} by colour"] = mean(marks(scores, these.right, k))
                if part == "train":
                    scores = lighter(these.pictures) @ lighter(draw_emoji(these.emoji)).mT
                    found[f"{name}: R@{k} by pixels"] = mean(marks(scores, these.right, k))
    return found


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's tables for one seed."""
    found = kept("beside", 0, beside)
    model = built(seed, Plan(pictures=SHORT))
    these = asked("train", STYLES[1])
    scores = seen(model, these.pictures) @ told(model, these.emoji, "en").mT
    found["untrained: R@1"] = mean(marks(scores, these.right))
    found |= {f"page: {name}": x for name, x in kept("page", seed, lambda: page(seed)).items()}
    for name, plan in SHORTER.items():
        one = kept(name.replace("/", " over "), seed, lambda p=plan: row(seed, p))  # type: ignore[misc]
        found |= {f"{name}: {what}": value for what, value in one.items()}
    return {name: round(value, 5) for name, value in found.items() if math.isfinite(value)}
