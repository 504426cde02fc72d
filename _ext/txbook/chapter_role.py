"""``{chapter}`decoding```: a link that says “chapter 14”; ``{Chapter}`` begins a sentence with it.

A chapter is named by its file without the number, so that numbers can change and no sentence with
them.
"""

from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxRole

from txbook.chapters import number
from txbook.tables import FOLDER, listed


def stems(root: Path) -> dict[str, str]:
    """Return the chapters of the table of contents: their files by their names.

    Parameters
    ----------
    root : Path
        The folder that holds _toc.yml.

    Returns
    -------
    dict
        For instance ``{"masks": "03_masks"}``.
    """
    return {stem.partition("_")[2]: stem for _, stem in listed(root)}


class ChapterRole(SphinxRole):
    """Link to a chapter by its name, with its number."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link; a name that is no chapter's is an error."""
        known = stems(Path(self.config.txbook_root))
        if self.text not in known:
            names = ", ".join(known)
            message = self.inliner.reporter.error(
                f"chapter should be one of {names}, got {self.text!r}", line=self.lineno
            )
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        stem = known[self.text]
        word = "Chapter" if self.rawtext.lstrip("{:").startswith("C") else "chapter"
        title = f"{word} {number(stem)}"
        link = pending_xref(
            self.rawtext,
            nodes.inline(self.rawtext, title, classes=["std", "std-doc"]),
            refdomain="std",
            reftype="doc",
            refexplicit=True,
            reftarget=f"/{FOLDER}{stem}",
            refdoc=self.env.docname,
            refwarn=True,
        )
        return [link], []
