"""make book: an interrupted or failed build leaves the good site, a second one costs nothing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from browsing import ROOT
from txbook import build as building
from txbook import preview
from txbook.closure import snapshot
from txbook.fingerprint import fingerprint

from tests.children import fresh

CONFIG = """
title: A tiny book
only_build_toc_files: true
exclude_patterns: [_build*, ".*"]
execute: {execute_notebooks: "off", stderr_output: remove-warn}
repository: {url: https://github.com/a/book, branch: main}
sphinx:
  recursive_update: true
  local_extensions: {txbook: _ext}
  config: {txbook_root: ".", html_static_path: [assets], nb_ipywidgets_js: {anywidget-lite.js: {}}}
"""
TOC = "format: jb-book\nroot: first\nchapters:\n  - file: chapter\n"
CARD = "```{chapter-card}\n:build: something\n:needs: nothing\n:part: head\n```"


def package(answer: int) -> str:
    """Return a package of one line; the rest, with which a card draws, is the real one's."""
    return f"answer = {answer}\n__path__.append({str(ROOT / 'txlite')!r})\n"


def write_notebook(path: Path, *cells: str) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_markdown_cell(f"# A chapter\n\n{CARD}"),
        *map(nbformat.v4.new_code_cell, cells),
    ]
    nbformat.write(notebook, path)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A repository with a book of two pages, one of which runs."""
    for folder in ("_ext", "assets"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "txlite").mkdir()
    (tmp_path / "txlite" / "__init__.py").write_text(package(41))
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "first.md").write_text("# First\n\nThe good old page.\n")
    write_notebook(tmp_path / "chapter.ipynb", "import txlite\nprint('answer', txlite.answer)")
    return tmp_path


def start(book: Path, *options: str) -> subprocess.Popen[str]:
    command = fresh([sys.executable, "-m", "txbook", "--root", str(book), "build", *options])
    env = {**os.environ, "PYTHONPATH": str(book / "_ext")}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def build(book: Path, *options: str, status: int = 0) -> str:
    process = start(book, *options)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == status, said
    return said


def page(book: Path, name: str = "chapter") -> str:
    return (book / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8")


def leftovers(book: Path) -> list[Path]:
    return list((book / "_build").glob(f"{building.FRESH}*"))


@pytest.mark.slow
def test_a_build_says_where_the_book_is_and_the_second_costs_nothing(book: Path) -> None:
    said = build(book)
    assert (book / "_build" / "html" / "index.html").as_uri() in said
    assert "built in" in said
    assert "answer 41" in page(book)
    assert "MiB at its peak" in page(book)
    assert "You are here: head." in page(book)
    assert "book/welcome.html#fig-living-map?part=encoder" in page(book)
    assert not leftovers(book)
    begin = time.perf_counter()
    assert "nothing has changed" in build(book)
    assert time.perf_counter() - begin < 10


@pytest.mark.slow
def test_new_prose_does_not_run_the_notebooks_again_and_a_new_package_does(book: Path) -> None:
    build(book)
    (book / "first.md").write_text("# First\n\nNew words.\n")
    (book / "_toc.yml").write_text(TOC + "  # the table of contents has changed\n")
    said = build(book)
    assert "1 stored, 0 to run" in said
    assert "MiB at its peak" in page(book)  # the measurement is remembered
    (book / "txlite" / "__init__.py").write_text(package(42))
    assert "0 stored, 1 to run" in build(book)
    assert "answer 42" in page(book)


@pytest.mark.slow
def test_a_failed_build_leaves_the_good_site(book: Path) -> None:
    build(book)
    write_notebook(book / "chapter.ipynb", "raise RuntimeError('the cell is broken')")
    (book / "txlite" / "__init__.py").write_text(package(43))
    said = build(book, status=1)
    assert "untouched" in said
    assert "answer 41" in page(book)
    assert not leftovers(book)
    report = book / "_build" / "reports" / "chapter.err.log"
    assert "the cell is broken" in report.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interrupt for a process group")
def test_an_interrupted_build_leaves_the_good_site(book: Path) -> None:
    build(book)
    running = book / "running"
    patience = f"import pathlib, time\npathlib.Path({str(running)!r}).touch()\ntime.sleep(60)"
    write_notebook(book / "chapter.ipynb", patience)
    (book / "txlite" / "__init__.py").write_text(package(44))
    process = start(book)
    while not running.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C sends
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert "answer 41" in page(book)
    assert not leftovers(book)


@pytest.mark.slow
def test_a_preview_has_its_own_folder_and_says_what_it_is(book: Path) -> None:
    write_notebook(book / "chapter.ipynb", "import os; print(os.environ['TXLITE_BUDGET'])")
    assert (book / "_build" / "preview" / "index.html").as_uri() in build(book, "--preview")
    html = (book / "_build" / "preview" / "chapter.html").read_text(encoding="utf-8")
    assert preview.NOTICE in html
    assert "smoke\n" in html
    assert "budget “smoke”" in html
    assert not (book / "_build" / "html").exists()


@pytest.mark.slow
def test_what_a_chapter_writes_to_stderr_fails_the_build(book: Path) -> None:
    write_notebook(book / "chapter.ipynb", "import sys; print('oh', file=sys.stderr)")
    assert "stderr was found" in build(book, status=1)


@pytest.mark.slow
def test_the_repository_is_not_written_to(book: Path) -> None:
    before = snapshot(book)
    build(book)
    assert snapshot(book) == before


@pytest.mark.slow
def test_a_page_without_alt_text_fails_the_build(book: Path) -> None:
    (book / "first.md").write_text("# First\n\n<p><img src='dot.png' alt='dot.png'></p>\n")
    assert "a picture needs an alt text" in build(book, status=1)
    assert not (book / "_build" / "html").exists()


@pytest.mark.slow
def test_a_link_to_a_file_that_does_not_exist_fails_the_build(book: Path) -> None:
    (book / "first.md").write_text("# First\n\n{source}`txlite/none.py`\n")
    assert "no file txlite/none.py" in build(book, status=1)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    site, fresh = tmp_path / "html", tmp_path / "fresh-1"
    for folder, text in ((site, "old"), (fresh, "new")):
        folder.mkdir()
        (folder / "index.html").write_text(text)
    return site, fresh


def test_a_swap_replaces_the_whole_site(folders: tuple[Path, Path]) -> None:
    site, fresh = folders
    (site / "gone.html").write_text("a page that was deleted")
    building.swap(fresh, site)
    assert [p.name for p in site.iterdir()] == ["index.html"]
    assert (site / "index.html").read_text() == "new"
    assert [p.name for p in site.parent.iterdir()] == ["html"]


def test_a_swap_that_died_half_way_is_taken_back(folders: tuple[Path, Path]) -> None:
    site, _ = folders
    site.rename(site.with_name(f"{building.OLD}{site.name}"))
    building.recover(site)
    assert (site / "index.html").read_text() == "old"


def test_what_a_killed_build_left_is_removed_later(folders: tuple[Path, Path]) -> None:
    site, fresh = folders
    building.recover(site)
    assert fresh.exists()  # it may belong to a build that is still running
    os.utime(fresh, (0, 0))
    building.recover(site)
    assert not fresh.exists()


def test_the_fingerprint_sees_content_names_and_settings(tmp_path: Path) -> None:
    def write(name: str, text: str) -> None:
        (tmp_path / "txlite").mkdir(exist_ok=True)
        (tmp_path / "txlite" / name).write_text(text)

    write("a.py", "1")
    seen = {fingerprint(tmp_path, ["txlite"])}
    assert fingerprint(tmp_path, ["txlite"]) in seen
    write("a.py", "2")
    seen.add(fingerprint(tmp_path, ["txlite"]))
    (tmp_path / "txlite" / "a.py").rename(tmp_path / "txlite" / "b.py")
    seen.add(fingerprint(tmp_path, ["txlite"]))
    seen.add(fingerprint(tmp_path, ["txlite"], extra="smoke"))
    assert len(seen) == 4
    for hidden in ("__pycache__", ".ruff_cache", ".ipynb_checkpoints"):
        (tmp_path / "txlite" / hidden).mkdir()
        write(f"{hidden}/left", "by a tool")
    assert fingerprint(tmp_path, ["txlite"]) in seen
