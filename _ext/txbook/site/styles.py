"""One style sheet for all pages: what the theme and the extensions bring, less what no page uses.

Nine tenths of the theme's style sheet are about things that this book does not have. A rule is kept
where each class and id that its selector asks for stands in some page or script.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

from txbook.site import icons

BLOCK = re.compile(r"<!-- styles -->(.*?)<!-- end of styles -->", re.DOTALL)
HREF = re.compile(r'<link\b[^>]*?href="(?:\.\./)*([^"?]+)[^"]*"')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
IMPORT = re.compile(r'@import\s+(?:url\()?"([^"]+)"\)?;')
ADDRESS = re.compile(r"url\((['\"]?)(?!data:|#)([^)'\"]+)\1\)")
WORD = re.compile(r"[\w-]+")
FUNCTION = re.compile(r":(?:not|is|where|has)\([^()]*(?:\([^()]*\)[^()]*)*\)")
ASKED = re.compile(r"[.#]((?:[\w-]|\\.)+)")
NESTED = ("@media", "@supports", "@layer", "@container")
OURS = "txlite.css"  # what widgets may ask of it stands in no page
UNUSED = ("scripts/fontawesome.js", "vendor", "locales", "jupyter-sphinx")


def blocks(css: str) -> Iterator[tuple[str, str | None]]:
    """Yield the rules of a style sheet: what stands before the braces, and what within.

    A statement without braces, as ``@charset``, comes with None.
    """
    start = depth = opened = position = 0
    while position < len(css):
        letter = css[position]
        if letter in "\"'":
            position = _end_of_string(css, position)
        elif letter == "{":
            opened = position if depth == 0 else opened
            depth += 1
        elif letter == "}":
            depth -= 1
            if depth == 0:
                yield css[start:opened].strip(), css[opened + 1 : position]
                start = position + 1
        elif letter == ";" and depth == 0:
            yield css[start:position].strip(), None
            start = position + 1
        position += 1


def _end_of_string(css: str, begin: int) -> int:
    position = begin + 1
    while position < len(css) and css[position] != css[begin]:
        position += 2 if css[position] == "\\" else 1
    return position


def selectors(text: str) -> list[str]:
    """Return the selectors of a rule, cut at the commas that stand in no brackets."""
    parts, depth, last = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append(text[last:position])
            last = position + 1
    return [part.strip() for part in (*parts, text[last:]) if part.strip()]


def lives(selector: str, words: set[str]) -> bool:
    """Tell whether a page can have what a selector asks for."""
    if icons.NAME.search(selector):
        return False
    while (plain := FUNCTION.sub("", selector)) != selector:
        selector = plain
    plain = re.sub(r"\[[^\]]*\]", "", selector)
    return all(name.replace("\\", "") in words for name in ASKED.findall(plain))


def used(css: str, words: set[str]) -> str:
    """Return a style sheet without the rules that no page can use."""
    kept = []
    for head, body in blocks(css):
        if body is None:
            kept.append(f"{head};")
        elif head.startswith(NESTED):
            if inner := used(body, words):
                kept.append(f"{head}{{{inner}}}")
        elif head.startswith("@font-face"):
            if "Font Awesome" not in body and "FontAwesome" not in body:
                kept.append(f"{head}{{{body}}}")
        elif head.startswith("@"):
            kept.append(f"{head}{{{body}}}")
        elif found := [one for one in selectors(head) if lives(one, words)]:
            kept.append(f"{','.join(found)}{{{body.strip()}}}")
    return "".join(kept)


def sheet(file: Path, root: Path) -> str:
    """Return a style sheet with what it imports, its addresses as they are seen from ``root``."""
    css = COMMENT.sub("", file.read_text(encoding="utf-8"))

    def moved(found: re.Match[str]) -> str:
        target = (file.parent / found[2].partition("?")[0]).resolve()
        inside = target.is_relative_to(root.resolve())
        return f'url("{target.relative_to(root.resolve()).as_posix()}")' if inside else found[0]

    css = ADDRESS.sub(moved, css)
    return IMPORT.sub(lambda found: sheet((file.parent / found[1]).resolve(), root), css)


def vocabulary(pages: list[str], scripts: list[str]) -> set[str]:
    """Return every word that can be a class or an id of a page."""
    words: set[str] = set()
    for page in pages:
        for value in re.findall(r'\b(?:class|id)="([^"]*)"', page):
            words.update(value.split())
    for script in scripts:
        words.update(WORD.findall(script))
    return words


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the one style sheet, and let every page ask for it."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = {page: page.read_text(encoding="utf-8") for page in out.rglob("*.html")}
    texts = list(pages.values())
    scripts = [
        file.read_text(encoding="utf-8")
        for file in static.rglob("*.js")
        if file.name != "fontawesome.js" and file.parent.name != "live"
    ]
    words = vocabulary(texts, scripts)
    lists = {tuple(HREF.findall(found[1])) for text in texts if (found := BLOCK.search(text))}
    theme = (static / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    drawn = icons.rules(theme, texts, static / "vendor" / "fontawesome" / "webfonts")
    names = {}
    for links in lists:
        parts = []
        for link in links:
            css = sheet(out / link, static)
            parts.append(css if link.endswith(OURS) else used(css, words))
            if link.endswith("pydata-sphinx-theme.css"):
                parts.append(drawn)
        fonts = static / "vendor" / "fontawesome" / "webfonts"
        text = "\n".join((icons.face("".join(parts), fonts), *parts))
        names[links] = f"txbook-{hashlib.sha256(text.encode()).hexdigest()[:12]}.css"
        (static / names[links]).write_text(text, encoding="utf-8", newline="\n")
    for page, text in pages.items():
        if found := BLOCK.search(text):
            name = names[tuple(HREF.findall(found[1]))]
            up = "../" * (len(page.relative_to(out).parts) - 1)
            link = f'<link rel="stylesheet" href="{up}_static/{name}" />'
            page.write_text(BLOCK.sub(lambda _, link=link: link, text), encoding="utf-8")
    _drop(out, {link for links in lists for link in links})


def _drop(out: Path, sheets: set[str]) -> None:
    """Remove what no page asks for any longer."""
    static = out / "_static"
    for link in sheets:
        (out / link).unlink(missing_ok=True)
    for name in UNUSED:
        path = static / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in (*static.rglob("*.map"), *static.rglob("*.LICENSE.txt")):
        path.unlink()
    for name in ("documentation_options.js", "searchtools.js", "language_data.js"):
        (static / name).unlink(missing_ok=True)
