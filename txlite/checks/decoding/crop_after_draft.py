"""Exercise: what a cache keeps when a draft has been verified.

Sources
    Leviathan et al. (2023), "Fast Inference from Transformers via Speculative Decoding",
    algorithm 1, for a model that writes greedily.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["crop_after_draft"]


def _side_by_side(draft: Tensor, own: Tensor) -> Tensor:
    return draft == own[:-1]  # what the model itself would have written there


def _leading(agree: Tensor) -> int:
    return int(agree.long().cumprod(0).sum())


def _with_the_last_written(length: int, accepted: int, drafted: int) -> int:
    return length + 1 + accepted


def _crop_recipe(
    length: int,
    draft: Tensor,
    own: Tensor,
    compare: Step = _side_by_side,
    count: Step = _leading,
    finish: Step = _with_the_last_written,
) -> object:
    return finish(length, count(compare(draft, own)), len(draft))


def _own_token_cached(length: int, draft: Tensor, own: Tensor) -> object:
    accepted = _leading(_side_by_side(draft, own))
    return length + 1 + min(accepted + 1, len(draft))


def _case(length: int, draft: list[int], own: list[int]) -> tuple[object, ...]:
    return length, torch.tensor(draft), torch.tensor(own)


crop_after_draft = Exercise(
    name="crop_after_draft",
    signature="f(length: int, draft: (K,) int, own: (K + 1,) int) -> int",
    task=(
        "Before the call the cache held length positions: all tokens but the last one written. "
        "The call gave the model that token and the K tokens of the draft, and own[i] is what the "
        "model itself writes after the i-th of these. The draft is accepted up to its first token "
        "that the model would not have written. Return how many positions of the cache are to "
        "be kept."
    ),
    inputs=("length", "draft", "own"),
    reference=_crop_recipe,
    cases=(
        _case(5, [7, 3, 9], [7, 4, 9, 1]),
        _case(8, [6, 2, 2], [6, 2, 2, 8]),
        _case(4, [3, 5, 5, 9], [5, 5, 9, 9, 2]),
        _case(11, [4, 8, 1, 1, 3], [4, 8, 1, 6, 3, 3]),
        _case(2, [5, 6, 7, 8], [5, 6, 9, 8, 1]),
    ),
    bank=(
        swapped(
            _crop_recipe,
            "agreement after a rejection",
            "Tokens that agree are counted wherever they stand. What the model writes after a "
            "rejected token depends on that token, so its agreement there tells nothing: stop at "
            "the first difference.",
            count=lambda agree: int(agree.sum()),
        ),
        swapped(
            _crop_recipe,
            "nothing cropped",
            "The whole draft stays in the cache. The rejected tokens are then attended to by every "
            "token that follows, although no one reads them in the text.",
            count=len,
        ),
        Mistake(
            "the rejected token kept",
            "One position too many: the first rejected token stays in the cache. The model's own "
            "token, which takes its position in the text, has not been through the model yet.",
            _own_token_cached,
        ),
        swapped(
            _crop_recipe,
            "the last written token forgotten",
            "One position too few: the call began with the last token that was written. It is part "
            "of the text, and its keys and values are right.",
            finish=lambda length, accepted, drafted: length + accepted,
        ),
        swapped(
            _crop_recipe,
            "compared one position late",
            "The draft is compared with what the model writes *after* each of its tokens. The "
            "token draft[i] competes with own[i].",
            compare=lambda draft, own: draft == own[1:],
        ),
        swapped(
            _crop_recipe,
            "all or nothing",
            "One difference rejects the whole draft. The tokens before it are the model's own.",
            count=lambda agree: len(agree) if bool(agree.all()) else 0,
        ),
        swapped(
            _crop_recipe,
            "counted from the end",
            "The agreement is counted from the draft's last token back to its last difference. "
            "A text grows from its beginning: count from the first token.",
            count=lambda agree: _leading(agree.flip(0)),
        ),
        swapped(
            _crop_recipe,
            "the differences counted",
            "What is counted is the tokens that differ.",
            count=lambda agree: int((~agree).sum()),
        ),
        swapped(
            _crop_recipe,
            "only what is new",
            "These are the positions that the call has added. The cache held others before.",
            finish=lambda length, accepted, drafted: 1 + accepted,
        ),
        swapped(
            _crop_recipe,
            "everything thrown away",
            "The cache goes back to where it was before the call. Nothing wrong is in it then, but "
            "the accepted tokens have to go through the model once more.",
            finish=lambda length, accepted, drafted: length,
        ),
        swapped(
            _crop_recipe,
            "how many to remove",
            "This is the number of positions to remove. A crop is told how many stay.",
            finish=lambda length, accepted, drafted: drafted - accepted,
        ),
    ),
    praise="What stays in the cache is what stands in the text, and nothing else.",
    differentiable=False,
)
