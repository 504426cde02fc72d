import pytest
import torch
from matplotlib import pyplot as plt

from txlite.viz import figure, plot_bars, plot_histogram


@pytest.fixture
def ax():
    fig, ax = figure()
    yield ax
    plt.close(fig)


def test_bars_have_their_lengths_names_and_numbers(ax):
    plot_bars(ax, ["一", "two", "three"], torch.tensor([0.5, 1.0, -0.25]), numbers=".1f")
    assert [bar.get_width() for bar in ax.patches] == [0.5, 1.0, -0.25]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["一", "two", "three"]
    assert [t.get_text() for t in ax.texts] == ["0.5", "1.0", "−0.2"]
    assert ax.yaxis_inverted()  # the first on top


def test_baselines_are_paler_than_what_is_highlighted(ax):
    plot_bars(ax, ["ours", "chance"], [0.9, 0.1], highlight=["ours"])
    ours, chance = ax.patches
    assert ours.get_facecolor()[3] > 2 * chance.get_facecolor()[3]
    assert ours.get_edgecolor() == chance.get_edgecolor()  # each has a full outline


def test_a_histogram_is_a_density_over_common_bins(ax):
    torch.manual_seed(0)
    plot_histogram(ax, [torch.randn(7, 300), 3 * torch.randn(500)], ["narrow", "wide"], bins=30)
    for stairs in ax.patches:
        density, edges, _ = stairs.get_data()
        assert (density * (edges[1:] - edges[:-1])).sum() == pytest.approx(1)
    narrow, wide = (p for p in ax.patches if p.get_label() in ("narrow", "wide"))
    assert max(narrow.get_data()[0]) > 2 * max(wide.get_data()[0])


def test_samples_outside_the_limits_count_but_are_not_drawn(ax):
    plot_histogram(ax, [torch.tensor([0.1, 0.6, 9.0, 9.0])], ["a"], bins=2, limits=(0.0, 1.0))
    assert ax.patches[0].get_data()[0].tolist() == [0.5, 0.5]


def test_what_does_not_fit_is_refused(ax):
    with pytest.raises(ValueError, match="values should be 2 like the labels, got 3"):
        plot_bars(ax, ["a", "b"], [1, 2, 3])
    with pytest.raises(ValueError, match=r"highlight should name labels, got \['c'\]"):
        plot_bars(ax, ["a"], [1], highlight=["c"])
    with pytest.raises(ValueError, match="labels should be as many as the samples"):
        plot_histogram(ax, [torch.zeros(3)], [])
