"""The book's own paragraphs, to be searched, and questions whose chapter is known.

``python -m studies._paragraphs`` reads them from ``chapters/`` and ``book/glossary.md``, makes
their vectors with MiniLM, and writes ``book/studies/16_paragraphs.safetensors``. That file is what
study and page read, so that the page is the same wherever it runs, and need not be made anew after
each change of another one; it is the book as it was when the file was made.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from txlite._atomic import whole
from txlite.studies import find

ROOT = Path(__file__).parents[1]
FILE = "16_paragraphs.safetensors"
SHORTEST = 12  # words of a paragraph
FENCED = re.compile(r"^(`{3,})\{.*?^\1`*[ ]*$", re.MULTILINE | re.DOTALL)
CITED = re.compile(r" ?\{cite:p\}`[^`]*`")
ROLE = re.compile(r"\{([\w:-]+)\}`(?:~|([^`<]*?) ?<)?([^`>]*)>?`")
SAID = {"chapter": "another chapter", "numref": "the figure", "eq": "the formula", "glue:text": "…"}
SAID["cite:t"] = "the authors"
CARD = re.compile(r"^:(build): (.+)$", re.MULTILINE)
ENTRY = re.compile(r"^  (\S.*?) ?\{Chapter\}`(\w+)`\.$", re.MULTILINE)


class Question(NamedTuple):
    """A question, where it is from, and the chapter that answers it."""

    kind: str
    chapter: str
    text: str


class Book(NamedTuple):
    """Chapters and texts of paragraphs, their vectors, and questions."""

    chapters: list[str]
    texts: list[str]
    vectors: Tensor
    questions: list[Question]


def plain(text: str) -> str:
    """Return a paragraph as it is read: roles leave their words, citations nothing."""
    text = ROLE.sub(lambda one: SAID.get(one[1].lower(), one[2] or one[3]), CITED.sub("", text))
    return " ".join(re.sub(r"\*+(?=[\w“$`])|(?<=[\w”.,:;!?$`)])\*+", "", text).split())


def paragraphs(notebook: str) -> list[str]:
    """Return the paragraphs of a notebook up to its exercises, without cards, tables, formulas."""
    cells = json.loads(notebook)["cells"]
    page = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    page = FENCED.sub("", page.partition("\n## Exercises")[0])
    found = []
    for part in re.split(r"\n\s*\n|\n(?=[-*] )", page):
        text = plain(part.strip().removeprefix("- ").removeprefix("* "))
        if not text.startswith(("#", "$$", "|", "+++", "![")) and len(text.split()) >= SHORTEST:
            found.append(text)
    return found


def asked(notebook: str, chapter: str) -> list[Question]:
    """Return what a chapter's card says is built there. Its question stands in its text too."""
    text = "\n\n".join("".join(cell["source"]) for cell in json.loads(notebook)["cells"][:1])
    return [Question(kind, chapter, plain(said)) for kind, said in CARD.findall(text)]


def glossary(text: str) -> list[Question]:
    """Return the explanations of a glossary that name one chapter, without their terms."""
    return [
        Question("glossary", chapter, plain(said))
        for said, chapter in ENTRY.findall(text)
        if "{chapter}" not in said.lower()
    ]


def renew() -> None:
    """Write the file anew, from today's chapters."""
    from studies.bert import embedded

    pages = {p.stem: p.read_text("utf-8") for p in sorted((ROOT / "chapters").glob("*.ipynb"))}
    pages = {stem.partition("_")[2]: page for stem, page in pages.items()}
    rows = [(name, text) for name, page in pages.items() for text in paragraphs(page)]
    questions = [one for name, page in pages.items() for one in asked(page, name)]
    questions += glossary((ROOT / "book" / "glossary.md").read_text("utf-8"))
    known = {"paragraphs": json.dumps(rows, ensure_ascii=False)}
    known["questions"] = json.dumps([q for q in questions if q.chapter in pages])
    vectors = embedded([text for _, text in rows]).half()
    with whole(ROOT / "book" / "studies" / FILE) as part:
        save_file({"vectors": vectors}, part, metadata=known)


def stored() -> Book:
    """Return what the file holds."""
    with safe_open(find(FILE), framework="pt") as file:
        known, vectors = file.metadata(), file.get_tensor("vectors")
    chapters, texts = zip(*json.loads(known["paragraphs"]), strict=True)
    questions = [Question(*one) for one in json.loads(known["questions"])]
    return Book(list(chapters), list(texts), vectors.float(), questions)


def found(book: Book, scores: Tensor) -> list[bool]:
    """Return for each question whether the best paragraph is of its chapter; scores are (Q, P)."""
    best = torch.as_tensor(scores).argmax(-1).tolist()
    return [book.chapters[i] == q.chapter for i, q in zip(best, book.questions, strict=True)]


if __name__ == "__main__":
    renew()
