import pytest
import torch
from matplotlib import pyplot as plt

from txlite.viz import figure, panels, plot_attention, plot_heads, plot_mask, plot_matrix

QUERIES, KEYS = ["我", "爱", "你"], ["I", "love", "you", "so", "much"]
WEIGHTS = torch.tensor(
    [[0.1, 0.2, 0.3, 0.4, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0], [0.2, 0.2, 0.2, 0.2, 0.2]]
)


@pytest.fixture
def ax():
    fig, ax = figure(4, 3)
    yield ax
    plt.close(fig)


def alphas(ax):
    """Opacity of each cell, row by row from the top."""
    return torch.tensor(ax.collections[0].get_facecolors()[:, 3].copy())


def written(ax):
    return [t.get_text() for t in ax.texts]


def ticks(axis):
    return [t.get_text() for t in axis.get_ticklabels()]


def test_the_opacity_of_a_cell_is_its_weight(ax):
    plot_attention(ax, WEIGHTS, QUERIES, KEYS)
    torch.testing.assert_close(alphas(ax).view(3, 5), WEIGHTS.double(), atol=1 / 255, rtol=0)
    box = ax.collections[0].get_paths()[2].get_extents()  # query 0, key 2
    assert (box.x0 + box.x1) / 2 == pytest.approx(2)
    assert (box.y0 + box.y1) / 2 == pytest.approx(0)
    assert ax.yaxis_inverted()


def test_rows_are_queries_and_columns_are_keys(ax):
    plot_attention(ax, WEIGHTS, QUERIES, KEYS)
    assert ticks(ax.yaxis) == QUERIES
    assert ticks(ax.xaxis) == KEYS
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("key", "query")


def test_numbers_are_written_only_when_wanted(ax):
    plot_attention(ax, WEIGHTS, QUERIES, KEYS)
    assert written(ax) == []
    plot_attention(ax, WEIGHTS, QUERIES, KEYS, values=True)
    assert written(ax) == [f"{w:.2f}" for w in WEIGHTS.flatten().tolist()]


def test_weights_with_a_gradient_or_half_precision_are_drawn(ax):
    plot_attention(ax, WEIGHTS.bfloat16().requires_grad_(), QUERIES, KEYS)
    assert len(alphas(ax)) == 15


def test_a_large_map_is_drawn_as_pixels_with_the_same_opacity(ax):
    large = torch.rand(70, 90, generator=torch.Generator().manual_seed(0))
    plot_attention(ax, large, [], [])
    assert not ax.collections
    torch.testing.assert_close(
        torch.tensor(ax.images[0].get_array()[..., 3].copy()), large.double(), atol=1 / 255, rtol=0
    )


def test_the_sign_chooses_the_color_and_the_size_the_opacity(ax):
    plot_matrix(ax, torch.tensor([[-2.0, 0.0, 1.0]]), ["q"], ["a", "b", "c"])
    colors = ax.collections[0].get_facecolors()
    assert colors[:, 3] == pytest.approx([1, 0, 0.5], abs=0.01)
    assert tuple(colors[0, :3]) != pytest.approx(tuple(colors[2, :3]))
    assert written(ax) == ["−2.00", "0.00", "1.00"]


def test_a_tiny_negative_is_written_without_a_sign(ax):
    plot_matrix(ax, torch.tensor([[-0.001, -1.0]]), [], [])
    assert written(ax) == ["0.00", "−1.00"]


def test_a_matrix_of_zeros_is_all_paper(ax):
    plot_matrix(ax, torch.zeros(2, 3), [], [], numbers=None)
    assert (alphas(ax) < 0.01).all()


def test_a_mask_tells_allowed_from_blocked_by_color_and_by_sign(ax):
    allowed = torch.ones(4, 6).tril(1).bool()
    plot_mask(ax, allowed)
    _, dots, crosses = ax.collections
    assert torch.equal(alphas(ax).view(4, 6) > 0.5, allowed)
    assert sorted(map(tuple, dots.get_offsets()[:, ::-1].tolist())) == sorted(
        map(tuple, allowed.nonzero().double().tolist())
    )
    assert len(crosses.get_offsets()) == (~allowed).sum()
    assert ticks(ax.xaxis) == ["0", "1", "2", "3", "4", "5"]


def test_a_long_mask_names_at_most_sixteen_positions(ax):
    plot_mask(ax, torch.ones(40, 50).bool())
    assert [t for t in ticks(ax.xaxis) if t] == [str(i) for i in range(0, 50, 4)]


def test_heads_are_drawn_in_order_with_words_at_the_outer_edge():
    fig, axes = panels(4, columns=2)
    heads = torch.eye(3).expand(4, 3, 3) * torch.tensor([0.2, 0.4, 0.6, 0.8]).view(4, 1, 1)
    plot_heads(axes, heads, QUERIES, QUERIES)
    assert [ax.get_title() for ax in axes] == ["head 1", "head 2", "head 3", "head 4"]
    assert [float(alphas(ax)[0]) for ax in axes] == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.01)
    assert ticks(axes[0].yaxis) == QUERIES
    assert set(ticks(axes[1].yaxis)) == set(ticks(axes[2].xaxis)) == {""}
    plt.close(fig)


def test_words_that_do_not_fit_are_refused_by_name(ax):
    with pytest.raises(ValueError, match=r"weights should have shape \(T=3, S=3\), got \(3, 5\)"):
        plot_attention(ax, WEIGHTS, QUERIES, QUERIES)
    with pytest.raises(ValueError, match=r"values should have shape \(T, S=2\), got \(3, 5\)"):
        plot_matrix(ax, WEIGHTS, [], ["a", "b"])
    with pytest.raises(ValueError, match=r"allowed should have shape \(T=2, S\), got \(4, 4\)"):
        plot_mask(ax, torch.ones(4, 4).bool(), ["a", "b"])


def test_scores_are_not_weights(ax):
    with pytest.raises(ValueError, match=r"weights should lie in \[0, 1\], got -1 to 2"):
        plot_attention(ax, torch.tensor([[-1.0, 2.0]]), [], [])
    with pytest.raises(ValueError, match=r"weights should lie in \[0, 1\], got -0.5 to 0.5"):
        plot_attention(ax, torch.tensor([[-0.5, 0.5]]), [], [])
    with pytest.raises(ValueError, match=r"weights should lie in \[0, 1\], got nan"):
        plot_attention(ax, torch.tensor([[torch.nan, 0.5]]), [], [])


def test_heads_and_axes_must_be_as_many(ax):
    with pytest.raises(ValueError, match=r"as many as the heads, H=2, got 1 axes and 2 titles"):
        plot_heads([ax], torch.zeros(2, 3, 3), QUERIES, QUERIES)
