"""The API reference: one page for each package, written from its docstrings.

A page in book/api/ holds one line, ``<!-- api: txlite.nn -->``; here it becomes one section for
each module, with the line that leads to the chapter that derives it, its source and its tests.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

from txbook.chapters import derivations, number

LOGGER = logging.getLogger(__name__)
LONGEST_VALUE = 60  # characters of a constant that the reference still prints
MARK = re.compile(r"^<!-- api: ([\w.]+) -->$", re.MULTILINE)
# The book's own tools: every chapter uses them, the page "How to use this book" explains them.
TOOLS = ("txlite.runtime.", "txlite.studies.", "txlite.viz.", "txlite.checks.", "txlite.cli.")


def is_tool(module: str) -> bool:
    """Tell whether a module is a tool of the book and not something that a chapter derives."""
    return f"{module}.".startswith(TOOLS)


def modules(package: str) -> Iterator[ModuleType]:
    """Yield a package's public modules that define public names, in their order in the package."""
    top = importlib.import_module(package)
    if not hasattr(top, "__path__"):
        yield top
        return
    deep = package != "txlite"
    for info in pkgutil.iter_modules(top.__path__, f"{package}."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        if info.ispkg and deep:
            yield from modules(info.name)
        elif not info.ispkg:
            module = importlib.import_module(info.name)
            if getattr(module, "__all__", ()):
                yield module


def own_names(module: ModuleType) -> list[str]:
    """Return a module's public names without those that it only hands on.

    They stand in the reference once, where they are defined. What a private module defines stands
    where it is handed on.
    """

    def elsewhere(name: str) -> bool:
        home = str(getattr(getattr(module, name), "__module__", ""))
        parts = home.split(".")
        if home == module.__name__ or parts[0] != "txlite" or any(p[:1] == "_" for p in parts):
            return False
        return name in getattr(importlib.import_module(home), "__all__", ())

    return [name for name in module.__all__ if not elsewhere(name)]


def public_name(module: ModuleType, name: str) -> str:
    """Return the path by which readers import a name: the highest package that re-exports it."""
    found = getattr(module, name)
    parts = module.__name__.split(".")
    for depth in range(1, len(parts)):
        package = ".".join(parts[:depth])
        holder = importlib.import_module(package)
        if name in getattr(holder, "__all__", ()) and getattr(holder, name, None) is found:
            return f"{package}.{name}"
    return f"{module.__name__}.{name}"


def kind(value: object) -> str:
    """Return the autodoc directive for a value."""
    if isinstance(value, type):
        return "autoexception" if issubclass(value, BaseException) else "autoclass"
    function = callable(value) and hasattr(inspect.unwrap(value), "__code__")  # also a cached one
    return "autofunction" if function else "autodata"


def entry(module: ModuleType, name: str) -> str:
    """Return the reStructuredText that documents one public name."""
    value = getattr(module, name)
    directive = kind(value)
    if directive == "autodata":
        return constant(module, name, value)
    lines = [f".. {directive}:: {public_name(module, name)}"]
    if directive == "autoclass":
        lines += ["   :members:", "   :show-inheritance:"]
    return "\n".join(lines)


def constant(module: ModuleType, name: str, value: object) -> str:
    """Return the reStructuredText for a value: its ``#:`` comment, and itself if short.

    A value that brings a docstring of its own, as an exercise does, is shown by that alone.
    """
    holder = public_name(module, name).rpartition(".")[0]
    lines = [f".. py:data:: {name}", f"   :module: {holder}"]
    text = (getattr(value, "__dict__", {}).get("__doc__") or "").splitlines()
    shown = repr(value)
    if not text and len(shown) <= LONGEST_VALUE and " at 0x" not in shown:
        lines.append(f"   :value: {shown}")
    comment = ModuleAnalyzer.for_module(module.__name__).find_attr_docs().get(("", name), text)
    return "\n".join([*lines, "", *(f"   {line}" for line in comment)])


def heading(module: ModuleType) -> str:
    """Return the reStructuredText of a module's own docstring.

    A module that is called like a function of its package (txlite.viz.show) leaves the name to it.
    """
    top, _, last = module.__name__.rpartition(".")
    taken = last in getattr(importlib.import_module(top), "__all__", ()) if top else False
    same = taken and getattr(importlib.import_module(top), last) is not module
    options = ["   :no-members:"] + ["   :no-index:"] * same
    return "\n".join([f".. automodule:: {module.__name__}", *options])


class Reference:
    """Writes the sections of the reference for one build of the book."""

    def __init__(self, root: Path, pages: list[Path]):
        self.root = root
        explain = (path for path in pages if path.parent.name != "api")  # a room may share a name
        self.folder = {path.stem: path.parent.name for path in explain}
        self.derived = derivations(pages)
        self.missing: list[str] = []

    def page(self, package: str) -> str:
        """Return the Markdown of a whole package."""
        target = f"```{{eval-rst}}\n.. py:module:: {package}\n```"
        return "\n\n".join([target, *map(self.section, modules(package))])

    def section(self, module: ModuleType) -> str:
        """Return the Markdown of one module."""
        stems = self._pages(module)
        entries = "\n\n".join(entry(module, name) for name in own_names(module))
        return "\n\n".join(
            (
                f"## `{module.__name__}`",
                f"```{{eval-rst}}\n{heading(module)}\n```",
                self._trail(module, stems),
                f"```{{eval-rst}}\n{entries}\n```",
            )
        )

    def _pages(self, module: ModuleType) -> list[str]:
        """Return the pages that derive a part of the module; note the names that none does."""
        stems = list(self.derived.get(module.__name__, []))
        for name in own_names(module):
            paths = {f"{module.__name__}.{name}", public_name(module, name)}
            found = [stem for path in paths for stem in self.derived.get(path, [])]
            taught = kind(getattr(module, name)) != "autodata"  # a constant goes with its functions
            if taught and not found and not is_tool(module.__name__):
                self.missing.append(public_name(module, name))
            stems += found
        return sorted(set(stems))

    def _trail(self, module: ModuleType, stems: list[str]) -> str:
        """Return the line under a module's name: its chapters, its source, its tests."""
        path = Path(str(module.__file__)).resolve().relative_to(self.root.resolve())
        test = Path("tests", *path.parts[1:-1], f"test_{path.name}")
        parts = [f"{{source}}`{path.as_posix()}`"]
        if (self.root / test).exists():
            parts.append(f"{{test}}`{test.as_posix()}`")
        pages = [s for s in stems if number(s) is None]
        chapters = [s for s in stems if number(s) is not None]
        for told, these in (("explained in", pages), ("derived in chapter", chapters)):
            if these:
                links = (f"{number(s) or ''} {{doc}}`/{self.folder[s]}/{s}`" for s in these)
                parts.insert(0, f"{told} " + ", ".join(link.strip() for link in links))
        line = " · ".join(parts)
        return f":::{{div}} tx-trail\n{line[0].upper() + line[1:]}\n:::"


def listed(app: Sphinx) -> list[Path]:
    """Return the chapters and pages that the table of contents names, in reading order."""
    names = app.config.external_site_map
    paths = (Path(app.srcdir, f"{name}{kind}") for name in names for kind in (".ipynb", ".md"))
    return [path for path in paths if path.exists()]


def prepare(app: Sphinx) -> None:
    """Read the chapters and pages once, before any is built."""
    app.txbook_reference = Reference(Path(app.config.txbook_root), listed(app))


def expand(app: Sphinx, docname: str, content: list[str]) -> None:
    """Replace the line that stands for a package, and warn of names that no chapter derives."""
    reference = app.txbook_reference
    content[0] = MARK.sub(lambda mark: reference.page(mark[1]), content[0])
    for name in reference.missing:
        LOGGER.warning(
            "%s is public, but no chapter links to it under “What you built”, and no page does",
            name,
            location=docname,
            type="txbook",
            subtype="derived",
        )
    reference.missing.clear()


def find(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.Element | None:
    """Resolve a docstring's short name, such as ``Mask.to_tensor``, if only one entry ends so."""
    if node.get("refdomain") != "py":
        return None
    ending = "." + node["reftarget"].lstrip(".~")
    objects = env.get_domain("py").objects
    found = {entry.node_id: entry for name, entry in objects.items() if name.endswith(ending)}
    if len(found) != 1:
        return None
    (entry,) = found.values()
    return make_refnode(
        app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, node["reftarget"]
    )
