import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from txlite.viz import figure, plot_curves, plot_runs
from txlite.viz.curves import _spread

X = [1, 2, 4, 8]


@pytest.fixture
def ax():
    fig, ax = figure()
    yield ax
    plt.close(fig)


def heights(ax):
    """Where the names stand, in points above the bottom of the figure."""
    scale = ax.figure.dpi / 72
    return [ax.transData.transform(t.xy)[1] / scale + t.get_position()[1] for t in ax.texts]


@given(st.lists(st.floats(-500, 500), max_size=6))
def test_spread_names_keep_their_order_and_their_distance(wanted):
    got = _spread(wanted, 13.0)
    for (a, x), (b, y) in itertools.combinations(zip(wanted, got, strict=True), 2):
        assert abs(x - y) >= 13.0 - 1e-6
        assert (a < b) <= (x < y)
    assert sum(got) == pytest.approx(sum(wanted), abs=1e-6)  # nobody is moved more than needed


def test_names_with_room_stay_where_they_are():
    assert _spread([40.0, 0.0, 20.0], 13.0) == [40.0, 0.0, 20.0]


def test_two_names_at_one_place_move_half_a_line_each():
    assert sorted(_spread([5.0, 5.0], 13.0)) == [-1.5, 11.5]


def test_every_curve_is_drawn_and_named_at_its_end(ax):
    plot_curves(ax, X, [[1, 2, 3, 4], torch.tensor([4.0, 3, 2, 1])], ["up", "注意力"])
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1, 2, 3, 4], [4, 3, 2, 1]]
    assert [(t.get_text(), t.xy) for t in ax.texts] == [("up", (8, 4)), ("注意力", (8, 1))]


def test_no_two_curves_differ_by_color_alone(ax):
    plot_curves(ax, X, [[i] * 4 for i in range(6)], list("abcdef"))
    looks = {
        (line.get_linestyle(), str(line._dash_pattern), line.get_marker()) for line in ax.lines
    }
    assert len(looks) == len({line.get_color() for line in ax.lines}) == 6


def test_long_curves_have_no_markers_and_five_kinds_of_dash(ax):
    plot_curves(ax, range(50), [[i] * 50 for i in range(6)], list("abcdef"))
    assert {line.get_marker() for line in ax.lines} == {"None"}
    assert len({str(line._dash_pattern) for line in ax.lines}) == 5


def test_names_stay_apart_when_the_scale_changes_later(ax):
    plot_curves(ax, X, [[0, 0, 0, 1.0], [0, 0, 0, 1.1]], ["a", "b"])
    ax.set_ylim(0, 100)
    low, high = heights(ax)
    assert high - low >= 13.0 - 1e-6


def test_a_logarithmic_axis_names_the_measured_places(ax):
    plot_curves(ax, X, [[1, 1, 1, 1]], ["a"], logx=True)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "4", "8"]
    assert ax.get_xscale() == "log"


def test_curves_that_do_not_fit_are_refused(ax):
    with pytest.raises(ValueError, match="'b' should have 4 points like x, got 3"):
        plot_curves(ax, X, [[1, 2, 3, 4], [1, 2, 3]], ["a", "b"])
    with pytest.raises(
        ValueError, match=r"labels should be as many as the curves.*got 1 labels and 2"
    ):
        plot_curves(ax, X, [[1, 2, 3, 4]] * 2, ["a"])
    with pytest.raises(ValueError, match="at most 6, got 7 labels and 7 curves"):
        plot_curves(ax, X, [[1, 2, 3, 4]] * 7, list("abcdefg"))


RUNS = [[[0.5, 0.1, 0.3], [0.9, 0.7, 0.8]], [[1.0, 1.0, 1.0], [2.0, 3.0, 1.0]]]


def test_runs_are_their_median_and_a_band_from_the_least_to_the_greatest(ax):
    ax.axhline(0.2)
    plot_runs(ax, [10, 100], [RUNS[0], list(torch.tensor(RUNS[1]))], ["one", "other"], logx=True)
    assert [list(line.get_ydata()) for line in ax.lines[1:]] == [[0.3, 0.8], [1.0, 2.0]]
    assert [list(line.get_xdata()) for line in ax.lines[1:]] == [[10, 100]] * 2
    bands = [band.get_paths()[0].vertices for band in ax.collections]
    assert [(v[:, 1].min(), v[:, 1].max()) for v in bands] == [(0.1, 0.9), (1.0, 3.0)]
    for line, band in zip(ax.lines[1:], ax.collections, strict=True):
        assert to_rgb(line.get_color()) == tuple(band.get_facecolor()[0, :3])
    assert ax.get_xscale() == "log"


def test_runs_fit_their_axis(ax):
    with pytest.raises(ValueError, match="'one' should have 3 points like x, got 2"):
        plot_runs(ax, [1, 2, 3], RUNS[:1], ["one"])
