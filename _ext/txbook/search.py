"""The search of the book: an index that comes in parts, and knows which chapter teaches a term.

A page is cut at its headings, a reference at its names. Words are found by their first letters;
Chinese, which has no spaces, by pairs of characters. The glossary says in both languages which
chapter a term belongs to: that chapter comes first. ``assets/txlite-search.js`` asks.

Files, all in a folder named after their content: ``pages.js`` (titles, headings, terms), one
file of words for each first letter, and one with the text of each page, from which a result quotes.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx

FOLDER = "_static/search"
SILENT = re.compile(r"<(script|style|svg|noscript|template)\b.*?</\1>", re.DOTALL)
MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)
TAG = re.compile(r"<[^>]+>")
WORD = re.compile(r"[a-z0-9_\u00c0-\u024f\u0370-\u03ff]+(?:['’-][a-z0-9_\u00c0-\u024f]+)*")
CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
KINDS = {"chapters/": "chapter", "book/api": "reference", "book/glossary": "glossary"}
SHARDS = 16  # of the Chinese pairs
LONGEST = 40  # letters of a word that is indexed: what is longer is no word


def root(word: str) -> str:
    """Return a word without hyphens and without the ending of its plural."""
    word = re.sub(r"['’]s?$|['’-]", "", word)
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "as"))
    return word[:-1] if plural else word


def words(text: str) -> Iterator[str]:
    """Yield what a text is found by: its words, their parts at a hyphen, pairs of Chinese."""
    for found in WORD.findall(text.lower()):
        parts = re.split(r"[-_]", found)
        yield from (root(part) for part in {found, *parts} if 0 < len(part) <= LONGEST)
    for run in CHINESE.findall(text):
        yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))


def shard(word: str) -> str:
    """Return the file in which a word stands."""
    first = word[0]
    if CHINESE.match(first):
        return f"c{ord(first) % SHARDS}"
    return first if "a" <= first <= "z" else "other"


@dataclass
class Part:
    """A piece of a page under one heading."""

    page: int
    heading: str
    anchor: str
    text: str


@dataclass
class Index:
    """What all pages say."""

    pages: list[tuple[str, str, str]] = field(default_factory=list)  # address, title, kind
    parts: list[Part] = field(default_factory=list)
    terms: dict[str, list[str]] = field(default_factory=dict)  # its words: its lesson, in English

    def add(self, address: str, html: str) -> None:
        """Read a page."""
        html = MATH.sub(lambda found: TAG.sub("", found[0]), SILENT.sub(" ", html))
        article = BeautifulSoup(html, "html.parser").find("article")
        heading = article.find("h1") if article else None
        if article is None or heading is None:
            return
        kind = next((kind for start, kind in KINDS.items() if address.startswith(start)), "page")
        for mark in article.select(".headerlink, .linenos, .tx-buttons, .prompt"):
            mark.decompose()
        for code in article.select("pre, code"):
            code.string = code.get_text()  # the highlighter's pieces are one text
        page = len(self.pages)
        self.pages.append((address, _said(heading), kind))
        if kind == "glossary":
            self.terms |= terms(article)
        self.parts += [Part(page, *piece) for piece in _pieces(article)]

    def postings(self) -> dict[str, dict[str, list[int]]]:
        """Return, for each file, its words with the parts that say them and how often."""
        found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, part in enumerate(self.parts):
            counted = Counter(words(f"{part.heading} {part.text}"))
            for word, times in counted.items():
                found[shard(word)][word] += [number, times]
        return found

    def files(self) -> dict[str, Any]:
        """Return what each file delivers."""
        heads = [[part.page, part.heading, part.anchor, len(part.text)] for part in self.parts]
        made: dict[str, Any] = {
            "pages": {"pages": self.pages, "parts": heads, "terms": self.terms},
        }
        for name, posted in self.postings().items():
            made[f"words-{name}"] = {word: posted[word] for word in sorted(posted)}
        for page in range(len(self.pages)):
            texts = {str(i): part.text for i, part in enumerate(self.parts) if part.page == page}
            made[f"text-{page}"] = texts
        return made


def _said(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())


def _pieces(article: Tag) -> Iterator[tuple[str, str, str]]:
    """Yield (heading, anchor, text) of what stands under each heading, innermost first."""
    for entry in reversed(article.select("dl.glossary > dt, dl.py > dt.sig")):
        text = entry.find_next_sibling("dd")
        name = entry.get("id", "")
        heading = str(name) if "sig" in entry.get("class", []) else _said(entry)
        yield heading, str(name), _said(text)[:600] if text else ""
    for entry in article.select("dl.glossary, dl.py"):
        entry.decompose()
    for section in reversed(article.find_all("section")):
        heading = section.find(re.compile("^h[1-6]$"))
        if heading is None:
            continue
        title = _said(heading)
        heading.decompose()
        yield title, str(section.get("id", "")), _said(section)
        section.decompose()


def terms(glossary: Tag) -> dict[str, list[str]]:
    """Return, for each term in every language, the last chapter that it names and its English."""
    found = {}
    for definition in glossary.select("dl.glossary > dd"):
        links = [str(link["href"]) for link in definition.select("a[href]")]
        chapters = [link for link in links if "/chapters/" in f"/{link}"]
        names: list[str] = []
        term = definition.find_previous_sibling()
        while isinstance(term, Tag) and term.name == "dt":
            names.insert(0, _said(term))
            term = term.find_previous_sibling()
        if chapters:
            target = chapters[-1].partition("#")[0].removeprefix("../")
            found |= {" ".join(query(name)): [target, names[0]] for name in names}
    return found


def query(text: str) -> list[str]:
    """Return the words of a query, as txlite-search.js makes them: a compound stays whole."""
    latin = [root(word) for word in WORD.findall(text.lower())]
    runs = CHINESE.findall(text)
    return latin + [run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))]


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the index of the site, and name it in the page that searches."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    index = Index()
    for page in sorted(out.rglob("*.html")):
        address = page.relative_to(out).as_posix()
        if not address.startswith("_") and address not in {"search.html", "genindex.html"}:
            index.add(address, page.read_text(encoding="utf-8"))
    texts = {
        name: json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        for name, data in index.files().items()
    }
    version = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:12]
    folder = out / FOLDER / version
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        line = f'txSearch.deliver("{name}",{text});\n'
        folder.joinpath(f"{name}.js").write_text(line, encoding="utf-8", newline="\n")
    (out / "searchindex.js").unlink(missing_ok=True)
    asking = out / "search.html"
    if asking.exists():
        html = asking.read_text(encoding="utf-8")
        mark = 'data-tx-index=""'
        asking.write_text(
            html.replace(mark, f'data-tx-index="{FOLDER}/{version}"'), encoding="utf-8"
        )
