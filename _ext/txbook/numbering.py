"""A chapter's number on its page, and on what it holds, is the one in its file's name.

Sphinx counts the pages of numbered tables of contents: the page after chapter 18 would be 19, also
when it is ``21_clip``. Headings, figures, formulas and exercises take their numbers from here.
"""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, cast

from docutils import nodes
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles

from txbook.chapters import number

__all__ = ["connect"]

Numbers = dict[str, tuple[int, ...] | None]
Count = Callable[[Any, BuildEnvironment], list[str]]


def by_name(env: BuildEnvironment, document: str, counted: Numbers) -> Numbers:
    """Return a page's section numbers with the number in its file's name; note them in its titles.

    Parameters
    ----------
    env : BuildEnvironment
        What Sphinx knows of the book.
    document : str
        For instance ``"chapters/21_clip"``.
    counted : dict
        Sections by anchor, as they were counted: ``{"": (19,), "#a": (19, 1)}``.

    Returns
    -------
    dict
        ``{"": (21,), "#a": (21, 1)}``; a page without a number in its name stays as it is.
    """
    own = number(PurePosixPath(document).name)
    if own is None:
        return counted
    for node in (*env.tocs[document].findall(nodes.reference), env.titles[document]):
        if node.get("secnumber"):
            node["secnumber"] = [own, *node["secnumber"][1:]]
    return {anchor: found and (own, *found[1:]) for anchor, found in counted.items()}


def connect(app: Any) -> None:
    """Number chapters by their names, whatever counts them."""
    app.connect("builder-inited", lambda _: install())


def install() -> None:
    """Put `by_name` behind every count of Sphinx's and of the table of contents', once."""
    for collector in (TocTreeCollector, TocTreeCollectorWithStyles):
        if not getattr(collector.assign_section_numbers, "by_name", False):
            collector.assign_section_numbers = _behind(collector.assign_section_numbers)


def _behind(count: Count) -> Count:
    """Return a count whose numbers are then those in the files' names."""

    def assign(self: TocTreeCollector, env: BuildEnvironment) -> list[str]:
        before = env.toc_secnumbers
        count(self, env)
        found = cast("dict[str, Numbers]", env.toc_secnumbers)
        for document, counted in found.items():
            found[document] = by_name(env, document, counted)
        return [document for document in found if found[document] != before.get(document)]

    assign.by_name = True  # type: ignore[attr-defined]
    return assign
