"""What is chosen for the digits, by folds of what is known: small moves of the pictures, or none.

Of the digits that are not held out a fifth is asked about, and the rest is learned from; each seed
asks about another fifth, so that five seeds have asked about every digit once. The test plays no
role in it.
"""

from itertools import product

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
    changes: tuple[Change, ...],
) -> dict[str, float]:
    """Train once; return how often it is right about what it has not learned from."""
    model = built(kind, seed)
    trained(model, part, seed, rate=RATES[kind], steps=STEPS, changes=changes)
    return {"accuracy": accuracy(model, asked)}


def measure(seed: int) -> dict[str, float]:
    """Return how often each model is right about one fold, with moves and without."""
    parts, found = fold(seed), {}
    arms: dict[str, tuple[Change, ...]] = {"": (small_moves,), ", no moves": ()}
    for kind, (name, changes) in product(RATES, arms.items()):
        one = kept(
            f"{kind}{name}",
            seed,
            lambda k=kind, c=changes: learned(k, seed, *parts, c),  # type: ignore[misc]
        )
        found[f"{kind}{name}: accuracy"] = round(one["accuracy"], 6)
    return found
