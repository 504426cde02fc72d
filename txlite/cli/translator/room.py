"""Whether a model fits into this machine, before anything of it is made."""

import os
from dataclasses import replace

import torch

from txlite.cli.translator.recipe import Recipe
from txlite.models import Transformer
from txlite.runtime import device

__all__ = ["check_room", "parameters"]

BYTES = 16  # for each parameter in training: itself, its gradient, two running means


def check_room(recipe: Recipe, source_vocab_size: int, target_vocab_size: int) -> None:
    """Refuse a recipe of which there is no model, or one that this machine cannot hold.

    Raises
    ------
    ValueError
        If it is so.
    """
    count, room = parameters(recipe, source_vocab_size, target_vocab_size), _memory()
    if room is not None and count * BYTES > room:
        raise ValueError(
            f"the model should fit into this machine's {room / 2**30:,.1f} GiB, got one of "
            f"{count:,} parameters, whose training takes {count * BYTES / 2**30:,.1f} GiB"
        )


def parameters(recipe: Recipe, source_vocab_size: int, target_vocab_size: int) -> int:
    """Count the parameters of a recipe's model, without memory for any of them.

    Its layers are alike: models of one and of two tell how many each adds, however many there are.

    Raises
    ------
    ValueError
        If there is no such model, or a size of it is beyond what torch can count.
    """
    config, counts = recipe.config(source_vocab_size, target_vocab_size), []
    for layers in (1, 2):
        try:
            with torch.device("meta"):
                model = Transformer(replace(config, num_layers=layers))
        except (RuntimeError, OverflowError, TypeError):
            raise ValueError(
                f"the model should fit into this machine, got d_model={config.d_model}, "
                f"d_ff={config.d_ff} and {config.vocab_size} tokens"
            ) from None
        counts.append(sum(p.numel() for p in model.parameters()))
    return counts[0] + (recipe.num_layers - 1) * (counts[1] - counts[0])


def _memory() -> int | None:
    """Return the bytes that the device has; None where the system does not say."""
    here = device()
    if here.type == "cuda":
        return int(torch.cuda.get_device_properties(here).total_memory)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no such question
        return None
