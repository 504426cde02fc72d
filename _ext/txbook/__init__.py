"""The book's machinery: what the build does beyond Jupyter Book.

``setup`` is what Sphinx calls; the command line is ``python -m txbook`` (see ``__main__``).
"""

from pathlib import Path
from typing import Any

__all__ = ["setup"]


def setup(app: Any) -> dict[str, Any]:
    """Connect the parts to Sphinx."""
    from txbook import (
        api,
        captions,
        card,
        chapter_role,
        copies,
        exercises,
        figures,
        formulas,
        live,
        numbering,
        offline,
        overlay,
        preview,
        ranges,
        repairs,
        repository,
        search,
        site,
        skeleton,
        solutions,
        weights,
    )

    root = Path(__file__).resolve().parents[2]
    app.add_config_value("txbook_root", str(root), "env")

    app.add_node(card.cost_line)
    app.add_node(card.cost_table)
    app.add_directive("chapter-card", card.ChapterCard)
    app.add_directive("chapter-costs", card.ChapterCosts)
    app.add_directive("page-weights", weights.PageWeights)
    app.add_directive("live-figure", live.LiveFigure)
    app.add_role("chapter", chapter_role.ChapterRole())
    for name in ("source", "test"):
        app.add_role(name, repository.RepositoryRole())

    for part in (preview, repository):
        app.connect("config-inited", part.install, priority=900)
    app.connect("config-inited", offline.leave_out_thebe, priority=900)
    for part in (api, overlay):
        app.connect("builder-inited", part.prepare)
    app.connect("source-read", api.expand)
    app.connect("source-read", overlay.show)
    app.connect("missing-reference", api.find)
    app.connect("doctree-read", figures.check)
    captions.connect(app)
    numbering.connect(app)
    ranges.connect(app)
    exercises.connect(app)
    app.connect("doctree-resolved", card.resolve)
    copies.connect(app)
    app.connect("html-page-context", live.spread, priority=960)
    repairs.connect(app)
    skeleton.connect(app)
    site.connect(app)
    formulas.connect(app)
    solutions.connect(app)
    app.connect("build-finished", offline.write_entrance, priority=900)
    app.connect("build-finished", search.write, priority=905)
    return {"version": "0.1", "parallel_read_safe": True, "parallel_write_safe": True}
