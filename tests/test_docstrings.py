"""Every public name says what it is, in numpydoc's order, and every tensor has a shape."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import txlite

# Looking a widget class over touches names that its library deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Widget:DeprecationWarning")

# What numpydoc asks for and this project does not, and why.
IGNORED = {
    "ES01": "a summary that says everything needs no second paragraph",
    "EX01": "not every name needs an example",
    "GL01": "the summary stands on the line of the quotes",
    "GL02": "the closing quotes of one line stand on it",
    "GL08": "asked for below, for every public name and with a reason for each exception",
    "PR01": "the short checks and rules say their arguments in the summary",
    "PR02": "a class documents the arguments of __init__, a dataclass its fields",
    "RT01": "the same",
    "RT03": "the same",
    "RT02": "a value returned alone may have a name that says more than its type",
    "SA01": "the chapter that derives a name is linked from the API page",
    "SS05": "a property is described and not ordered",
    "SS06": "the summary of a rule may be its formula",
    "YD01": "a context manager says what it yields",
}
# Where a tensor may go without a shape, and why.
UNSHAPED = {
    "txlite._checks": "the checks of shapes themselves",
    "txlite.checks": "answers are written as a reader writes them",
}


def modules() -> Iterator[str]:
    """Return every module of the package, private ones too."""
    yield "txlite"
    for found in pkgutil.walk_packages(txlite.__path__, "txlite."):
        yield found.name


def public(module: str) -> Iterator[tuple[str, object]]:
    """Return the public names that a module defines, and the public methods of its classes."""
    namespace = importlib.import_module(module)
    for name in getattr(namespace, "__all__", []):
        value = getattr(namespace, name)
        if getattr(value, "__module__", None) != module:
            continue
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        yield f"{module}.{name}", value
        for member, inner in vars(value).items() if inspect.isclass(value) else ():
            if not member.startswith("_") and (
                inspect.isfunction(inner) or isinstance(inner, property | classmethod)
            ):
                yield f"{module}.{name}.{member}", inner


MODULES = sorted(modules())
PUBLIC = dict(item for module in MODULES for item in public(module))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_it_is_and_what_is_public(module: str) -> None:
    namespace = importlib.import_module(module)
    assert namespace.__doc__, f"{module} has no docstring"
    if not is_title(namespace):
        assert isinstance(getattr(namespace, "__all__", None), list), f"{module} has no __all__"
        missing = [name for name in namespace.__all__ if not hasattr(namespace, name)]
        assert not missing, f"{module}.__all__ names {missing}"


def is_title(module: ModuleType) -> bool:
    """Whether a module is a docstring and nothing else, as the head of a package may be."""
    assert module.__file__ is not None
    return len(ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body) == 1


@pytest.mark.parametrize("name", PUBLIC)
def test_a_docstring_is_there_and_in_order(name: str) -> None:
    assert inspect.getdoc(PUBLIC[name]), f"{name} has no docstring"
    from numpydoc.validate import validate  # which imports Sphinx

    errors = [f"{code}: {text}" for code, text in validate(name)["errors"] if code not in IGNORED]
    assert not errors, f"{name}: {errors}"
    # A lone asterisk opens an emphasis that never ends: Sphinx warns, and the book is not built.
    assert "shape (*" not in inspect.getdoc(PUBLIC[name]), f"{name}: write shape (..., T)"


def has_shapes(name: str) -> bool:
    """Whether a name belongs to a module in which every tensor must have its shape."""
    private = any(part.startswith("_") for part in name.split("."))
    return not private and not any(f"{name}.".startswith(f"{free}.") for free in UNSHAPED)


@pytest.mark.parametrize("name", list(filter(has_shapes, PUBLIC)))
def test_a_tensor_in_a_signature_has_its_shape(name: str) -> None:
    """A bare ``Tensor`` says nothing; jaxtyping's says dtype and axes, and is checked."""
    assert not bare(name), f"{name}: {bare(name)} should be Float[Tensor, ...] or the like"


def bare(name: str) -> list[str]:
    """Return the arguments of a public function that are annotated with a bare Tensor."""
    value = PUBLIC[name]
    if not inspect.isfunction(value):
        return []
    return bare_arguments(inspect.getsource(inspect.unwrap(value)))  # type: ignore[arg-type]


def bare_arguments(source: str) -> list[str]:
    """Return the arguments in a function's source that are annotated with a bare Tensor."""
    function = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    arguments = [
        *function.args.posonlyargs,
        *function.args.args,
        *function.args.kwonlyargs,
        ast.arg("return", function.returns),
    ]
    return [a.arg for a in arguments if a.annotation is not None and has_bare(a.annotation)]


def has_bare(annotation: ast.expr) -> bool:
    """Whether ``Tensor`` occurs outside the brackets of a jaxtyping type."""
    if isinstance(annotation, ast.Name):
        return annotation.id == "Tensor"
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return has_bare(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.Subscript):
        kind = annotation.value
        if isinstance(kind, ast.Name) and kind.id in {
            "Bool",
            "Float",
            "Int",
            "Integer",
            "Complex",
            "Num",
            "Shaped",
            "UInt",
            "UInt8",
        }:
            return False
    return any(
        has_bare(child) for child in ast.iter_child_nodes(annotation) if isinstance(child, ast.expr)
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(x: Tensor): pass", ["x"]),
        ("def f(x: 'Tensor | None', *, y: int): pass", ["x"]),
        ("def f(x: int) -> tuple[Tensor, int]: pass", ["return"]),
        ("def f(x: Float[Tensor, 'B T'] | None) -> Bool[Tensor, '...']: pass", []),
        ("    def f(x: Tensor) -> None:\n        pass", ["x"]),
    ],
)
def test_a_bare_tensor_is_seen(source: str, found: list[str]) -> None:
    assert bare_arguments(source) == found
