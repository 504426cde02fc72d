"""LibreOffice's help: paragraphs that carry one number in two languages."""

from pathlib import Path

import pytest

from txlite.data.help_pages import help_pairs, help_text, read_page
from txlite.data.real_text import letters

PAGE = """<!DOCTYPE html><html><head><title>{0}</title></head><body>
<p id="menu">{0} no paragraph</p>
<h1 id="hd_id1" dir="auto"><a name="x"></a>{0} heading</h1>
<p id="par_id2" class="paragraph">{0}
   <span class="emph">Tools &amp; more</span>.</p>
<ul><li><p id="par_id3">{0} <br>item</li></ul>
<p id="par_id4"><p id="par_id5">{0} five</p> loose</p>
<p id="par_id2">{0} again</p><script>{0} = "<p id='par_id9'>";</script>
{1}</body></html>"""


def write(root: Path, language: str, name: str, page: str) -> None:
    file = root / "usr" / "share" / language / "text" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page, encoding="utf-8")


@pytest.fixture
def help_folder(tmp_path: Path) -> Path:
    write(tmp_path, "en-US", "a/one.html", PAGE.format("english", "<p id='par_id6'>only</p>"))
    write(tmp_path, "fr", "a/one.html", PAGE.format("français", ""))
    write(tmp_path, "fr", "a/two.html", PAGE.format("nulle part", ""))
    return tmp_path


def test_a_page_gives_its_numbered_paragraphs() -> None:
    assert read_page(PAGE.format("x", "")) == {
        "hd_id1": "x heading",
        "par_id2": "x Tools & more.",
        "par_id3": "x item",
        "par_id5": "x five",
    }


def test_a_paragraph_ends_where_its_neighbour_begins() -> None:
    assert read_page("<p id='par_id1'>one<h2>two</h2>three") == {"par_id1": "one"}
    assert read_page("") == {}


def test_paragraphs_are_aligned_by_page_and_number(help_folder: Path) -> None:
    assert help_pairs(help_folder, "fr") == [
        ("français heading", "english heading"),
        ("français Tools & more.", "english Tools & more."),
        ("français item", "english item"),
        ("français five", "english five"),
    ]
    assert help_pairs(str(help_folder / "usr" / "share"), "fr") == help_pairs(help_folder, "fr")


def test_the_text_is_parted(tmp_path: Path) -> None:
    names = [f"{chr(97 + i)}{chr(97 + j)}" for i in range(9) for j in range(9)]
    for language, word in (("en-US", "the big"), ("zh-CN", "大的")):
        said = "".join(f"<p id='par_id{i}'>{word} {name}</p>" for i, name in enumerate(names))
        write(tmp_path, language, "one.html", said)
    text = help_text(tmp_path, "zh", one_in=5)
    assert len(text.train) + len(text.held_out) == len(names)
    assert not {letters(p.source) for p in text.train} & {letters(p.source) for p in text.held_out}


def test_what_is_missing_is_said(help_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="folder should hold LibreOffice's help in zh-CN") as told:
        help_pairs(help_folder, "zh")
    assert "apt-get download libreoffice-help-zh-cn" in str(told.value)
    with pytest.raises(ValueError, match="language should be one of fr, zh, got 'en'"):
        help_pairs(tmp_path, "en")
