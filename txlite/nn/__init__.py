"""The blocks: functions of tensors first, then modules; nothing here knows a whole model."""

from txlite.nn import masks
from txlite.nn.attention import (
    MultiHeadAttention,
    attention_weights,
    scaled_dot_product_attention,
)
from txlite.nn.cache import KVCache
from txlite.nn.masks import Mask

__all__ = [
    "KVCache",
    "Mask",
    "MultiHeadAttention",
    "attention_weights",
    "masks",
    "scaled_dot_product_attention",
]
