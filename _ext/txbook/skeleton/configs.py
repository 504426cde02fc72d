"""What two configs have each for themselves: fields, defaults, and what the code says of each."""

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from txbook.skeleton.assembled import Sizes
from txbook.skeleton.family import FAMILY
from txlite import nn
from txlite.nn.positions import Rotary
from txlite.nn.positions.scheme import PositionScheme

ABSENT = "absent"
REQUIRED = "required"
ROLE = re.compile(r":(\w+):`")
# Who documents a field on which its own config is silent; the parameter's name, where it differs.
ELSEWHERE: tuple[tuple[type[Any], dict[str, str]], ...] = (
    (nn.LayerOptions, {}),
    (nn.EncoderLayer, {}),
    (nn.Encoder, {}),
    (nn.TokenEmbedding, {}),
    (PositionScheme, {"positions": "name"}),
    (Rotary, {"rope_scaling": "scaling"}),
)


@dataclass(frozen=True)
class Change:
    """A field that one config has and the other lacks, or whose default differs."""

    name: str
    before: str
    after: str
    says: str


def changes(before: str, after: str) -> list[Change]:
    """Return what differs between two of the five configs: choices first, then sizes."""
    old, new = ({f.name: f for f in fields(FAMILY[name].config)} for name in (before, after))
    names = [*new, *(name for name in old if name not in new)]
    size = {field.name for field in fields(Sizes)} | {"num_decoder_layers", "source_vocab_size"}
    found = []
    for name in sorted(names, key=lambda name: name in size):
        pair = [default(had.get(name)) for had in (old, new)]
        if pair[0] != pair[1]:
            holders = (after, before) if name in new else (before,)
            found.append(Change(name, *pair, sentence(name, *holders)))
    return found


def default(field: "Field[Any] | None") -> str:
    """Return what a config's field is where nothing is said."""
    if field is None:
        return ABSENT
    return REQUIRED if field.default is MISSING else repr(field.default)


def sentence(name: str, *systems: str) -> str:
    """Return what the code says of a field, in Markdown: the first of these that says anything."""
    for system in systems:
        if said := comments(FAMILY[system].config).get(name):
            return said
    for holder, names in ELSEWHERE:
        if said := parameters(holder).get(names.get(name, name)):
            return said
    raise ValueError(f"no docstring and no comment says what {name} is")


def comments(config: type[Any]) -> dict[str, str]:
    """Return what stands behind a config's own fields, each as a sentence."""
    source = inspect.cleandoc(inspect.getsource(config))
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    lines = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = lines.get(node.end_lineno or 0, "")
            if text:
                found[node.target.id] = text[0].upper() + text[1:].rstrip(".") + "."
    return found


def parameters(holder: type[Any]) -> dict[str, str]:
    """Return the first sentence of each parameter in a class's numpydoc docstring."""
    return {name: first(text) for names, text in _parameters(holder) for name in names}


def _parameters(holder: type[Any]) -> Iterator[tuple[list[str], str]]:
    lines = (inspect.getdoc(holder) or "").splitlines()
    names: list[str] = []
    text: list[str] = []
    within = False
    for i, line in enumerate([*lines, ""]):
        if line.startswith("---"):
            within = lines[i - 1] == "Parameters"
        elif within and line and not line.startswith(" "):
            if names:
                yield names, " ".join(text)
            head, colon, _ = line.partition(" : ")
            names, text = (head.split(", "), []) if colon else ([], [])
        elif names:
            text.append(line.strip())
    if names:
        yield names, " ".join(text)


def first(text: str) -> str:
    """Return the first sentence of a docstring's paragraph; its roles as Markdown has them."""
    found = re.match(r".+?[.:](?= [A-Z]|$| *$)", " ".join(text.split()))
    said = (found[0] if found else " ".join(text.split())).rstrip(":.") + "."
    return ROLE.sub(lambda role: "{math}`" if role[1] == "math" else f"{{py:{role[1]}}}`", said)
