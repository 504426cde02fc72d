import math

import pytest
import torch

from tests.checks.written import earns
from txlite import checks


def one_by_one(distance, buckets, farthest):
    m, out = buckets // 2, []
    for d in distance.tolist():
        share = math.log(max(d, 1) / m) / math.log(farthest / m)
        out.append(d if d < m else min(buckets - 1, m + int((buckets - m) * share + 1e-9)))
    return torch.tensor(out)


def test_t5_bucket_right_and_wrong():
    checks.t5_bucket(one_by_one).require()
    clamped = lambda d, buckets, farthest: d.clamp(max=buckets - 1)  # noqa: E731
    earns(checks.t5_bucket, clamped, "single distances only")


def written(share, whole=lambda x: math.floor(x + 1e-9), last=lambda n: n - 1, first=None):
    """Sort one distance after the other; ``first``: from where on by logarithms, else from m."""

    def answer(distance, buckets, farthest):
        m, out = buckets // 2, []
        for d in distance.tolist():
            place = m + whole((buckets - m) * share(max(d, 1), m, farthest))
            out.append(d if d < (m if first is None else first) else min(last(buckets), place))
        return torch.tensor(out)

    return answer


def right(d, m, farthest):
    return math.log(d / m, farthest / m)


WRITTEN = {
    "no last bucket": written(right, last=lambda n: math.inf),
    "last bucket one too far": written(right, last=lambda n: n),
    "rounded up": written(right, whole=lambda x: math.ceil(x - 1e-9)),
    "rounded to the nearest": written(right, whole=round),
    "equal ranges": written(lambda d, m, farthest: (d - m) / (farthest - m)),
    "logarithm of the whole distance": written(lambda d, m, farthest: math.log(d, farthest)),
    "logarithm not divided": written(lambda d, m, farthest: math.log(d) - math.log(m)),
    "binary logarithm over a natural one": written(
        lambda d, m, farthest: math.log2(d / m) / (math.log(farthest) - math.log(m))
    ),
    "logarithm from the start": written(right, first=0),
    "single distances only": lambda d, buckets, farthest: torch.tensor(
        [min(x, buckets - 1) for x in d.tolist()]
    ),
    "buckets of equal size": lambda d, buckets, farthest: torch.tensor(
        [min(int(x / (farthest / buckets)), buckets - 1) for x in d.tolist()]
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.t5_bucket, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.t5_bucket.mistakes)
