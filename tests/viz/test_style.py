import matplotlib
import pytest
from matplotlib import pyplot as plt

from txlite.viz import figure, panels, style
from txlite.viz.style import DIVERGING, SEQUENTIAL


def test_the_sequential_map_begins_with_the_bare_paper_and_only_gains():
    alphas = [SEQUENTIAL(x / 20)[3] for x in range(21)]
    assert alphas[0] == 0
    assert alphas[-1] == 1
    assert alphas == sorted(alphas)


def test_the_diverging_map_is_clear_at_zero_and_mirrored_in_strength():
    assert DIVERGING(0.5)[3] == pytest.approx(0, abs=0.01)
    for x in (0.0, 0.1, 0.3):
        assert DIVERGING(x)[3] == pytest.approx(DIVERGING(1 - x)[3], abs=0.01)
        assert DIVERGING(x)[:3] != DIVERGING(1 - x)[:3]


def test_style_ends_with_its_block():
    before = dict(matplotlib.rcParams)
    with style():
        assert dict(matplotlib.rcParams) != before
    figure_made, _ = figure()
    plt.close(figure_made)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("count", "columns", "grid"), [(8, 4, (2, 4)), (5, 3, (2, 3)), (3, None, (1, 3))]
)
def test_panels_are_as_many_as_asked_in_reading_order(count, columns, grid):
    fig, axes = panels(count, columns=columns)
    assert len(axes) == len(fig.axes) == count
    places = [ax.get_subplotspec() for ax in axes]
    assert places[0].get_gridspec().get_geometry() == grid
    assert [p.num1 for p in places] == list(range(count))
    plt.close(fig)


def test_panels_of_no_count_are_refused():
    with pytest.raises(ValueError, match="count should be a positive whole number, got 0"):
        panels(0)
    with pytest.raises(ValueError, match="columns should be a positive whole number, got 0"):
        panels(2, columns=0)
