import itertools

import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from txlite.viz import (
    figure,
    panels,
    plot_attention,
    plot_bars,
    plot_curves,
    plot_heads,
    plot_matrix,
)
from txlite.viz.narrow import (
    PHONE,
    Changes,
    broken,
    fit_width,
    narrowed,
)

FIRST = ["the", "cat", "that", "sat", "on", "the", "mat"]
WORDS = [*FIRST, "was", "not", "the", "cat", "that", "I", "saw"]
LONG = ["no positions", "sinusoidal", "learned", "sinusoidal, words not scaled"]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def pixels(fig: Figure) -> float:
    fig.draw_without_rendering()
    return (fig.get_tightbbox().width + 0.1) * 96


def legends(ax: Axes) -> list[Legend]:
    return [child for child in ax.get_children() if isinstance(child, Legend)]


def state(fig: Figure) -> list[object]:
    """Return all of a figure that laying it out for a phone may change."""
    fig.draw_without_rendering()
    of_axes = [
        (
            ax.get_subplotspec(),
            ax.get_aspect(),
            [label.get_text() for label in (*ax.get_xticklabels(), *ax.get_yticklabels())],
            legends(ax),
            ax.xaxis.get_tick_params("major"),
        )
        for ax in fig.axes
    ]
    texts = [
        (t.get_text(), t.get_visible(), t.get_rotation(), t.get_horizontalalignment())
        for t in fig.findobj(Text)
    ]
    return [fig.get_size_inches().tolist(), fig.get_layout_engine(), of_axes, texts]


def curves() -> Figure:
    fig, axes = panels(3, width=7.4, height=2.7, sharey=True)
    for ax in axes:
        plot_curves(ax, range(9), [torch.rand(9) for _ in LONG], LONG)
        ax.set(title="variance of the scores of all queries and keys", xlabel="width of a head")
    axes[0].set_ylabel("variance")
    return fig


def heads() -> Figure:
    fig, axes = panels(8, columns=4, height=3.9)
    plot_heads(axes, torch.rand(8, 3, 3), ["我", "爱", "中国"], ["我", "爱", "中国"])
    return fig


def words() -> Figure:
    fig, ax = figure(6.6, 4.2)
    plot_attention(ax, torch.rand(14, 14), WORDS, WORDS, values=True)
    return fig


def bars() -> Figure:
    fig, ax = figure(6.4, 2.0)
    plot_bars(ax, ["chance", "nearest pixels of all that were learned by heart"], [0.1, 0.97])
    ax.set_xlabel("share of Armenian letters that are found among all of them")
    return fig


def strip() -> Figure:
    fig, ax = figure(6.8, 2)
    plot_matrix(ax, torch.rand(5, 40), [f"1/{2**i}" for i in range(5)], (), numbers=None)
    return fig


FIGURES = [curves, heads, words, bars, strip]
every = pytest.mark.parametrize("draw", FIGURES, ids=lambda f: f.__name__)


@every
def test_all_of_a_figure_is_as_wide_as_a_phone_and_no_wider(draw):
    fig = draw()
    assert pixels(fig) > PHONE
    with narrowed(fig):
        assert 0.8 * PHONE < pixels(fig) <= PHONE + 1


@every
def test_afterwards_the_figure_is_what_it_was(draw):
    fig = draw()
    before = state(fig)
    with narrowed(fig):
        assert state(fig) != before
    assert state(fig) == before


def test_it_is_what_it_was_though_the_drawing_failed():
    fig = words()
    before = state(fig)
    with pytest.raises(RuntimeError, match="no ink"), narrowed(fig):
        raise RuntimeError("no ink")
    assert state(fig) == before


def test_panels_stand_below_each_other_in_reading_order():
    fig = curves()
    with narrowed(fig):
        fig.draw_without_rendering()
        boxes = [ax.get_position() for ax in fig.axes]
    assert all(above.y0 > below.y1 for above, below in itertools.pairwise(boxes))
    assert max(b.x0 for b in boxes) - min(b.x0 for b in boxes) < 0.05


def test_many_small_maps_stand_in_two_columns_with_their_words_at_the_edges():
    fig = heads()
    with narrowed(fig):
        fig.draw_without_rendering()
        rows = {round(ax.get_position().y0, 2) for ax in fig.axes}
        beside = [any(t.get_text() for t in ax.get_yticklabels()) for ax in fig.axes]
        above = [any(t.get_text() for t in ax.get_xticklabels()) for ax in fig.axes]
    assert len(rows) == 4
    assert beside == [True, False] * 4
    assert above == [True] * 2 + [False] * 6


def test_names_of_curves_go_into_one_legend_where_panels_share_them():
    fig = curves()
    with narrowed(fig):
        fig.draw_without_rendering()
        *others, last = [legends(ax) for ax in fig.axes]
        names = [t.get_text() for t in last[0].get_texts()]
        at_ends = [t for ax in fig.axes for t in ax.texts if t.get_visible()]
        box = last[0].get_window_extent()
        below = fig.axes[-1].xaxis.get_tightbbox()
        whole = fig.get_tightbbox()
    assert others == [[], []]
    assert names == LONG
    assert at_ends == []
    assert box.y1 <= below.y0
    assert box.y0 / fig.dpi > whole.y0 - 0.01, "the legend is cut off"


