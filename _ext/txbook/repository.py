"""Links into the repository: the ``{source}`` and ``{test}`` roles and Sphinx's source links.

One setting holds the address: ``repository.url`` in _config.yml.
"""

import importlib
import inspect
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxRole

FOLDER = "notebooks"  # of the site: the copies of the chapters, see copies.py
BRANCH = "notebooks"  # of the repository: that folder, for Colab and Binder


def address(config: Config) -> tuple[str, str]:
    """Return the repository's address and its branch."""
    options = config.html_theme_options
    return options["repository_url"].rstrip("/"), options.get("repository_branch") or "main"


def blob(config: Config, path: str, anchor: str = "") -> str:
    """Return the address at which a reader sees a file of the repository."""
    url, branch = address(config)
    return f"{url}/blob/{branch}/{path}{anchor}"


def colab(config: Config, path: str) -> str:
    """Return the address that opens the copy of a notebook in Colab."""
    repository = address(config)[0].removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{repository}/blob/{BRANCH}/{path}"


def binder(config: Config, path: str) -> str:
    """Return the address that opens the copy of a notebook in Binder."""
    repository = address(config)[0].removeprefix("https://github.com/")
    return f"https://mybinder.org/v2/gh/{repository}/{BRANCH}?urlpath=lab/tree/{path}"


def line_of(root: Path, target: str) -> str:
    """Return ``#L12`` for ``path::name``, an empty string for a bare path.

    Raises
    ------
    ValueError
        If the file does not exist, or defines no such name.
    """
    path, _, name = target.partition("::")
    if not (root / path).exists():
        raise ValueError(f"no file {path} in the repository")
    if not name:
        return ""
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    heads = (f"def {name}(", f"class {name}(", f"class {name}:")
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith(heads):
            return f"#L{number}"
    raise ValueError(f"{path} defines no {name}")


class RepositoryRole(SphinxRole):
    """``{source}`txlite/nn/attention.py``` or ``{test}`tests/nn/test_attention.py::test_x```."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link; a file or name that does not exist is a warning."""
        path = self.text.partition("::")[0]
        try:
            anchor = line_of(Path(self.config.txbook_root), self.text)
        except ValueError as error:
            message = self.inliner.reporter.warning(f"{self.name}: {error}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        link = nodes.reference(
            self.rawtext, refuri=blob(self.config, path, anchor), classes=[f"tx-{self.name}"]
        )
        link += nodes.literal(text=self.text)
        return [link], []


def linkcode(app: Sphinx, domain: str, info: dict[str, str]) -> str | None:
    """Return where the object that an entry of the reference describes is defined."""
    if domain != "py" or not info["module"]:
        return None
    try:
        found: Any = importlib.import_module(info["module"])
        for part in info["fullname"].split("."):
            found = getattr(found, part)
        found = inspect.unwrap(found.fget if isinstance(found, property) else found)
        file = Path(inspect.getsourcefile(found) or "").resolve()
        lines, start = inspect.getsourcelines(found)
    except (AttributeError, TypeError, OSError):
        return None  # an attribute or a constant: it has no lines of its own
    root = Path(app.config.txbook_root).resolve()
    if root not in file.parents:
        return None
    anchor = f"#L{start}-L{start + len(lines) - 1}"
    return blob(app.config, file.relative_to(root).as_posix(), anchor)


def install(app: Sphinx, config: Config) -> None:
    """Give sphinx.ext.linkcode the function it asks for."""
    config.linkcode_resolve = lambda domain, info: linkcode(app, domain, info)
