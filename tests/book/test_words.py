"""The words of the book: those that are out stay out, and few sentences are long."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browsing import ROOT
from prose import Text, plain, sentences, texts, words

OUT: list[dict[str, Any]] = tomllib.loads(
    (ROOT / "tests" / "book" / "words.toml").read_text(encoding="utf-8")
)["out"]
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))
PAGES = sorted((ROOT / "book").rglob("*.md"))
CHECKERS = sorted((ROOT / "txlite" / "checks").rglob("*.py"))
WIDGETS = sorted(p for p in (ROOT / "txlite/viz/widgets").rglob("*") if p.suffix in (".py", ".js"))
FRONT = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
LONG = 30  # words
FEW_LONG = 0.05  # of a chapter's sentences


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def matches(entry: dict[str, Any], text: str) -> Iterator[re.Match[str]]:
    """Yield where a word that is out stands in a text."""
    pattern = entry["pattern"].replace("[ ]", r"\s+")
    if not pattern.startswith("(?x)"):
        pattern = pattern.replace(" ", r"\s+")
    return re.finditer(pattern, text, re.IGNORECASE)


def around(text: str, match: re.Match[str], reach: int = 40) -> str:
    """Return a match with the words around it, on one line."""
    return " ".join(text[max(0, match.start() - reach) : match.end() + reach].split())


def excused(entry: dict[str, Any], path: Path, context: str) -> bool:
    return any(
        path.relative_to(ROOT).match(one["file"]) and one["text"] in context
        for one in entry.get("except", [])
    )


def concerned(entry: dict[str, Any], path: Path) -> bool:
    """Tell whether an entry is about a file: some are only about one kind."""
    return name(path).startswith(entry.get("only", ""))


def found(path: Path, text: Text) -> Iterator[str]:
    for entry in OUT:
        if not concerned(entry, path):
            continue
        for match in matches(entry, text.text):
            context = around(text.text, match)
            if not excused(entry, path, context):
                yield f"{text.place(match.start())}: “{context}” (say: {entry['instead']})"


@pytest.mark.parametrize("path", CHAPTERS + PAGES + FRONT + CHECKERS + WIDGETS, ids=name)
def test_no_word_is_used_that_is_out(path: Path) -> None:
    places = [line for text in texts(path) for line in found(path, text)]
    assert not places, "\n".join([f"{len(places)} in {name(path)}:", *places])


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_few_sentences_are_long(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    all_of_them = [s for c in cells if c.cell_type == "markdown" for s in sentences(c.source)]
    long = [f"{words(s)} words: {s}" for s in all_of_them if words(s) > LONG]
    assert len(long) <= FEW_LONG * len(all_of_them), "\n".join(
        [f"{len(long)} of {len(all_of_them)} sentences have more than {LONG} words:", *long]
    )


@pytest.mark.parametrize("entry", OUT, ids=lambda entry: entry["instead"])
def test_a_pattern_finds_what_it_is_for_and_nothing_else(entry: dict[str, Any]) -> None:
    assert entry["seen"]
    assert all(any(matches(entry, text.replace(" ", "\n"))) for text in entry["seen"])
    assert not [text for text in entry["fine"] if any(matches(entry, text))]


EXCEPTIONS = [(entry, one) for entry in OUT for one in entry.get("except", [])]


@pytest.mark.parametrize(("entry", "one"), EXCEPTIONS, ids=lambda x: str(x.get("text")))
def test_an_exception_is_needed_and_has_a_reason(
    entry: dict[str, Any], one: dict[str, str]
) -> None:
    assert one["reason"]
    contexts = [
        around(text.text, match)
        for path in ROOT.glob(one["file"])
        for text in texts(path)
        for match in matches(entry, text.text)
    ]
    assert any(one["text"] in context for context in contexts)


MARKDOWN = """## A heading of words

Let $x$ be what {eq}`eq-a` says, e.g. {doc}`this page </a/b>`. Then
[a link](https://example.org/a_b)
is “read.” txlite reads `x = 1`!

$$
x = 1
$$ (eq-x)

```python
hears = 1
```

```{admonition} A title
:class: note
One sentence.
- An item. And *another*.
```

```{code-block} python
nobody = 1
```

| a | table |
"""


def test_sentences_end_where_a_person_would_end_them() -> None:
    assert list(sentences(MARKDOWN)) == [
        "Let Formula be what Name says, e.g. this page.",
        "Then a link is “read.”",
        "txlite reads Code!",
        "A title",
        "One sentence.",
        "An item.",
        "And *another*.",
    ]


def test_prose_keeps_its_lines_and_loses_its_code() -> None:
    text = plain(MARKDOWN)
    assert text.count("\n") == MARKDOWN.count("\n")
    assert "hears" not in text
    assert "nobody" not in text
    assert "| a | table |" in text


@pytest.mark.parametrize(
    ("sentence", "count"),
    [("One, two – three.", 3), ("「我爱你」 and 你爱我", 3), ("it's half-hearted", 2)],
)
def test_words_are_counted(sentence: str, count: int) -> None:
    assert words(sentence) == count


def test_comments_and_strings_of_code_are_read_and_names_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        '# it is\n# twins\nheard = f"one {heard} " "no" "body"\n\nclass Stranger: ...\n',
        encoding="utf-8",
    )
    read = list(texts(path))
    assert [text.text for text in read] == ["it is\ntwins", 'f"one … "nobody']
    assert read[0].place(read[0].text.index("twins")) == "line 2"


JAVASCRIPT = """// Where it
// looks; "quoted"
const pattern = /["'`]/.test(x) ? a / b : 'it\\'s';
/* one
   block */
const help = "first " +
  "second" + `of ${n} ${n ? "places" : `in ${"deep"}`} on`;
const node = tx.html("div", { class: `tx-row${on ? " tx-twin" : ""}` }, "shown");
"""


def test_comments_and_strings_of_javascript_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_text(JAVASCRIPT, encoding="utf-8")
    assert [(text.line, text.text) for text in texts(path)] == [
        (1, 'Where it\nlooks; "quoted"'),
        (3, "it's"),
        (4, "one\n   block"),
        (6, "first secondof … … on"),
        (7, "places"),
        (7, "in …"),
        (7, "deep"),
        (8, "div"),
        (8, "tx-row…"),
        (8, "shown"),
    ]


def test_only_the_top_of_the_changelog_is_read(tmp_path: Path) -> None:
    path = tmp_path / "CHANGELOG.md"
    path.write_text("# Changes\n\n## 2.0\n\nNew.\n\n## 1.0\n\nOld.\n", encoding="utf-8")
    (text,) = texts(path)
    assert "New." in text.text
    assert "Old." not in text.text
