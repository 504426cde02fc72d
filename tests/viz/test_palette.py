from itertools import combinations

import numpy as np
import pytest

from txlite.viz.palette import (
    ACCENT,
    DARK_PAPER,
    LIGHT_PAPER,
    OPPOSITE,
    PALETTE,
    PALETTE_ON_DARK,
    contrast,
    luminance,
)

COLORS = {**PALETTE, "accent": ACCENT, "opposite": OPPOSITE}

# Machado, Oliveira and Fernandes (2009): what full protanopia, deuteranopia and tritanopia leave.
SIGHT = {
    "full": [1, 0, 0, 0, 1, 0, 0, 0, 1],
    "protan": [
        *(0.152286, 1.052583, -0.204868),
        *(0.114503, 0.786281, 0.099216),
        *(-0.003882, -0.048116, 1.051998),
    ],
    "deutan": [
        *(0.367322, 0.860646, -0.227968),
        *(0.280085, 0.672501, 0.047413),
        *(-0.011820, 0.042940, 0.968881),
    ],
    "tritan": [
        *(1.255528, -0.076749, -0.178779),
        *(-0.078411, 0.930809, 0.147602),
        *(0.004733, 0.691367, 0.303900),
    ],
}
TO_CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
TO_LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def oklab(color: str, sight: str) -> np.ndarray:
    """Where a colour lies for such an eye; a distance of 0.02 is just noticeable."""
    srgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.reshape(SIGHT[sight], (3, 3)) @ linear, 0, None)
    return np.array(TO_LAB) @ np.cbrt(np.array(TO_CONES) @ seen)


def apart(one: str, other: str, sight: str) -> float:
    return float(np.linalg.norm(oklab(one, sight) - oklab(other, sight)))


def test_luminance_of_the_primaries_is_that_of_the_standard():
    assert luminance("#ff0000") == pytest.approx(0.2126)
    assert luminance("#00ff00") == pytest.approx(0.7152)
    assert luminance("#0000ff") == pytest.approx(0.0722)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # WCAG's own example


def test_contrast_does_not_depend_on_the_order():
    assert contrast(ACCENT, DARK_PAPER) == contrast(DARK_PAPER, ACCENT)


@pytest.mark.parametrize("paper", [LIGHT_PAPER, DARK_PAPER])
@pytest.mark.parametrize("name", COLORS)
def test_every_color_stands_out_on_both_papers(name, paper):
    assert contrast(COLORS[name], paper) >= 3.0


@pytest.mark.parametrize("name", PALETTE)
def test_on_dark_pages_every_color_is_brighter_still(name):
    bright = PALETTE_ON_DARK[name]
    assert contrast(bright, DARK_PAPER) >= max(4.5, contrast(PALETTE[name], DARK_PAPER))


@pytest.mark.parametrize("ink", ["#000000", "#ffffff"])
@pytest.mark.parametrize("end", [ACCENT, OPPOSITE])
def test_numbers_are_legible_on_a_full_cell_in_both_themes(end, ink):
    assert contrast(end, ink) >= 4.5


@pytest.mark.parametrize("colors", [PALETTE, PALETTE_ON_DARK], ids=["both", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_series_stay_apart_for_every_kind_of_eye(sight, colors):
    for one, other in combinations(colors.values(), 2):
        assert apart(one, other, sight) >= 0.08, (one, other)
    assert apart("#d00000", "#008000", "deutan") < apart("#d00000", "#008000", "full") / 2


def test_a_color_of_another_form_is_refused():
    with pytest.raises(ValueError, match=r"color should look like '#rrggbb', got 'red'"):
        luminance("red")
