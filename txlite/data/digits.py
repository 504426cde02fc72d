"""Handwritten digits: 1,797 small pictures that come with scikit-learn, and what is done to them.

Thirteen people wrote them in 1998. Each was scanned as 32 × 32 black and white points; a pixel of
the 8 × 8 here is how many of its 4 × 4 points are black. Who wrote which is not told, so a writer
stands on both sides of the split: what is measured is a new digit, not a new hand.

Source
    Alpaydin and Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, the part that its authors call the test set, as `sklearn.datasets.load_digits` has
    it (CC BY 4.0).
"""

from dataclasses import dataclass
from functools import cache

import torch

from txlite.data.pictures import LabelledPictures

__all__ = ["DigitSplit", "digits"]

_TEST, _VALID = 0.2, 0.1  # shares of each digit


@dataclass(frozen=True)
class DigitSplit:
    """The digits, parted.

    Parameters
    ----------
    train : LabelledPictures
        To learn from.
    valid : LabelledPictures
        To choose by; who has chosen may learn from it, too (:attr:`known`).
    test : LabelledPictures
        Held out: what is reported.
    """

    train: LabelledPictures
    valid: LabelledPictures
    test: LabelledPictures

    @property
    def known(self) -> LabelledPictures:
        """All that is not held out: ``train``, then ``valid``."""
        both = (self.train, self.valid)
        return LabelledPictures(
            torch.cat([part.pictures for part in both]), torch.cat([part.labels for part in both])
        )


@cache
def digits() -> DigitSplit:
    """Return the handwritten digits of scikit-learn, in three parts that no seed changes.

    Returns
    -------
    DigitSplit
        Pictures of shape (N, 1, 8, 8) with values between 0 (paper) and 1 (ink). A fifth of each
        digit is for the test, a tenth for choices.

    Raises
    ------
    ImportError
        If scikit-learn is missing.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    pictures = torch.from_numpy(found.images / 16.0).float()[:, None]
    labels = torch.from_numpy(found.target).long()
    held_out = torch.Generator().manual_seed(0)
    parts: tuple[list[torch.Tensor], ...] = ([], [], [])
    for digit in range(10):
        rows = torch.nonzero(labels == digit)[:, 0]
        rows = rows[torch.randperm(len(rows), generator=held_out)]
        test, valid = round(_TEST * len(rows)), round(_VALID * len(rows))
        for part, some in zip(
            parts, rows.split([len(rows) - test - valid, valid, test]), strict=True
        ):
            part.append(some)
    whole = LabelledPictures(pictures, labels)
    return DigitSplit(*(whole.rows(torch.cat(part).sort().values) for part in parts))
