"""The index of the search: what a page is cut into, what it is found by, who teaches a term."""

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
from bs4 import BeautifulSoup
from txbook.search import Index, query, root, shard, terms, words

PAGE = """<article><section id="two"><h1>2. Attention<a class="headerlink">#</a></h1>
<p>One idea.</p>
<section id="masks"><h2>Masks</h2><p>No <math><mi>T</mi></math> sees the future.</p>
<svg>hidden</svg>
<pre><span>key</span>.<span>mT</span></pre></section></section></article>"""
GLOSSARY = """<article><dl class="glossary"><dt>beam search</dt><dt>束搜索</dt>
<dd>As in <a href="../chapters/11_a.html#x">11</a>, <a href="../chapters/12_b.html">12</a>.</dd>
<dt>lonely</dt><dd>No chapter.</dd></dl></article>"""


@pytest.mark.parametrize(
    ("word", "found"),
    [("masks", "mask"), ("bias", "bias"), ("loss", "loss"), ("axis", "axis"), ("gas", "gas"),
     ("warm-up", "warmup"), ("reader's", "reader")],
)  # fmt: skip
def test_words_are_found_in_the_plural_and_with_hyphens(word: str, found: str) -> None:
    assert root(word) == found


def test_a_text_is_found_by_its_words_their_parts_and_pairs_of_chinese() -> None:
    found = set(words("Warm-up of 注意力, d_model"))
    assert {"warmup", "warm", "up", "of", "注意", "意力", "model"} <= found
    assert query("Warm-up 注意力 序") == ["warmup", "注意", "意力", "序"]


def test_a_word_stands_in_the_file_of_its_first_letter() -> None:
    assert [shard(word) for word in ("mask", "2017", "é")] == ["m", "other", "other"]
    assert shard("注意") == f"c{ord('注') % 16}"


def test_a_page_is_cut_at_its_headings() -> None:
    index = Index()
    index.add("chapters/02_attention.html", PAGE)
    assert index.pages == [("chapters/02_attention.html", "2. Attention", "chapter")]
    parts = {part.anchor: (part.heading, part.text) for part in index.parts}
    assert parts["masks"] == ("Masks", "No T sees the future. key.mT")
    assert parts["two"][1] == "One idea."
    files = index.files()
    assert files["words-m"]["mask"][1::2] == [1]
    assert set(files["text-0"].values()) == {text for _, text in parts.values()}


def test_a_page_without_an_article_is_left_out() -> None:
    index = Index()
    index.add("index.html", "<main><h1>Entrance</h1></main>")
    assert index.files()["pages"]["parts"] == []


def test_a_term_belongs_to_the_last_chapter_that_its_entry_names() -> None:
    found = terms(BeautifulSoup(GLOSSARY, "html.parser"))
    lesson = ["chapters/12_b.html", "beam search"]
    assert found == {"beam search": lesson, "束搜 搜索": lesson}
