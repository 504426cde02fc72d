r"""How many parameters a model has: counted on its tree, and said by a formula beforehand.

The two share nothing but the config. One builds the model on the ``meta`` device and counts what
is there; the other adds up closed forms, of which the largest is a layer's: with four square
projections and a hidden layer of width F

.. math:: 4 D^2 + 4 D + 2 D F + D + F

The number of heads is not in it: each head has a share of the width, not the width.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.2 and table 3. Kaplan et al.
    (2020), "Scaling Laws for Neural Language Models", section 2.1.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

from torch import nn

from txlite._checks import check_positive
from txlite.counting import _parts
from txlite.counting._families import FORMULAS
from txlite.counting.groups import ParameterCount, count_tree
from txlite.counting.kinds import build_on_meta, kind_of
from txlite.nn import LayerOptions

__all__ = ["active_parameters", "count_parameters", "layer_parameters", "predict_parameters"]

FEW = 8  # experts that are built one by one
Kind = type[nn.Module] | None


def count_parameters(of: Any, *, kind: Kind = None) -> ParameterCount:
    """Count the parameters that are there, group by group.

    Parameters
    ----------
    of : Module or config of :mod:`txlite.models`
        A model, on any device; or a config, whose model is built on ``meta``.
    kind : type, optional
        Which of the models that a config describes; the default is the body.

    Returns
    -------
    ParameterCount
        Shared parameters count once; those that want no gradient count too.

    Raises
    ------
    ValueError
        If it is neither, or there is no such model of the config.

    Notes
    -----
    Of a config with more than eight experts two smaller models are built and the line through them
    is followed: each further expert adds the same to every group. Switch-C would be 61 440 modules.

    Examples
    --------
    >>> from txlite.models import GPTConfig
    >>> count_parameters(GPTConfig.gpt2()).total
    124439808
    """
    if isinstance(of, nn.Module):
        return count_tree(of)
    kind = kind_of(of, kind)
    experts = of.num_experts if _parts.sparse_layers(of) else 0
    if experts <= FEW:
        return count_tree(build_on_meta(of, kind=kind))
    few, more = (
        count_tree(build_on_meta(replace(of, num_experts=n), kind=kind)).groups
        for n in (of.top_k, of.top_k + 1)
    )
    further = experts - of.top_k
    return ParameterCount.of({k: n + further * (more[k] - n) for k, n in few.items()})


def predict_parameters(config: Any, *, kind: Kind = None) -> ParameterCount:
    """Say how many parameters a config's model will have, without building it.

    Parameters
    ----------
    config : config of :mod:`txlite.models`
        Sizes and choices.
    kind : type, optional
        Which of the models that it describes; the default is the body.

    Returns
    -------
    ParameterCount
        The same as :func:`count_parameters` counts.

    Raises
    ------
    ValueError
        If there is no such config, or no such model of it.

    Examples
    --------
    >>> from txlite.models import GPTConfig
    >>> predict_parameters(GPTConfig.gpt3()).total
    174604259328
    """
    kind = kind_of(config, kind)
    return ParameterCount.of(FORMULAS[type(config)](config, kind))


def active_parameters(config: Any, *, kind: Kind = None) -> int:
    """Say how many parameters one token passes: all, without the experts that it is not sent to.

    Parameters
    ----------
    config : config of :mod:`txlite.models`
        Sizes and choices.
    kind : type, optional
        Which of the models that it describes; the default is the body.

    Returns
    -------
    int
        Embeddings and routers are counted whole.

    Raises
    ------
    ValueError
        If there is no such config, or no such model of it.

    Examples
    --------
    >>> from txlite.models import SwitchConfig
    >>> config = SwitchConfig.base(num_experts=256)
    >>> f"{active_parameters(config) / predict_parameters(config).total:.1%}"
    '1.5%'
    """
    total = predict_parameters(config, kind=kind).total
    sparse = _parts.sparse_layers(config)
    if not sparse:
        return total
    one = _parts.feed_forward(config, config.d_model, config.d_ff)
    unused: int = sparse * (config.num_experts - config.top_k) * one
    return total - unused


def layer_parameters(
    options: LayerOptions,
    d_model: int,
    num_heads: int,
    d_ff: int,
    *,
    cross_attention: bool = False,
) -> ParameterCount:
    """Say how many parameters one layer has.

    Parameters
    ----------
    options : LayerOptions
        The choices that count are its activation, norm, bias, kv heads and the width of a head.
    d_model, num_heads, d_ff : int
        The layer's sizes.
    cross_attention : bool
        Whether it attends to a source too, with a norm of its own.

    Returns
    -------
    ParameterCount
        Attention, feed-forward and norms.

    Raises
    ------
    ValueError
        If a size is not positive.

    Examples
    --------
    >>> for num_heads in (1, 8):  # the heads divide the width and multiply nothing
    ...     print(layer_parameters(LayerOptions(), 512, num_heads, 2048).total)
    3152384
    3152384
    """
    width, heads = check_positive("d_model", d_model), check_positive("num_heads", num_heads)
    hidden, attentions = check_positive("d_ff", d_ff), 1 + bool(cross_attention)
    return ParameterCount.of(
        Counter(
            attention=attentions * _parts.attention(options, width, heads),
            feed_forward=_parts.feed_forward(options, width, hidden),
            norms=(attentions + 1) * _parts.norm(options, width),
        )
    )
