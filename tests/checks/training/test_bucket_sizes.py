import random

from txlite import checks


def test_the_batches_hold_everything_and_are_as_full_as_they_can_be():
    dice = random.Random(5)
    for _ in range(50):
        lengths = [dice.randint(1, 9) for _ in range(dice.randint(1, 12))]
        sizes = checks.bucket_sizes.reference(list(lengths), 12)
        assert sum(sizes) == len(lengths)
        rest = sorted(lengths)
        for size in sizes:
            batch, rest = rest[:size], rest[size:]
            assert size * batch[-1] <= 12 or size == 1
            if rest:
                assert (size + 1) * rest[0] > 12


def test_right_answers_in_other_words_pass():
    def packed(lengths, budget):
        sizes, rows = [], 0
        for length in sorted(lengths):
            if rows and (rows + 1) * length > budget:
                sizes.append(rows)
                rows = 0
            rows += 1
        return [*sizes, rows]

    checks.bucket_sizes(packed).require()


def test_natural_mistakes_are_named():
    def forgetful(lengths, budget):
        sizes, rows = [], 0
        for length in sorted(lengths):
            if rows and (rows + 1) * length > budget:
                sizes.append(rows)
                rows = 0
            rows += 1
        return sizes

    assert checks.bucket_sizes(forgetful).mistake == "last batch lost"
