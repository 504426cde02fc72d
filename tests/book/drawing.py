"""Digits as hands draw them, for the tests of the digit pad: lines on a sheet of side 1."""

import math

Line = list[tuple[float, float]]


def arc(x: float, y: float, wide: float, high: float, start: float, end: float) -> Line:
    """Return points of an ellipse, from one angle to another; 0 is right, 90 is down."""
    turns = [math.radians(start + (end - start) * n / 16) for n in range(17)]
    return [(x + wide * math.cos(t), y + high * math.sin(t)) for t in turns]


DIGITS: dict[str, list[Line]] = {
    "0": [arc(0.5, 0.5, 0.18, 0.3, -90, -450)],
    "1": [[(0.38, 0.32), (0.52, 0.2), (0.52, 0.8)]],
    "2": [[*arc(0.5, 0.35, 0.17, 0.15, -170, 30), (0.34, 0.8), (0.7, 0.8)]],
    "3": [[*arc(0.48, 0.36, 0.15, 0.15, -150, 90), *arc(0.48, 0.65, 0.18, 0.16, -90, 140)]],
    "4": [[(0.45, 0.2), (0.3, 0.55), (0.7, 0.55)], [(0.6, 0.4), (0.58, 0.82)]],
    "5": [[(0.65, 0.2), (0.4, 0.2), (0.37, 0.45), *arc(0.48, 0.6, 0.18, 0.18, -110, 140)]],
    "6": [[(0.6, 0.2), (0.45, 0.35), (0.37, 0.6), *arc(0.52, 0.65, 0.15, 0.15, 180, -180)]],
    "7": [[(0.32, 0.22), (0.68, 0.22), (0.45, 0.8)], [(0.38, 0.5), (0.64, 0.5)]],
    "8": [[
        (0.64, 0.26), *arc(0.5, 0.33, 0.14, 0.13, -40, -200), (0.62, 0.58),
        *arc(0.5, 0.68, 0.14, 0.13, -20, 200), (0.62, 0.28),
    ]],
    "9": [[*arc(0.5, 0.37, 0.15, 0.16, 0, -360), (0.65, 0.4), (0.62, 0.8)]],
}  # fmt: skip


def written(lines: list[Line], zoom: float = 1.0, shift: tuple[float, float] = (0, 0)) -> str:
    """Return lines as the text of a drawing, smaller or elsewhere on the sheet."""

    def unit(v: float, move: float) -> str:
        return f"{min(255, max(0, int((0.5 + (v - 0.5) * zoom + move) * 256))):02x}"

    return ".".join(
        "0" + "".join(unit(x, shift[0]) + unit(y, shift[1]) for x, y in line) for line in lines
    )
