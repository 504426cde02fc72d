"""What a family of published models is to this package: its configuration, and its names.

A family knows how to read its configuration into ours, how to write it back, and which of its
tensors is which of ours. Everything else (files, ties, checks, memory) is the same for all.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from txlite.interop._fields import Fields
from txlite.interop._names import Weight
from txlite.interop._stored import Stored
from txlite.nn.feedforward import Activation

__all__ = ["ACTIVATIONS", "Checkpoint", "Family", "require", "their_activation"]

ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "quick_gelu": "quick_gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
"""Their words for what lies between two linear maps, and ours. The first of several is written."""
_NOTHING = re.compile(r"$.")


def their_activation(ours: str, family: str) -> str:
    """Return their word for an activation, or a ValueError if they have none."""
    for theirs, known in ACTIVATIONS.items():
        if known == ours:
            return theirs
    known_words = ", ".join(dict.fromkeys(ACTIVATIONS.values()))
    raise ValueError(f"activation should be one of {known_words} in a {family}, got {ours!r}")


def require(config: Any, family: str, **wanted: Any) -> None:
    """Raise a ValueError that names a choice which the published models cannot make.

    Each field is named with the value it should have, or with a tuple of such values.
    """
    for name, values in wanted.items():
        values = values if isinstance(values, tuple) else (values,)
        value = getattr(config, name)
        if value not in values:
            told = " or ".join(map(repr, values))
            raise ValueError(f"{name} should be {told} in a {family}, got {value!r}")


@dataclass(frozen=True)
class Checkpoint:
    """A published model before it is built: its configuration, and the tensors it has.

    Parameters
    ----------
    fields : Fields
        The configuration.
    tensors : Mapping of str to Stored
        The tensors, by the names of the family's own table.
    """

    fields: Fields
    tensors: Mapping[str, Stored]

    def equal(self, name: str, other: str) -> bool:
        """Whether two tensors are there, and hold the same numbers."""
        a, b = self.tensors.get(name), self.tensors.get(other)
        if a is None or b is None or a.shape != b.shape:
            return False
        return torch.equal(a.read(), b.read())


@dataclass(frozen=True)
class Family:
    """How the models of a family are read and written.

    Parameters
    ----------
    model_type : str
        The word in their configuration.
    models : tuple of type
        Our classes.
    read : callable
        From a checkpoint to a function that builds the model, which is called on the meta device.
    write : callable
        From a model to the fields of their configuration.
    table : callable
        From a model to its name table.
    prefix : str
        What stands before the names of the body, where the model is more than its body.
    heads : pattern
        Names that are not of the body.
    twins : callable
        From a model to the names under which a tensor may be stored a second time: each with the
        name of the first.
    constants : callable
        From a model to the tensors that hold nothing learned: each with what it should hold, for
        its number of rows.
    spare : callable
        From a model to names of weights that files hold and this model has no use for.
    ignored : pattern
        Names of tensors that are of no use: masks, counters.
    owns : callable
        Whether a model of these classes is of this family, and not of another.
    bare : callable
        Whether a model is a body alone, whose names have no prefix in a file.
    """

    model_type: str
    models: tuple[type[nn.Module], ...]
    read: Callable[[Checkpoint], Callable[[], nn.Module]]
    write: Callable[[Any], dict[str, Any]]
    table: Callable[[Any], list[Weight]]
    prefix: str = ""
    heads: re.Pattern[str] = _NOTHING
    twins: Callable[[Any], Mapping[str, str]] = field(default_factory=lambda: lambda model: {})
    constants: Callable[[Any], Mapping[str, Callable[[int], Tensor]]] = field(
        default_factory=lambda: lambda model: {}
    )
    spare: Callable[[Any], re.Pattern[str]] = field(default_factory=lambda: lambda model: _NOTHING)
    ignored: re.Pattern[str] = _NOTHING
    owns: Callable[[Any], bool] = field(default_factory=lambda: lambda model: True)
    bare: Callable[[Any], bool] = field(default_factory=lambda: lambda model: False)

    def known(self, name: str) -> str:
        """Return a stored name as the table spells it, the body's prefix aside."""
        for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
            name = name.removesuffix(old) + new if name.endswith(old) else name
        return name

    def spelt(self, tensors: Mapping[str, Stored]) -> dict[str, Stored]:
        """Return a checkpoint's tensors by the names of the table, without what is ignored.

        Raises
        ------
        ValueError
            If two tensors would have one name.
        """
        kept = {self.known(name): name for name in tensors if not self.ignored.search(name)}
        count = sum(not self.ignored.search(name) for name in tensors)
        if len(kept) != count:
            raise ValueError("two tensors have one name: gamma and weight, or beta and bias")
        bare = self.prefix and not any(name.startswith(self.prefix) for name in kept)
        return {
            (self.prefix if bare and not self.heads.match(name) else "") + name: tensors[old]
            for name, old in kept.items()
        }
