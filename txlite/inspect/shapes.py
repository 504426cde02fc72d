"""Shape traces: what goes into every part of a model, and what comes out, in the order of calls.

The chapter on the 6+6 Transformer reads a whole Transformer with it. Hooks on each module note the
shapes, and on request keep the tensors, while the model computes what it always computes.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, overload

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from txlite.inspect._hooks import refuse_compiled

__all__ = ["Call", "ShapeTrace", "trace_shapes"]

Shape = tuple[int, ...]


@dataclass
class Call:
    """One call of one module.

    Attributes
    ----------
    path : str
        The module's path in the model: ``"encoder.layers.0.attention"``, ``""`` for the model.
    kind : str
        The name of its class.
    depth : int
        How many calls it is inside of.
    parameters : int
        How many parameters the module and its parts hold; a shared one counts once.
    inputs : dict of str to tuple of int
        Shapes of the tensors that it was given, by the argument's name. What is no tensor (a mask,
        a cache) is not listed.
    outputs : list of tuple of int
        Shapes of the tensors that it returned; empty while it has not.
    given, returned : dict of str to Tensor, list of Tensor
        The tensors themselves, without gradients, if they were asked for.
    """

    path: str
    kind: str
    depth: int
    parameters: int
    inputs: dict[str, Shape] = field(default_factory=dict)
    outputs: list[Shape] = field(default_factory=list)
    given: dict[str, Tensor] = field(default_factory=dict, repr=False)
    returned: list[Tensor] = field(default_factory=list, repr=False)


class ShapeTrace(Sequence[Call]):
    """The calls of a model in the order in which they began: a part comes after its whole.

    ``print(trace)`` shows them as a tree. ``trace["decoder"]`` are the calls of one module, by its
    path; ``trace[0]`` is the first call.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __len__(self) -> int:
        return len(self.calls)

    @overload
    def __getitem__(self, place: int) -> Call: ...

    @overload
    def __getitem__(self, place: slice | str) -> list[Call]: ...

    def __getitem__(self, place: int | slice | str) -> Call | list[Call]:
        if not isinstance(place, str):
            return self.calls[place]
        found = [call for call in self.calls if call.path == place]
        if not found:
            paths = list(dict.fromkeys(call.path for call in self.calls))
            raise KeyError(f"no call of {place!r}: called were {paths}")
        return found

    def __str__(self) -> str:
        return self.tree()

    def tree(
        self,
        depth: int | None = None,
        *,
        within: str = "",
        letters: Mapping[str, int] | None = None,
        kinds: bool = True,
    ) -> str:
        """Write the calls as a tree, one line each: module, shapes, parameters.

        Parameters
        ----------
        depth : int, optional
            How many levels below the outermost call are shown. The default is all.
        within : str
            Path of the module whose calls, and those inside of them, are shown.
        letters : mapping of str to int, optional
            Names of sizes, such as ``{"B": 2, "T": 5}``: written in the place of the numbers.
        kinds : bool
            Whether each line names the module's class too.

        Returns
        -------
        str
            The tree, its columns aligned.

        Raises
        ------
        KeyError
            If no module of that path was called.
        ValueError
            If two letters stand for one size.
        """
        names = _names(letters)
        shown = self._within(within)
        top = min((call.depth for call in shown), default=0)
        rows = [
            _row(call, call.depth - top, names, kinds)
            for call in shown
            if depth is None or call.depth - top <= depth
        ]
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
        return "\n".join("  ".join(_aligned(row, widths)).rstrip() for row in rows)

    def _within(self, path: str) -> list[Call]:
        """Return the calls of one module and all calls inside of them."""
        if not path:
            return self.calls
        kept: list[Call] = []
        below: int | None = None
        for call in self.calls:
            if below is not None and call.depth <= below:
                below = None
            if below is None and call.path == path:
                below = call.depth
            if below is not None:
                kept.append(call)
        return kept if kept else self[path]


