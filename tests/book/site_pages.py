"""The pages of the built site, known when tests are collected, so that each page is a test."""

from browsing import SITE

NOT_PAGES = {"_static", "_sources", "_images", "reports", "_sphinx_design_static"}


def pages() -> list[str]:
    """Return the addresses of all pages below the site, the entrance excluded."""
    found = sorted(SITE.rglob("*.html")) if SITE.exists() else []
    paths = (path.relative_to(SITE) for path in found)
    return [p.as_posix() for p in paths if p.parts[0] not in NOT_PAGES and p.name != "index.html"]


def chapters() -> list[str]:
    """Return the addresses of the chapters."""
    return [page for page in pages() if page.startswith("chapters/")]
