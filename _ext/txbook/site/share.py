"""What lets a page be shared and found: its description, its picture, the map of the site."""

import json
import re
from html import escape
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape as xml

from docutils import nodes
from sphinx.application import Sphinx

from txbook.reading import place

PICTURES = "_static/share"
LONGEST = 200  # letters of a description: what a search engine shows
VIEWPORT = re.compile(r'\s*<meta name="viewport"[^>]*>')
LEFT_OUT = {"genindex", "search", "py-modindex", "prf-prf"}
LOST = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>No such page - {title}</title>
<style>
  :root {{ background: Canvas; color: CanvasText; color-scheme: light dark; }}
  body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 12vh auto; max-width: 34rem; }}
  body {{ padding: 0 1rem; }}
  a {{ color: LinkText; }}
</style>
</head>
<body><main>
<h1>There is no such page</h1>
<p>It may have moved as the book grew. The <a href="{base}{home}">first page</a> shows the road,
the <a href="{base}search.html">search</a> finds a word, and the
<a href="{base}book/glossary.html">glossary</a> names the chapter of each term.</p>
</main></body>
</html>
"""


def description(doctree: nodes.document | None, fallback: str) -> str:
    """Return what a page is about: what its card promises, or else its first paragraph."""
    if doctree is None:
        return fallback
    texts = []
    for card in doctree.findall(nodes.container):
        if "tx-card" in card.get("classes", []):
            promised = next(card.findall(nodes.definition), None)
            texts = [f"You will build {_plain(promised)}."] if promised is not None else []
    inside = (p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section))
    texts += [text for p in inside if len(text := _plain(p)) > 40]
    return shortened(texts[0]) if texts else fallback


def _plain(node: nodes.Node) -> str:
    pieces = []
    for leaf in node.findall(nodes.Text):
        pieces.append("…" if isinstance(leaf.parent, nodes.math) else str(leaf))
    return " ".join("".join(pieces).split())


def shortened(text: str) -> str:
    """Return the text, cut at a word if it is too long for a description."""
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rsplit(" ", 1)[0].rstrip(",;:") + " …"


def describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Write into a page's head what others may say of it, and one viewport only."""
    config = app.config
    title = re.sub(r"<[^>]+>", "", context.get("title") or config.html_title)
    base = config.html_baseurl
    about = description(doctree, f"{title}: {config.html_title}.")
    picture = f"{base}{PICTURES}/{picture_name(app, pagename)}.png"
    tags = [
        ("name", "description", about),
        ("property", "og:type", "article" if pagename.startswith("chapters/") else "website"),
        ("property", "og:site_name", config.html_title),
        ("property", "og:title", title),
        ("property", "og:description", about),
        ("property", "og:image", picture),
        ("property", "og:image:width", "1200"),
        ("property", "og:image:height", "630"),
        ("property", "og:image:alt", f"{title}. Threads of attention between two sentences."),
        ("name", "twitter:card", "summary_large_image"),
    ]
    if base:
        tags.append(("property", "og:url", base + app.builder.get_target_uri(pagename)))
    if pagename in LEFT_OUT:
        tags.append(("name", "robots", "noindex"))
    written = "".join(
        f'\n    <meta {kind}="{name}" content="{escape(str(value), quote=True)}" />'
        for kind, name, value in tags
    )
    context["metatags"] = VIEWPORT.sub("", context.get("metatags", "")) + written


def picture_name(app: Sphinx, pagename: str) -> str:
    """Return the name of a page's picture: a chapter has its own, the other pages share one."""
    found = place(Path(app.config.txbook_root), pagename)
    return f"chapter-{found[1]:02}" if found else "book"


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the map of the site, the manifest, the page for what is not there, the pictures."""
    if error or app.builder.name != "html":
        return
    config, out = app.config, Path(app.outdir)
    base, home = config.html_baseurl, app.builder.get_target_uri(config.root_doc)
    pages = [name for name in sorted(app.env.all_docs) if (out / f"{name}.html").exists()]
    urls = "".join(f"  <url><loc>{xml(base + name)}.html</loc></url>\n" for name in pages)
    _write(
        out / "sitemap.xml",
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n',
    )
    _write(out / "robots.txt", f"User-agent: *\nAllow: /\n\nSitemap: {base}sitemap.xml\n")
    _write(out / "404.html", LOST.format(title=config.html_title, base=base, home=home))
    manifest = {
        "name": config.html_title,
        "short_name": "Transformers",
        "description": "A book that builds the Transformer from nothing, alive on the page.",
        "lang": config.language,
        "start_url": home,
        "scope": "./",
        "display": "minimal-ui",
        "background_color": "#ffffff",
        "theme_color": "#14507a",
        "icons": [{"src": "_static/logo.svg", "sizes": "any", "type": "image/svg+xml"}],
    }
    _write(out / "manifest.webmanifest", json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    _pictures(app, out / PICTURES)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="\n")


def _pictures(app: Sphinx, folder: Path) -> None:
    from txbook.site.picture import draw

    folder.mkdir(parents=True, exist_ok=True)
    book = app.config.html_title
    draw(folder / "book.png", book, "A book you can run, and a small PyTorch package")
    root = Path(app.config.txbook_root)
    for name, title in app.env.titles.items():
        if found := place(root, name):
            _, number, count = found
            text = f"Chapter {number} of {count}  ·  {book}"
            draw(folder / f"chapter-{number:02}.png", title.astext(), text)
