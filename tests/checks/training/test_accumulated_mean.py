from txlite import checks

check = checks.accumulated_mean


def test_other_words_pass():
    check(lambda x, keep: x[keep].mean()).require()

    def loop(losses, keep):
        total = count = 0
        for row, real in zip(losses, keep, strict=True):
            total, count = total + row[real].sum(), count + real.sum()
        return total / count

    check(loop).require()


def test_natural_mistakes_are_named():
    means = check(lambda x, k: sum(r[m].mean() for r, m in zip(x, k, strict=True)) / len(x))
    assert means.mistake == "mean of the means"
    assert check(lambda x, k: x.mean()).mistake is not None
