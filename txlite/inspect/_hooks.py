"""What every recorder must know before it listens to a model."""

from torch import nn

from txlite._checks import check_module

__all__ = ["refuse_compiled"]


def refuse_compiled(model: nn.Module) -> None:
    """Require a model whose modules are called one by one, as a compiled program does not.

    Raises
    ------
    ValueError
        If it is no module, or is compiled, or a part of it is.
    """
    check_module("model", model)
    if any(_is_compiled(module) for module in model.modules()):
        raise ValueError(
            "model should not be compiled, got an output of torch.compile; record on the model "
            "that was compiled (it shares its weights)"
        )


def _is_compiled(module: nn.Module) -> bool:
    """Whether torch.compile made the module, or module.compile() replaced its call."""
    return hasattr(module, "_orig_mod") or module._compiled_call_impl is not None
