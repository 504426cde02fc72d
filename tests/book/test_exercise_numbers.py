"""A number box reads what people write, and accepts its interval and nothing else.

The page's arithmetic, in Chromium, is compared with Python's on the same texts, numbers and hashes.
"""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import ROOT
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page
from txbook.exercises.locks import digest, folded
from txbook.exercises.numbers import Lock, lock, readings

SCRIPT = ROOT / "assets" / "txlite-exercises.js"
READ: list[tuple[str, str, list[float]]] = [
    ("3", "", [3]),
    (" 1e-3 ", "", [0.001]),
    ("1E3", "", [1000]),
    ("1,5", "", [1.5]),
    ("4,096", "", [4.096, 4096]),
    ("1,234.5", "", [1234.5]),
    ("1.234,5", "", [1234.5]),
    ("12,345,678", "", [12345678]),
    ("−2.5", "", [-2.5]),
    ("- 2.5", "", [-2.5]),
    ("1 000 000", "", [1000000]),
    ("1\u202f000", "", [1000]),
    ("3/4", "", [0.75]),
    ("−3/4", "", [-0.75]),
    ("1,5/3", "", [0.5]),
    ("3/0", "", []),
    ("1/2/3", "", []),
    ("12 %", "", [0.12]),
    ("12 %", "%", [12]),
    ("12", "%", [12]),
    ("3.52 bits", "bits", [3.52]),
    ("3.52 Bits", "bits", [3.52]),
    ("3.52 nats", "bits", []),
    ("2·10^3", "", [2000]),
    ("2 × 10^-3", "", [0.002]),
    ("-10^2", "", [-100]),
    (".5", "", [0.5]),
    ("5.", "", [5]),
    ("", "", []),
    ("about 3", "", []),
    ("1e999", "", []),
    ("0x10", "", []),
    ("Infinity", "", []),
    ("NaN", "", []),
    ("١٢", "", []),
]
LOCKS = [
    lock(0.834, "a", tolerance=0.01),
    lock(-31250.0, "b", relative=0.02),
    lock(0.0, "c", tolerance=1e-6),
    lock(4096, "d", tolerance=0.5),
    lock(1e6, "e", tolerance=1e-3),
    lock(15, "f", tolerance=0),
]


@pytest.mark.parametrize(("text", "unit", "wanted"), READ)
def test_a_number_is_read_as_people_write_it(text: str, unit: str, wanted: list[float]) -> None:
    assert readings(text, unit) == pytest.approx(wanted)


def inside_and_outside(value: float, reach: float) -> tuple[list[float], list[float]]:
    step = 1e-6 * reach + 64 * math.ulp(abs(value) + reach)
    ends = [value - reach, value + reach]
    return [value, *ends], [ends[0] - step, ends[1] + step, value - 3 * reach, value + 5 * reach]


@given(
    value=st.floats(-1e6, 1e6),
    reach=st.floats(1e-6, 1e3),
)
def test_a_tolerance_accepts_its_interval_and_nothing_else(value: float, reach: float) -> None:
    made = lock(value, "x", tolerance=reach)
    right, wrong = inside_and_outside(value, reach)
    assert all(map(made.accepts, right))
    assert not any(map(made.accepts, wrong))


@given(
    value=st.one_of(st.floats(1e-6, 1e9), st.floats(-1e9, -1e-6)),
    share=st.floats(1e-4, 0.5),
)
def test_a_share_accepts_its_interval_and_nothing_else(value: float, share: float) -> None:
    made = lock(value, "x", relative=share)
    assert all(made.accepts(value * (1 + s * share)) for s in (-1, 0, 1))
    step = 1 + 1e-6 * share
    assert not any(map(made.accepts, (value * (1 + share) * step, value * (1 - share) / step)))
    assert not any(map(made.accepts, (-value, 0.0, 9 * value)))


def test_a_lock_says_nothing_of_where_its_answer_is() -> None:
    near, far = (
        lock(0.834, "x", tolerance=0.05),
        lock(0.834 + 700 * near_width(), "x", tolerance=0.05),
    )
    assert near.width == pytest.approx(far.width)
    assert near.origin == pytest.approx(far.origin, abs=1e-6)
    assert near.key != far.key
    assert lock(3.0, "x", relative=0.1).width == pytest.approx(lock(77.0, "x", relative=0.1).width)
    assert lock(3.0, "y", tolerance=0.1).key != lock(3.0, "x", tolerance=0.1).key, "no salt"


def near_width() -> float:
    return lock(0.834, "x", tolerance=0.05).width


@pytest.mark.parametrize(
    ("value", "reach", "says"),
    [
        (1.0, {}, "one of tolerance and relative should be given"),
        (1.0, {"tolerance": 1.0, "relative": 0.1}, "one of tolerance and relative"),
        (1.0, {"tolerance": -1.0}, "tolerance should be at least 0, got -1.0"),
        (1.0, {"tolerance": math.nan}, "tolerance should be at least 0, got nan"),
        (1.0, {"relative": 1.0}, "relative should be between 0 and 1, and the value not 0, got 1"),
        (0.0, {"relative": 0.1}, "and the value not 0, got 0.1 and 0"),
    ],
)
def test_what_is_no_tolerance_is_refused(value: float, reach: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        lock(value, "x", **reach)


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A blank page with the script of the exercises."""
    found = browser.new_page()
    found.set_content("<!doctype html><title>x</title>")
    found.add_script_tag(path=SCRIPT)
    yield found
    found.close()


@pytest.mark.browser
def test_the_page_hashes_as_python_does(page: Page) -> None:
    texts = ["", "a", "é●", "x" * 55, "x" * 56, "x" * 64, "y" * 1000]
    found = page.evaluate("texts => texts.map((text) => txExercises.digest(text))", texts)
    assert found == [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]
    assert page.evaluate("txExercises.digest('a', 1, 'b')") == digest("a", 1, "b")


@pytest.mark.browser
def test_the_page_unfolds_what_python_folds(page: Page) -> None:
    for text in ("3.52 bits", "½ ● " * 20):
        kept = folded(text, "ex-1")
        assert text not in kept
        assert page.evaluate("([t, s]) => txExercises.unfold(t, s)", [kept, "ex-1"]) == text


@pytest.mark.browser
def test_the_page_reads_numbers_as_python_does(page: Page) -> None:
    asked = [[text, unit] for text, unit, _ in READ]
    found = page.evaluate("asked => asked.map(([t, u]) => txExercises.readings(t, u))", asked)
    assert found == [readings(text, unit) for text, unit, _ in READ]


@pytest.mark.browser
@pytest.mark.parametrize("made", LOCKS, ids=lambda made: made.salt)
def test_the_page_accepts_what_python_accepts(page: Page, made: Lock) -> None:
    values = [0.0, 0.82, 0.824, 0.834, 0.844, 0.845, 15, 15.01, 4095.5, 4096.5, 4097, 1e6, -31250]
    values += [-31250 * 1.02, -31250 * 0.98, -31250 * 1.03, 31250, 1e-6, -1e-6, 2e-6, 1e6 + 1e-3]
    answer: dict[str, Any] = page.evaluate(
        """([values, lock]) => ({
             buckets: values.map((v) => txExercises.bucket(v, lock)),
             accepts: values.map((v) => txExercises.accepts(v, lock)),
        })""",
        [values, made.data()],
    )
    assert answer["buckets"] == [made.bucket(value) for value in values]
    assert answer["accepts"] == [made.accepts(value) for value in values]
    assert True in answer["accepts"]
    assert False in answer["accepts"]
