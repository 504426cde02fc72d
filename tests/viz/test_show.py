import re
import warnings
from xml.etree import ElementTree

import matplotlib
import pytest
import torch
from matplotlib import pyplot as plt

from txlite.viz import figure, output, plot_attention, show
from txlite.viz.show import picture

WORDS = ["我", "爱", "中", "国"]


@pytest.fixture
def drawn():
    fig, ax = figure(4, 3)
    ax.plot([1, 2], [3, 4], color="black", label="曲线")
    ax.set(title="我爱中国", xlabel="distance", ylabel="「注意力」")
    ax.legend()
    yield fig
    plt.close(fig)


@pytest.fixture
def shown(monkeypatch):
    things = []
    monkeypatch.setattr(output, "_display", things.append)
    return things


def svgs_of(markup: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", markup, re.S)]


def svg_of(markup: str) -> ElementTree.Element:
    return svgs_of(markup)[0]


def test_chinese_is_text_and_nothing_is_written_to_stderr(drawn, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        markup = picture(drawn, alt="A line rises.").markup
    texts = ["".join(e.itertext()) for e in svg_of(markup).iter() if e.tag.endswith("text")]
    assert {"我爱中国", "「注意力」", "曲线", "distance"} <= set(texts)
    assert capfd.readouterr() == ("", "")


def test_a_figure_made_without_our_style_has_room_for_chinese_too(capfd):
    fig, ax = plt.subplots()
    ax.set_title("我爱中国", family="monospace")
    ax.set_xticks([0, 1], ["爱", "国"])
    svg = svg_markup(picture(fig, alt="Empty axes.").markup)
    assert "我爱中国" in svg
    assert "--tx-paper" not in svg  # no white sheet behind it
    plt.close(fig)
    assert capfd.readouterr() == ("", "")


def test_no_hard_black_or_white_is_left(drawn):
    markup = picture(drawn, alt="A line rises.").markup
    assert not re.search(r"#000|#fff|black|white|rgb\(", svg_markup(markup))
    assert "stroke: currentColor" in markup


def svg_markup(markup: str) -> str:
    return re.search(r"<svg.*</svg>", markup, re.S)[0]


def test_no_background_is_painted(drawn):
    first = next(e for e in svg_of(picture(drawn, alt="x").markup).iter() if e.tag.endswith("path"))
    assert "opacity: 0" in first.get("style") or "fill: none" in first.get("style")


def test_the_words_stand_for_the_picture(drawn):
    alt = 'Recall "falls"\n  with distance <d>.'
    made = picture(drawn, alt=alt)
    assert repr(made) == 'Recall "falls" with distance <d>.'
    opening = made.markup[: made.markup.index("<style>")]
    assert 'role="img"' in opening
    assert 'aria-label="Recall &quot;falls&quot; with distance &lt;d&gt;."' in opening


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_figure_without_words_is_refused(drawn, alt):
    with pytest.raises(ValueError, match="alt should say what the figure shows, got"):
        show(drawn, alt=alt)


def test_the_same_figure_gives_the_same_markup():
    def draw(seed):
        fig, ax = figure(3, 3)
        weights = torch.rand(4, 4, generator=torch.Generator().manual_seed(seed))
        plot_attention(ax, weights, WORDS, WORDS)
        markup = picture(fig, alt="Four words.").markup
        plt.close(fig)
        return markup

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)


def test_two_figures_on_one_page_share_no_id(drawn):
    fig, ax = figure(3, 3)
    ax.plot([1, 2], [4, 3], marker="o")
    ids = [
        set(re.findall(r' id="([^"]+)"', picture(f, alt="A line.").markup)) for f in (drawn, fig)
    ]
    plt.close(fig)
    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]


def test_show_displays_once_and_closes(shown):
    fig, ax = figure()
    ax.plot([1, 2])
    show(fig, alt="A line rises.", label="fig-line")
    assert [repr(thing) for thing in shown] == ["A line rises."]
    assert 'id="fig-line"' in shown[0]._repr_html_()
    assert not plt.fignum_exists(fig.number)


def sizes(svg: ElementTree.Element) -> list[float]:
    """Return the sizes of an SVG's words in CSS pixels, indices left out."""
    styles = [e.get("style", "") for e in svg.iter() if e.tag.endswith("text")]
    return [float(size) * 96 / 72 for s in styles for size in re.findall(r"size: ([.\d]+)px", s)]


def test_a_wide_figure_comes_a_second_time_for_a_phone(drawn):
    markup = picture(drawn, alt="A line rises.").markup
    wide, narrow = svgs_of(markup)
    width = wide.get("width")
    assert wide.get("class") == f"tx-wide tx-{width}"
    assert narrow.get("class") == f"tx-narrow tx-{width}"
    assert int(narrow.get("width")) <= 328 < int(width)
    assert f"@container (max-width: {int(width) - 2}px)" in markup
    assert markup.count("aria-label") == 1


def test_a_figure_that_fits_a_phone_comes_once():
    fig, _ = figure(3.0, 2)
    markup = picture(fig, alt="Empty axes.").markup
    plt.close(fig)
    [only] = svgs_of(markup)
    assert int(only.get("width")) <= 328
    assert only.get("class") is None
    assert "@container" not in markup


def test_words_are_twelve_pixels_or_more_in_both():
    fig, ax = figure(6.4, 3)
    ax.plot([1, 2])
    ax.set_title("tiny", fontsize=5)
    ax.annotate("small", (0, 1), fontsize=8)
    markup = picture(fig, alt="A line rises.").markup
    plt.close(fig)
    both = [sizes(svg) for svg in svgs_of(markup)]
    assert len(both) == 2
    assert min(map(min, both)) == 12.0
    assert all(len(found) > 5 for found in both)


def test_a_figure_wider_than_the_column_is_drawn_narrower_and_not_shrunk():
    fig, ax = figure(9, 3)
    ax.plot([1, 2])
    wide = svgs_of(picture(fig, alt="A line rises.").markup)[0]
    assert 600 < int(wide.get("width")) <= 672
    assert min(sizes(wide)) >= 12
    assert fig.get_size_inches().tolist() == [9, 3]
    plt.close(fig)


def test_the_readers_own_settings_are_left_alone(drawn):
    before = dict(matplotlib.rcParams)
    picture(drawn, alt="A line rises.")
    assert dict(matplotlib.rcParams) == before
