"""A number that a reader types: how it is read, and how a page knows that it is right.

A lock cuts the axis into buckets, of which one is exactly the interval that is accepted; the page
holds the width of the buckets, where they begin and the hash of the right one. Neither says where
on the axis the answer is. A relative tolerance cuts the axis of the logarithm.
``assets/txlite-exercises.js`` does the same arithmetic, and the tests compare the two.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from txbook.exercises.locks import digest

DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII)
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:e[+-]?\d+)?", re.ASCII)
POWER = re.compile(r"[·×*x]10\^")
ROUNDING = 1e-9  # of the tolerance: the ends of the interval are accepted


def readings(text: str, unit: str = "") -> list[float]:
    """Return the numbers that a text can mean; none if it is no number.

    Parameters
    ----------
    text : str
        What was typed: ``1e-3``, ``1,5``, ``−2``, ``3/4``, ``12 %``, ``2·10^3``. ``4,096`` may be
        four or four thousand, and both are returned.
    unit : str
        A unit that may follow. Where it is a per cent, ``12 %`` means 12, and else 0.12.
    """
    text, unit = (re.sub(r"\s", "", part).replace("−", "-").lower() for part in (text, unit))
    share = 1.0
    if unit and text.endswith(unit):
        text = text[: -len(unit)]
    elif text.endswith("%"):
        text, share = text[:-1], 0.01
    text = re.sub(r"^([+-]?)10\^", r"\g<1>1e", POWER.sub("e", text))
    first, *others = text.split("/")
    if len(others) > 1:
        return []
    found = _decimals(first)
    if others:
        found = [a / b for a in found for b in _decimals(others[0]) if b]
    return [value * share for value in found]


def _decimals(text: str) -> list[float]:
    """Return what a text without spaces and fractions can mean."""
    candidates = [text]
    if "," in text and "." in text:
        mark = max(",.", key=text.rfind)
        other = "," if mark == "." else "."
        candidates = [text.replace(other, "").replace(mark, ".")]
    elif "," in text:
        candidates = [text.replace(",", ".")]
        if THOUSANDS.fullmatch(text):
            candidates.append(text.replace(",", ""))
    values = [float(one) for one in candidates if DECIMAL.fullmatch(one)]
    return [value for value in values if math.isfinite(value)]


@dataclass(frozen=True)
class Lock:
    """The buckets of a number box, and the hash of the right one.

    Parameters
    ----------
    salt : str
        The id of the box.
    width, origin : float
        Of the buckets.
    log : bool
        Whether they cut the axis of the logarithm.
    key : str
        The digest of the right bucket.
    """

    salt: str
    width: float
    origin: float
    log: bool
    key: str

    def bucket(self, value: float) -> str | None:
        """Return the bucket of a number, or None: zero has no logarithm."""
        return _bucket(value, self.width, self.origin, self.log)

    def accepts(self, value: float) -> bool:
        """Tell whether a number is right."""
        bucket = self.bucket(value)
        return bucket is not None and digest(self.salt, bucket) == self.key

    def data(self) -> dict[str, Any]:
        """Return what the page gets."""
        names = ("salt", "width", "origin", "log", "key")
        return {name: getattr(self, name) for name in names}


def _bucket(value: float, width: float, origin: float, log: bool) -> str | None:
    if not log:
        return str(math.floor((value - origin) / width))
    if not value:
        return None
    bucket = math.floor((math.log(abs(value)) - origin) / width)
    return f"{'-' if value < 0 else '+'}{bucket}"


def lock(
    value: float, salt: str, *, tolerance: float | None = None, relative: float | None = None
) -> Lock:
    """Return the lock that accepts [value − tolerance, value + tolerance] and nothing else.

    Parameters
    ----------
    value : float
        The right number.
    salt : str
        The id of the box.
    tolerance : float, optional
        How far an answer may be from it.
    relative : float, optional
        The same as a share of it, in place of ``tolerance``.

    Raises
    ------
    ValueError
        If not just one of them is given, or if it does not fit the value.
    """
    if (tolerance is None) == (relative is None):
        raise ValueError("one of tolerance and relative should be given")
    if relative is not None:
        if not 0 < relative < 1 or not value:
            raise ValueError(
                f"relative should be between 0 and 1, and the value not 0, got {relative:g} "
                f"and {value:g}"
            )
        low, high = (math.log(abs(value) * (1 + sign * relative)) for sign in (-1, 1))
        slack = ROUNDING * relative + 4 * math.ulp(abs(low) + 1)
    else:
        if tolerance is None or not tolerance >= 0:
            raise ValueError(f"tolerance should be at least 0, got {tolerance}")
        tolerance = tolerance or ROUNDING * max(1.0, abs(value))
        low, high = value - tolerance, value + tolerance
        slack = ROUNDING * tolerance + 4 * math.ulp(abs(value) + tolerance)
    width, log = high - low + 2 * slack, relative is not None
    origin = (low - slack) % width
    right = _bucket(value, width, origin, log)
    return Lock(salt, width, origin, log, digest(salt, right))


def allowed(value: float, other: float, tolerance: float | None, relative: float | None) -> bool:
    """Tell whether another number would be accepted, in plain arithmetic."""
    reach = tolerance if relative is None else relative * abs(value)
    return abs(other - value) <= (reach or 0) * (1 + ROUNDING) + ROUNDING
