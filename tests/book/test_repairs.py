"""The repairs, on the smallest book that has every fault: built with the theme that has them."""

import subprocess
import sys
from pathlib import Path

import pytest
from browsing import ROOT
from bs4 import BeautifulSoup, Tag
from txbook import repairs

CONF = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["sphinx_thebe", "sphinx.ext.autodoc"]
html_theme, root_doc = "sphinx_book_theme", "index"
html_js_files = []
maximum_signature_line_length = 20


def setup(app):
    from txbook import offline, repairs
    from txbook.site import scripts

    app.connect("config-inited", offline.leave_out_thebe, priority=900)
    app.connect("html-page-context", scripts.tidy, priority=950)
    for name in ("one", "two"):
        app.add_js_file(None, body=f"let {{name}} = 1")
    repairs.connect(app)
"""
PAGES = {
    "index": """
        Book
        ====

        .. toctree::

           part
           alone
        """,
    "part": """
        Part & ``code`` *two*
        =====================

        .. toctree::

           deep
        """,
    "deep": """
        Deep
        ====

        .. toctree::

           deepest
        """,
    "deepest": """
        Deepest
        =======

        Nothing [A]_.

        .. [A] A. Author.
        .. [B] B. Author. [A]_ [B]_
        """,
    "alone": """
        Alone
        =====

        .. py:function:: long(alpha: int = 1, beta: str = "</dd><dl>", *, gamma: float = 2.0) -> int

           A list of its own:

           term
              text

           .. py:function:: within(delta, epsilon, zeta, eta)

        .. py:function:: open([first_of_all[, second_of_all[, third]]])

        .. py:function:: brief(a)

        .. py:class:: Generic[First, Second, Third, Fourth](alpha, beta, gamma, delta)
        """,
}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built book."""
    source = tmp_path_factory.mktemp("book")
    (source / "conf.py").write_text(CONF.format(ext=str(ROOT / "_ext")), encoding="utf-8")
    for name, text in PAGES.items():
        lines = [line.removeprefix("        ") for line in text.splitlines()]
        (source / f"{name}.rst").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", source, source / "html"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return source / "html"


def page(book: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((book / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def signature(book: Path, name: str) -> Tag:
    found = page(book, "alone").find("dt", id=name)
    assert isinstance(found, Tag)
    return found


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("long", ["alpha: int = 1,", "beta: str = '</dd><dl>',", "*,", "gamma: float = 2.0,"]),
        ("within", ["delta,", "epsilon,", "zeta,", "eta,"]),
        ("open", ["[first_of_all[,", "second_of_all[,", "third,]]]"]),
        ("brief", []),
        (
            "Generic",
            ["First,", "Second,", "Third,", "Fourth,", "alpha,", "beta,", "gamma,", "delta,"],
        ),
    ],
)
def test_a_long_signature_is_no_list_without_terms(book: Path, name: str, lines: list[str]) -> None:
    found = signature(book, name)
    assert found.find(["dl", "dd"]) is None
    written = [" ".join(line.get_text().split()) for line in found.select(".tx-sig .tx-sig-line")]
    assert [line.replace(" ", "") for line in written] == [line.replace(" ", "") for line in lines]


def test_every_list_of_definitions_has_terms_and_stays_one(book: Path) -> None:
    article = page(book, "alone").find("article")
    lists = article.find_all("dl")
    assert len(lists) == 6  # five functions and classes, and the one within the text
    assert all(each.find("dt", recursive=False) for each in lists)
    term = article.find("dt", string="term")
    assert term.find_next_sibling("dd").get_text(strip=True) == "text"


def test_every_page_is_well_formed_where_it_was_mended(book: Path) -> None:
    html = (book / "alone.html").read_text(encoding="utf-8")
    article = html.partition("<article")[2].partition("</article>")[0]
    for tag in ("span", "dl", "dd", "dt"):
        opened = article.count(f"<{tag}>") + article.count(f"<{tag} ")
        assert opened == article.count(f"</{tag}>"), tag


def test_the_references_are_a_list_of_items(book: Path) -> None:
    found = page(book, "deepest").find("div", role="list")
    assert [item["role"] for item in found.find_all("div", recursive=False)] == ["listitem"] * 2
    assert page(book, "deepest").find(role="doc-biblioentry") is None


@pytest.mark.parametrize("name", PAGES)
def test_the_arrows_of_the_contents_say_what_they_unfold(book: Path, name: str) -> None:
    arrows = page(book, name).select("nav.bd-links summary")
    labels = [arrow["aria-label"] for arrow in arrows]
    assert labels == ["Pages under Part & code two", "Pages under Deep"]


@pytest.mark.parametrize("name", [*PAGES, "search", "genindex"])
def test_the_side_column_is_a_landmark(book: Path, name: str) -> None:
    (column,) = page(book, name).find_all(attrs={"role": "complementary", "aria-label": "The book"})
    assert column.find(class_="navbar-brand") is not None
    assert column.find_parent(id="pst-primary-sidebar") is not None


@pytest.mark.parametrize("name", PAGES)
def test_no_script_comes_twice_and_none_is_thebes(book: Path, name: str) -> None:
    html = (book / f"{name}.html").read_text(encoding="utf-8")
    assert [html.count(f"let {word} = 1") for word in ("one", "two")] == [1, 1]
    assert "thebe" not in html.lower()


def test_an_arrow_with_a_text_keeps_it_and_a_link_with_markup_is_read() -> None:
    html = (
        "<ul><li><details><summary><p>Part</p></summary></details></li>"
        '<li><a href="a.html"><code>A<b>P</b>I</code>\n reference</a><details><summary><i></i>'
        '</summary><ul><li><a href="b.html"><em>nested</em></a><details><summary></summary>'
        "</details></li></ul></details></li></ul>"
    )
    mended = repairs.name_arrows(BeautifulSoup(html, "html.parser"))
    labels = [summary.get("aria-label") for summary in mended.find_all("summary")]
    assert labels == [None, "Pages under API reference", "Pages under nested"]
