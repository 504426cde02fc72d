import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.sentence_vector


def test_right_answers_in_other_words_pass():
    def looped(x, keep):
        return torch.stack([row[real].mean(0) for row, real in zip(x, keep, strict=True)])

    check(looped).require()
    check(lambda x, keep: torch.einsum("bt,btd->bd", keep / keep.sum(1)[:, None], x)).require()
    blank = torch.tensor(torch.nan)
    check(lambda x, keep: torch.where(keep[..., None], x, blank).nanmean(1)).require()


def test_the_reference_on_a_case_counted_by_hand():
    x = torch.tensor([[[1.0], [3.0], [100.0]]])
    assert check.reference(x, torch.tensor([[True, True, False]])).item() == 2.0


def each(pool):
    """Apply a function of the real words, all words and the mask to every sentence."""
    return lambda x, keep: torch.stack(
        [pool(words[real], words, real) for words, real in zip(x, keep, strict=True)]
    )


WRITTEN = {
    "padding added and counted": lambda x, keep: x.mean(1),
    "divides by the padded length": each(lambda real, words, keep: real.sum(0) / len(words)),
    "padding added": each(lambda real, words, keep: words.sum(0) / len(real)),
    "the sum": each(lambda real, words, keep: sum(real)),
    "the mean of the padding": each(lambda real, words, keep: words[~keep].mean(0)),
    "divides by the count of the whole batch": lambda x, keep: (
        torch.einsum("btd,bt->bd", x, keep.to(x)) / len(x[keep])
    ),
    "the first word": each(lambda real, words, keep: words[0]),
    "the last position": each(lambda real, words, keep: words[-1]),
    "the last real word": each(lambda real, words, keep: real[-1]),
    "the position that the count says": each(lambda real, words, keep: words[len(real) - 1]),
    "the maximum": lambda x, keep: x.masked_fill(~keep[..., None], 0).max(1).values,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
