from txlite import checks
from txlite.training import warmup_inverse_sqrt

check = checks.warmup_rate


def test_txlite_and_other_words_pass():
    check(lambda s, d, w: warmup_inverse_sqrt(d, w)(s)).require()
    check(lambda s, d, w: (d * w) ** -0.5 * (s / w if s < w else (w / s) ** 0.5)).require()


def test_natural_mistakes_are_named():
    assert check(lambda s, d, w: (d * s) ** -0.5).mistake == "no warm-up"
    assert check(lambda s, d, w: d**-0.5 * min(s**-0.5, s / w)).mistake == "rises to one"
    assert check(lambda s, d, w: min(s**-0.5, s * w**-1.5) / d).mistake == "divides by d_model"
