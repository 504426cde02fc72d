"""The prose of chapters, pages and checkers: what people read, and where its sentences end."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
from javascript import strings

FENCE = re.compile(r"^ *(?P<ticks>`{3,}|:{3,}) *(?P<what>.*)$")
DIRECTIVE = re.compile(r"^\{(?P<name>[\w-]+)\} *(?P<title>.*)$")
NOT_PROSE = {"code-block", "code-cell", "code", "live-figure", "math", "mermaid", "raw"}
TITLED = {"admonition", "clue", "detective", "exercise", "grid-item-card", "prf:lemma"}
TITLED |= {"prf:theorem", "suspect"}
SILENT = re.compile(r"^(?:\([\w-]+\)=|% .*)$")
OPTION = re.compile(r"^ *:[\w-]+:")
ITEM = re.compile(r"^ *(?:[-*+]|\d+\.) +|^ *: +")
MAGIC = re.compile(r"^( *)[%!].*$", re.MULTILINE)
ROLE = re.compile(r"\{([\w:-]+)\}`([^`]*)`")
SHOWN = re.compile(r"^([^<]+?)\s*<[^>]+>$")
STANDS_FOR = (
    (re.compile(r"\$\$.+?\$\$(?: *\([\w-]+\))?", re.DOTALL), "Formula"),
    (re.compile(r"\$[^$\n]+(?:\n[^$\n]+)?\$"), "Formula"),
)
BEGIN = r"(?=[A-Z0-9“‘«(*「_\[]|txlite|torch)"
END = re.compile(rf"(?<=[.!?。])([\"”’»」)*_]*)\s+{BEGIN}")
SHORTENED = re.compile(r"(?:\b(?:e\.g|i\.e|al|cf|vs|eq|fig|no|sec)|\b[A-Z])\.$", re.IGNORECASE)
CHINESE = re.compile(r"[\u3400-\u9fff\uff00-\uffef、。]+")


class Text(NamedTuple):
    """Something that people read, and the place of its first line: a cell, and a line."""

    cell: int | None
    line: int
    text: str

    def place(self, offset: int) -> str:
        """Say where a character of the text stands."""
        line = f"line {self.line + self.text.count(chr(10), 0, offset)}"
        return line if self.cell is None else f"cell {self.cell}, {line}"


def texts(path: Path) -> Iterator[Text]:
    """Yield what people read in a notebook, a page, or a file of Python or JavaScript."""
    if path.suffix == ".ipynb":
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "markdown":
                yield Text(number, 1, plain(cell.source))
            else:
                yield from _of_python(cell.source, number)
    elif path.suffix == ".py":
        yield from _of_python(path.read_text(encoding="utf-8"), None)
    elif path.suffix == ".js":
        for line, text in strings(path.read_text(encoding="utf-8")):
            yield Text(None, line, text)
    elif path.name == "CHANGELOG.md":  # what is said of older versions stays as it was said
        top = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[:2]
        yield Text(None, 1, plain("## ".join(top)))
    else:
        yield Text(None, 1, plain(path.read_text(encoding="utf-8")))


def _of_python(source: str, cell: int | None) -> Iterator[Text]:
    """Yield comments and strings, neighbours as one; names of variables and classes are code."""
    kind, first, parts = -1, 0, [""]
    reader = io.StringIO(MAGIC.sub(r"\1pass", source) + "\n").readline
    for token in tokenize.generate_tokens(reader):
        if token.type == tokenize.NL:
            continue
        if token.type == kind:
            parts.append(_read(token))
            continue
        if "".join(parts).strip():
            yield Text(cell, first, ("\n" if kind == tokenize.COMMENT else "").join(parts))
        kind, first, parts = -1, token.start[0], [""]
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            kind, parts = token.type, [_read(token)]


def _read(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.COMMENT:
        return token.string.lstrip("# ")
    if "f" in token.string[: token.string.index(token.string[-1])].lower():
        return re.sub(r"\{[^{}]*\}", "…", token.string)
    return str(ast.literal_eval(token.string))


def plain(markdown: str) -> str:
    """Return Markdown without what is no prose, as many lines as before.

    A formula becomes one word, a role what it shows, a link its text. Blocks of code are emptied,
    and so are comments, labels and the names of directives.
    """
    for pattern, word in STANDS_FOR:
        markdown = pattern.sub(lambda m, word=word: word + "\n" * m[0].count("\n"), markdown)
    lines, ticks = [], ""
    for line in markdown.split("\n"):
        fence = FENCE.match(line)
        kept = line
        if ticks:
            kept, ticks = (
                "",
                "" if fence and not fence["what"] and fence["ticks"] == ticks else ticks,
            )
        elif fence:
            directive = DIRECTIVE.match(fence["what"])
            kept = directive["title"] if directive and directive["name"] in TITLED else ""
            if fence["what"] and (directive is None or directive["name"] in NOT_PROSE):
                ticks = fence["ticks"]
        lines.append("" if SILENT.match(kept) else kept)
    text = ROLE.sub(_shown, "\n".join(lines))
    text = re.sub(r"`+[^`]+`+", "Code", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<https?://[^>]+>|https?://\S+", "Link", text)
    return re.sub(r"</?[a-z]+[^>]*>", "", text)


def _shown(match: re.Match[str]) -> str:
    """Return what a page shows for a role, or a word in its place."""
    role, inner = match.groups()
    titled = SHOWN.match(inner)
    if titled and not role.startswith(("glue", "cite")):
        return titled[1]
    return {"math": "Formula", "glue:text": "7", "kbd": inner}.get(role, "Name")


def sentences(markdown: str) -> Iterator[str]:
    """Yield the sentences of paragraphs, items and captions; headings and tables have none."""
    paragraph: list[str] = []
    for line in [*plain(markdown).split("\n"), ""]:
        silent = not line.strip() or line.lstrip().startswith(("#", "|")) or OPTION.match(line)
        if silent or ITEM.match(line):
            yield from _split(" ".join(paragraph))
            paragraph = []
        if not silent:
            paragraph.append(ITEM.sub("", line).strip())


def _split(text: str) -> Iterator[str]:
    """Yield the sentences of a paragraph; a formula that stands alone is none."""
    begun = ""
    for piece in END.sub(r"\1\n", text).split("\n"):
        begun = f"{begun} {piece}".strip()
        if not SHORTENED.search(begun):
            if words(begun) > 1:
                yield begun
            begun = ""
    if words(begun) > 1:
        yield begun


def words(sentence: str) -> int:
    """Return how many words a sentence has; a formula is one, and so is a run of Chinese."""
    text = CHINESE.sub(" 中 ", sentence)
    return sum(1 for word in text.split() if re.search(r"\w", word))
