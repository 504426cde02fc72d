"""Exercise checkers: pass your function, and be told which mistake it makes.

Each exercise of the book has a checker here. It runs your function on a ladder of inputs, compares
it with the tested version, and where they disagree it says which mistake you made, with the
smallest input that shows it::

    from txlite import checks

    checks.attention(my_attention)
"""

from txlite.checks.accumulation import accumulated_mean
from txlite.checks.alibi import alibi_bias
from txlite.checks.alignment import translation_round
from txlite.checks.assembly import encode_decode
from txlite.checks.beams import extend_beams, finished_score
from txlite.checks.bleu import bleu
from txlite.checks.buckets import t5_bucket
from txlite.checks.clipped import clipped_precision
from txlite.checks.clipping import clip_by_global_norm
from txlite.checks.counting import positions_from_keep
from txlite.checks.cross_attention import cross_attention
from txlite.checks.decoder_layer import decoder_layer
from txlite.checks.dot_product import attention, attention_weights
from txlite.checks.embed import embed
from txlite.checks.encoder_stack import encoder_stack
from txlite.checks.exercise import Exercise, Mistake
from txlite.checks.feed_forward import feed_forward, gelu
from txlite.checks.field import receptive_field
from txlite.checks.grouped import grouped_query_attention
from txlite.checks.heads import merge_heads, split_heads
from txlite.checks.masking import masked_attention
from txlite.checks.masks import causal_mask, padding_mask
from txlite.checks.multi_head import multi_head_attention
from txlite.checks.norms import layer_norm, rms_norm
from txlite.checks.nucleus import nucleus
from txlite.checks.offsets import relative_offsets
from txlite.checks.order import order_gap
from txlite.checks.packing import bucket_sizes
from txlite.checks.parameters import layer_parameters, model_parameters
from txlite.checks.reach import gradient_reach
from txlite.checks.recall import recall_accuracy
from txlite.checks.repetition import penalise_repetition
from txlite.checks.residual import residual_branch
from txlite.checks.rollout import attention_rollout
from txlite.checks.rotary_attention import rotary_attention
from txlite.checks.rotate import rotate
from txlite.checks.sentence_vector import sentence_vector
from txlite.checks.shift import shift_rotation
from txlite.checks.sinusoids import sinusoidal_positions
from txlite.checks.smoothing import label_smoothed_loss
from txlite.checks.softmax import stable_softmax
from txlite.checks.teacher import teacher_forcing_loss
from txlite.checks.verdict import Verdict
from txlite.checks.warmup import warmup_rate

__all__ = [
    "Exercise",
    "Mistake",
    "Verdict",
    "accumulated_mean",
    "alibi_bias",
    "attention",
    "attention_rollout",
    "attention_weights",
    "bleu",
    "bucket_sizes",
    "causal_mask",
    "clip_by_global_norm",
    "clipped_precision",
    "cross_attention",
    "decoder_layer",
    "embed",
    "encode_decode",
    "encoder_stack",
    "extend_beams",
    "feed_forward",
    "finished_score",
    "gelu",
    "gradient_reach",
    "grouped_query_attention",
    "label_smoothed_loss",
    "layer_norm",
    "layer_parameters",
    "masked_attention",
    "merge_heads",
    "model_parameters",
    "multi_head_attention",
    "nucleus",
    "order_gap",
    "padding_mask",
    "penalise_repetition",
    "positions_from_keep",
    "recall_accuracy",
    "receptive_field",
    "relative_offsets",
    "residual_branch",
    "rms_norm",
    "rotary_attention",
    "rotate",
    "sentence_vector",
    "shift_rotation",
    "sinusoidal_positions",
    "split_heads",
    "stable_softmax",
    "t5_bucket",
    "teacher_forcing_loss",
    "translation_round",
    "warmup_rate",
]
