"""Every small change of a source: one sign, one number, one argument, one statement."""

import ast
import itertools
import re
from collections import Counter
from dataclasses import replace

from tests.mutants.mutant import Mutant

NEIGHBOURS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
    ast.Add: ("-",),
    ast.Sub: ("+",),
    ast.Mult: ("/",),
    ast.Div: ("*",),
    ast.FloorDiv: ("*",),
    ast.Mod: ("*",),
    ast.Pow: ("*",),
    ast.BitAnd: ("|",),
    ast.BitOr: ("&",),
    ast.And: ("or",),
    ast.Or: ("and",),
}
SIGNS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|", ast.And: "and", ast.Or: "or",
}  # fmt: skip
PARTNERS = {
    one: other
    for pair in [
        ("min", "max"), ("any", "all"), ("minimum", "maximum"), ("amin", "amax"),
        ("argmin", "argmax"), ("zeros", "ones"), ("zeros_", "ones_"), ("sin", "cos"),
        ("zeros_like", "ones_like"), ("floor", "ceil"), ("sum", "mean"), ("tril", "triu"),
    ]
    for one, other in [pair, pair[::-1]]
}  # fmt: skip
WHOLE = (ast.Name, ast.Attribute, ast.Call, ast.Constant, ast.Subscript, ast.List, ast.Dict)


def mutants(source: str, file: str) -> list[Mutant]:
    """Return every change of a source, each once, in the order of the file."""
    found = sorted(set(_Walk(source, file).found), key=lambda m: (m.start, m.end, m.new))
    seen: Counter[tuple[str, ...]] = Counter()
    named = []
    for mutant in found:
        same = (mutant.scope, mutant.line, mutant.change)
        named.append(replace(mutant, nth=seen[same]))
        seen[same] += 1
    return named


