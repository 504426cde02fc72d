"""The picture that stands beside a shared link: a title over threads of attention."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve

SIZE = (12.0, 6.3)  # inches at 100 dots: what the networks crop to
PAPER, INK, THREAD, GOLD = "#0f2537", "#eef3f8", "#8cc4ee", "#e2ad4b"
SOURCE, TARGET = ("Je", "suis", "étudiant"), ("I", "am", "a", "student")
# How much each English word asks for each French one: the scores before the softmax.
SCORES = np.array([[3.0, 0.6, 0.0], [0.8, 3.0, 0.4], [0.3, 1.2, 2.0], [0.0, 0.3, 3.4]])


def weights(scores: np.ndarray) -> np.ndarray:
    """Return the softmax of each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def draw(file: Path, title: str, line: str) -> None:
    """Write the picture of a page."""
    figure = Figure(figsize=SIZE, dpi=100, facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, SIZE[0])
    axes.set_ylim(0, SIZE[1])
    axes.set_axis_off()
    lines = textwrap.wrap(title, 26)
    for number, text in enumerate(lines[:3]):
        axes.text(0.8, 5.2 - 0.85 * number, text, color=INK, fontsize=42, fontweight="bold")
    axes.text(0.8, 5.2 - 0.85 * min(len(lines), 3) + 0.15, line, color=GOLD, fontsize=18)
    above = np.linspace(2.4, 9.6, len(SOURCE))
    below = np.linspace(1.5, 10.5, len(TARGET))
    for row, x in zip(weights(SCORES), below, strict=True):
        for weight, up in zip(row, above, strict=True):
            points = [(x, 1.05), (x, 1.55), (up, 1.55), (up, 2.05)]
            codes = [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4]
            axes.add_patch(
                PathPatch(
                    Curve(points, codes),
                    fill=False,
                    edgecolor=THREAD,
                    linewidth=1 + 7 * weight,
                    alpha=0.2 + 0.8 * weight,
                    capstyle="round",
                )
            )
    for words, places, y in ((SOURCE, above, 2.2), (TARGET, below, 0.5)):
        for word, x in zip(words, places, strict=True):
            axes.text(x, y, word, color=INK, fontsize=22, ha="center")
    figure.savefig(file, facecolor=PAPER, metadata={"Software": None})