def test_panels_with_other_names_have_legends_of_their_own():
    fig, axes = panels(2, width=7)
    plot_curves(axes[0], range(9), [range(9)], ["one"])
    plot_curves(axes[1], range(9), [range(9)], ["another"])
    with narrowed(fig):
        assert [legends(ax)[0].get_texts()[0].get_text() for ax in axes] == ["one", "another"]


def test_a_legend_that_is_there_stays():
    fig, ax = figure()
    plot_curves(ax, range(9), [range(9)], ["one"])
    ax.plot([0, 8], [0, 8], label="own")
    own = ax.legend()
    with narrowed(fig):
        assert len(legends(ax)) == 2
        assert ax.get_legend() is own
    assert legends(ax) == [own]


def test_an_axis_that_a_neighbour_labelled_for_all_is_labelled_again():
    fig = curves()
    with narrowed(fig):
        fig.draw_without_rendering()
        shown = [any(t.get_text() for t in ax.get_yticklabels()) for ax in fig.axes]
        visible = [ax.yaxis.get_tick_params("major")["labelleft"] for ax in fig.axes]
        names = [ax.get_ylabel() for ax in fig.axes]
    assert shown == visible == [True] * 3
    assert names == ["variance"] * 3


def test_titles_and_names_are_broken_at_spaces_and_lose_no_word():
    fig = curves()
    with narrowed(fig):
        titles = [ax.get_title() for ax in fig.axes]
    assert all("\n" in title for title in titles)
    assert {title.replace("\n", " ") for title in titles} == {
        "variance of the scores of all queries and keys"
    }


def test_long_words_beside_bars_are_broken():
    fig = bars()
    with narrowed(fig):
        fig.draw_without_rendering()
        first, second = (label.get_text() for label in fig.axes[0].get_yticklabels())
        room = fig.axes[0].get_window_extent().width
        share = room / fig.bbox.width
    assert first == "chance"
    assert second.replace("\n", " ") == "nearest pixels of all that were learned by heart"
    assert "\n" in second
    assert share > 0.5


def test_words_above_columns_are_turned_until_they_do_not_meet():
    fig, ax = figure(6.6, 6.2)
    plot_attention(ax, torch.rand(14, 14), WORDS, WORDS)
    with narrowed(fig):
        angles = {label.get_rotation() for label in ax.get_xticklabels()}
    assert angles == {90}
    fig, ax = figure(6.6, 6.2)
    plot_attention(ax, torch.rand(3, 3), WORDS[:3], WORDS[:3])
    with narrowed(fig):
        assert {label.get_rotation() for label in ax.get_xticklabels()} == {0}


def test_numbers_are_left_out_of_cells_that_cannot_hold_them_and_of_no_others():
    for size, wanted in ((14, False), (4, True)):
        fig, ax = figure(6.6, 6.2)
        plot_attention(ax, torch.rand(size, size), WORDS[:size], WORDS[:size], values=True)
        with narrowed(fig):
            assert {text.get_visible() for text in ax.texts} == {wanted}


def test_rows_of_a_flat_map_get_the_height_of_a_word():
    fig = strip()
    with narrowed(fig):
        fig.draw_without_rendering()
        ax = fig.axes[0]
        row = ax.get_window_extent().height / fig.dpi / 5
        assert row > 0.15
        assert ax.get_aspect() == "auto"
    assert ax.get_aspect() == 1


def test_a_picture_whose_axes_are_off_keeps_its_shape():
    fig, ax = figure(6, 0.6)
    ax.imshow(torch.zeros(64, 960, 3).numpy())
    ax.set_axis_off()
    with narrowed(fig):
        assert pixels(fig) <= PHONE
        assert ax.get_aspect() == 1


def test_broken_leaves_alone_what_fits():
    fig, ax = figure()
    text = ax.set_title("one two three")
    assert broken(text, 1e4) == "one two three"
    assert broken(text, 1.0) == "one\ntwo\nthree"
    assert text.get_text() == "one two three"
    wide = text.get_window_extent(fig.canvas.get_renderer()).width
    assert broken(text, wide) == "one two three"
    assert broken(text, wide - 1) == "one two\nthree"


def test_a_turned_text_is_broken_along_its_height():
    _, ax = figure()
    text = ax.set_ylabel("loss per digit")
    assert broken(text, 20.0) == "loss\nper\ndigit"


def test_fit_width_changes_only_what_is_too_wide():
    fig, ax = figure(9, 3)
    ax.plot([1, 2])
    changes = Changes()
    fit_width(fig, 10_000, changes)
    assert fig.get_size_inches().tolist() == [9, 3]
    fit_width(fig, 500, changes)
    assert 450 < pixels(fig) <= 501
    changes.take_back()
    assert fig.get_size_inches().tolist() == [9, 3]


def test_changes_are_taken_back_the_last_one_first():
    _, ax = figure()
    text, done = ax.set_title("a"), []
    changes = Changes()
    changes.set(text, text="b")
    changes.set(text, text="c", rotation=30)
    changes.do(lambda: done.append("done"), lambda: done.append("undone"))
    assert (text.get_text(), text.get_rotation(), done) == ("c", 30, ["done"])
    changes.take_back()
    changes.take_back()
    assert (text.get_text(), text.get_rotation(), done) == ("a", 0, ["done", "undone"])


def test_a_phone_of_360_pixels_has_a_column_of_328():
    assert PHONE == 328
