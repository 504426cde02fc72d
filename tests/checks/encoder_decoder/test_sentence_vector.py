import torch

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


def test_natural_mistakes_are_named():
    assert check(lambda x, keep: x.mean(1)).mistake == "padding added and counted"
    assert check(lambda x, keep: (x * keep[..., None]).mean(1)).mistake == (
        "divides by the padded length"
    )
    assert check(lambda x, keep: x[:, -1]).mistake == "the last position"
    assert check(lambda x, keep: x.sum(1) / keep.sum(1)[:, None]).mistake == "padding added"
