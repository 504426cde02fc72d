"""The code of two models as the lines that one has and the other lacks.

A method is printed anew from its syntax tree, so that no difference is one of style: without its
docstring, comments and types, and without the lines that only check arguments. Whatever is wider
than a phone's line is broken, one argument a line. Each method is held against the most similar one
of the other model, which need not be the one of its name.
"""

import ast
import difflib
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from txbook.skeleton.family import FAMILY

WIDTH = 74  # characters
AROUND = 1  # lines that stay on each side of a change
FEWEST = 2  # lines that a fold hides
ALIKE = 0.5  # from here on two methods are held against each other
HEAD = "__init__"
CHECK = "check_"
CHOICE = re.compile(r"(\s*(?:return |[\w.]+ = ))([^()]*|.*?\)) (if .+?) (else .+)")
WORD = re.compile(r"\w+|[^\w\s]")

Statement = tuple[str, ...]  # its lines


@dataclass(frozen=True)
class Line:
    """A line of code: ``-`` only before, ``+`` only after, or in both."""

    sign: str
    text: str


@dataclass(frozen=True)
class Piece:
    """Lines that belong together; those that are the same are folded."""

    lines: tuple[Line, ...]
    folded: bool = False


@dataclass(frozen=True)
class Pair:
    """A method of the later model and the one of the earlier that is most like it, or one alone."""

    before: str
    after: str
    pieces: tuple[Piece, ...]

    @property
    def changed(self) -> int:
        """How many lines come or go."""
        return sum(line.sign != " " for piece in self.pieces for line in piece.lines)


def pairs(before: str, after: str) -> list[Pair]:
    """Return the methods of the later model beside those of the earlier, and what is left of it."""
    old, new = methods(FAMILY[before].model), methods(FAMILY[after].model)
    partner = matched(old, new)
    found = [
        Pair(
            f"{before}.{partner[name]}" if name in partner else "",
            f"{after}.{name}",
            tuple(folded(difference(old.get(partner.get(name, ""), []), code))),
        )
        for name, code in new.items()
    ]
    gone = [name for name in old if name not in partner.values()]
    return found + [
        Pair(f"{before}.{name}", "", tuple(folded(difference(old[name], [])))) for name in gone
    ]


def matched(old: dict[str, list[Statement]], new: dict[str, list[Statement]]) -> dict[str, str]:
    """Return for each new method the old one that is most like it; no old one is taken twice."""
    scores = sorted(
        (
            (_likeness(old[was], new[name]), name, was)
            for name in new
            for was in old
            if (name == HEAD) == (was == HEAD)
        ),
        reverse=True,
    )
    found: dict[str, str] = {}
    for score, name, was in scores:
        near = score >= ALIKE or name == HEAD
        if near and name not in found and was not in found.values():
            found[name] = was
    return found


def _likeness(a: list[Statement], b: list[Statement]) -> float:
    words = [WORD.findall(" ".join(line for one in code for line in one)) for code in (a, b)]
    return difflib.SequenceMatcher(None, *words, autojunk=False).ratio()


def difference(old: list[Statement], new: list[Statement]) -> Iterator[Line]:
    """Yield the lines of both.

    Statements that are the same are found first; between them those that set the same name are
    compared line by line.
    """
    for kind, i, i_end, j, j_end in _steps(old, new):
        if kind == "equal":
            yield from (Line(" ", line) for one in old[i:i_end] for line in one)
        else:
            yield from _between(old[i:i_end], new[j:j_end])


def _between(old: list[Statement], new: list[Statement]) -> Iterator[Line]:
    for kind, i, i_end, j, j_end in _steps([*map(_key, old)], [*map(_key, new)]):
        if kind == "equal":
            for was, now in zip(old[i:i_end], new[j:j_end], strict=True):
                yield from _lines(was, now)
        else:
            yield from (Line("-", line) for one in old[i:i_end] for line in one)
            yield from (Line("+", line) for one in new[j:j_end] for line in one)


def _key(statement: Statement) -> str:
    """Return what a statement sets, or its first words."""
    head = statement[0]
    if head.lstrip().startswith(("def ", "return")):
        return head.split()[0]
    return head.partition(" = ")[0]


def _lines(old: Statement, new: Statement) -> Iterator[Line]:
    for kind, i, i_end, j, j_end in _steps(old, new):
        if kind == "equal":
            yield from (Line(" ", line) for line in old[i:i_end])
        else:
            yield from (Line("-", line) for line in old[i:i_end])
            yield from (Line("+", line) for line in new[j:j_end])


def _steps(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[str, int, int, int, int]]:
    return list(difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes())


