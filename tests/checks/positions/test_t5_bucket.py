import math

import torch

from txlite import checks


def one_by_one(distance, buckets, farthest):
    m, out = buckets // 2, []
    for d in distance.tolist():
        share = math.log(max(d, 1) / m) / math.log(farthest / m)
        out.append(d if d < m else min(buckets - 1, m + int((buckets - m) * share + 1e-9)))
    return torch.tensor(out)


def test_t5_bucket_right_and_wrong():
    checks.t5_bucket(one_by_one).require()
    verdict = checks.t5_bucket(lambda d, buckets, farthest: d.clamp(max=buckets - 1))
    assert verdict.mistake == "single distances only"
