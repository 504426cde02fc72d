"""The standard library as a text: enough of it, nothing on two sides, labels that fit."""

import ast
from pathlib import Path

import pytest

from txlite.data import library
from txlite.data.documents import REPEATED
from txlite.data.library import FIELDS, LabelledSentence, library_sentences, library_text
from txlite.data.manual import ALPHABET
from txlite.data.real_text import letters


def test_the_text_is_large_plain_and_parted():
    split = library_text()
    sizes = split.sizes
    assert sizes["train"][1] > 1_000_000
    assert min(sizes["valid"][1], sizes["test"][1]) > 50_000
    for texts in split.texts.values():
        assert set().union(*texts) <= set(ALPHABET)
        assert not any(
            "  " in text or "\n\n\n" in text or text != text.strip("\n") for text in texts
        )
    assert all(characters == size for _, characters, size in sizes.values())
    seen: set[str] = set()
    for texts in split.texts.values():
        keys = {letters(p) for text in texts for p in text.split("\n\n")}
        keys = {key for key in keys if len(key) >= REPEATED}
        assert not keys & seen
        seen |= keys


def test_the_modules_of_a_package_are_on_one_side():
    split = library_text()
    sides = [
        {d.name.partition("/")[0] for d in part if "/" in d.name and not d.name.startswith("help/")}
        for part in (split.train, split.valid, split.test)
    ]
    assert {"json", "email", "asyncio"} <= set().union(*sides)
    assert not sides[0] & sides[1]
    assert not (sides[0] | sides[1]) & sides[2]
    names = {d.name for part in (split.train, split.valid, split.test) for d in part}
    assert {"json/decoder.py", "help/CONTEXTMANAGERS", "argparse.py"} & names
    assert not any(name.startswith(("test/", "idlelib/")) for name in names)


def test_sentences_have_labels_and_stand_once():
    parts = library_sentences()
    every = [letters(one.text) for part in parts for one in part]
    assert len(set(every)) == len(every)
    for part, least in zip(parts, (4_000, 500, 500), strict=True):
        assert len(part) > least
        counts = [sum(one.label == label for one in part) for label in range(len(FIELDS))]
        assert min(counts) > 0.05 * len(part)
        assert max(counts) < 0.45 * len(part)
    assert all(5 <= len(one.text.split()) <= 40 for part in parts for one in part)
    assert not any(">>>" in one.text or "\n" in one.text for part in parts for one in part)
    assert library_sentences() == parts


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in place of the standard library."""
    monkeypatch.setattr(library.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(library, "_docstrings", library._docstrings.__wrapped__)  # not the cache
    return tmp_path


MODULE = '''"""The module reads and writes tables."""

try:
    class Reader:
        """It reads a table, row by row, as it comes. And it stops where there is no more to read.

        >>> Reader("this is an example and no sentence at all.")
        """

        def rows(self):
            "Return   the rows\tof the table that were not yet read."
            def inner():
                """An inner function has a sentence of its own."""
            text = """This is a text and not a docstring, whatever it looks like."""
except ImportError:
    def fallback():
        """Say that it is not there, and do nothing else."""
'''


def test_docstrings_are_found_wherever_they_stand(made_up: Path):
    (made_up / "csv.py").write_text(MODULE)
    (made_up / "test").mkdir()
    (made_up / "test" / "csv.py").write_text(MODULE)
    (made_up / "broken.py").write_text("def (")
    (made_up / "empty.py").write_text("x = 1")
    ((name, texts),) = library._docstrings()
    assert name == "csv.py"
    assert [text.split()[0] for text in texts] == ["The", "It", "Return", "An", "Say"]


def test_sentences_are_cut_cleaned_and_labelled(made_up: Path):
    (made_up / "csv.py").write_text(MODULE)
    (made_up / "ssl").mkdir()
    (made_up / "ssl" / "inner.py").write_text('"""It makes a safe connection to a server."""')
    (made_up / "unknown.py").write_text('"""This belongs to none of the six fields."""')
    (made_up / "random.py").write_text('"""The module reads and writes tables. 1 + 2 = 3, 4 * 5"""')
    parts = library_sentences(one_in=3)
    found = {one.text: list(FIELDS)[one.label] for part in parts for one in part}
    assert found == {
        "The module reads and writes tables.": "text",
        "It reads a table, row by row, as it comes.": "text",
        "And it stops where there is no more to read.": "text",
        "Return the rows of the table that were not yet read.": "text",
        "An inner function has a sentence of its own.": "text",
        "Say that it is not there, and do nothing else.": "text",
        "It makes a safe connection to a server.": "network",
    }
    sides = [{one.text for one in part} for part in parts]
    both = {"It reads a table, row by row, as it comes.",
            "And it stops where there is no more to read."}  # fmt: skip
    assert any(both <= side for side in sides)  # one docstring, one side
    assert isinstance(next(one for part in parts for one in part), LabelledSentence)


def test_fields_share_no_module():
    names = [name for modules in FIELDS.values() for name in modules]
    assert len(set(names)) == len(names)


def test_a_docstring_is_what_python_takes_for_one():
    tree = ast.parse(MODULE)
    found = [ast.get_docstring(node) for node in library._definitions(tree)]
    wanted = [
        ast.get_docstring(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    ]
    assert sorted(found) == sorted(wanted)


@pytest.mark.plain
def test_wrong_arguments_are_named():
    for ask in (library_text, library_sentences):
        for value, words in (
            (2, "one_in should be at least 3"),
            (0, "one_in should be a positive"),
        ):
            with pytest.raises(ValueError, match=f"^{words}"):
                ask(one_in=value)
