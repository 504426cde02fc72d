"""CLIP, trained four times as long: the same recipe, and the towers that the page shows.

`studies/clip.py` says what is learned from and what is asked. Here nothing is changed but the
number of pictures that are seen. Beside the bag of colours the pixels are compared picture by
picture, too. The towers of the first seed are written beside the study, each number in 16 bits.
"""

import time
from pathlib import Path

import torch
from safetensors.torch import save_file

import txlite
from studies._clip import BATCH, SIZE, Plan, asked, seen, told, trained
from studies._kept import folder, kept
from studies.clip import answers, label, lighter, marks, mean
from txlite._atomic import whole
from txlite.data.emoji import STYLES, draw_emoji
from txlite.models import CLIP
from txlite.training import paired_bootstrap

FILE = Path(__file__).parents[1] / "book" / "studies" / "21_towers.safetensors"
SHOWN = 1024 * BATCH  # pictures seen


def longer(seed: int) -> dict[str, float]:
    """Train the towers and ask them everything."""
    begin = time.process_time()
    model, history = trained(seed, Plan(pictures=SHOWN))
    found = {
        "seconds": time.process_time() - begin,
        "loss": mean(history.losses[-10:]),
        "scale": model.scale().item(),
    }
    if seed == 0 and folder():
        keep(model)
    return found | answers(model, seed) | over_pixels(model, seed)


def over_pixels(model: CLIP, seed: int) -> dict[str, float]:
    """Return how much better the towers are than the nearest picture, on the same pictures."""
    found = {}
    chance = txlite.seed(seed)
    for flags in (False, True):
        these = asked("train", STYLES[1], flags)
        names = told(model, these.emoji, "en")
        mine = marks(seen(model, these.pictures) @ names.mT, these.right)
        known = draw_emoji(these.emoji, size=SIZE)
        other = marks(lighter(these.pictures) @ lighter(known).mT, these.right)
        edges = paired_bootstrap(mine, other, generator=chance)
        for what, value in zip(("more", "low", "high"), edges, strict=True):
            found[f"{label('train', STYLES[1], flags)}: {what} than pixels"] = value
    return found


def keep(model: CLIP) -> None:
    """Write the towers that the page shows, each number in sixteen bits."""
    state = {name: x.cpu() for name, x in model.state_dict().items() if x.is_floating_point()}
    with whole(FILE) as draft:
        save_file({name: x.to(torch.half).contiguous() for name, x in state.items()}, draft)


def measure(seed: int) -> dict[str, float]:
    """Return what a longer training brings, for one seed."""
    return {name: round(x, 5) for name, x in kept("longer", seed, lambda: longer(seed)).items()}
