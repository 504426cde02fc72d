"""Which model a config is the config of: the body where there are several, unless one is named."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from txlite import models as m

__all__ = ["build_on_meta"]

KINDS: dict[type, tuple[type[nn.Module], ...]] = {
    m.TransformerConfig: (m.Transformer,),
    m.BERTConfig: (
        m.BERT,
        m.BERTForMaskedLM,
        m.BERTForPreTraining,
        m.BERTForSequenceClassification,
        m.BERTForTokenClassification,
    ),
    m.GPTConfig: (m.GPT,),
    m.LlamaConfig: (m.Llama,),
    m.T5Config: (m.T5,),
    m.SwitchConfig: (m.Switch,),
    m.ViTConfig: (m.ViT, m.ViTForImageClassification, m.ViTWithTeacher),
    m.CLIPConfig: (m.CLIP,),
    m.WhisperConfig: (m.Whisper,),
    m.HybridWhisperConfig: (m.HybridWhisper,),
    m.DETRConfig: (m.DETR,),
    m.ResNetConfig: (m.ResNet,),
    m.DecisionTransformerConfig: (m.DecisionTransformer,),
    m.ForecasterConfig: (m.Forecaster,),
}


def kind_of(config: Any, kind: type[nn.Module] | None = None) -> type[nn.Module]:
    """Return the model that is meant.

    Raises
    ------
    ValueError
        If ``config`` is no config of :mod:`txlite.models`, or ``kind`` is no model of it.
    """
    kinds = KINDS.get(type(config))
    if kinds is None:
        raise ValueError(f"config should be a config of txlite.models, got {config!r}")
    if kind is None:
        return kinds[0]
    if kind not in kinds:
        names = ", ".join(one.__name__ for one in kinds)
        raise ValueError(f"kind should be one of {names}, got {kind!r}")
    return kind


def build_on_meta(config: Any, *, kind: type[nn.Module] | None = None) -> nn.Module:
    """Build a model that has shapes and no numbers, so that its size costs no memory.

    Parameters
    ----------
    config : config of :mod:`txlite.models`
        Sizes and choices.
    kind : type, optional
        Which of the models that the config describes: for instance ``BERTForPreTraining``. The
        default is the body.

    Returns
    -------
    Module
        On the ``meta`` device.

    Raises
    ------
    ValueError
        If there is no such config, or no such model of it.

    Examples
    --------
    >>> from txlite.models import GPTConfig
    >>> build_on_meta(GPTConfig.gpt2()).embedding.weight.device
    device(type='meta')
    """
    build: Callable[[Any], nn.Module] = kind_of(config, kind)
    with torch.device("meta"):
        return build(config)
