"""The blocks: functions of tensors first, then modules; nothing here knows a whole model."""

from txlite.nn import masks, positions
from txlite.nn.attention import Attend, attention_weights, scaled_dot_product_attention
from txlite.nn.auxiliary import take_auxiliary_losses
from txlite.nn.batch_norm import BatchNorm
from txlite.nn.cache import KVCache
from txlite.nn.chunked import ChunkedFeedForward
from txlite.nn.decoder_layer import DecoderLayer
from txlite.nn.embeddings import TokenEmbedding
from txlite.nn.feedforward import FeedForward
from txlite.nn.hashing import choose_num_buckets, hash_buckets, random_rotations
from txlite.nn.instance_norm import Level, ReversibleNorm
from txlite.nn.layer_scale import LayerScale
from txlite.nn.layers import EncoderLayer
from txlite.nn.local import LocalAttend
from txlite.nn.longformer import LongformerAttention
from txlite.nn.lsh import lsh_attention, lsh_candidates
from txlite.nn.lsh_heads import LSHAttention
from txlite.nn.masks import Mask
from txlite.nn.moe import MixtureOfExperts
from txlite.nn.multi_head import MultiHeadAttention
from txlite.nn.norms import LayerNorm, RMSNorm, layer_norm, rms_norm
from txlite.nn.options import LayerOptions
from txlite.nn.patches import PatchEmbedding
from txlite.nn.reversible import ReversibleLayer, ReversibleStack
from txlite.nn.router import Router, RouterOptions
from txlite.nn.routing import (
    Routing,
    balance_loss,
    expert_capacity,
    place_choices,
    router_z_loss,
)
from txlite.nn.series_patches import SeriesPatches
from txlite.nn.stacks import Decoder, Encoder, Stack
from txlite.nn.static_cache import StaticKVCache

__all__ = [
    "Attend",
    "BatchNorm",
    "ChunkedFeedForward",
    "Decoder",
    "DecoderLayer",
    "Encoder",
    "EncoderLayer",
    "FeedForward",
    "KVCache",
    "LSHAttention",
    "LayerNorm",
    "LayerOptions",
    "LayerScale",
    "Level",
    "LocalAttend",
    "LongformerAttention",
    "Mask",
    "MixtureOfExperts",
    "MultiHeadAttention",
    "PatchEmbedding",
    "RMSNorm",
    "ReversibleLayer",
    "ReversibleNorm",
    "ReversibleStack",
    "Router",
    "RouterOptions",
    "Routing",
    "SeriesPatches",
    "Stack",
    "StaticKVCache",
    "TokenEmbedding",
    "attention_weights",
    "balance_loss",
    "choose_num_buckets",
    "expert_capacity",
    "hash_buckets",
    "layer_norm",
    "lsh_attention",
    "lsh_candidates",
    "masks",
    "place_choices",
    "positions",
    "random_rotations",
    "rms_norm",
    "router_z_loss",
    "scaled_dot_product_attention",
    "take_auxiliary_losses",
]
