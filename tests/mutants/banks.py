"""Where the formulas of the named mistakes stand, in the banks of ``txlite/checks``.

    python -m tests.mutants --within banks --sample 100 --no-faults

A formula is what ``swapped`` or ``Mistake`` is given besides the words, what stands in a table of
mistakes, and every function that only these name: not the recipes, and not what a right answer
needs. A fault there gives a mistake another meaning under the same name. It is looked for in the
exercise's own tests, for it is they that hold answers in other words.
"""

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutant import Mutant

FILES = ("checks/*",)
Key = tuple[str, str]  # a file and the name of what it defines


class _Place(NamedTuple):
    """An expression, and the file that it stands in."""

    file: str
    node: ast.AST


class _Checks:
    """The exercises, and what their files define and import."""

    def __init__(self, package: Path) -> None:
        paths = sorted((package / "checks").rglob("*.py"))
        self.sources = {p.relative_to(package).as_posix(): p.read_text("utf-8") for p in paths}
        self.defined: dict[Key, ast.AST] = {}
        self.imported: dict[Key, Key] = {}
        self.banks: list[_Place] = []
        self.right: list[_Place] = []
        for file, source in self.sources.items():
            if not file.startswith("checks/framework/"):
                self.read(file, ast.parse(source))

    def read(self, file: str, tree: ast.Module) -> None:
        """Note what a file defines; of an exercise, its bank and all the rest."""
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                source = f"{(node.module or '').replace('.', '/').removeprefix('txlite/')}.py"
                for name in node.names:
                    self.imported[file, name.asname or name.name] = source, name.name
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                self.defined[file, node.name] = node
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                if _called(node.value) == "Exercise":
                    self.exercise(file, node.value)
                    continue
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name):
                        self.defined[file, target.id] = node.value

    def exercise(self, file: str, node: ast.expr) -> None:
        """Note an exercise's bank, and beside it what is right."""
        assert isinstance(node, ast.Call)
        for part in node.keywords:
            found = self.banks if part.arg == "bank" else self.right
            found.append(_Place(file, part.value))

    def named(self, place: _Place) -> set[Key]:
        """Return what an expression names, of that which the exercises' files define."""
        names = {n.id for n in ast.walk(place.node) if isinstance(n, ast.Name)}
        keys = {self.imported.get((place.file, name), (place.file, name)) for name in names}
        return keys & self.defined.keys()

    def reached(self, places: Iterable[_Place]) -> set[Key]:
        """Return what expressions name, and what that names, and so on."""
        found: set[Key] = set()
        waiting = list(places)
        while waiting:
            fresh = self.named(waiting.pop()) - found
            found |= fresh
            waiting += [_Place(file, self.defined[file, name]) for file, name in fresh]
        return found

    def wrong(self) -> list[_Place]:
        """Return the banks and what only they name."""
        reached = self.reached(self.banks)
        everything = [*self.banks, *(_Place(key[0], self.defined[key]) for key in reached)]
        recipes = [
            _Place(place.file, call.args[0])
            for place in everything
            for call in ast.walk(place.node)
            if isinstance(call, ast.Call) and _called(call) in {"swapped", "mistakes_of"}
        ]
        right = self.reached([*self.right, *recipes])
        only = sorted(reached - right)
        return [*self.banks, *(_Place(key[0], self.defined[key]) for key in only)]


def _called(node: ast.AST) -> str:
    """Return the name of the function that an expression calls."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _formulas(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Return the first and the last node of every formula in an expression."""
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef | ast.Lambda | ast.Dict):
            yield part, part
        elif isinstance(part, ast.Call) and _called(part) == "swapped" and part.keywords:
            yield part.keywords[0], part.keywords[-1]
        elif isinstance(part, ast.Call) and _called(part) == "Mistake" and len(part.args) > 2:
            yield part.args[2], part.args[2]


def formulas(root: Path) -> Callable[[Mutant], bool]:
    """Return whether a change lies in the formula of a named mistake."""
    checks = _Checks(root / "txlite")
    places: dict[str, list[tuple[int, int]]] = {}
    for file, node in checks.wrong():
        lines = checks.sources[file].split("\n")
        offsets = [0, *itertools.accumulate(len(line.encode()) + 1 for line in lines)]
        for first, last in _formulas(node):
            start = offsets[first.lineno - 1] + first.col_offset  # type: ignore[attr-defined]
            end = offsets[last.end_lineno - 1] + last.end_col_offset  # type: ignore[attr-defined]
            places.setdefault(file, []).append((start, end))
    return lambda mutant: any(
        start <= mutant.start < end for start, end in places.get(mutant.file, [])
    )


def tests_of(root: Path, file: str) -> tuple[tuple[str, ...], ...]:
    """Return the tests of an exercise; of what several exercises share, those of its folder."""
    path = Path(file)
    folder = root / "tests" / path.parent
    own = folder / f"test_{path.stem}.py"
    found = [own] if own.exists() else sorted(folder.glob("test_*.py"))
    return (tuple(str(test.relative_to(root)) for test in found),)
