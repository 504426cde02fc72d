"""Where a chapter's chance comes from: from txlite.seed, which TXLITE_SEED shifts; exams stay.

What was held out is the same under every seed, or runs could not be compared. It is known by its
name.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from browsing import ROOT

CHAPTERS = sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))
HELD_OUT = ("test", "exam", "held_out")
MAGIC = re.compile(r"^( *)[%!].*$", re.MULTILINE)
OTHERS = {"Generator", "manual_seed", "default_rng", "RandomState"}


def other_sources(source: str) -> Iterator[str]:
    """Yield the calls of a cell that take chance from elsewhere, and seeds that nothing shifts."""
    for statement in ast.walk(ast.parse(source)):
        if not isinstance(statement, ast.stmt) or _is_held_out(statement):
            continue
        for node in _own(statement):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            module = ast.unparse(function).partition(".")[0]
            if name in OTHERS or module == "random" or (module, name) == ("np", "random"):
                yield ast.unparse(node)
            for keyword in node.keywords:
                if keyword.arg == "seed" and isinstance(keyword.value, ast.Constant):
                    yield ast.unparse(node)


def _is_held_out(statement: ast.stmt) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    names = {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return any(part in name for name in names for part in HELD_OUT)


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the parts of a statement, but for the statements within it."""
    todo: list[ast.AST] = list(ast.iter_child_nodes(statement))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            continue
        yield node
        todo.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_takes_its_chance_from_one_place(path: Path) -> None:
    cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    sources = [MAGIC.sub(r"\1pass", cell) for cell in cells]
    found = [call for source in sources for call in other_sources(source)]
    assert not found, (
        "use txlite.seed(n), or txlite.seed(n).initial_seed() where a number is wanted"
    )


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("draw = torch.Generator().manual_seed(1)", 2),
        ("torch.manual_seed(1)", 1),
        ("draw = np.random.default_rng(3)", 1),
        ("x = random.random()", 1),
        ("train = sample(9, seed=2)", 1),
        ("def f():\n    return Batches(rows, seed=4)", 1),
        ("test_rows = sample(9, seed=2)", 0),
        ("train_pairs, test_pairs = split(seed=0)", 0),
        ("exam = spill(test, torch.Generator().manual_seed(7))", 0),
        ("draw = txlite.seed(2)\ntrain = sample(9, seed=draw.initial_seed())", 0),
        ("def f(seed=0):\n    return Batches(rows, seed=seed)", 0),
    ],
)
def test_other_sources_of_chance_are_seen(source: str, count: int) -> None:
    assert len(list(other_sources(source))) == count
