"""A clipped precision in other words, for the tests of what is made of it."""

from collections import Counter


def precision(hypothesis, reference, n):
    left, right = Counter(), Counter()
    for side, count in ((hypothesis, left), (reference, right)):
        for i in range(len(side) - n + 1):
            count[tuple(side[i : i + n])] += 1
    total = sum(left.values())
    return sum(min(left[gram], right[gram]) for gram in left) / max(total, 1)
