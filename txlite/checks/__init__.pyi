from txlite.checks.bert.hide_tokens import hide_tokens as hide_tokens
from txlite.checks.bert.masked_lm_loss import masked_lm_loss as masked_lm_loss
from txlite.checks.bert.segment_ids import segment_ids as segment_ids
from txlite.checks.decoding.crop_after_draft import crop_after_draft as crop_after_draft
from txlite.checks.decoding.extend_beams import extend_beams as extend_beams
from txlite.checks.decoding.finished_score import finished_score as finished_score
from txlite.checks.decoding.nucleus import nucleus as nucleus
from txlite.checks.decoding.penalise_repetition import penalise_repetition as penalise_repetition
from txlite.checks.dot_product.attention import attention as attention
from txlite.checks.dot_product.attention_weights import attention_weights as attention_weights
from txlite.checks.dot_product.stable_softmax import stable_softmax as stable_softmax
from txlite.checks.encoder_decoder.attention_rollout import attention_rollout as attention_rollout
from txlite.checks.encoder_decoder.cross_attention import cross_attention as cross_attention
from txlite.checks.encoder_decoder.decoder_layer import decoder_layer as decoder_layer
from txlite.checks.encoder_decoder.embed import embed as embed
from txlite.checks.encoder_decoder.encode_decode import encode_decode as encode_decode
from txlite.checks.encoder_decoder.encoder_stack import encoder_stack as encoder_stack
from txlite.checks.encoder_decoder.sentence_vector import sentence_vector as sentence_vector
from txlite.checks.framework import Exercise as Exercise
from txlite.checks.framework import Mistake as Mistake
from txlite.checks.framework import Verdict as Verdict
from txlite.checks.gpt.bits_per_character import bits_per_character as bits_per_character
from txlite.checks.gpt.board_row import board_row as board_row
from txlite.checks.gpt.cached_mask import cached_mask as cached_mask
from txlite.checks.gpt.next_token_windows import next_token_windows as next_token_windows
from txlite.checks.heads.grouped_query_attention import (
    grouped_query_attention as grouped_query_attention,
)
from txlite.checks.heads.merge_heads import merge_heads as merge_heads
from txlite.checks.heads.multi_head_attention import multi_head_attention as multi_head_attention
from txlite.checks.heads.split_heads import split_heads as split_heads
from txlite.checks.layers.feed_forward import feed_forward as feed_forward
from txlite.checks.layers.gelu import gelu as gelu
from txlite.checks.layers.layer_norm import layer_norm as layer_norm
from txlite.checks.layers.residual_branch import residual_branch as residual_branch
from txlite.checks.layers.rms_norm import rms_norm as rms_norm
from txlite.checks.layers.tower_gradient import tower_gradient as tower_gradient
from txlite.checks.long_range.gradient_reach import gradient_reach as gradient_reach
from txlite.checks.long_range.recall_accuracy import recall_accuracy as recall_accuracy
from txlite.checks.long_range.receptive_field import receptive_field as receptive_field
from txlite.checks.masks.causal_mask import causal_mask as causal_mask
from txlite.checks.masks.masked_attention import masked_attention as masked_attention
from txlite.checks.masks.padding_mask import padding_mask as padding_mask
from txlite.checks.model_size.layer_parameters import layer_parameters as layer_parameters
from txlite.checks.model_size.model_parameters import model_parameters as model_parameters
from txlite.checks.positions.alibi_bias import alibi_bias as alibi_bias
from txlite.checks.positions.order_gap import order_gap as order_gap
from txlite.checks.positions.positions_from_keep import positions_from_keep as positions_from_keep
from txlite.checks.positions.relative_offsets import relative_offsets as relative_offsets
from txlite.checks.positions.rotary_attention import rotary_attention as rotary_attention
from txlite.checks.positions.rotate import rotate as rotate
from txlite.checks.positions.shift_rotation import shift_rotation as shift_rotation
from txlite.checks.positions.sinusoidal_positions import (
    sinusoidal_positions as sinusoidal_positions,
)
from txlite.checks.positions.t5_bucket import t5_bucket as t5_bucket
from txlite.checks.training.accumulated_mean import accumulated_mean as accumulated_mean
from txlite.checks.training.bucket_sizes import bucket_sizes as bucket_sizes
from txlite.checks.training.clip_by_global_norm import clip_by_global_norm as clip_by_global_norm
from txlite.checks.training.ddp_gradients import ddp_gradients as ddp_gradients
from txlite.checks.training.label_smoothed_loss import label_smoothed_loss as label_smoothed_loss
from txlite.checks.training.teacher_forcing_loss import teacher_forcing_loss as teacher_forcing_loss
from txlite.checks.training.warmup_rate import warmup_rate as warmup_rate
from txlite.checks.translation.bleu import bleu as bleu
from txlite.checks.translation.clipped_precision import clipped_precision as clipped_precision
from txlite.checks.translation.merge_pieces import merge_pieces as merge_pieces
from txlite.checks.translation.translation_round import translation_round as translation_round