@contextmanager
def trace_shapes(model: nn.Module, *, tensors: bool = False) -> Iterator[ShapeTrace]:
    """Note what goes into every module that runs inside the ``with`` block, and what comes out.

    Parameters
    ----------
    model : Module
        The model to follow. It computes what it always computes, and nothing remains of the
        tracing afterwards.
    tensors : bool
        Whether the tensors are kept too, and not their shapes only.

    Yields
    ------
    ShapeTrace
        The calls, in the order in which they began.

    Raises
    ------
    ValueError
        If the model is compiled, or no module.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(nn.Linear(8, 3), nn.ReLU())
    >>> with trace_shapes(model) as trace:
    ...     _ = model(torch.zeros(2, 8))
    >>> print(trace.tree(letters={"B": 2, "D": 8}))
    Sequential   input (B, D)  → (B, 3)  27
      0: Linear  input (B, D)  → (B, 3)  27
      1: ReLU    input (B, 3)  → (B, 3)
    """
    refuse_compiled(model)
    trace = ShapeTrace()
    open_calls: list[Call] = []
    handles = []
    for path, module in model.named_modules():
        before, after = _listeners(trace, open_calls, path, module, tensors)
        handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
        handles.append(module.register_forward_hook(after, always_call=True))
    try:
        yield trace
    finally:
        for handle in handles:
            handle.remove()


def _listeners(
    trace: ShapeTrace, open_calls: list[Call], path: str, module: nn.Module, tensors: bool
) -> tuple[Any, Any]:
    """Return the hooks that run before and after a module."""
    kind, size = type(module).__name__, sum(p.numel() for p in module.parameters())
    signature = inspect.signature(module.forward)

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        call = Call(path, kind, len(open_calls), size)
        given = _tensors_of(signature, args, kwargs)
        call.inputs = {name: tuple(x.shape) for name, x in given.items()}
        if tensors:
            call.given = {name: x.detach() for name, x in given.items()}
        trace.calls.append(call)
        open_calls.append(call)

    def after(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        call = open_calls.pop()
        returned = [x for x in tree_leaves(output) if isinstance(x, Tensor)]
        call.outputs = [tuple(x.shape) for x in returned]
        if tensors:
            call.returned = [x.detach() for x in returned]

    return before, after


def _tensors_of(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Tensor]:
    """Return the arguments that are tensors, by name."""
    named = signature.bind_partial(*args, **kwargs).arguments
    found: dict[str, Tensor] = {}
    for name, value in named.items():
        if isinstance(value, Tensor):
            found[name] = value
        elif isinstance(value, tuple | list | dict):
            leaves = [x for x in tree_leaves(value) if isinstance(x, Tensor)]
            found |= {f"{name}[{i}]": x for i, x in enumerate(leaves)}
    return found


def _names(letters: Mapping[str, int] | None) -> dict[int, str]:
    letters = letters or {}
    names = {size: letter for letter, size in letters.items()}
    if len(names) < len(letters):
        raise ValueError(f"letters should stand for different sizes, got {dict(letters)}")
    return names


def _written(shape: Shape, names: dict[int, str]) -> str:
    return f"({', '.join(names.get(n, str(n)) for n in shape)})"


def _row(call: Call, depth: int, names: dict[int, str], kinds: bool) -> tuple[str, str, str, str]:
    name = call.path.split(".")
    short = ".".join(name[-2:]) if name[-1].isdigit() and len(name) > 1 else name[-1]
    kind = f": {call.kind}" if kinds else ""
    label = "  " * depth + (f"{short}{kind}" if call.path else call.kind)
    alike = groupby(call.inputs.items(), key=lambda item: item[1])  # query, key, value (B, T, D)
    inputs = ", ".join(
        f"{', '.join(name for name, _ in group)} {_written(shape, names)}" for shape, group in alike
    )
    outputs = ", ".join(_written(s, names) for s in call.outputs)
    return label, inputs, f"→ {outputs}", f"{call.parameters:,}" if call.parameters else ""


def _aligned(row: tuple[str, str, str, str], widths: list[int]) -> list[str]:
    return [*(text.ljust(w) for text, w in zip(row[:3], widths, strict=False)),
            row[3].rjust(widths[3])]  # fmt: skip
