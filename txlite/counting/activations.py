r"""Activations: what a forward pass keeps for the backward pass, predicted number by number.

A layer of width D keeps eight vectors of a token (the input and the output of either norm, query,
key, value and what attention has gathered) and the hidden layer twice, before and after its
activation. With F = 4D that is 16 D numbers. A fused attention keeps one number a query and head
beside them; one that keeps its weights has T of them, and masks.

Source
    Korthikanti et al. (2022), "Reducing Activation Recomputation in Large Transformer Models",
    section 4.1, equations (1) and (2), section 5 and table 2.
"""

from typing import Any, Literal

from txlite._checks import check_choice, check_positive
from txlite.counting._parts import head_width
from txlite.models import GPTConfig, LlamaConfig
from txlite.nn import LayerOptions

__all__ = ["korthikanti_layer", "layer_activations", "predict_activations"]

HIDDEN = {  # how often the width of the hidden layer is kept
    "relu": 1,  # of its result alone
    "gelu": 2,
    "gelu_tanh": 2,
    "silu": 2,
    "quick_gelu": 3,
    "reglu": 3,
    "geglu": 4,
    "geglu_tanh": 4,
    "swiglu": 4,
}
INTEGER = 8  # bytes of a token's number


def layer_activations(
    options: LayerOptions,
    d_model: int,
    num_heads: int,
    d_ff: int,
    *,
    batch: int,
    length: int,
    bytes_per_number: int = 4,
    mask_bytes: int | None = None,
    rotary: bool = False,
) -> int:
    """Say how many bytes one layer keeps in training, its input among them.

    Parameters
    ----------
    options : LayerOptions
        The layer's choices.
    d_model, num_heads, d_ff : int
        Its sizes.
    batch, length : int
        How many texts, and tokens of each.
    bytes_per_number : int
        4 in float32, 8 in float64, 2 in 16 bits.
    mask_bytes : int, optional
        Of an entry of a dropout's mask: 1 on a GPU. The default is a number's, as on a CPU.
    rotary : bool
        Whether queries and keys are turned: sines and cosines are kept, and what attention has
        gathered once more, since the heads no longer lie side by side.

    Returns
    -------
    int
        Bytes, as :func:`txlite.inspect.record_saved` counts them on a CPU: attention is fused
        unless its weights are dropped, and an RMS norm keeps what it has normalised.

    Raises
    ------
    ValueError
        If a number is not positive.

    Examples
    --------
    >>> sizes = {"batch": 1, "length": 1024}
    >>> layer_activations(LayerOptions(), 768, 12, 3072, **sizes) / 1e6  # of GPT-2 small
    50.397184
    """
    width, heads = check_positive("d_model", d_model), check_positive("num_heads", num_heads)
    hidden, size = (
        check_positive("d_ff", d_ff),
        check_positive("bytes_per_number", bytes_per_number),
    )
    batch, length = check_positive("batch", batch), check_positive("length", length)
    mask = size if mask_bytes is None else check_positive("mask_bytes", mask_bytes)
    head = head_width(options, width, heads)
    fused = not options.attention_dropout
    keys = heads if not fused else options.num_kv_heads or heads
    numbers = 2 * _norm(options, width) + head * (2 * heads + 2 * keys)
    again = options.activation == "relu" and options.ff_dropout > 0  # before and after dropping
    numbers += hidden * (HIDDEN[options.activation] + again)
    numbers += heads + heads * head * rotary if fused else 2 * heads * length
    masks = 2 * width * bool(options.dropout) + hidden * bool(options.ff_dropout)
    masks += 0 if fused else heads * length
    tables = 4 * length * (head // 2) * max(4, size) * rotary  # for queries, and for keys
    return batch * length * (size * numbers + mask * masks) + tables


def predict_activations(
    config: GPTConfig | LlamaConfig,
    *,
    batch: int,
    length: int,
    bytes_per_number: int = 4,
    mask_bytes: int | None = None,
    checkpointed: bool = False,
) -> int:
    """Say how many bytes a step of training keeps between its two passes, the loss included.

    Parameters
    ----------
    config : GPTConfig or LlamaConfig
        Sizes and choices.
    batch, length : int
        How many texts, and tokens of each.
    bytes_per_number, mask_bytes : int
        As for :func:`layer_activations`. The cross-entropy keeps float32 at least.
    checkpointed : bool
        Whether only each layer's input is kept, and one layer at a time made again.

    Returns
    -------
    int
        Bytes at their most, without weights and gradients.

    Raises
    ------
    ValueError
        If the config is of another family, a number is not positive, or its attention is none that
        is fused as a whole: one with a window or a bias of the scores.

    Examples
    --------
    >>> from dataclasses import replace
    >>> config = replace(GPTConfig.gpt2(), dropout=0.0, attention_dropout=0.0)
    >>> for checkpointed in (False, True):  # of one text of 1024 tokens, in gigabytes
    ...     n = predict_activations(config, batch=1, length=1024, checkpointed=checkpointed)
    ...     print(round(n / 1e9, 3))
    0.817
    0.297
    """
    if type(config) not in (GPTConfig, LlamaConfig):
        raise ValueError(f"config should be a GPTConfig or a LlamaConfig, got {config!r}")
    have: Any = config
    if getattr(have, "positions", "rotary") in ("alibi", "relative"):
        raise ValueError(f"positions should add nothing to the scores, got {have.positions!r}")
    if getattr(have, "sliding_window", None) is not None:
        raise ValueError(f"sliding_window should be None, got {have.sliding_window}")
    batch, length = check_positive("batch", batch), check_positive("length", length)
    size = check_positive("bytes_per_number", bytes_per_number)
    mask = size if mask_bytes is None else check_positive("mask_bytes", mask_bytes)
    sizes = (config.d_model, config.num_heads, config.d_ff)
    options, turned = config.layer_options, getattr(have, "positions", "rotary") == "rotary"
    layer = layer_activations(
        options, *sizes, batch=batch, length=length,
        bytes_per_number=size, mask_bytes=mask, rotary=turned,
    )  # fmt: skip
    width = config.d_model
    ends = bool(config.norm_first if getattr(have, "final_norm", None) is None else have.final_norm)
    last = _norm(options, width) if ends else width  # what the output's map reads
    token = size * last + max(4, size) * config.vocab_size + INTEGER  # scores, and the right answer
    token += INTEGER + mask * width * bool(config.dropout)
    once = max(4, size) + INTEGER * length * (getattr(have, "positions", "") == "learned")
    kept = config.num_layers * layer
    if checkpointed:
        kept = layer + (config.num_layers - 1) * batch * length * size * width
    return kept + batch * length * token + once


def _norm(options: LayerOptions, width: int) -> int:
    """Numbers that a norm keeps of a token, with its output, which the next map keeps."""
    return 2 * width + 2 if options.norm == "layer" else 3 * width + 1


def korthikanti_layer(
    batch: int,
    length: int,
    d_model: int,
    num_heads: int,
    *,
    recompute: Literal["none", "attention", "all"] = "none",
) -> int:
    """Return the paper's bytes of a layer: 16-bit numbers, F = 4D, dropout on every branch.

    Parameters
    ----------
    batch, length : int
        The number b of texts, and s of tokens in each.
    d_model, num_heads : int
        Width h and number of heads a.
    recompute : str
        What is made again in the backward pass: nothing; the attention from its queries, keys and
        values, as a fused kernel does too; or all from the layer's input.

    Returns
    -------
    int
        Bytes: s·b·h (34 + 5 a s / h), or 34 s·b·h, or 2 s·b·h.

    Raises
    ------
    ValueError
        If a number is not positive, or there is no such choice.

    References
    ----------
    Korthikanti et al. (2022), equations (1) and (2), table 2.

    Examples
    --------
    >>> korthikanti_layer(1, 2048, 12_288, 96) / 1e9  # one layer of GPT-3
    2.868903936
    """
    check_choice("recompute", recompute, ("none", "attention", "all"))
    batch, length = check_positive("batch", batch), check_positive("length", length)
    width, heads = check_positive("d_model", d_model), check_positive("num_heads", num_heads)
    vectors = batch * length * width * (2 if recompute == "all" else 34)
    return vectors + (5 * heads * batch * length**2 if recompute == "none" else 0)
