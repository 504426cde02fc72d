"""Old addresses: a page that has moved leaves one behind that leads to where it is now."""

from html import escape
from pathlib import Path

from sphinx.application import Sphinx

MOVED = {
    "chapters/08_encoder": "chapters/09_encoder",
    "chapters/09_decoder": "chapters/10_decoder",
    "chapters/10_transformer": "chapters/11_transformer",
    "chapters/11_training": "chapters/12_training_recipe",
    "chapters/12_decoding": "chapters/14_decoding",
    "chapters/13_translation": "chapters/15_translation",
}
# A script keeps the place in the page, which no refresh does; it works without one, too.
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="canonical" href="{canonical}">
<script>location.replace("{target}" + location.search + location.hash)</script>
<meta http-equiv="refresh" content="0; url={target}">
</head>
<body><main><h1>{title}</h1><p><a href="{target}">{words}</a></p></main></body>
</html>
"""


def leads_to(target: str, *, title: str, words: str, canonical: str, language: str) -> str:
    """Return a page that leads to another one at once: from a disk as from a server."""
    values = {"target": target, "title": title, "words": words, "canonical": canonical}
    return PAGE.format(language=language, **{k: escape(v) for k, v in values.items()})


def write(app: Sphinx, error: Exception | None) -> None:
    """Write a page at every old address; one at which there is a page again is an error."""
    if error or app.builder.name != "html":
        return
    out = Path(app.outdir)
    for old, new in MOVED.items():
        if new not in app.env.all_docs:  # a smaller book, as tests build
            continue
        file = out / f"{old}.html"
        if file.exists():
            raise ValueError(f"{old} should be free to lead to {new}, there is a page")
        file.write_text(
            leads_to(
                app.builder.get_relative_uri(old, new),
                title=app.env.titles[new].astext(),
                words="The page has moved",
                canonical=app.config.html_baseurl + app.builder.get_target_uri(new),
                language=app.config.language,
            ),
            encoding="utf-8",
        )
