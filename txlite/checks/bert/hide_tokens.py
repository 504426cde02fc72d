"""Exercise: BERT's recipe, from three draws for each token to what the model reads.

Sources
    Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", section 3.1 and appendix A.1.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["hide_tokens"]

MASK = 4  # [PAD], [UNK], [CLS], [SEP] and [MASK] are the tokens 0 to 4; words begin at 5


def _all(x: Tensor) -> Tensor:
    return torch.ones_like(x).bool()


def _none(x: Tensor) -> Tensor:
    return torch.zeros_like(x).bool()


def _words(tokens: Tensor) -> Tensor:
    return tokens > MASK


def _below_the_share(place: Tensor) -> Tensor:
    return place < 0.15


def _four_in_five(kind: Tensor) -> Tensor:
    return kind < 0.8


def _the_tenth_above(kind: Tensor) -> Tensor:
    return (kind >= 0.8) & (kind < 0.9)


def _put_in(tokens: Tensor, other: Tensor, masked: Tensor, swap: Tensor) -> Tensor:
    return torch.where(masked, MASK, torch.where(swap, other, tokens))


def _swaps_last(tokens: Tensor, other: Tensor, masked: Tensor, swap: Tensor) -> Tensor:
    return torch.where(swap, other, torch.where(masked, MASK, tokens))


def _recipe(
    tokens: Tensor,
    place: Tensor,
    kind: Tensor,
    other: Tensor,
    free: Step = _words,
    choose: Step = _below_the_share,
    mask: Step = _four_in_five,
    swap: Step = _the_tenth_above,
    finish: Step = _put_in,
) -> object:
    chosen = choose(place) & free(tokens)
    return finish(tokens, other, chosen & mask(kind), chosen & swap(kind))


def _swaps_anywhere(tokens: Tensor, place: Tensor, kind: Tensor, other: Tensor) -> Tensor:
    chosen = _below_the_share(place) & _words(tokens)
    return _put_in(tokens, other, chosen & _four_in_five(kind), _the_tenth_above(kind))


def _of_all_tokens(tokens: Tensor, place: Tensor, kind: Tensor, other: Tensor) -> Tensor:
    return _put_in(tokens, other, _four_in_five(kind), _the_tenth_above(kind))


# Of every chosen token the draws say what becomes of it; 0.81, 0.84 and 0.87 lie in the tenth, and
# 0.04 tells random tokens that take a part of the masks from none at all.
_SMALLEST = (
    torch.tensor([[2, 7, 9, 5, 3, 0]]),
    torch.tensor([[0.03, 0.12, 0.61, 0.05, 0.09, 0.02]]),
    torch.tensor([[0.41, 0.04, 0.86, 0.95, 0.17, 0.26]]),
    torch.tensor([[8, 6, 7, 9, 5, 6]]),
)
_TWO_ROWS = (
    torch.tensor([[2, 6, 9, 8, 7, 5, 3], [2, 9, 5, 1, 3, 0, 0]]),
    torch.tensor(
        [[0.11, 0.07, 0.13, 0.44, 0.02, 0.1, 0.04], [0.5, 0.06, 0.09, 0.08, 0.01, 0.12, 0.77]]
    ),
    torch.tensor(
        [[0.15, 0.84, 0.92, 0.05, 0.11, 0.97, 0.85], [0.3, 0.87, 0.81, 0.24, 0.83, 0.35, 0.6]]
    ),
    torch.tensor([[7, 8, 6, 5, 9, 9, 6], [9, 7, 8, 6, 5, 8, 7]]),
)
_NOTHING_CHOSEN = (
    torch.tensor([[2, 8, 6, 3]]),
    torch.tensor([[0.13, 0.72, 0.31, 0.05]]),
    torch.tensor([[0.84, 0.22, 0.85, 0.4]]),
    torch.tensor([[5, 6, 9, 7]]),
)
_MANY = (
    torch.tensor([[2, 5, 6, 4, 8, 9, 6, 8, 5, 7, 3, 0]]),
    torch.tensor([[0.9, 0.01, 0.14, 0.05, 0.08, 0.12, 0.18, 0.03, 0.11, 0.06, 0.6, 0.3]]),
    torch.tensor([[0.1, 0.78, 0.52, 0.88, 0.91, 0.86, 0.07, 0.98, 0.83, 0.75, 0.2, 0.82]]),
    torch.tensor([[6, 9, 5, 8, 6, 7, 7, 5, 9, 6, 8, 5]]),
)

hide_tokens = Exercise(
    name="hide_tokens",
    signature="f(tokens: (B, T) int, place: (B, T), kind: (B, T), other: (B, T) int) -> (B, T) int",
    task=(
        "What the model reads. The tokens 0 to 4 are [PAD], [UNK], [CLS], [SEP] and [MASK]; they "
        "are never chosen. Any other token is chosen where place < 0.15. Of the chosen ones, "
        "those with kind < 0.8 become [MASK], those with 0.8 <= kind < 0.9 become the token of "
        "other, and the rest stay."
    ),
    inputs=("tokens", "place", "kind", "other"),
    reference=_recipe,
    cases=(_NOTHING_CHOSEN, _SMALLEST, _TWO_ROWS, _MANY),
    bank=(
        swapped(
            _recipe,
            "a tenth of the rest",
            "The random tokens are a tenth of what the masks have left: one chosen token in fifty. "
            "The shares are shares of all chosen tokens, 80, 10 and 10 of a hundred.",
            swap=lambda kind: kind < 0.82,  # the masks go first
        ),
        swapped(
            _recipe,
            "half of the chosen",
            "Half of the chosen tokens become random ones, and half [MASK]. The half in many "
            "programs is half of the fifth that the masks have left: a tenth of the chosen tokens.",
            mask=lambda kind: kind < 0.5,
            swap=_all,
        ),
        swapped(
            _recipe,
            "special tokens chosen",
            "Padding, [CLS] and [SEP] are chosen too. There is nothing to learn about them, and "
            "the model loses the marks by which it knows where a sentence ends.",
            free=_all,
        ),
        swapped(
            _recipe,
            "padding chosen",
            "Only [CLS] and [SEP] are safe: padding is chosen too, and the model is asked for "
            "tokens that are in no sentence.",
            free=lambda tokens: (tokens > MASK) | (tokens == 0),
        ),
        swapped(
            _recipe,
            "[CLS] and [SEP] chosen",
            "Padding is safe, but the other special tokens are chosen. [CLS] and [SEP] stand where "
            "every sentence has them.",
            free=lambda tokens: tokens != 0,
        ),
        swapped(
            _recipe,
            "masks only",
            "Every chosen token becomes [MASK]. The model then never has to answer for a token "
            "that it reads, and that is all that it meets once it has been trained.",
            mask=_all,
        ),
        swapped(
            _recipe,
            "none is kept",
            "Every chosen token changes: the random tokens take the whole last fifth. Then no "
            "token that the model reads is ever the answer.",
            swap=_all,
        ),
        swapped(
            _recipe,
            "none is swapped",
            "The model reads no random token: none is put in, or the masks cover them. Then a "
            "chosen token that can be read is always the answer, and to copy it is enough.",
            swap=_none,
        ),
        swapped(
            _recipe,
            "masks overwritten",
            "The random tokens come last, and cover masks: seventy chosen tokens in a hundred are "
            "[MASK], ten are random, and twenty stay. Take the random ones from the fifth that the "
            "masks leave.",
            swap=lambda kind: kind < 0.1,
            finish=_swaps_last,
        ),
        swapped(
            _recipe,
            "the last tenth",
            "The random tokens take the tenth above 0.9. Those are the right shares, but here the "
            "tenth from 0.8 to 0.9 is wanted, and the last one is kept.",
            swap=lambda kind: kind >= 0.9,
        ),
        Mistake(
            "random tokens anywhere",
            "A tenth of *all* tokens is swapped, those too that were not chosen. The model is not "
            "asked for these, and reads wrong sentences.",
            _swaps_anywhere,
        ),
        Mistake(
            "the choice forgotten",
            "The draws of place are not used: four fifths of all tokens are masked, and almost "
            "nothing is left to read. The shares are those of the chosen 15 %.",
            _of_all_tokens,
        ),
        swapped(
            _recipe,
            "the others chosen",
            "The tokens with a *large* draw are chosen: 85 % of them, not 15 %.",
            choose=lambda place: place >= 0.15,
        ),
        swapped(
            _recipe,
            "masks for the few",
            "The masks go to the last fifth of the draws instead of to the first four. The share "
            "of masks among the chosen tokens should be 80 %.",
            mask=lambda kind: kind >= 0.8,
        ),
        swapped(
            _recipe,
            "where the masks are",
            "This is the table of what is hidden. Wanted are the tokens themselves, with [MASK] "
            "and the random ones put in.",
            finish=lambda tokens, other, masked, swap: masked | swap,
        ),
        swapped(
            _recipe,
            "a zero for a mask",
            "A hidden token becomes 0, which is padding. The token that hides a word is [MASK]: "
            "the model has to know that there is one.",
            finish=lambda tokens, other, masked, swap: torch.where(swap, other, tokens) * ~masked,
        ),
    ),
    praise="Of a hundred chosen tokens eighty are hidden, ten are others, and ten are themselves.",
)
