"""Exercise: what new tokens may attend to, when others lie in the cache and some are padding.

Sources
    Radford et al. (2019), "Language Models are Unsupervised Multitask Learners", section 2.3, for
    the causal model; Pope et al. (2023), "Efficiently Scaling Transformer Inference", section 3.5,
    for a prompt that is read in pieces.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["cached_mask"]


def _after_the_cache(new: int, keys: int) -> Tensor:
    return torch.arange(keys - new, keys, device="cpu")  # where the new tokens stand


def _not_later(query: Tensor, key: Tensor) -> Tensor:
    return key <= query


def _real_keys(keep: Tensor, new: int) -> Tensor:
    return keep[:, None]  # (B, 1, S)


def _both(causal: Tensor, real: Tensor) -> Tensor:
    return causal & real


def _mask_recipe(
    keep: Tensor,
    new: int,
    stand: Step = _after_the_cache,
    causal: Step = _not_later,
    real: Step = _real_keys,
    combine: Step = _both,
) -> Tensor:
    keys = keep.shape[1]
    query, key = stand(new, keys)[:, None], torch.arange(keys, device="cpu")
    mask: Tensor = combine(causal(query, key), real(keep, new))
    return mask.expand(len(keep), new, keys)


def _padded_right(keep: Tensor, new: int) -> Tensor:
    return (torch.arange(keep.shape[1], device="cpu") < keep.sum(1, keepdim=True))[:, None]


def _left(length: int, *padding: int) -> Tensor:
    """Keep what comes after so much padding, a row for each number."""
    at = torch.arange(length, device="cpu")
    return torch.stack([at >= number for number in padding])


cached_mask = Exercise(
    name="cached_mask",
    signature="f(keep: (B, S) bool, num_new: int) -> (B, num_new, S) bool",
    task=(
        "The last num_new of S tokens go through the model now; keys and values of the others lie "
        "in the cache. keep is False for padding. Return to which of the S keys each new token may "
        "attend: True at every real token that does not come later than itself."
    ),
    inputs=("keep", "num_new"),
    reference=_mask_recipe,
    cases=(
        (_left(4, 1), 2),
        (_left(5, 2, 0), 3),
        (_left(4, 1, 2), 1),
        (_left(4, 1, 0), 4),
        (_left(7, 3, 0, 1), 3),
    ),
    bank=(
        swapped(
            _mask_recipe,
            "counted from the first key",
            "The new tokens are counted from 0, as if nothing lay in the cache. The first of them "
            "stands at S - num_new.",
            stand=lambda new, keys: torch.arange(new, device="cpu"),
        ),
        swapped(
            _mask_recipe,
            "not to itself",
            "A token may not attend to itself here. It has been read, and what it is to predict "
            "comes after it.",
            causal=lambda query, key: key < query,
        ),
        swapped(
            _mask_recipe,
            "one position too far",
            "Each token may attend to the next one, which is the very token that it predicts.",
            causal=lambda query, key: key <= query + 1,
        ),
        swapped(
            _mask_recipe,
            "all that is new",
            "The new tokens may all attend to one another. One at a time that is right; in a "
            "prompt that is read in pieces the earlier of them look ahead.",
            causal=lambda query, key: torch.ones(len(key), device="cpu").bool(),
        ),
        swapped(
            _mask_recipe,
            "all new tokens stand at the end",
            "All of them get the position of the last key, and with it what only the last token "
            "may attend to, one position short.",
            stand=lambda new, keys: torch.full((new,), keys - 2, device="cpu"),
        ),
        swapped(
            _mask_recipe,
            "only the new tokens",
            "What lies in the cache is hidden: every piece of the text begins anew.",
            causal=lambda query, key: (key <= query) & (key >= query[0]),
        ),
        swapped(
            _mask_recipe,
            "only the cache",
            "The new tokens attend to the cache alone, and neither to themselves nor to the new "
            "ones before them.",
            causal=lambda query, key: key < query[0],
        ),
        swapped(
            _mask_recipe,
            "what comes later",
            "It is upside down in time: each token attends to itself and to what follows.",
            causal=lambda query, key: key >= query,
        ),
        swapped(
            _mask_recipe,
            "padding attended to",
            "Padding is attended to: what a text's next token is then depends on the longest "
            "text in the batch.",
            real=lambda keep, new: torch.ones_like(keep)[:, None],
        ),
        swapped(
            _mask_recipe,
            "padding upside down",
            "Only the padding can be attended to. keep is True for a real token.",
            real=lambda keep, new: ~keep[:, None],
        ),
        swapped(
            _mask_recipe,
            "padding on the other side",
            "The number of real tokens is right, and they are looked for at the beginning. "
            "Prompts are padded on the left, so that what is written follows at once.",
            real=_padded_right,
        ),
        swapped(
            _mask_recipe,
            "queries for keys",
            "What is hidden is the rows of padding, not its columns: as a query padding may do "
            "what it likes, as a key it has to be hidden from the others.",
            real=lambda keep, new: keep[:, -new:, None],
        ),
        swapped(
            _mask_recipe,
            "the first row's padding",
            "All texts of the batch get the padding of the first one.",
            real=lambda keep, new: keep[:1, None],
        ),
        swapped(
            _mask_recipe,
            "one of the two is enough",
            "A key has to be real *and* not later than the query.",
            combine=lambda causal, real: causal | real,
        ),
        swapped(
            _mask_recipe,
            "True for hidden",
            "It is True where a key is hidden, as in some libraries. In txlite True means that it "
            "may be attended to.",
            combine=lambda causal, real: ~(causal & real),
        ),
    ),
    praise="Read in one call or in pieces, with padding or without, a text gives the same scores.",
    differentiable=False,
)
