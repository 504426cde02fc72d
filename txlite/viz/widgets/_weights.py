"""A model's weights on their way to the page: as float16, and in a file of their own."""

import json
from collections.abc import Mapping
from typing import Any

import anywidget
import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from txlite.viz.widgets.tensors import Tensors

__all__ = ["CHOICES", "TRAINING", "Weights", "described", "half", "parsed_bpe"]

PLACED = ("learned", "sinusoidal", "rotary", "none")
CHOICES = ("num_heads", "num_layers", "norm_first", "norm", "norm_eps", "activation")
"""What the page must know of a stack beside its weights."""
TRAINING = ("dropout", "attention_dropout", "ff_dropout")
"""What a config says that no trained model's answer depends on."""


class Weights(anywidget.AnyWidget):
    """The weights of one model; a page fetches them when the figure comes near.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        A state dict, of numbers that float16 holds.

    Raises
    ------
    ValueError
        If float16 would change a number.
    """

    _esm = "export default { render() {} };"
    apart = traitlets.Bool(True).tag(sync=True)  # a file of its own, see txbook/live.py
    tensors = Tensors(torch.float16)

    def __init__(self, tensors: Mapping[str, Float[Tensor, "..."]], **traits: Any) -> None:
        halves = {name: half(name, tensor) for name, tensor in tensors.items()}
        super().__init__(tensors=halves, **traits)


def half(name: str, tensor: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return the weights as float16, which must not change them.

    Parameters
    ----------
    name : str
        What the tensor is called.
    tensor : Tensor
        On any device.

    Returns
    -------
    Tensor
        On the CPU.

    Raises
    ------
    ValueError
        If float16 would change a number.
    """
    exact = tensor.detach().cpu()
    halved = exact.to(torch.float16)
    if not torch.equal(halved.to(exact.dtype), exact):
        raise ValueError(
            f"weights should be float16 numbers, so that page and model agree; {name} is not: "
            "round them first, with p.copy_(p.half())"
        )
    return halved


def described(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page must know of a GPT, a Llama or a BERT beside its weights.

    Parameters
    ----------
    config : mapping
        The model's config, for instance as ``dataclasses.asdict`` gives it.

    Returns
    -------
    dict
        :data:`CHOICES`, ``positions``, and the base of rotary ones.

    Raises
    ------
    ValueError
        If the page cannot compute the positions, or the model keeps to a window.
    """
    rotary = "rope_theta" in config  # Llama knows no other scheme
    positions = "rotary" if rotary else config.get("positions")
    if positions not in PLACED:
        raise ValueError(f"the page can do positions {', '.join(PLACED)}, got {positions!r}")
    for name in ("rope_scaling", "sliding_window"):
        if config.get(name) is not None:
            raise ValueError(f"{name} should be None in a page, got {config[name]!r}")
    found = {name: config[name] for name in CHOICES} | {"positions": positions}
    return found | ({"rotary_base": config["rope_theta"]} if rotary else {})


def parsed_bpe(tokenizer: str) -> dict[str, Any]:
    """Return what the page reads of a tokenizer.

    Parameters
    ----------
    tokenizer : str
        The JSON text of a BPE.

    Returns
    -------
    dict
        What the text says.

    Raises
    ------
    ValueError
        If it is no JSON text, or that of another kind of model.
    """
    wanted = "tokenizer should be the JSON text of a BPE, as its to_json gives it"
    try:
        found = json.loads(tokenizer)
    except (TypeError, ValueError):
        raise ValueError(f"{wanted}, got {type(tokenizer).__name__}") from None
    kind = found.get("model", {}).get("type") if isinstance(found, dict) else None
    if kind != "BPE":
        raise ValueError(f"{wanted}, got a model of type {kind}")
    return dict(found)
