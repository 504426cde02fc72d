"""Smaller models: students of larger ones, heads that go, weights of fewer bits, and what it saves.

Everything here takes a model that is built from :mod:`txlite.nn`, and none in particular.
"""

from txlite.compress.distillation import Distillation
from txlite.compress.files import load_compressed, save_compressed
from txlite.compress.heads import mask_heads, prune_heads
from txlite.compress.importance import head_importance, least_important, random_heads
from txlite.compress.layer_map import layer_map
from txlite.compress.losses import attention_losses, hidden_losses, soft_loss, soft_losses
from txlite.compress.measures import Timing, milliseconds, model_bytes
from txlite.compress.quantize import quantize
from txlite.compress.quantized_embedding import QuantizedEmbedding
from txlite.compress.quantized_linear import QuantizedLinear
from txlite.compress.rounding import Rounded, expand_rows, pack_int4, round_rows, unpack_int4
from txlite.compress.student import Student

__all__ = [
    "Distillation",
    "QuantizedEmbedding",
    "QuantizedLinear",
    "Rounded",
    "Student",
    "Timing",
    "attention_losses",
    "expand_rows",
    "head_importance",
    "hidden_losses",
    "layer_map",
    "least_important",
    "load_compressed",
    "mask_heads",
    "milliseconds",
    "model_bytes",
    "pack_int4",
    "prune_heads",
    "quantize",
    "random_heads",
    "round_rows",
    "save_compressed",
    "soft_loss",
    "soft_losses",
    "unpack_int4",
]
