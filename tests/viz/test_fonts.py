import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from txlite.viz import fonts


def width(text: str) -> float:
    """Width of the text at a size of 10 points, in points."""
    prop = FontProperties(family=fonts.font_families(), size=10)
    return TextToPath().get_text_width_height_descent(text, prop, ismath=False)[0]


@pytest.mark.parametrize("text", ["我", "愛", "「", "。", "カ", "한", "𠮷", "🙂"])
def test_every_square_script_takes_one_square_without_a_warning(text):
    assert width(text * 5) - width(text * 3) == pytest.approx(20, abs=0.5)


def test_latin_text_keeps_its_own_widths():
    assert width("iiii") < width("mmmm") / 2


def test_without_the_squares_the_characters_are_missing():
    prop = FontProperties(family=["DejaVu Sans"], size=10)
    with pytest.warns(UserWarning, match="missing from font"):
        TextToPath().get_text_width_height_descent("我", prop, ismath=False)


def test_the_font_is_written_once_and_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts.matplotlib, "get_cachedir", lambda: str(tmp_path))
    first = fonts._font_file()
    written = first.stat().st_mtime_ns
    assert first.stat().st_size < 2000
    assert fonts._font_file() == first
    assert first.stat().st_mtime_ns == written
    assert [p.name for p in tmp_path.iterdir()] == [first.name]
