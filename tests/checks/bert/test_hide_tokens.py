import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.data.masking import mask_tokens

check = checks.hide_tokens

SPECIAL = {0, 1, 2, 3, 4}


def token_by_token(decide):
    """Decide for each token alone what the model reads."""

    def answer(*tables):
        rows = zip(*(table.tolist() for table in tables), strict=True)
        return torch.tensor([[decide(*one) for one in zip(*row, strict=True)] for row in rows])

    return answer


def reading(mask, swap, safe=SPECIAL, hidden=4):
    """Build an answer of the two shares; each is asked for the third draw."""

    def decide(token, place, kind, other):
        if token in safe or not place < 0.15:
            return token
        if mask(kind):
            return hidden
        return other if swap(kind) else token

    return token_by_token(decide)


def first_four(kind):
    return kind < 0.8


def fifth(kind):
    return 0.8 <= kind < 0.9


def anywhere(token, place, kind, other):
    if token not in SPECIAL and place < 0.15 and kind < 0.8:
        return 4
    return other if fifth(kind) else token


def without_place(token, place, kind, other):
    return 4 if kind < 0.8 else (other if kind < 0.9 else token)


def others_chosen(token, place, kind, other):
    return without_place(token, place, kind, other) if place >= 0.15 and token > 4 else token


def overwritten(token, place, kind, other):
    if token in SPECIAL or place >= 0.15:
        return token
    read = other if kind < 0.1 else token
    return 4 if kind < 0.8 else read


def lines_exchanged(token, place, kind, other):
    if token in SPECIAL or place >= 0.15:
        return token
    read = 4 if kind < 0.8 else token
    return other if kind < 0.1 else read


def what_is_hidden(tokens, place, kind, other):
    return (place < 0.15) & (kind < 0.9) & (tokens >= 5)


WRITTEN = {
    "a tenth of the rest": reading(first_four, lambda kind: 0.8 <= kind < 0.8 + 0.1 * 0.2),
    "half of the chosen": reading(lambda kind: kind < 0.5, lambda kind: True),
    "special tokens chosen": reading(first_four, fifth, safe=()),
    "padding chosen": reading(first_four, fifth, safe=(1, 2, 3, 4)),
    "[CLS] and [SEP] chosen": reading(first_four, fifth, safe=(0,)),
    "masks only": reading(lambda kind: True, fifth),
    "none is kept": reading(first_four, lambda kind: True),
    "none is swapped": reading(first_four, lambda kind: False),
    "masks overwritten": token_by_token(lines_exchanged),
    "the last tenth": reading(first_four, lambda kind: kind > 0.9),
    "random tokens anywhere": token_by_token(anywhere),
    "the choice forgotten": token_by_token(without_place),
    "the others chosen": token_by_token(others_chosen),
    "masks for the few": reading(lambda kind: kind >= 0.8, lambda kind: False),
    "where the masks are": what_is_hidden,
    "a zero for a mask": reading(first_four, fifth, hidden=0),
}


def test_right_answers_in_other_words_pass():
    check(reading(first_four, fifth)).require()

    def in_place(tokens, place, kind, other):
        read = tokens.clone()
        chosen = (tokens > 4) & place.lt(0.15)
        read[chosen & kind.lt(0.9)] = other[chosen & kind.lt(0.9)]
        read[chosen & kind.lt(0.8)] = 4
        return read

    check(in_place).require()


def test_the_recipe_of_the_package_draws_the_same_way():
    """Given its three draws, ``mask_tokens`` and the reference read the same."""
    tokens = torch.tensor([[2, *[5, 6, 7, 8, 9] * 40, 3, 0, 0]])
    drawn = torch.Generator().manual_seed(3)
    place, kind, other = (
        torch.rand(tokens.shape, generator=drawn, dtype=torch.double) for _ in range(3)
    )
    theirs = mask_tokens(
        tokens, vocab_size=10, mask_id=4, special_ids=range(5),
        generator=torch.Generator().manual_seed(3),
    )  # fmt: skip
    ours = check.reference(tokens, place, kind, 5 + (5 * other).long())
    assert (ours == 4).sum() > 15
    assert ours.equal(theirs.tokens)


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_random_tokens_that_the_masks_cover_are_none():
    earns(check, token_by_token(overwritten), "none is swapped")


def test_two_mistakes_at_once_are_both_named():
    answer = reading(first_four, lambda kind: True, safe=(0,))
    earns(check, answer, "[CLS] and [SEP] chosen + none is kept")
