"""A model as a program without Python: for any batch, any length, and other runtimes.

`torch.export` follows one call and keeps the operations. What a call decides by a size would be
kept for all sizes; the tests run each program at sizes that it was not made with.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from txlite import models
from txlite._atomic import whole
from txlite._checks import check_positive
from txlite.interop._extras import needs
from txlite.models.gpt import GPT
from txlite.models.llama import Llama
from txlite.models.t5 import T5
from txlite.models.transformer import Transformer

__all__ = ["export_program"]

_INPUTS: dict[tuple[type[nn.Module], ...], dict[str, tuple[str, torch.dtype]]] = {
    (GPT, Llama): {"tokens": ("T", torch.int64), "keep": ("T", torch.bool)},
    (Transformer, T5): {
        "source": ("S", torch.int64), "target": ("T", torch.int64),
        "source_keep": ("S", torch.bool), "target_keep": ("T", torch.bool),
    },
    (
        models.BERT, models.BERTForMaskedLM, models.BERTForPreTraining,
        models.BERTForSequenceClassification, models.BERTForTokenClassification,
    ): {
        "tokens": ("T", torch.int64), "segments": ("T", torch.int64), "keep": ("T", torch.bool),
    },
}  # fmt: skip
"""What each model is called with: by name, the letter of its length, and its dtype."""
_LONGEST, _MOST = 1 << 16, 1 << 12


def export_program(
    model: nn.Module,
    path: str | Path | None = None,
    *,
    max_len: int | None = None,
    max_batch: int = _MOST,
) -> Any:
    """Export a model, in evaluation mode, with the batch and all lengths left open.

    The program is called with the names of the model's own arguments, and all of them: ``tokens``
    and ``keep``; ``tokens``, ``segments`` and ``keep``; or ``source``, ``target``, ``source_keep``
    and ``target_keep``.

    Parameters
    ----------
    model : nn.Module
        A GPT, a Llama, a BERT or one with a head, a T5 or a Transformer. No Switch, where numbers
        say how many tokens an expert has.
    path : str or Path, optional
        Where to write the program: a file that ends in ``.pt2``, for :func:`torch.export.load`, or
        in ``.onnx``, for other runtimes. The latter needs the extra ``onnx``.
    max_len : int, optional
        The longest text. The default is what the positions allow, 65,536 where they allow any.
    max_batch : int
        The largest batch.

    Returns
    -------
    torch.export.ExportedProgram
        The program; its ``module()`` is called as the model is. A length or a batch beyond its
        limits is refused by the name of the argument.

    Raises
    ------
    ValueError
        If the model is none of these, a limit is not positive or beyond what the positions allow,
        or the path ends otherwise.
    ImportError
        If a library of the extra ``onnx`` is missing.

    Examples
    --------
    >>> from txlite.models import GPT, GPTConfig
    >>> config = GPTConfig(vocab_size=50, d_model=16, num_heads=2, d_ff=32, num_layers=1)
    >>> program = export_program(GPT(config), max_len=100).module()
    >>> tokens = torch.tensor([[5, 6, 7], [8, 9, 0]])
    >>> program(tokens=tokens, keep=tokens != 0).shape
    torch.Size([2, 3, 50])
    """
    wanted = _inputs(model)
    suffix = None if path is None else Path(path).suffix
    if suffix not in (None, ".pt2", ".onnx"):
        raise ValueError(f"path should end in .pt2 or .onnx, got {str(path)!r}")
    longest = _longest(model, max_len)
    max_batch = check_positive("max_batch", max_batch)
    program = _exported(model, wanted, longest, max_batch)
    if suffix == ".pt2":
        with whole(Path(str(path))) as draft, draft.open("wb") as file:
            torch.export.save(program, file)
    elif suffix == ".onnx":
        needs("onnxscript", extra="onnx")
        made = torch.onnx.export(
            program, dynamo=True, verbose=False, input_names=list(wanted),
            optimize=not _has_codes(model),
        )  # fmt: skip
        with whole(Path(str(path))) as draft:
            made.save(draft)  # type: ignore[union-attr]
    return program


def _exported(
    model: nn.Module, wanted: dict[str, tuple[str, torch.dtype]], longest: int, max_batch: int
) -> Any:
    """Follow one call of a model, with sizes left open."""
    from torch.export import Dim, export  # which imports sympy

    device = next(model.parameters()).device
    sizes = {"B": min(2, max_batch), "S": min(5, longest), "T": min(7, longest)}
    dims = {"B": Dim("B", min=1, max=max_batch)} | {
        letter: Dim(letter, min=1, max=longest) for letter in "ST"
    }
    given = {
        name: torch.ones(sizes["B"], sizes[letter], dtype=dtype, device=device)
        if dtype == torch.bool
        else torch.zeros(sizes["B"], sizes[letter], dtype=dtype, device=device)
        for name, (letter, dtype) in wanted.items()
    }
    open_sizes = {name: {0: dims["B"], 1: dims[letter]} for name, (letter, _) in wanted.items()}
    training = [module for module in model.modules() if module.training]
    try:
        return export(model.eval(), (), given, dynamic_shapes=open_sizes)
    finally:
        for module in training:
            module.training = True


def _has_codes(model: nn.Module) -> bool:
    """Whether weights are kept as bytes: what computes with constants would write them out."""
    return any(x.dtype in (torch.int8, torch.uint8) for x in model.buffers())


def _inputs(model: Any) -> dict[str, tuple[str, torch.dtype]]:
    for kinds, inputs in _INPUTS.items():
        if isinstance(model, kinds) and not isinstance(model, models.Switch):  # counts its tokens
            return inputs
    known = ", ".join(kind.__name__ for kinds in _INPUTS for kind in kinds)
    raise ValueError(f"model should be one of {known}, got {type(model).__name__}")


def _longest(model: Any, max_len: int | None) -> int:
    """Return the longest text that a program is made for."""
    config = model.config
    limit = config.max_len if getattr(config, "positions", "") == "learned" else None
    if max_len is None:
        return limit or _LONGEST
    max_len = check_positive("max_len", max_len)
    if limit is not None and max_len > limit:
        raise ValueError(f"max_len should be at most the positions' {limit}, got {max_len}")
    return max_len
