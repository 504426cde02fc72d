"""The handwritten digits: whose they are, and that nothing stands on both sides."""

import torch
from torch.testing import assert_close

import txlite
from txlite.data.digits import digits


def test_each_picture_stands_in_one_part() -> None:
    from sklearn.datasets import load_digits

    found, parts = load_digits(), digits()
    assert [len(p) for p in (parts.train, parts.valid, parts.test)] == [1259, 179, 359]
    whole = torch.cat([p.pictures for p in (parts.known, parts.test)])
    assert whole.shape == (1797, 1, 8, 8)
    ours = sorted(map(tuple, (16 * whole).long().flatten(1).tolist()))
    assert ours == sorted(map(tuple, found.data.astype(int).tolist()))
    assert (whole.min(), whole.max()) == (0, 1)


def test_no_picture_of_the_test_is_among_those_that_are_known() -> None:
    rows = [{bytes(x) for x in (16 * p.pictures).byte().flatten(1).numpy()} for p in
            (digits().train, digits().valid, digits().test)]  # fmt: skip
    assert not rows[0] & rows[2]
    assert not rows[1] & rows[2]


def test_every_digit_has_its_share_of_every_part() -> None:
    parts = digits()
    whole = torch.cat([parts.known.labels, parts.test.labels]).bincount()
    for part, share in ((parts.test, 0.2), (parts.valid, 0.1), (parts.train, 0.7)):
        assert_close(part.labels.bincount() / whole, torch.full((10,), share), rtol=0, atol=0.005)


def test_labels_belong_to_their_pictures() -> None:
    """The nearest picture of another part nearly always has the same label."""
    known, test = digits().known, digits().test
    near = torch.cdist(test.pictures.flatten(1), known.pictures.flatten(1)).argmin(1)
    assert (known.labels[near] == test.labels).float().mean() > 0.97


def test_no_seed_changes_the_split() -> None:
    before = digits().test.pictures
    txlite.seed(3)
    digits.cache_clear()
    assert torch.equal(digits().test.pictures, before)
