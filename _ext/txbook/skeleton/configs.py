"""What two configs have each for themselves: fields, defaults, and what each field is."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from txbook.skeleton.assembled import Sizes
from txbook.skeleton.family import FAMILY
from txbook.skeleton.plain import FIELDS

ABSENT = "absent"
REQUIRED = "required"
SIZES = {
    *("num_decoder_layers", "source_vocab_size", "image_size", "patch_size", "num_channels"),
    *("num_labels", "num_mels", "num_classes", "num_queries"),
    *("state_dim", "action_dim", "num_positions"),
    *("context_length", "horizon", "patch_length", "stride"),
}
ROLE = re.compile(r":(\w+):`")


@dataclass(frozen=True)
class Change:
    """A field that one config has and the other lacks, or whose default differs."""

    name: str
    before: str
    after: str
    says: str


def changes(before: str, after: str) -> list[Change]:
    """Return what differs between the configs of two models: choices first, then sizes."""
    old, new = ({f.name: f for f in fields(FAMILY[name].config)} for name in (before, after))
    names = [*new, *(name for name in old if name not in new)]
    size = {field.name for field in fields(Sizes)} | SIZES
    found = []
    for name in sorted(names, key=lambda name: name in size):
        pair = [default(had.get(name)) for had in (old, new)]
        if pair[0] != pair[1]:
            found.append(Change(name, *pair, sentence(name)))
    return found


def default(field: "Field[Any] | None") -> str:
    """Return what a config's field is where nothing is said."""
    if field is None:
        return ABSENT
    if field.default_factory is not MISSING:
        return type(field.default_factory()).__name__
    return REQUIRED if field.default is MISSING else repr(field.default)


def sentence(name: str) -> str:
    """Return what a field is, in plain words."""
    if name not in FIELDS:
        raise ValueError(f"no plain sentence says what {name} is")
    return FIELDS[name]


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
