"""The sampling filters' Python side is what txlite.generation does."""

import pytest
import torch
import traitlets
from torch.testing import assert_close

from txlite.generation import min_p, temperature, top_k, top_p
from txlite.viz.widgets.sampling_filters import SamplingFilters

LOGITS = [1.5, -0.25, 3.0, 0.5, 2.25, -1.0, 0.75]
SCENE = {"name": "a scene", "words": list("abcdefg"), "logits": LOGITS}


@pytest.mark.parametrize(
    ("t", "k", "p", "m"),
    [
        (1.0, 0, 1.0, 0.0),
        (0.5, 3, 1.0, 0.0),
        (2.0, 0, 0.7, 0.0),
        (1.3, 5, 0.8, 0.2),
        (1.0, 99, 0.0, 1.0),
    ],
)
def test_the_reference_is_the_packages(t, k, p, m):
    got = SamplingFilters(scenes=[SCENE], temperature=t, top_k=k, top_p=p, min_p=m).filtered()
    logits = temperature(torch.tensor(LOGITS, dtype=torch.float64), t)
    logits = min_p(top_p(top_k(logits, k or 7), p), m)
    assert_close(got, logits.softmax(-1))


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"top_p": 1.5}, {"min_p": -1.0}])
def test_what_is_out_of_range_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        SamplingFilters(scenes=[SCENE], **wrong)
