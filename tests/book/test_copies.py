"""The copies for Colab, Binder and download: no MyST, every link alive, the cells the same."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urldefrag

import nbformat
import pytest
import yaml
from browsing import ROOT, SITE
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.mdit_to_docutils.base import DocutilsRenderer
from myst_parser.parsers.mdit import create_md_parser
from txbook import copies

FOLDER = SITE / "notebooks"
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("[0-9]*.ipynb"))
BASE = "https://txlite.github.io/txlite/"
REPOSITORY = "https://github.com/txlite/txlite/blob/main/"
CHEAP = "02_scaled_dot_product"
every_copy = pytest.mark.parametrize("name", CHAPTERS)
# What Jupyter and Colab know; all else that a MyST parser finds is MyST.
PLAIN = {
    "heading", "paragraph", "bullet_list", "ordered_list", "list_item", "blockquote", "table",
    "thead", "tbody", "tr", "th", "td", "strong", "em", "link", "inline", "text", "text_special",
    "code_inline", "code_block", "fence", "image", "html_block", "html_inline", "hr", "softbreak",
    "math_inline", "math_block", "math_inline_double",
}  # fmt: skip


def notebook(name: str) -> Any:
    return nbformat.read(FOLDER / "chapters" / f"{name}.ipynb", as_version=4)


@cache
def parser() -> Any:
    text = (ROOT / "_config.yml").read_text(encoding="utf-8")
    extensions = set(yaml.safe_load(text)["parse"]["myst_enable_extensions"]) - {"linkify"}
    return create_md_parser(MdParserConfig(enable_extensions=extensions), DocutilsRenderer)


def tokens(markdown: str) -> list[Token]:
    """Return all that a MyST parser finds in a text, one level after the other."""
    found = parser().parse(markdown)
    return [*found, *(child for token in found for child in token.children or ())]


def strange(markdown: str) -> list[str]:
    """Return what in a text is MyST and nothing that Jupyter knows."""
    kinds = [(re.sub("_(open|close)$", "", t.type), t) for t in tokens(markdown)]
    return [
        f"{kind}: {token.content or token.info}"
        for kind, token in kinds
        if kind not in PLAIN or (kind == "fence" and token.info.startswith("{"))
    ]


def prose(copy: Any) -> str:
    return "\n\n".join(cell.source for cell in copy.cells if cell.cell_type == "markdown")


def code(copy: Any) -> list[Any]:
    return [cell for cell in copy.cells if cell.cell_type == "code"]


@pytest.mark.parametrize(
    "text",
    [
        "It is {glue:text}`share:.1f` %.",
        "```{exercise}\n:label: ex\nWrite it.\n```",
        ":::{note}\nMind.\n:::",
        "(label)=\n# Title",
        "See {doc}`that </chapters/02>`.",
        "{{ substitution }}",
        "```{caption} fig-x\nWords.\n```",
        "$$ x $$ (eq-x)",
        "word\n: meaning",
        "- [ ] task\n\n+++\n\n% comment",
    ],
)
def test_the_parser_notices_myst(text: str) -> None:
    assert strange(text)


def test_the_parser_lets_plain_markdown_pass() -> None:
    text = "# T\n\n> **a** *b* `c` [d](e) $f$\n\n1. g\n\n| h |\n| --- |\n| i |\n\n$$\nj\n$$"
    assert strange(text) == []


def cell(source: str, *tags: str, outputs: list[Any] | None = None) -> Any:
    made = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}, execution_count=1)
    made.outputs = outputs or []
    return made


def shown(**data: str) -> Any:
    kinds = {"html": "text/html", "plain": "text/plain", "view": copies.VIEW}
    bundle = {
        kinds.get(kind, f"application/papermill.record/{kind}"): d for kind, d in data.items()
    }
    return nbformat.v4.new_output("display_data", data=bundle, metadata={"m": 1})


def test_what_a_cell_shows_is_kept_but_for_live_figures_glue_and_complaints() -> None:
    stream = nbformat.v4.new_output("stream", name="stdout", text="printed\n")
    complaint = nbformat.v4.new_output("stream", name="stderr", text="warned\n")
    outputs = [stream, complaint, shown(html="<svg/>", plain="alt"), shown(view="{}", plain="W()")]
    kept = list(copies.displayed([*outputs, shown(record="1")]))
    assert [o.get("text") or dict(o.data) for o in kept] == [
        "printed\n",
        {"text/html": "<svg/>", "text/plain": "alt"},
    ]
    assert all(not o.get("metadata") for o in kept)


def test_what_is_folded_on_the_page_is_folded_in_the_copy() -> None:
    for tags, folded in (((), False), (("hide-input",), True), (("remove-cell",), True)):
        assert ("jupyter" in copies.code_cell(cell("x", *tags)).metadata) is folded
    assert copies.code_cell(cell("x", copies.COMPARED)).metadata == {"tags": [copies.COMPARED]}
    assert copies.code_cell(cell("x", "hide-output")).metadata == {}


def test_a_copy_begins_with_the_installation_and_runs_what_the_page_leaves_out() -> None:
    chapter = nbformat.v4.new_notebook()
    words = nbformat.v4.new_markdown_cell
    chapter.cells = [words("t"), cell("install"), cell("a"), words("w"), cell("hidden"), cell("b")]
    chapter.cells.append(cell("last", "remove-cell"))
    copy = copies.render(chapter, iter(["# T", 1, 2, "w", 5]), "https://there/p.html")
    nbformat.validate(copy)
    assert [c.source for c in code(copy)] == ["install", "a", "hidden", "b", "last"]
    assert copy.cells[0].source == "install"
    assert copy.cells[1].source.startswith("# T\n\n*A copy to run")
    assert "<https://there/p.html>" in copy.cells[1].source
    assert [c.source for c in copy.cells[2:]] == ["a", "w", "hidden", "b", "last"]
    assert "widgets" not in copy.metadata


def test_the_site_is_where_the_configuration_says_or_where_github_puts_it() -> None:
    theme = {"repository_url": "https://github.com/An/book/"}
    config = SimpleNamespace(html_theme_options=theme, html_baseurl="")
    assert copies.base(config) == "https://an.github.io/book/"
    config.html_baseurl = "https://book.org/en"
    assert copies.base(config) == "https://book.org/en/"


def test_binder_gets_the_books_environment_with_the_package_from_its_repository() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    made = yaml.safe_load(copies.environment(text, "txlite @ git+there"))
    given = yaml.safe_load(text)
    assert made["dependencies"][:-1] == given["dependencies"][:-1]
    lines, before = made["dependencies"][-1]["pip"], given["dependencies"][-1]["pip"]
    assert [line for line in before if line not in lines] == [
        line for line in before if line.startswith(("--constraint", "--editable"))
    ]
    assert lines[-1] == "txlite @ git+there"
    assert any(line.startswith("torch==") for line in lines)


def test_the_buttons_of_the_theme_open_and_download_the_copy() -> None:
    theme = {"repository_url": "https://github.com/a/b", "repository_branch": "main"}
    app = SimpleNamespace(config=SimpleNamespace(html_theme_options=theme))
    urls = [
        "https://mybinder.org/v2/gh/a/b/main?urlpath=lab/tree/ch/1.ipynb",
        "https://colab.research.google.com/github/a/b/blob/main/ch/1.ipynb",
        "../_sources/ch/1.ipynb",
        "https://github.com/a/b/edit/main/ch/1.ipynb",
    ]
    buttons = [{"type": "group", "buttons": [{"url": url} for url in urls]}, {"type": "script"}]
    copies.retarget(app, "ch/1", "page.html", {"header_buttons": buttons}, None)
    assert [button["url"] for button in buttons[0]["buttons"]] == [
        "https://mybinder.org/v2/gh/a/b/notebooks?urlpath=lab/tree/ch/1.ipynb",
        "https://colab.research.google.com/github/a/b/blob/notebooks/ch/1.ipynb",
        "../notebooks/ch/1.ipynb",
        "https://github.com/a/b/edit/main/ch/1.ipynb",
    ]


# --- the copies of the built site ----------------------------------------------------------------


@pytest.mark.site
@every_copy
def test_nothing_in_a_copy_is_myst(name: str) -> None:
    copy = notebook(name)
    nbformat.validate(copy)
    assert [found for cell in copy.cells if cell.cell_type == "markdown"
            for found in strange(cell.source)] == []  # fmt: skip


@pytest.mark.site
@every_copy
def test_a_copy_has_the_cells_of_its_chapter(name: str) -> None:
    chapter = nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4)
    copy = notebook(name)
    assert [c.source for c in code(copy)] == [c.source for c in code(chapter)]
    assert copy.cells[0].cell_type == "code"
    assert "%pip install" in copy.cells[0].source
    assert "widgets" not in copy.metadata
    text = (FOLDER / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "widget-view" not in text
    assert "papermill" not in text
    assert copy.cells[1].source.startswith("# ")


@pytest.mark.site
@every_copy
def test_numbers_exercises_and_captions_are_in_a_copy(name: str) -> None:
    chapter = nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4)
    source, text = prose(chapter), prose(notebook(name))
    for what, wanted in (("{exercise}", "> **Exercise "), ("{solution}", "<summary>Solution to ")):
        assert text.count(wanted) == source.count(what)
    assert text.count("**Figure ") == source.count("```{caption}")
    assert "You will build" in text
    assert len(re.findall(r"\d", text)) > source.count("{glue:")


@pytest.mark.site
@every_copy
def test_the_pictures_of_a_copy_say_what_they_show(name: str) -> None:
    figures = 0
    for cell in code(notebook(name)):
        for output in cell.outputs:
            html = output.get("data", {}).get("text/html", "")
            if "tx-figure" in html:
                figures += 1
                assert re.search(r'role="img" aria-label="[^"]{12,}"', html)
                assert len(output.data["text/plain"]) >= 12
    assert figures


@cache
def ids(file: Path) -> frozenset[str]:
    found = re.findall(r'\bid="([^"]+)"', file.read_text(encoding="utf-8"))
    return frozenset(unquote(name) for name in found)


@pytest.mark.site
@every_copy
def test_every_link_of_a_copy_leads_somewhere(name: str) -> None:
    links = [str(t.attrs["href"]) for t in tokens(prose(notebook(name))) if t.type == "link_open"]
    assert links
    for link in links:
        assert link.startswith("https://"), link
        address, anchor = urldefrag(link)
        if address.startswith(BASE):
            file = SITE / unquote(address.removeprefix(BASE))
            assert file.is_file(), link
            assert not anchor or unquote(anchor) in ids(file), link
        elif address.startswith(REPOSITORY):
            file = ROOT / unquote(address.removeprefix(REPOSITORY))
            assert file.is_file(), link
            if anchor:
                lines = file.read_text(encoding="utf-8").count("\n") + 1
                assert int(anchor.removeprefix("L")) <= lines, link


@pytest.mark.site
def test_binders_environment_is_beside_the_copies() -> None:
    made = yaml.safe_load((FOLDER / "environment.yml").read_text(encoding="utf-8"))
    assert "git+https://github.com/txlite/txlite" in made["dependencies"][-1]["pip"][-1]


@pytest.mark.site
@pytest.mark.slow
def test_a_copy_runs_and_prints_what_it_says(tmp_path: Path) -> None:
    file = FOLDER / "chapters" / f"{CHEAP}.ipynb"
    rules = ROOT / "tests" / "book" / "nbval_sanitize.cfg"
    command = [
        sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", str(tmp_path),
        "-p", "nbval", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-sanitize-with", str(rules),
        "--nbval-cell-timeout", "300", str(file),
    ]  # fmt: skip
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert re.search(r"\d\d passed", done.stdout)
