"""Arguments are checked at the edge: once, by the outermost call, before anything changes.

A stack calls its layers, a layer its attention, an attention its projections, and each of them is
also called alone. So each knows what to refuse (``_check``), and runs its checks unless the module
that is calling it holds it as a part: then that one has checked what it hands on. Forward hooks
fire in any case. While torch.compile or torch.export trace, everything is checked, for a trace
pays for it once.
"""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import torch
from torch import nn

__all__ = ["checked_once"]

Module = TypeVar("Module", bound=nn.Module)
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class _Calling(threading.local):
    """The innermost module, of those that check, whose forward is running in this thread."""

    module: nn.Module | None = None


_CALLING = _Calling()


def checked_once(
    forward: Callable[Concatenate[Module, Arguments], Result],
) -> Callable[Concatenate[Module, Arguments], Result]:
    """Let ``forward`` run the module's ``_check`` first, unless its caller vouches for it.

    Parameters
    ----------
    forward : callable
        A module's forward. Its class has ``_check``, which takes the same arguments and refuses
        them by a ValueError, and which covers the ``_check`` of the module's direct parts.

    Returns
    -------
    callable
        The forward, checked at the edge.
    """

    @wraps(forward)
    def checked(module: Module, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if torch.compiler.is_compiling():
            cast(Any, module)._check(*args, **kwargs)
            return forward(module, *args, **kwargs)
        caller, _CALLING.module = _CALLING.module, module
        try:
            if caller is None or not _holds(caller, module):
                cast(Any, module)._check(*args, **kwargs)
            return forward(module, *args, **kwargs)
        finally:
            _CALLING.module = caller

    return cast(Callable[Concatenate[Module, Arguments], Result], checked)


def _holds(whole: nn.Module, part: nn.Module) -> bool:
    """Whether a module is a direct part of another, or in a list of its parts."""
    for held in whole._modules.values():
        if held is part:
            return True
        if isinstance(held, nn.ModuleList) and part in held._modules.values():
            return True
    return False