def folded(code: Iterable[Line]) -> Iterator[Piece]:
    """Yield the lines piece by piece; of those that are the same, all but a few are folded."""
    runs = [(same, [*run]) for same, run in itertools.groupby(code, lambda one: one.sign == " ")]
    shown: list[Line] = []
    for k, (same, run) in enumerate(runs):
        head = AROUND if k else 0
        tail = AROUND if k < len(runs) - 1 else 0
        hidden = run[head : len(run) - tail]
        if not same or len(hidden) < FEWEST:
            shown += run
            continue
        shown += run[:head]
        if shown:
            yield Piece(tuple(shown))
        yield Piece(tuple(hidden), folded=True)
        shown = run[len(run) - tail :]
    if shown:
        yield Piece(tuple(shown))


def methods(model: type[Any]) -> dict[str, list[Statement]]:
    """Return the statements of a model's methods, by their names; the first is the head.

    Those that it shares with another system, through a class that both extend, are its own.
    """
    found: dict[str, list[Statement]] = {HEAD: []}
    for one in reversed(model.__mro__):
        if one.__module__.startswith("txlite.models."):
            tree = ast.parse(textwrap.dedent(inspect.getsource(one)))
            body = tree.body[0]
            assert isinstance(body, ast.ClassDef)
            nodes = [node for node in body.body if isinstance(node, ast.FunctionDef)]
            found |= {node.name: statements(node) for node in nodes}
    return found


def statements(function: ast.FunctionDef) -> list[Statement]:
    """Return a function's head and statements: no docstring, no types, no checks."""
    plain = Plain().visit(function)
    body, plain.body = plain.body, [ast.Pass()]
    head = printed(plain)[:-1]  # without what stands for the body
    return [tuple(head), *(tuple(printed(one, indent="    ")) for one in body)]


class Plain(ast.NodeTransformer):
    """Takes away what says nothing of the computation."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Drop the types of the signature, the docstring and the checks."""
        node.returns, node.decorator_list = None, []
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        asked = names(one for one in body if not checks(one))
        kept = [self.visit(one) for one in body if not checks(one) or sets(one) & asked]
        node.body = kept or [ast.Pass()]
        self.visit(node.args)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        """Drop the checks within."""
        node.body = [self.visit(one) for one in node.body if not checks(one)]
        node.orelse = [self.visit(one) for one in node.orelse if not checks(one)]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Drop an argument's type."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Drop a variable's type."""
        value = node.value or ast.Constant(None)
        return ast.copy_location(ast.Assign([node.target], value), node)


def checks(node: ast.stmt) -> bool:
    """Whether a statement only checks arguments: it calls a check, or raises."""
    if isinstance(node, ast.If):
        return not node.orelse and all(checks(one) for one in node.body)
    if isinstance(node, ast.Raise):
        return True
    if not isinstance(node, ast.Expr | ast.Assign):
        return False
    value: Any = node.value
    while isinstance(value, ast.Call | ast.Attribute):
        value = value.func if isinstance(value, ast.Call) else value.value
    return isinstance(value, ast.Name) and value.id.startswith(CHECK)


def names(statements: Iterable[ast.stmt]) -> set[str]:
    """Return the names that statements ask for."""
    found = [node for one in statements for node in ast.walk(one) if isinstance(node, ast.Name)]
    return {node.id for node in found if isinstance(node.ctx, ast.Load)}


def sets(statement: ast.stmt) -> set[str]:
    """Return the names that a statement sets."""
    found = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return {node.id for node in found if isinstance(node.ctx, ast.Store)}


def printed(node: ast.AST, *, indent: str = "") -> list[str]:
    """Return the lines of a node, those that are too wide broken at their arguments."""
    text = ast.unparse(ast.fix_missing_locations(node))
    return [part for line in text.splitlines() for part in broken(indent + line)]


def broken(line: str) -> list[str]:
    """Return a line as it is, or broken at a choice or within brackets, again and again."""
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    choice = CHOICE.fullmatch(line)
    if choice and all(part.count("(") == part.count(")") for part in choice.groups()):
        head, *parts = choice.groups()
        return [
            f"{head}(",
            *(part for one in parts for part in broken(f"{indent}{one}")),
            f"{indent[4:]})",
        ]
    found = brackets(line)
    if found is None:
        return [line]
    begin, end, commas = found
    cuts = [begin, *commas, end]
    inner = [line[a + 1 : b].strip() for a, b in itertools.pairwise(cuts)]
    comma = "," if commas else ""
    parts = [part for one in inner for part in broken(f"{indent}{one}{comma}")]
    return [line[: begin + 1], *parts, *broken(f"{indent[4:]}{line[end:]}")]


def brackets(line: str) -> tuple[int, int, list[int]] | None:
    """Return where the widest outermost brackets of a line begin and end, and their commas."""
    depth, begin, quote = 0, 0, ""
    commas: list[int] = []
    best: tuple[int, int, list[int]] | None = None
    for i, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            if depth == 0:
                begin, commas = i, []
            depth += 1
        elif letter in ")]}":
            depth -= 1
            wide = best is None or i - begin > best[1] - best[0]
            if depth == 0 and i > begin + 1 and wide:
                best = (begin, i, commas)
        elif letter == "," and depth == 1:
            commas.append(i)
    return best