class _Walk(ast.NodeVisitor):
    """Collect the changes of a file."""

    def __init__(self, source: str, file: str) -> None:
        self.raw, self.file, self.scope = source.encode(), file, ["module"]
        self.lines = source.split("\n")
        sizes = [len(line.encode()) + 1 for line in self.lines]
        self.offsets = [0, *itertools.accumulate(sizes)]
        self.found: list[Mutant] = []
        tree = ast.parse(source)
        imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
        self.imported = {a.asname or a.name.split(".")[0] for node in imports for a in node.names}
        self.visit(tree)

    # ------------------------------------------------------------------ places and words

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return where a node begins and ends."""
        start = self.offsets[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        end = self.offsets[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return start, end

    def text(self, node: ast.AST) -> str:
        """Return the words of a node, in brackets where they would fall apart."""
        start, end = self.span(node)
        words = self.raw[start:end].decode()
        return words if isinstance(node, WHOLE) else f"({words})"

    def put(self, start: int, end: int, new: str, left_out: ast.AST | None = None) -> None:
        """Note one change; where a part is left out, that part is the change's name."""
        before = self.raw[:start].count(b"\n")
        begin, stop = (start, end) if left_out is None else self.span(left_out)
        old = " ".join(self.raw[begin:stop].decode().split())
        change = f"{old} → {' '.join(new.split())}" if new and left_out is None else f"no {old}"
        scope, line = ".".join(self.scope[1:]) or self.scope[0], self.lines[before].strip()
        self.found.append(Mutant(self.file, start, end, new, scope, line, change))

    def swap(self, node: ast.AST, new: str, left_out: ast.AST | None = None) -> None:
        """Note a change of a whole node."""
        self.put(*self.span(node), new, left_out)

    def drop(self, start: int, end: int, node: ast.AST) -> None:
        """Note that one of several is left out, and the comma after it."""
        comma = re.match(rb"\s*,\s*", self.raw[end:])
        self.put(start, end + (comma.end() if comma else 0), "", node)

    def is_name(self, node: ast.expr) -> bool:
        """Whether a node is a module or a class, of which no call can be left out."""
        names = ast.walk(node) if isinstance(node, ast.Name | ast.Attribute) else ()
        roots = {n.id for n in names if isinstance(n, ast.Name)}
        return bool(roots & self.imported) or (isinstance(node, ast.Name) and node.id == "self")

    def sign(self, left: ast.AST, op: ast.AST, right: ast.AST) -> None:
        """Note the other signs that could stand between two nodes."""
        start, end = self.span(left)[1], self.span(right)[0]
        sign = SIGNS.get(type(op))
        at = self.raw[start:end].find(sign.encode()) if sign else -1
        for other in NEIGHBOURS.get(type(op), ()) if at >= 0 else ():
            self.put(start + at, start + at + len(sign or ""), other)

    # ------------------------------------------------------------------ what is not changed

    def visit(self, node: ast.AST) -> None:
        """Leave out types, decorators, imports, prose, and what a refusal says."""
        if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert):
            return
        if isinstance(node, ast.If) and self.text(node.test).endswith("TYPE_CHECKING"):
            return
        if isinstance(node, ast.keyword) and _is_asserted(node):
            return
        if isinstance(node, ast.stmt):
            self.statement(node)
        super().visit(node)

    def within(self, node: ast.AST, *left_out: str) -> None:
        """Go through the parts of a node, but for some."""
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if name not in left_out and isinstance(child, ast.AST):
                    self.visit(child)

    def scoped(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        """Go through a function or a class, whose name is the scope of what is in it."""
        self.scope.append(node.name)
        self.within(node, "decorator_list", "returns", "type_params", "bases")
        self.scope.pop()

    visit_FunctionDef = visit_ClassDef = scoped

    def visit_arg(self, node: ast.arg) -> None:
        """An argument's type is not changed."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.within(node, "annotation", "target")

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            self.within(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """A refusal's words are prose; that it happens is the statement."""

    # ------------------------------------------------------------------ statements

    def statement(self, node: ast.stmt) -> None:
        """Note that a statement is left out, or returns nothing."""
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        rebinds = isinstance(node, ast.Assign) and (
            any(isinstance(t, ast.Attribute | ast.Subscript) for t in node.targets)
            or bool(_names(node.targets, ast.Store) & _names([node.value], ast.Load))
        )
        dropped = ast.Expr | ast.Raise | ast.AugAssign | ast.Delete | ast.Continue | ast.Break
        if (isinstance(node, dropped) and not docstring) or rebinds:
            self.swap(node, "pass")
        if isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
            self.swap(node.value, "None")

    def visit_If(self, node: ast.If) -> None:
        self.swap(node.test, "True")
        self.swap(node.test, "False")
        self.within(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self.swap(node.test, "False")
        self.within(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        start, end = self.span(node.target)[1], self.span(node.value)[0]
        sign = (SIGNS.get(type(node.op)) or "?") + "="
        at = self.raw[start:end].find(sign.encode())
        for other in NEIGHBOURS.get(type(node.op), ()) if at >= 0 else ():
            self.put(start + at, start + at + len(sign), f"{other}=")
        self.within(node)

    # ------------------------------------------------------------------ expressions

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, op, right in zip(
            [node.left, *node.comparators], node.ops, node.comparators, strict=False
        ):
            self.sign(left, op, right)
        self.within(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.sign(node.left, node.op, node.right)
        self.swap(node, self.text(node.left))
        self.swap(node, self.text(node.right))
        self.within(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in itertools.pairwise(node.values):
            self.sign(left, node.op, right)
        for left_out in node.values:
            kept = [self.text(value) for value in node.values if value is not left_out]
            words = f" {SIGNS[type(node.op)]} ".join(kept)
            self.swap(node, f"({words})" if len(kept) > 1 else words, left_out)
        self.within(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self.swap(node, self.text(node.operand))
        self.within(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.swap(node, self.text(node.body))
        self.swap(node, self.text(node.orelse))
        self.within(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self.swap(node, str(not value))
        elif isinstance(value, int):
            self.swap(node, str(value + 1))
            self.swap(node, f"({value - 1})" if value < 1 else str(value - 1))
        elif isinstance(value, float):
            self.swap(node, str(value + 1))
            self.swap(node, "0.0" if value else "0.5")

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in PARTNERS and isinstance(node.ctx, ast.Load):
            self.swap(node, PARTNERS[node.id])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in PARTNERS:
            end = self.span(node)[1]
            self.put(end - len(node.attr.encode()), end, PARTNERS[node.attr])
        self.within(node)

    def visit_Slice(self, node: ast.Slice) -> None:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.swap(part, "")
        self.within(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.swap(test, "True")
        self.within(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in {"cast", "TypeVar", "NewType"}:
            return
        self.arguments(node)
        if isinstance(node.func, ast.Attribute) and not self.is_name(node.func.value):
            self.swap(node, self.text(node.func.value))  # x.method(...) → x
        self.within(node)

    def arguments(self, node: ast.Call) -> None:
        """Note an argument that is missing, that is None, or that stands at another's place."""
        for keyword in node.keywords:
            if keyword.arg not in (None, "strict"):  # in its place: _is_asserted
                self.drop(*self.span(keyword), keyword)
        for argument in node.args:
            if isinstance(argument, ast.Name | ast.Attribute):
                self.swap(argument, "None")
        self.pairs(node.args)

    def pairs(self, nodes: list[ast.expr]) -> None:
        """Note that two neighbours have changed places."""
        for one, other in itertools.pairwise(nodes):
            if isinstance(one, ast.Starred) or isinstance(other, ast.Starred):
                continue
            between = self.raw[self.span(one)[1] : self.span(other)[0]].decode()
            start, end = self.span(one)[0], self.span(other)[1]
            self.put(start, end, f"{self.text(other)}{between}{self.text(one)}")

    def visit_List(self, node: ast.List) -> None:
        self.pairs(node.elts)
        self.within(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                self.drop(self.span(key)[0], self.span(value)[1], value)
        self.within(node)


def _is_asserted(node: ast.keyword) -> bool:
    """Whether a keyword is the strict=True of a zip: an assertion that two lengths are equal."""
    value = node.value
    return node.arg == "strict" and isinstance(value, ast.Constant) and value.value is True


def _names(nodes: list[ast.expr], context: type[ast.expr_context]) -> set[str]:
    """Return the names that are written, or read, in some expressions."""
    every = (n for node in nodes for n in ast.walk(node))
    return {n.id for n in every if isinstance(n, ast.Name) and isinstance(n.ctx, context)}
