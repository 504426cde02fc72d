"""A published model's configuration, asked field by field.

What the numbers depend on is asked for, and a value that we do not build is refused by the field's
name. A size can be no larger than the checkpoint has numbers, and a count of layers no larger than
it has tensors: a few bytes of JSON cannot ask for more memory than the file itself.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from txlite._checks import as_number, as_whole
from txlite.interop._stored import shown

__all__ = ["Fields"]

_T = TypeVar("_T")
_MISSING: Any = object()


class Fields:
    """The fields of a configuration.

    Parameters
    ----------
    path : Path
        The file, for messages.
    content : dict
        What it holds.
    numbers, tensors : int
        How many the checkpoint has: bounds for sizes and for counts.
    """

    def __init__(self, path: Path, content: Mapping[str, Any], numbers: int, tensors: int) -> None:
        self.path, self.content = path, content
        self.numbers, self.tensors = numbers, tensors
        self.asked: set[str] = set()
        self.inside = ""  # the field that these are inside of, for messages

    def inner(self, name: str) -> "Fields":
        """Return the fields of a field."""
        content = self.get(name, {})
        if not isinstance(content, dict):
            raise self.refuse(name, "an object", content)
        fields = Fields(self.path, content, self.numbers, self.tensors)
        fields.inside = f"{self.inside}{name}."
        return fields

    def get(self, name: str, default: Any = _MISSING) -> Any:
        """Return a field as it stands there; a null is no value."""
        self.asked.add(name)
        value = self.content.get(name)
        if value is not None:
            return value
        if default is _MISSING:
            raise ValueError(f"{self.path}: {self.inside}{name} should be there")
        return default

    def refuse(self, name: str, wanted: str, got: Any) -> ValueError:
        """Return the error that names the file, the field, what is wanted and what came."""
        name = self.inside + name
        return ValueError(f"{self.path}: {name} should be {wanted}, got {shown(got)}")

    def size(self, name: str, default: Any = _MISSING) -> int:
        """Return a size of the model."""
        return self._whole(name, default, 1, self.numbers, "numbers")

    def both(self, name: str, default: int) -> int:
        """Return a size that encoder and decoder should share."""
        first, second = self.size(f"encoder_{name}", default), self.size(f"decoder_{name}", default)
        if first != second:
            raise self.refuse(f"decoder_{name}", f"encoder_{name}={first}", second)
        return first

    def layers(self, name: str, default: Any = _MISSING) -> int:
        """Return a count of layers."""
        return self._whole(name, default, 1, self.tensors, "tensors")

    def whole(self, name: str, default: Any = _MISSING, *, most: int = 1 << 31) -> int:
        """Return a whole number that is the size of no tensor."""
        return self._whole(name, default, 0, most, "")

    def _whole(self, name: str, default: Any, least: int, most: int, of: str) -> int:
        value = self.get(name, default)
        number = None if isinstance(value, bool) else as_whole(value)
        if number is None or not least <= number <= most:
            reason = f", as the checkpoint has {most} {of}" if of else ""
            raise self.refuse(name, f"a whole number from {least} to {most}{reason}", value)
        return number

    def number(self, name: str, default: Any = _MISSING) -> float:
        """Return a number."""
        value = self.get(name, default)
        number = None if isinstance(value, bool) else as_number(value)
        if number is None:
            raise self.refuse(name, "a number", value)
        return number

    def flag(self, name: str, default: bool) -> bool:
        """Return a yes or no."""
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise self.refuse(name, "true or false", value)
        return value

    def choice(self, name: str, choices: Mapping[str, _T], default: Any = _MISSING) -> _T:
        """Return what one of a few words stands for."""
        value = self.get(name, default)
        if not isinstance(value, str) or value not in choices:
            raise self.refuse(name, f"one of {', '.join(choices)}", value)
        return choices[value]

    def only(self, name: str, *values: Any) -> None:
        """Refuse a field that is there and has none of these values: we build nothing else."""
        value = self.get(name, None)
        if value is not None and not any(
            value == known and isinstance(value, bool) == isinstance(known, bool)
            for known in values
        ):
            wanted = " or ".join(map(repr, values)) if values else "left out"
            raise self.refuse(name, f"{wanted}: nothing else is built here", value)

    def none_of(self, names: Collection[str]) -> None:
        """Refuse fields that are there and neither null, false nor zero."""
        for name in names:
            self.only(name, False, 0, 0.0)
