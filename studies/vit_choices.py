"""What is chosen for the digits, by folds of what is known: moves or none, and for how long.

Of the digits that are not held out a fifth is asked about, and the rest is learned from; each seed
asks about another fifth, so that five seeds have asked about every digit once. The test plays no
role in that. Last, a ViT that trains for twice as long learns from all that is known and is asked
about the test.
"""

import torch

from studies._kept import kept
from studies._vit import RATES, STEPS, Change, accuracy, built, small_moves, trained
from txlite.data.digits import digits
from txlite.data.pictures import LabelledPictures

FOLDS = 5


def fold(at: int) -> tuple[LabelledPictures, LabelledPictures]:
    """Return what is learned from and what is asked about, for one of the folds."""
    known = digits().known
    held_out = torch.Generator().manual_seed(1)
    order = torch.randperm(len(known), generator=held_out)
    asked = torch.arange(len(known)) % FOLDS == at % FOLDS
    return known.rows(order[~asked]), known.rows(order[asked])


def learned(
    kind: str,
    seed: int,
    part: LabelledPictures,
    asked: LabelledPictures,
    *,
    changes: tuple[Change, ...],
    steps: int,
) -> dict[str, float]:
    """Train once; return how often it is right about what it has not learned from."""
    model = built(kind, seed)
    trained(model, part, seed, rate=RATES[kind], steps=steps, changes=changes)
    return {"accuracy": accuracy(model, asked)}


def measure(seed: int) -> dict[str, float]:
    """Return what each choice gives on one fold, and the longer training on the test."""
    moves: tuple[Change, ...] = (small_moves,)
    of_fold, split = fold(seed), digits()
    arms = {
        "fold, ViT, no moves": ("ViT", of_fold, (), STEPS),
        "fold, ViT": ("ViT", of_fold, moves, STEPS),
        "fold, ViT, twice as long": ("ViT", of_fold, moves, 2 * STEPS),
        "fold, CNN, no moves": ("CNN", of_fold, (), STEPS),
        "fold, CNN": ("CNN", of_fold, moves, STEPS),
        "ViT, twice as long": ("ViT", (split.known, split.test), moves, 2 * STEPS),
    }
    found = {}
    for name, (kind, parts, changes, steps) in arms.items():
        one = kept(
            name,
            seed,
            lambda k=kind, p=parts, c=changes, s=steps: learned(  # type: ignore[misc]
                k, seed, *p, changes=c, steps=s
            ),
        )
        found[f"{name}: accuracy"] = round(one["accuracy"], 6)
    return found
