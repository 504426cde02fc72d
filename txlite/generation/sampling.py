"""Choosing the next token: pure functions from logits to logits, and one that draws.

Each function takes the scores of all V tokens of the vocabulary and returns scores of the same
shape; a token that may not be chosen any more gets minus infinity. So they can be combined in any
order; ``generate`` applies them in the order of this file, as Hugging Face does.

Sources
    Ackley, Hinton & Sejnowski (1985) for the temperature; Fan et al. (2018), section 5.2, for
    top-k; Holtzman et al. (2020), section 3.1, for top-p; Nguyen et al. (2024), section 3, for
    min-p; Keskar et al. (2019), section 4.1, for the repetition penalty.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from txlite._checks import (
    check_bool,
    check_floating,
    check_generator,
    check_positive,
    check_rate,
    check_shape,
    check_share,
    check_tokens,
    dtype_name,
)

__all__ = ["min_p", "repetition_penalty", "sample", "temperature", "top_k", "top_p"]


def repetition_penalty(
    logits: Float[Tensor, "*B V"],
    tokens: Int[Tensor, "*B T"],
    penalty: float,
    keep: Bool[Tensor, "*B T"] | None = None,
) -> Float[Tensor, "*B V"]:
    """Make the tokens that have occurred less probable, however often they have.

    A positive logit is divided by the penalty and a negative one multiplied, so that both fall.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        One score for each token of the vocabulary.
    tokens : Tensor of int, shape (..., T)
        What has been read and written so far.
    penalty : float
        Above one to discourage repetition, below to encourage it; one changes nothing.
    keep : Tensor of bool, shape (..., T), optional
        False where a token is padding, which has not occurred.

    Returns
    -------
    Tensor, shape (..., V)
        The new scores.

    Raises
    ------
    ValueError
        If ``penalty`` is not a positive number, a shape is wrong, or a token is outside [0, V).

    References
    ----------
    Keskar et al. (2019), "CTRL", section 4.1. Its formula divides every logit; a negative one would
    then become more probable, so that practice multiplies it, and so does this function.
    """
    _check_logits(logits)
    penalty = check_rate("penalty", penalty)
    _check_seen(logits, tokens, keep)
    weight = torch.ones_like(tokens) if keep is None else keep.to(tokens.dtype)
    seen = tokens if keep is None else tokens.masked_fill(~keep, 0)  # padding may be any number
    check_tokens("tokens", seen, logits.shape[-1], "V")
    counts = torch.zeros_like(logits).scatter_add(-1, seen.long(), weight.to(logits.dtype))
    return torch.where(
        counts > 0, torch.where(logits < 0, logits * penalty, logits / penalty), logits
    )


def temperature(logits: Float[Tensor, "*B V"], temperature: float) -> Float[Tensor, "*B V"]:
    r"""Sharpen or flatten the distribution: :math:`p_i \propto e^{z_i / T}`.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        One score for each token of the vocabulary.
    temperature : float
        Below one the probable becomes more probable, above one less. Towards zero lies the largest
        logit alone, towards infinity the uniform distribution.

    Returns
    -------
    Tensor, shape (..., V)
        The new scores. Where the largest of a row would become infinite, it becomes 0 and the
        others keep their distance from it: the distribution is the same.

    Raises
    ------
    ValueError
        If ``temperature`` is not a positive number.

    References
    ----------
    Ackley, Hinton & Sejnowski (1985), "A Learning Algorithm for Boltzmann Machines", equation (3).
    """
    _check_logits(logits)
    temperature = check_rate("temperature", temperature)
    wide = torch.promote_types(logits.dtype, torch.float)  # in which the quotient is computed
    temperature = max(temperature, torch.finfo(wide).tiny)
    largest = logits.amax(-1, keepdim=True)
    too_large = largest.isfinite() & ~(largest / temperature).isfinite()
    return (logits - largest.where(too_large, 0.0)) / temperature


def top_k(logits: Float[Tensor, "*B V"], k: int) -> Float[Tensor, "*B V"]:
    """Keep the k most probable tokens, and those that are as probable as the last of them.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        One score for each token of the vocabulary.
    k : int
        At least one; more than V keeps all.

    Returns
    -------
    Tensor, shape (..., V)
        Minus infinity elsewhere.

    Raises
    ------
    ValueError
        If ``k`` is not a positive whole number.

    References
    ----------
    Fan et al. (2018), "Hierarchical Neural Story Generation", section 5.2.
    """
    _check_logits(logits)
    k = check_positive("k", k)
    smallest = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < smallest, -math.inf)


def top_p(logits: Float[Tensor, "*B V"], p: float) -> Float[Tensor, "*B V"]:
    """Keep the nucleus: the fewest most probable tokens that hold at least a share p together.

    The token with which the share is reached is one of them. A token is dropped if it and all
    that are less probable hold no more than 1 - p; of equally probable tokens at the edge, those
    with the higher number stay. Shares are added up in single precision or better.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        One score for each token of the vocabulary.
    p : float
        In [0, 1]. One keeps every token that has a probability, zero the most probable one.

    Returns
    -------
    Tensor, shape (..., V)
        Minus infinity elsewhere.

    Raises
    ------
    ValueError
        If ``p`` lies outside [0, 1].

    References
    ----------
    Holtzman et al. (2020), "The Curious Case of Neural Text Degeneration", equation (3).
    """
    _check_logits(logits)
    p = check_share("p", p)
    ascending, order = logits.sort(dim=-1, stable=True)
    precise = torch.promote_types(logits.dtype, torch.float)  # half precision loses small shares
    drop = ascending.to(precise).softmax(-1).cumsum(-1) <= 1 - p
    drop[..., -1] = False  # the most probable token always stays
    return logits.masked_fill(torch.zeros_like(drop).scatter(-1, order, drop), -math.inf)


def min_p(logits: Float[Tensor, "*B V"], p: float) -> Float[Tensor, "*B V"]:
    """Keep the tokens that are at least p times as probable as the most probable one.

    Where the model is sure few tokens stay, and where it is not, many.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        One score for each token of the vocabulary.
    p : float
        In [0, 1]. Zero keeps all tokens, one only the most probable.

    Returns
    -------
    Tensor, shape (..., V)
        Minus infinity elsewhere.

    Raises
    ------
    ValueError
        If ``p`` lies outside [0, 1].

    References
    ----------
    Nguyen et al. (2024), "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM
    Outputs", section 3.
    """
    _check_logits(logits)
    p = check_share("p", p)
    probabilities = logits.softmax(-1)
    drop = probabilities < p * probabilities.amax(-1, keepdim=True)
    return logits.masked_fill(drop, -math.inf)


def sample(
    logits: Float[Tensor, "*B V"], generator: torch.Generator | None = None
) -> Int[Tensor, "*B"]:
    """Draw one token from each distribution softmax(logits).

    The probabilities are laid end to end on a line of length one, a number between zero and one is
    drawn, and the token on whose stretch it falls is taken. This happens on the CPU in double
    precision, so that a seed gives the same tokens on every device.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        One score for each token of the vocabulary.
    generator : torch.Generator, optional
        On the CPU; the default is torch's own.

    Returns
    -------
    Tensor of int, shape (...)
        On the device of ``logits``.

    Raises
    ------
    ValueError
        If a row leaves no token (all minus infinity) or is no distribution (NaN, or plus infinity),
        or if the generator is not on the CPU.
    """
    _check_logits(logits)
    if generator is not None:
        check_generator("generator", generator)
    largest = logits.detach().amax(-1)
    if not bool(largest.isfinite().all()):
        raise ValueError(
            "logits should leave at least one token and hold neither NaN nor infinity in every "
            f"row, got a largest value of {largest[~largest.isfinite()][0].item()}"
        )
    line = logits.detach().cpu().double().softmax(-1).cumsum(-1)  # where each stretch ends
    drawn = torch.rand(line.shape[:-1], generator=generator, dtype=torch.float64, device="cpu")
    drawn, end = drawn[..., None], line[..., -1:]
    point = torch.minimum(drawn * end, torch.nextafter(end, torch.zeros_like(end)))
    return torch.searchsorted(line, point, right=True)[..., 0].to(logits.device)


def _check_logits(logits: Tensor) -> None:
    check_shape("logits", logits, "*B V")
    check_floating("logits", logits)
    if logits.shape[-1] == 0:
        raise ValueError(f"logits should have a last axis V of at least 1, got {(*logits.shape,)}")


def _check_seen(logits: Tensor, tokens: Tensor, keep: Tensor | None) -> None:
    if tokens.is_floating_point() or tokens.dtype == torch.bool:
        raise ValueError(f"tokens should hold whole numbers, got {dtype_name(tokens)}")
    if keep is not None:
        check_bool("keep", keep)
    batch = tuple(logits.shape[:-1])
    for name, x in (("tokens", tokens), ("keep", keep)):
        if x is not None and tuple(x.shape[:-1]) != batch:
            raise ValueError(f"{name} should have shape (*B={batch}, T), got {tuple(x.shape)}")
    if keep is not None and keep.shape != tokens.shape:
        raise ValueError(
            f"keep should have the shape of tokens, {tuple(tokens.shape)}, got {tuple(keep.shape)}"
        )
