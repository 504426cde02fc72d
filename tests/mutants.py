"""Plant named faults in copies of the package and see that the tests notice every one.

    python tests/mutants.py                 all of them, two at a time
    python tests/mutants.py causal window   those whose name contains one of the words

A fault is an exact replacement of text, which must occur exactly once. It is planted in a copy of
the package in a temporary folder, never in the working tree; the tests named with it then run on
that copy. The script ends with 1 unless every fault is noticed.

What every test needs (torch, pytest, hypothesis) is imported once, and each fault gets a fork of
that process, which ends with it: so the copies cannot see each other, and none waits for torch.
"""

# ruff: noqa: T201 - a script that prints its table
import sys

sys.path.pop(0)  # the folder of this script, whose `inspect` would hide Python's

import importlib
import multiprocessing
import os
import shlex
import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2
WARM = ["hypothesis", "jaxtyping", "numpy.typing", "pytest", "torch", "torch.testing"]
OK, TESTS_FAILED = 0, 1

ATTENTION = "tests/nn/test_attention.py"
MASKS = "tests/nn/test_masks.py"
RULES = "tests/nn/test_rules.py"
KERNELS = "tests/nn/test_kernels.py"
CACHE = "tests/nn/test_cache.py"
STACKS = "tests/nn/test_stacks.py"
INSPECT = "tests/inspect/test_attention.py"
TRANSFORMER = "tests/models/test_transformer.py"
ABSOLUTE = "tests/nn/positions/test_absolute.py"
ROTARY = "tests/nn/positions/test_rotary.py"
BIAS = "tests/nn/positions/test_bias.py"
NORMS = "tests/nn/test_norms.py"
FEED_FORWARD = "tests/nn/test_feedforward.py"
LAYERS = "tests/nn/test_layers.py"
DECODER_LAYER = "tests/nn/test_decoder_layer.py"
LAYERS_PLAIN = "tests/nn/test_layers_plain.py"
SAMPLING = "tests/generation/test_sampling.py"
DECODING = "tests/generation/test_decode.py"
BEAMS = "tests/generation/test_beam.py"
RUNTIME = "tests/test_runtime.py"
ERRORS = "tests/test_errors.py"
CHECKS = "tests/test_checks_module.py"


class Fault(NamedTuple):
    """A fault: its name, where it is planted, what replaces what, and the tests to notice it.

    The tests are named as on pytest's command line.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


FAULTS = [
    # ---------------------------------------------------------------- the Transformer
    Fault(
        "transformer: source mask not handed to the decoder",
        "models/transformer.py",
        "            None if source_keep is None else masks.padding(source_keep),\n",
        "            None,\n",
        f"{TRANSFORMER} -k 'source_mask or padding_of_the_source'",
    ),
    Fault(
        "transformer: target mask given for the source's",
        "models/transformer.py",
        "        mask = None if keep is None else masks.padding(keep)\n",
        "        mask = None\n",
        f"{TRANSFORMER} -k 'source_mask or padding_of_the_source'",
    ),
    Fault(
        "transformer: past forgotten",
        "models/transformer.py",
        "past = 0 if cache is None else cache.length",
        "past = 0",
        f"{TRANSFORMER} -k 'cached_and_alone'",
    ),
    Fault(
        "transformer: own output although tied",
        "models/transformer.py",
        "None if config.tied_output else nn.Linear",
        "None if not config.tied_output else nn.Linear",
        f"{TRANSFORMER} -k 'tied'",
    ),
    Fault(
        "transformer: source read with the target's words",
        "models/transformer.py",
        "embedding = self.source_embedding or self.embedding",
        "embedding = self.embedding",
        f"{TRANSFORMER} -k 'vocabulary_of_its_own or tied or no_gradient'",
    ),
    Fault(
        "transformer: the decoder looks both ways for its biases",
        "models/transformer.py",
        "max_len=config.max_len, bidirectional=False",
        "max_len=config.max_len",
        "tests/models/test_transformer_parity.py -k t5",
    ),
    Fault(
        "transformer: a config with a choice that does not exist",
        "models/transformer.py",
        "for name, choices in _CHOICES.items():",
        "for name, choices in list(_CHOICES.items())[:2]:",
        f"{TRANSFORMER} -k choice",
    ),
    Fault(
        "transformer: big with eight heads",
        "models/transformer.py",
        "d_model=1024, num_heads=16",
        "d_model=1024, num_heads=8",
        f"{TRANSFORMER} -k presets",
    ),
    Fault(
        "embedding scaled at the exit too",
        "nn/embeddings.py",
        "return functional.linear(x, self.weight)",
        "return functional.linear(x, self.weight) * self.d_model**0.5",
        "tests/nn/test_embeddings.py -k 'never_scaled or variance_one'",
    ),
    Fault(
        "embedding drawn with variance one",
        "nn/embeddings.py",
        "std=self.d_model**-0.5",
        "std=1.0",
        "tests/nn/test_embeddings.py -k variance_one",
    ),
    Fault(
        "scheme: queries counted from zero in every step",
        "nn/positions/scheme.py",
        "queries = keys[..., past:]",
        "queries = keys[..., : sizes['T']]",
        "tests/nn/positions/test_scheme.py -k steps",
    ),
    Fault(
        "scheme: slots counted, not words",
        "nn/positions/scheme.py",
        "keys = count_positions(keep)",
        "keys = torch.arange(total, device=x.device).expand(keep.shape)",
        "tests/nn/positions/test_scheme.py -k 'left_padding or its_class'",
    ),
    Fault(
        "shapes: the depth of a failed call stays",
        "inspect/shapes.py",
        "register_forward_hook(after, always_call=True)",
        "register_forward_hook(after)",
        "tests/inspect/test_shapes.py -k error_in_the_model",
    ),
    Fault(
        "shapes: hooks remain",
        "inspect/shapes.py",
        "            handle.remove()",
        "            pass",
        "tests/inspect/test_shapes.py -k leaves_nothing",
    ),
    # ---------------------------------------------------------------- the map
    Fault(
        "scale forgotten",
        "nn/attention.py",
        "return float(query.shape[-1] ** -0.5)",
        "return 1.0",
        f"{ATTENTION} -k 'by_hand or unit_variance'",
    ),
    Fault(
        "scale 1/d instead of 1/sqrt(d)",
        "nn/attention.py",
        "query.shape[-1] ** -0.5",
        "query.shape[-1] ** -1.0",
        f"{ATTENTION} -k 'by_hand'",
    ),
    Fault(
        "given scale ignored",
        "nn/attention.py",
        "    if scale is not None:\n        return scale\n",
        "",
        f"{ATTENTION} -k 'unit_variance or any_scale'",
    ),
    Fault(
        "softmax over the queries",
        "nn/attention.py",
        "        return scores.softmax(-1)\n",
        "        return scores.softmax(-2)\n",
        f"{ATTENTION} -k 'rows_are'",
    ),
    Fault(
        "masked softmax over the queries",
        "nn/attention.py",
        ".masked_fill(blind, 0.0).softmax(-1)",
        ".masked_fill(blind, 0.0).softmax(-2)",
        f"{ATTENTION} -k 'rows_are'",
    ),
    Fault(
        "mask inverted in the map",
        "nn/attention.py",
        "scores.masked_fill(~allowed, -math.inf)",
        "scores.masked_fill(allowed, -math.inf)",
        f"{ATTENTION} -k 'rows_are'",
    ),
    Fault(
        "blind rows uniform in the map",
        "nn/attention.py",
        "    return weights.masked_fill(blind, 0.0)",
        "    return weights",
        f"{ATTENTION} -k 'rows_are'",
    ),
    Fault(
        "blind rows NaN in the gradient of the map",
        "nn/attention.py",
        ".masked_fill(~allowed, -math.inf).masked_fill(blind, 0.0)",
        ".masked_fill(~(allowed | blind), -math.inf)",
        f"{ATTENTION} -k 'minus_infinity'",
    ),
    Fault(
        "bias of the map forgotten",
        "nn/attention.py",
        "        scores = scores + bias\n",
        "",
        f"{ATTENTION} -k 'constant_added or bias'",
    ),
    Fault(
        "bias of the map changes its dtype",
        "nn/attention.py",
        "        bias = bias.to(scores.dtype)\n",
        "",
        f"{ATTENTION} -k 'bias_takes'",
    ),
    Fault(
        "query changed in place",
        "nn/attention.py",
        "    allowed = visible(rule, bias, scores, scores.shape[-1])\n",
        "    query.data.mul_(0.5)\n    allowed = visible(rule, bias, scores, scores.shape[-1])\n",
        f"{ATTENTION} -k 'unchanged'",
    ),
    # ---------------------------------------------------------------- the checks of attention
    Fault(
        "mask of another size accepted",
        "nn/_arguments.py",
        "    rule.check(num_queries, num_keys, batch, query.device)\n",
        "",
        ERRORS,
    ),
    Fault(
        "mask on another device accepted",
        "nn/_arguments.py",
        "rule.check(num_queries, num_keys, batch, query.device)",
        "rule.check(num_queries, num_keys, batch)",
        ERRORS,
    ),
    Fault(
        "key of another batch accepted",
        "nn/_arguments.py",
        '    check_batch("key", key, batch)\n',
        "",
        ERRORS,
    ),
    Fault(
        "bool bias accepted",
        "nn/_arguments.py",
        '    check_floating("bias", bias)\n',
        "",
        ERRORS,
    ),
    Fault(
        "bias may enlarge the scores",
        "nn/_arguments.py",
        "if bias.ndim > len(scores) or any(",
        "if any(",
        ERRORS,
    ),
    Fault(
        "dropout unchecked",
        "nn/attention.py",
        '    check_probability("dropout", dropout)\n    return attend',
        "    return attend",
        ERRORS,
    ),
    # ---------------------------------------------------------------- many heads
    Fault(
        "dropout in evaluation",
        "nn/attention.py",
        "self.dropout if self.training else 0.0",
        "self.dropout",
        f"{ATTENTION} -k 'training_only'",
    ),
    Fault(
        "dropout never",
        "nn/attention.py",
        "self.dropout if self.training else 0.0",
        "0.0",
        f"{ATTENTION} -k 'training_only'",
    ),
    Fault(
        "heads split on the wrong axis",
        "nn/attention.py",
        "x.reshape(*x.shape[:-1], num_heads, self.head_dim).transpose(1, 2)",
        "x.reshape(x.shape[0], num_heads, x.shape[1], self.head_dim)",
        f"{ATTENTION} -k 'heads_equal'",
    ),
    Fault(
        "heads interleaved",
        "nn/attention.py",
        "x.reshape(*x.shape[:-1], num_heads, self.head_dim).transpose(1, 2)",
        "x.reshape(*x.shape[:-1], self.head_dim, num_heads).mT.transpose(1, 2)",
        f"{ATTENTION} -k 'heads_equal'",
    ),
    Fault(
        "heads joined without going back",
        "nn/attention.py",
        "self.output_proj(z.transpose(1, 2).flatten(2))",
        "self.output_proj(z.reshape(z.shape[0], z.shape[2], -1))",
        f"{ATTENTION} -k 'heads_equal'",
    ),
    Fault(
        "shared heads tiled instead of repeated",
        "nn/attention.py",
        "x.repeat_interleave(groups, dim=1)",
        "x.repeat(1, groups, 1, 1)",
        f"{ATTENTION} -k 'heads_equal or shared_keys'",
    ),
    Fault(
        "value is the query",
        "nn/attention.py",
        "value = key if value is None else value",
        "value = query if value is None else value",
        f"{ATTENTION} -k 'lone_query'",
    ),
    Fault(
        "values from the key projection",
        "nn/attention.py",
        "self._split(self.value_proj(value), self.num_kv_heads)",
        "self._split(self.key_proj(value), self.num_kv_heads)",
        f"{ATTENTION} -k 'heads_equal'",
    ),
    Fault(
        "mask of the module ignored",
        "nn/attention.py",
        "z = self.attend(q, k, v, mask, bias)",
        "z = self.attend(q, k, v, None, bias)",
        f"{ATTENTION} -k 'heads_equal'",
    ),
    Fault(
        "bias of the module ignored",
        "nn/attention.py",
        "z = self.attend(q, k, v, mask, bias)",
        "z = self.attend(q, k, v, mask, None)",
        f"{ATTENTION} -k 'bias_for_each'",
    ),
    Fault(
        "a refused call is cached all the same",
        "nn/attention.py",
        "                check_scores(q, past + k.shape[-2], mask, bias)",
        "                check_scores(q, past + k.shape[-2], None, None)",
        f"{CACHE} -k refused_call",
    ),
    Fault(
        "cache ignored",
        "nn/attention.py",
        "                k, v = cache.update(k, v)\n",
        "                cache.update(k, v)\n",
        CACHE,
    ),
    Fault(
        "biases not reset",
        "nn/attention.py",
        "                nn.init.zeros_(proj.bias)\n",
        "                nn.init.ones_(proj.bias)\n",
        f"{ATTENTION} -k 'start_xavier'",
    ),
    Fault(
        "xavier normal instead of uniform",
        "nn/attention.py",
        "nn.init.xavier_uniform_(proj.weight)",
        "nn.init.xavier_normal_(proj.weight)",
        f"{ATTENTION} -k 'start_xavier'",
    ),
    # ---------------------------------------------------------------- masks
    Fault(
        "causal sees one key ahead",
        "nn/_kinds.py",
        "return at.keys <= at.queries",
        "return at.keys <= at.queries + 1",
        MASKS,
    ),
    Fault(
        "causal hides the query's own key",
        "nn/_kinds.py",
        "return at.keys <= at.queries",
        "return at.keys < at.queries",
        MASKS,
    ),
    Fault(
        "causal looks ahead",
        "nn/_kinds.py",
        "return at.keys <= at.queries",
        "return at.keys >= at.queries",
        MASKS,
    ),
    Fault(
        "causal promises too much",
        "nn/_kinds.py",
        "return Reach(None, 0)",
        "return Reach(0, 0)",
        MASKS,
    ),
    Fault(
        "first query at the first key",
        "nn/_rules.py",
        "+ (num_keys - num_queries)",
        "+ 0",
        MASKS,
    ),
    Fault(
        "window one too wide",
        "nn/_kinds.py",
        ".abs() < self.size",
        ".abs() <= self.size",
        MASKS,
    ),
    Fault(
        "window looks back only",
        "nn/_kinds.py",
        "(at.queries - at.keys).abs() < self.size",
        "((at.queries - at.keys) < self.size) & (at.keys <= at.queries)",
        MASKS,
    ),
    Fault(
        "blocks round towards zero",
        "nn/_kinds.py",
        'query_block = at.queries.div(self.size, rounding_mode="floor")',
        'query_block = at.queries.div(self.size, rounding_mode="trunc")',
        MASKS,
    ),
    Fault(
        "padding inverted",
        "nn/_kinds.py",
        "return self.keep[:, at.keys]",
        "return ~self.keep[:, at.keys]",
        MASKS,
    ),
    Fault(
        "padding hides queries too",
        "nn/_kinds.py",
        "return self.keep[:, at.keys]",
        "return self.keep[:, at.keys] & self.keep[:, at.queries.clamp(min=0)]",
        MASKS,
    ),
    Fault(
        "named blocks compare keys with keys",
        "nn/_kinds.py",
        "self.segments[:, at.queries] == self.segments[:, at.keys]",
        "self.segments[:, at.keys] == self.segments[:, at.keys]",
        MASKS,
    ),
    Fault(
        "and is or",
        "nn/_rules.py",
        "return left & right",
        "return left | right",
        MASKS,
    ),
    Fault(
        "or is exclusive",
        "nn/_rules.py",
        "return left | right",
        "return left ^ right",
        MASKS,
    ),
    Fault(
        "not is yes",
        "nn/_rules.py",
        "return ~self.rule.allowed(at)",
        "return self.rule.allowed(at)",
        MASKS,
    ),
    Fault(
        "either rule reaches as far as the nearer",
        "nn/_rules.py",
        "return Reach(farther(*back), farther(*ahead))",
        "return Reach(nearer(*back), nearer(*ahead))",
        MASKS,
    ),
    Fault(
        "both rules reach as far as the farther",
        "nn/_rules.py",
        "return Reach(nearer(*back), nearer(*ahead))",
        "return Reach(farther(*back), farther(*ahead))",
        MASKS,
    ),
    Fault(
        "unlimited reach counts as none",
        "nn/_positions.py",
        "return None if a is None or b is None else max(a, b)",
        "return max(a or 0, b or 0)",
        RULES,
    ),
    Fault(
        "batch of masks taken for heads",
        "nn/_positions.py",
        "    if missing <= 0 or table.ndim <= axes:",
        "    if True:",
        RULES,
    ),
    Fault(
        "rows of a table looked up by key position",
        "nn/_rules.py",
        "rows = at.queries - (at.num_keys - at.num_queries)",
        "rows = at.queries",
        RULES,
    ),
    Fault(
        "table of another length accepted",
        "nn/_rules.py",
        "        if not fits:",
        "        if False:",
        ERRORS,
    ),
    Fault(
        "right rule unchecked",
        "nn/_rules.py",
        "        self.right.check(num_queries, num_keys, batch, device)\n",
        "",
        ERRORS,
    ),
    Fault(
        "float mask accepted",
        "nn/_positions.py",
        "    if x.dtype != torch.bool:",
        "    if False:",
        ERRORS,
    ),
    Fault(
        "and between masks keeps one",
        "nn/_rules.py",
        "    def __bool__(self) -> bool:\n        raise ValueError(",
        "    def __bool__(self) -> bool:\n        return True\n        raise ValueError(",
        ERRORS,
    ),
    Fault(
        "mask printed without parentheses",
        "nn/_rules.py",
        'return f"({rule})" if isinstance(rule, weaker) else str(rule)',
        "return str(rule)",
        MASKS,
    ),
    # ---------------------------------------------------------------- kernels
    Fault(
        "causal flag with a cache",
        "nn/_kernels.py",
        "isinstance(rule, Causal) and num_queries == num_keys",
        "isinstance(rule, Causal)",
        f"{ATTENTION} -k 'hidden_key or equals_the_definition'",
    ),
    Fault(
        "causal flag for no mask",
        "nn/_kernels.py",
        "            return _fused(query, key, value, None, dropout, scale)\n",
        "            return _fused(query, key, value, None, dropout, scale, is_causal=True)\n",
        f"{ATTENTION} -k 'hidden_key or equals_the_definition'",
    ),
    Fault(
        "causal table where a flag would do",
        "nn/_kernels.py",
        "isinstance(rule, Causal) and num_queries == num_keys",
        "False",
        KERNELS,
    ),
    Fault(
        "blind rows average in the kernel",
        "nn/_kernels.py",
        "    return out.masked_fill(blind, 0.0)",
        "    return out",
        f"{ATTENTION} -k 'hidden_key'",
    ),
    Fault(
        "bias of minus infinity not seen",
        "nn/_kernels.py",
        "    return allowed if seen is None else allowed & seen",
        "    return allowed",
        f"{ATTENTION} -k 'minus_infinity'",
    ),
    Fault(
        "a NaN in the bias hides",
        "nn/_kernels.py",
        "bias != -math.inf",
        "bias > -math.inf",
        f"{ATTENTION} -k 'nan'",
    ),
    Fault(
        "a scale of zero or less in the causal kernel",
        "nn/_kernels.py",
        "    if scale <= 0:",
        "    if False:",
        f"{ATTENTION} -k 'any_scale'",
    ),
    Fault(
        "scale lost on the way to the kernel",
        "nn/_kernels.py",
        "is_causal=is_causal, scale=scale",
        "is_causal=is_causal",
        f"{ATTENTION} -k 'any_scale'",
    ),
    Fault(
        "dropout lost on the way to the kernel",
        "nn/_kernels.py",
        "dropout_p=dropout",
        "dropout_p=0.0",
        f"{ATTENTION} -k 'dropout'",
    ),
    Fault(
        "band one too narrow",
        "nn/_kernels.py",
        "return Band(back, ahead) if narrow",
        "return Band(max(back - 1, 0), ahead) if narrow",
        f"{ATTENTION} -k 'equals_the_definition'",
    ),
    Fault(
        "band ignores the keys ahead",
        "nn/_kernels.py",
        "return Band(back, ahead) if narrow",
        "return Band(back, 0) if narrow",
        f"{ATTENTION} -k 'equals_the_definition'",
    ),
    Fault(
        "band never chosen",
        "nn/_kernels.py",
        "narrow = BAND_GAIN * (back + ahead + 1) <= num_keys",
        "narrow = False",
        KERNELS,
    ),
    Fault(
        "keys outside the sequence seen in a band",
        "nn/_kernels.py",
        "inside = (keys >= 0) & (keys < num_keys)",
        "inside = keys < num_keys",
        KERNELS,
    ),
    Fault(
        "chunks start at the wrong key",
        "nn/_kernels.py",
        "first = num_keys - num_queries - band.back",
        "first = -band.back",
        KERNELS,
    ),
    # ---------------------------------------------------------------- cache
    Fault(
        "new keys before the old",
        "nn/cache.py",
        "torch.cat([self.keys, keys], dim=-2)",
        "torch.cat([keys, self.keys], dim=-2)",
        CACHE,
    ),
    Fault(
        "values not appended",
        "nn/cache.py",
        "            values = torch.cat([self.values, values], dim=-2)\n",
        "            values = torch.cat([self.values, keys[..., -values.shape[-2]:, :]], dim=-2)\n",
        CACHE,
    ),
    Fault(
        "reorder forgets the values",
        "nn/cache.py",
        "            self.values = self.values.index_select(0, index)\n",
        "",
        CACHE,
    ),
    Fault(
        "reorder along the heads",
        "nn/cache.py",
        "self.keys = self.keys.index_select(0, index)",
        "self.keys = self.keys.index_select(1, index)",
        CACHE,
    ),
    Fault(
        "an index without numbers accepted",
        "nn/cache.py",
        "if index.is_meta:",
        "if False:",
        f"{CACHE} -k without_numbers",
    ),
    Fault(
        "crop keeps the newest",
        "nn/cache.py",
        "self.keys[..., :length, :]",
        "self.keys[..., len(self) - length :, :]",
        CACHE,
    ),
    Fault(
        "an empty cache is no cache",
        "nn/cache.py",
        '        """A cache is a cache, also while it is empty."""\n        return True',
        '        """A cache is a cache, also while it is empty."""\n        return len(self) > 0',
        CACHE,
    ),
    Fault(
        "places below zero accepted",
        "nn/cache.py",
        "(index < 0) | (index >= batch)",
        "(index >= batch)",
        ERRORS,
    ),
    # ---------------------------------------------------------------- caches with parts, stacks
    Fault(
        "the source is cropped with the target",
        "nn/cache.py",
        "            if child.filled and not child.fixed:\n                child.crop(length)",
        "            if child.filled:\n                child.crop(min(length, child.length))",
        f"{CACHE} -k crop_leaves",
    ),
    Fault(
        "the source counts as length",
        "nn/cache.py",
        "            if child.filled and not child.fixed:\n                return child.length",
        "            if child.filled:\n                return child.length",
        f"{CACHE} -k length_counts",
    ),
    Fault(
        "beams leave the source behind",
        "nn/cache.py",
        "        for child in self.children.values():\n            child._select(index)",
        "        for child in self.children.values():\n"
        "            child.fixed or child._select(index)",
        f"{CACHE} -k reorder_reaches",
    ),
    Fault(
        "a new child at every call",
        "nn/cache.py",
        "        if name not in self.children:\n",
        "        if True:\n",
        f"{CACHE} -k made_once",
    ),
    Fault(
        "a cache forgets on its way through a program that it is fixed",
        "nn/cache.py",
        "    cache = KVCache(fixed=context[0])",
        "    cache = KVCache()",
        f"{CACHE} -k pytree",
    ),
    Fault(
        "a fixed cache grows",
        "nn/attention.py",
        "if cache is not None and cache.fixed and cache.keys is not None:",
        "if False:",
        f"{CACHE} -k fixed_cache",
    ),
    Fault(
        "a growing cache is only read",
        "nn/attention.py",
        "if cache is not None and cache.fixed and cache.keys is not None:",
        "if cache is not None and cache.keys is not None:",
        f"{CACHE} -k whole_conversations",
    ),
    Fault(
        "only queries are turned",
        "nn/attention.py",
        "return (k if rotation is None else rotation.apply(k)), v",
        "return k, v",
        f"{STACKS} -k relative",
    ),
    Fault(
        "values are turned too",
        "nn/attention.py",
        "return (k if rotation is None else rotation.apply(k)), v",
        "return (k, v) if rotation is None else (rotation.apply(k), rotation.apply(v))",
        f"{STACKS} -k relative",
    ),
    Fault(
        "a rotation across sequences accepted",
        "nn/attention.py",
        "        if key is not None and rotation is not None:\n",
        "        if False:\n",
        f"{CACHE} -k refused_across",
    ),
    Fault(
        "one encoder layer several times",
        "nn/stacks.py",
        "EncoderLayer(d_model, num_heads, d_ff, **options) for _ in range(num_layers)\n",
        "[EncoderLayer(d_model, num_heads, d_ff, **options)] * num_layers\n",
        f"{STACKS} -k weights_of_its_own",
    ),
    Fault(
        "the mask reaches the first layer only",
        "nn/stacks.py",
        "            x = layer(x, mask, bias=bias",
        "            x = layer(x, mask if i == 0 else None, bias=bias",
        f"{STACKS} -k hidden_word_reaches",
    ),
    Fault(
        "the rotation reaches the first layer only",
        "nn/stacks.py",
        "x = layer(x, mask, bias=bias, rotation=rotation, cache=part)",
        "x = layer(x, mask, bias=bias, rotation=None if i else rotation, cache=part)",
        f"{STACKS} -k reach_every_layer",
    ),
    Fault(
        "the bias reaches the first layer of the decoder only",
        "nn/stacks.py",
        "x = layer(x, memory, mask, memory_mask, bias=bias, rotation=rotation, cache=part)",
        "x = layer(x, memory, mask, memory_mask, bias=None if i else bias, rotation=rotation,"
        " cache=part)",
        f"{STACKS} -k reach_every_layer",
    ),
    Fault(
        "the target's mask for the source",
        "nn/stacks.py",
        "x = layer(x, memory, mask, memory_mask, bias",
        "x = layer(x, memory, mask, mask, bias",
        f"{STACKS} -k targets_mask",
    ),
    Fault(
        "the source's mask in the first layer only",
        "nn/stacks.py",
        "x = layer(x, memory, mask, memory_mask, bias",
        "x = layer(x, memory, mask, None if i else memory_mask, bias",
        f"{STACKS} -k blanks_of_the_source_say",
    ),
    Fault(
        "all layers write into one cache",
        "nn/stacks.py",
        'cache.child(f"layers.{i}")\n            x = layer(x, mask, bias',
        'cache.child("layers")\n            x = layer(x, mask, bias',
        f"{STACKS} -k causal_encoder",
    ),
    Fault(
        "a stack whose decoder layers see the future",
        "nn/stacks.py",
        "                causal=causal,\n",
        "                causal=False,\n",
        f"{STACKS} -k future",
    ),
    Fault(
        "no norm at the end of a pre-norm stack",
        "nn/stacks.py",
        'options.get("norm_first", True) if final_norm is None else final_norm',
        'not options.get("norm_first", True) if final_norm is None else final_norm',
        f"{STACKS} -k last_norm",
    ),
    # ---------------------------------------------------------------- stories, miniature
    Fault(
        "the one who is followed is not counted",
        "data/stories.py",
        "        what, steps = links[what], steps + 1\n",
        "        what = links[what]\n",
        "tests/data/test_stories.py -k every_answer",
    ),
    Fault(
        "he is she",
        "data/stories.py",
        'people = {"他": he, "她": she}',
        'people = {"他": she, "她": he}',
        "tests/data/test_stories.py -k stands_for",
    ),
    Fault(
        "a story tells everything in order",
        "data/stories.py",
        "    dice.shuffle(facts)\n",
        "",
        "tests/data/test_stories.py -k count_on",
    ),
    Fault(
        "verbs keep their ending after does not",
        "data/miniature.py",
        'return "do" if first else "does", "not", verb.first',
        'return "do" if first else "does", "not", form',
        "tests/data/test_miniature.py -k person_would",
    ),
    Fault(
        "when comes before where",
        "data/miniature.py",
        "(_ZH.places, _ZH.times)",
        "(_ZH.times, _ZH.places)",
        "tests/data/test_miniature.py -k person_would",
    ),
    Fault(
        "sources without an end mark",
        "data/miniature.py",
        "pair.source), _END]",
        "pair.source)]",
        "tests/data/test_miniature.py -k numbers",
    ),
    # ---------------------------------------------------------------- recording
    Fault(
        "maps keep their graph",
        "inspect/attention.py",
        "    @torch.no_grad()\n",
        "",
        INSPECT,
    ),
    Fault(
        "hooks remain",
        "inspect/attention.py",
        "            handle.remove()",
        "            handle",
        INSPECT,
    ),
    Fault(
        "map without its mask",
        "inspect/attention.py",
        "attention_weights(query, key, mask, bias=bias)",
        "attention_weights(query, key, bias=bias)",
        INSPECT,
    ),
    Fault(
        "map without its bias",
        "inspect/attention.py",
        "attention_weights(query, key, mask, bias=bias)",
        "attention_weights(query, key, mask)",
        INSPECT,
    ),
    Fault(
        "a model compiled in place recorded silently",
        "inspect/_hooks.py",
        " or module._compiled_call_impl is not None",
        "",
        ERRORS,
    ),
    # ---------------------------------------------------------------- relative positions
    Fault(
        "rotary: the sine's sign",
        "nn/positions/rotary.py",
        "even * cos - odd * sin",
        "even * cos + odd * sin",
        f"{ROTARY} -k 'complex'",
    ),
    Fault(
        "rotary: halves paired",
        "nn/positions/rotary.py",
        "reshape(*x.shape[:-1], planes, 2)\n        even, odd = pairs.unbind(-1)",
        "reshape(*x.shape[:-1], 2, planes)\n        even, odd = pairs.unbind(-2)",
        f"{ROTARY} -k 'complex'",
    ),
    Fault(
        "rotary: cosines and sines swapped",
        "nn/positions/rotary.py",
        "Rotation(angles.cos(), angles.sin())",
        "Rotation(angles.sin(), angles.cos())",
        f"{ROTARY} -k 'position_zero'",
    ),
    Fault(
        "rotary: all planes at one speed",
        "nn/positions/rotary.py",
        "self.base**-exponents",
        "self.base ** -(0 * exponents)",
        f"{ROTARY} -k 'fastest'",
    ),
    Fault(
        "rotary: the rest of the head dropped",
        "nn/positions/rotary.py",
        "x[..., 2 * planes :]], dim=-1)",
        "x[..., 2 * planes :] * 0], dim=-1)",
        f"{ROTARY} -k 'rest_of_a_head'",
    ),
    Fault(
        "rotary: arithmetic in the dtype of x",
        "nn/positions/rotary.py",
        "torch.promote_types(x.dtype, torch.float32)",
        "x.dtype",
        f"{ROTARY} -k 'last_rounding'",
    ),
    Fault(
        "rotary: angles in float32",
        "nn/positions/rotary.py",
        'torch.float32 if device.type == "mps" else torch.float64',
        "torch.float32",
        f"{ROTARY} -k 'last_rounding'",
    ),
    Fault(
        "rotary: batch read as heads",
        "nn/positions/rotary.py",
        "table.reshape(table.shape[0], *([1] * (axes - 3)), *table.shape[1:])",
        "table",
        f"{ROTARY} -k 'own_positions'",
    ),
    Fault(
        "rotary: keys left as they are",
        "nn/attention.py",
        "(k if rotation is None else rotation.apply(k)), v",
        "k, v",
        f"{ROTARY} -k 'never_values'",
    ),
    Fault(
        "ALiBi: one direction only",
        "nn/positions/bias.py",
        "offsets.abs().neg().to(dtype)",
        "offsets.to(dtype)",
        f"{BIAS} -k 'by_hand'",
    ),
    Fault(
        "ALiBi: slopes begin at one",
        "nn/positions/bias.py",
        "for h in range(1, power + 1)]",
        "for h in range(power)]",
        f"{BIAS} -k 'slopes'",
    ),
    Fault(
        "ALiBi: the other slopes between",
        "nn/positions/bias.py",
        "for h in range(1, 2 * power + 1, 2)]",
        "for h in range(2, 2 * power + 1, 2)]",
        f"{BIAS} -k 'fill_up'",
    ),
    Fault(
        "relative bias: sides swapped",
        "nn/positions/bias.py",
        "(offsets > 0) * (self",
        "(offsets < 0) * (self",
        f"{BIAS} -k 'definition'",
    ),
    Fault(
        "relative bias: the causal side reversed",
        "nn/positions/bias.py",
        "(-offsets).clamp(min=0)",
        "offsets.clamp(min=0)",
        f"{BIAS} -k 'definition'",
    ),
    Fault(
        "relative bias: a border belongs to the bucket before",
        "nn/positions/bias.py",
        "torch.bucketize(offsets.abs(), borders, right=True)",
        "torch.bucketize(offsets.abs(), borders)",
        f"{BIAS} -k 'definition'",
    ),
    Fault(
        "relative bias: borders rounded down",
        "nn/positions/bias.py",
        "while d**ranges * single**k < wanted:",
        "while False:",
        f"{BIAS} -k 'definition'",
    ),
    Fault(
        "relative bias: heads last",
        "nn/positions/bias.py",
        "bias.movedim(-1, -3)",
        "bias",
        f"{BIAS} -k 'bias_by_hand'",
    ),
    Fault(
        "offsets of queries to keys",
        "nn/positions/bias.py",
        "key_positions[..., None, :] - query_positions[..., :, None]",
        "query_positions[..., :, None] - key_positions[..., None, :]",
        f"{BIAS} -k 'bias_by_hand'",
    ),
    # ---------------------------------------------------------------- absolute positions
    Fault(
        "sines and cosines not side by side",
        "nn/positions/absolute.py",
        "pairs = torch.stack([angles.sin(), angles.cos()], dim=-1)",
        "pairs = torch.stack([angles.sin(), angles.cos()], dim=-2)",
        f"{ABSOLUTE} -k by_hand",
    ),
    Fault(
        "cosine before sine",
        "nn/positions/absolute.py",
        "[angles.sin(), angles.cos()]",
        "[angles.cos(), angles.sin()]",
        f"{ABSOLUTE} -k by_hand",
    ),
    Fault(
        "exponent i/D instead of 2i/D",
        "nn/positions/absolute.py",
        "(pairs * (-2.0 / d_model))",
        "(pairs * (-1.0 / d_model))",
        f"{ABSOLUTE} -k formula",
    ),
    Fault(
        "odd width shares the even width's speeds",
        "nn/positions/absolute.py",
        "(pairs * (-2.0 / d_model))",
        "(pairs * (-2.0 / (d_model + d_model % 2)))",
        f"{ABSOLUTE} -k odd_width",
    ),
    Fault(
        "angles in float32",
        "nn/positions/absolute.py",
        'if positions.device.type == "mps" else torch.float64',
        'if positions.device.type != "mps" else torch.float64',
        f"{ABSOLUTE} -k far_places",
    ),
    Fault(
        "model's dtype forgotten",
        "nn/positions/absolute.py",
        "self.base, dtype=self.dtype_like.dtype)",
        "self.base)",
        f"{ABSOLUTE} -k another_dtype",
    ),
    Fault(
        "positions count the padding",
        "nn/positions/absolute.py",
        "(keep.cumsum(-1) - 1)",
        "(keep.new_ones(keep.shape).cumsum(-1) - 1)",
        f"{ABSOLUTE} -k real_tokens",
    ),
    Fault(
        "positions count from one",
        "nn/positions/absolute.py",
        "(keep.cumsum(-1) - 1)",
        "keep.cumsum(-1)",
        f"{ABSOLUTE} -k real_tokens",
    ),
    Fault(
        "positions of padding below zero",
        "nn/positions/absolute.py",
        ".clamp(min=0)",
        "",
        f"{ABSOLUTE} -k counts_for_itself",
    ),
    Fault(
        "newest places are the first",
        "nn/positions/absolute.py",
        "torch.arange(-num_queries, 0, device=keep.device)",
        "torch.arange(num_queries, device=keep.device)",
        f"{ABSOLUTE} -k newest_places",
    ),
    Fault(
        "a place beyond the table accepted",
        "nn/positions/absolute.py",
        "            self._check_range(positions)\n",
        "            pass\n",
        f"{ABSOLUTE} -k refusals",
    ),
    # ---------------------------------------------------------------- layers
    Fault(
        "shift of the layer norm forgotten",
        "nn/norms.py",
        "return nn.functional.layer_norm(x, x.shape[-1:], weight, bias, eps)",
        "return nn.functional.layer_norm(x, x.shape[-1:], weight, None, eps)",
        f"{NORMS} -k 'scale_and_shift'",
    ),
    Fault(
        "eps of the root mean square ignored",
        "nn/norms.py",
        "return nn.functional.rms_norm(x, x.shape[-1:], weight, eps)",
        "return nn.functional.rms_norm(x, x.shape[-1:], weight, 1e-6)",
        f"{NORMS} -k 'eps_is_added'",
    ),
    Fault(
        "half precision squared in half precision",
        "nn/norms.py",
        "return nn.functional.rms_norm(x, x.shape[-1:], weight, eps)",
        "return x / (x * x).mean(-1, True).add(eps).sqrt() * (1 if weight is None else weight)",
        f"{NORMS} -k 'half_precision'",
    ),
    Fault(
        "gate and value exchanged",
        "nn/feedforward.py",
        "(self.gate_proj(x)) * hidden",
        "(hidden) * self.gate_proj(x)",
        f"{FEED_FORWARD} -k 'formula'",
    ),
    Fault(
        "tanh for the exact GELU",
        "nn/feedforward.py",
        '"gelu": functional.gelu,',
        '"gelu": partial(functional.gelu, approximate="tanh"),',
        f"{FEED_FORWARD} -k 'its_formula'",
    ),
    Fault(
        "feed-forward dropout on the output",
        "nn/feedforward.py",
        "self.down_proj(self.dropout(hidden))",
        "self.dropout(self.down_proj(hidden))",
        f"{FEED_FORWARD} -k 'dropout'",
    ),
    Fault(
        "pre-norm adds to the normalised",
        "nn/layers.py",
        "            out = x + self.dropout(sublayer(norm(x)))\n",
        "            x = norm(x)\n            out = x + self.dropout(sublayer(x))\n",
        f"{LAYERS} -k 'equations'",
    ),
    Fault(
        "post-norm before the sum",
        "nn/layers.py",
        "out = norm(x + self.dropout(sublayer(x)))",
        "out = x + norm(self.dropout(sublayer(x)))",
        f"{LAYERS} -k 'equations'",
    ),
    Fault(
        "dropout on the residual",
        "nn/layers.py",
        "out = x + self.dropout(sublayer(norm(x)))",
        "out = self.dropout(x + sublayer(norm(x)))",
        f"{LAYERS} -k 'falls_on_the_branches'",
    ),
    Fault(
        "one norm for both branches",
        "nn/layers.py",
        "return self._branch(x, self.feed_forward, self.feed_forward_norm)",
        "return self._branch(x, self.feed_forward, self.attention_norm)",
        f"{LAYERS} -k 'equations'",
    ),
    Fault(
        "rotation lost in the layer",
        "nn/layers.py",
        "bias=bias, rotation=rotation, cache=part)",
        "bias=bias, rotation=None, cache=part)",
        f"{LAYERS} -k 'rotation_reach'",
    ),
    Fault(
        "the source's mask forgotten",
        "nn/decoder_layer.py",
        "self.cross_attention(x, memory, mask=memory_mask, cache=their)",
        "self.cross_attention(x, memory, cache=their)",
        f"{DECODER_LAYER} -k 'padded_source'",
    ),
    Fault(
        "a target mask replaces the causal rule",
        "nn/decoder_layer.py",
        "masks.causal() if mask is None else masks.causal() & as_mask(mask)",
        "masks.causal() if mask is None else as_mask(mask)",
        f"{DECODER_LAYER} -k 'cannot_change_the_past'",
    ),
    Fault(
        "half a cache accepted for a memory",
        "nn/decoder_layer.py",
        "        elif memory is not None:\n            check_shape(",
        "        elif memory is None:\n            num_keys = x.shape[1]\n"
        "        elif memory is not None:\n            check_shape(",
        f"{DECODER_LAYER} -k 'refusal'",
    ),
    Fault(
        "the dropout of cross-attention weights forgotten",
        "nn/decoder_layer.py",
        'options.get("attention_dropout", 0.0)',
        "0.0",
        f"{DECODER_LAYER} -k 'options_reach'",
    ),
    Fault(
        "the memory's batch unchecked",
        "nn/decoder_layer.py",
        '"B S D", B=x.shape[0], D=x.shape[2])',
        '"B S D", D=x.shape[2])',
        f"{LAYERS_PLAIN} -k 'refused and batch'",
    ),
    # ---------------------------------------------------------------- runtime and checks
    Fault(
        "mps before cuda",
        "runtime.py",
        '    if torch.cuda.is_available():\n        return torch.device("cuda")\n',
        "",
        RUNTIME,
    ),
    Fault(
        "TXLITE_DEVICE ignored",
        "runtime.py",
        "        return _named_device(name)\n",
        "        pass\n",
        RUNTIME,
    ),
    Fault(
        "a device too many accepted",
        "runtime.py",
        "int(index or 0) >= counts[kind]",
        "int(index or 0) > counts[kind]",
        ERRORS,
    ),
    Fault(
        "Python's random unseeded",
        "runtime.py",
        "    random.seed(n)\n",
        "",
        RUNTIME,
    ),
    Fault(
        "NumPy unseeded",
        "runtime.py",
        "        numpy.random.seed(n)\n",
        "        pass\n",
        RUNTIME,
    ),
    Fault(
        "the shared generator handed out",
        "runtime.py",
        "return torch.Generator().manual_seed(n)",
        "return torch.manual_seed(n)",
        RUNTIME,
    ),
    Fault(
        "any budget accepted",
        "runtime.py",
        "    if name not in get_args(Budget):",
        "    if False:",
        ERRORS,
    ),
    Fault(
        "wrong axes pass",
        "_checks.py",
        "    if not enough or wrong:",
        "    if not enough:",
        CHECKS,
    ),
    Fault(
        "True counts as a number",
        "_checks.py",
        "if isinstance(n, bool) or not isinstance(n, int) or n < 1:",
        "if not isinstance(n, int) or n < 1:",
        ERRORS,
    ),
    Fault(
        "a probability of one accepted",
        "_checks.py",
        "(is_number(p) and 0.0 <= p < 1.0)",
        "(is_number(p) and 0.0 <= p <= 1.0)",
        ERRORS,
    ),
    Fault(
        "autocast refused",
        "_checks.py",
        " and not torch.is_autocast_enabled(x.device.type)",
        "",
        CHECKS,
    ),
    # ---------------------------------------------------------------- training
    Fault(
        "training: an evaluation thaws what was frozen",
        "training/metrics.py",
        "            module.training = mode",
        "            module.training = True",
        "tests/training/test_metrics.py -k own_mode",
    ),
    Fault(
        "training: another order taken for the same",
        "training/batches.py",
        '            "shuffle": self.shuffle,\n',
        "",
        "tests/training/test_batches.py -k errors",
    ),
    Fault(
        "cli: new weights beside an old config",
        "cli/folder.py",
        "(folder / CONFIG).unlink(missing_ok=True)",
        "pass",
        "tests/cli/test_commands.py -k never_meet",
    ),
    Fault(
        "generation: a cache that is not used goes unnoticed",
        "generation/_reader.py",
        "            if not self.cache.filled:",
        "            if False:",
        "tests/generation/test_errors.py -k cache",
    ),
    Fault(
        "an LSTM reads padding between words",
        "models/seq2seq.py",
        " or bool((keep[:, 1:] > keep[:, :-1]).any())",
        "",
        "tests/models/test_seq2seq.py -k refused",
    ),
    Fault(
        "training: every token gets the whole ε",
        "training/losses.py",
        "label_smoothing * log_probabilities.mean(-1)",
        "label_smoothing * log_probabilities.sum(-1)",
        "tests/training/test_losses.py -k 'cross_entropy_with or equals_torch'",
    ),
    Fault(
        "training: blanks counted in the loss",
        "training/losses.py",
        "    return (losses * keep).sum(), keep.sum()",
        "    return losses.sum(), keep.sum()",
        "tests/training/test_losses.py -k equals_torch",
    ),
    Fault(
        "training: NaN at a blank spreads",
        "training/losses.py",
        "    clean = logits.masked_fill(~keep[..., None], 0.0)",
        "    clean = logits",
        "tests/training/test_losses.py -k blank",
    ),
    Fault(
        "training: the shown token asked for",
        "training/losses.py",
        "summed(logits, batch.target[:, 1:], batch",
        "summed(logits, batch.target[:, :-1], batch",
        "tests/training/test_losses.py -k teacher",
    ),
    Fault(
        "training: the warm-up's exponent",
        "training/schedules.py",
        "step * warmup_steps**-1.5",
        "step * warmup_steps**-1.0",
        "tests/training/test_schedules.py",
    ),
    Fault(
        "training: the step counted from zero in the cosine",
        "training/schedules.py",
        "(step - warmup_steps) / (total_steps - warmup_steps)",
        "(step - 1 - warmup_steps) / (total_steps - warmup_steps)",
        "tests/training/test_schedules.py",
    ),
    Fault(
        "training: a rate below zero",
        "_checks.py",
        "is_number(x) and 0 < x < math.inf",
        "is_number(x) and x < math.inf",
        "tests/training/test_schedules.py -k positive_number",
    ),
    Fault(
        "training: biases decay",
        "training/optim.py",
        "if p.ndim >= 2 and id(p) not in looked_up",
        "if id(p) not in looked_up",
        "tests/training/test_optim.py",
    ),
    Fault(
        "training: embeddings decay",
        "training/optim.py",
        "if p.ndim >= 2 and id(p) not in looked_up",
        "if p.ndim >= 2",
        "tests/training/test_optim.py",
    ),
    Fault(
        "training: mean of means",
        "training/_run.py",
        "p.grad.mul_(self.team.size / tokens)",
        "p.grad.mul_(self.team.size * self.accumulate / tokens)",
        "tests/training/test_loop.py -k accumulated",
    ),
    Fault(
        "training: the rate a step late",
        "training/_run.py",
        'group["lr"] = self.schedule(number)',
        'group["lr"] = self.schedule(number + 1)',
        "tests/training/test_loop.py -k by_hand",
    ),
    Fault(
        "training: a loss that is no number is used",
        "training/_run.py",
        "            if not math.isfinite(value):",
        "            if math.isinf(value):",
        "tests/training/test_loop.py -k no_number",
    ),
    Fault(
        "training: no way back from evaluation",
        "training/_run.py",
        "            self.history.note(self.evaluate(self.model))\n        self.model.train()\n",
        "            self.history.note(self.evaluate(self.model))\n",
        "tests/training/test_loop.py -k training_mode",
    ),
    Fault(
        "training: a checkpoint half put back",
        "training/_run.py",
        "        self.batches.load_state_dict(progress.batches)  # the last that may refuse\n"
        "        put_back()\n",
        "        put_back()\n        self.batches.load_state_dict(progress.batches)\n",
        "tests/training/test_loop.py -k changes_nothing",
    ),
    Fault(
        "training: more steps than were asked for",
        "training/_run.py",
        "if progress.step > self.steps:",
        "if progress.step > self.steps + 1:",
        "tests/training/test_loop.py -k fewer_steps",
    ),
    Fault(
        "training: one batch twice after a break",
        "training/batches.py",
        '"position": self.position, **self',
        '"position": max(0, self.position - 1), **self',
        "tests/training/test_batches.py",
    ),
    Fault(
        "training: dropout forgotten by the checkpoint",
        "training/_chance.py",
        '    torch.set_rng_state(tensors["cpu"])\n',
        "",
        "tests/training/test_loop.py -k goes_on",
    ),
    Fault(
        "training: a tied matrix written twice",
        "training/_state.py",
        "first.setdefault(id(x), name) != name",
        "not name",
        "tests/training/test_checkpoint.py -k 'pickle or everything'",
    ),
    Fault(
        "training: damage not noticed",
        "training/_disk.py",
        "    if found != fingerprint:",
        "    if False:",
        "tests/training/test_checkpoint.py -k damaged",
    ),
    Fault(
        "training: pointed at before it is whole",
        "training/checkpoint.py",
        "    with _disk.draft(folder, name) as unfinished:\n",
        "    _disk.point_at(folder, name)\n    with _disk.draft(folder, name) as unfinished:\n",
        "tests/training/test_checkpoint.py -k error_while_saving",
    ),
    Fault(
        "training: a step saved twice counts twice",
        "training/checkpoint.py",
        "{path.stem: path for path in found}",
        "{path.name: path for path in found}",
        "tests/training/test_checkpoint.py -k twice",
    ),
    Fault(
        "training: every process takes every row",
        "training/distributed.py",
        "x[crew.rank :: crew.size]",
        "x[:: crew.size]",
        "tests/training/test_distributed.py -k every_row",
    ),
    # ---------------------------------------------------------------- generation
    Fault(
        "top-p drops the token that crosses",
        "generation/sampling.py",
        "<= 1 - p\n    drop[..., -1]",
        "< 1 - p + 0.2\n    drop[..., -1]",
        f"{SAMPLING} -k 'top_p_by_hand'",
    ),
    Fault(
        "top-p may leave nothing",
        "generation/sampling.py",
        "    drop[..., -1] = False  # the most probable token always stays\n",
        "",
        f"{SAMPLING} -k 'top_p_by_hand'",
    ),
    Fault(
        "top-p in the order of the vocabulary",
        "generation/sampling.py",
        "torch.zeros_like(drop).scatter(-1, order, drop)",
        "drop",
        f"{SAMPLING} -k 'top_p_by_hand'",
    ),
    Fault(
        "top-p adds up in half precision",
        "generation/sampling.py",
        "ascending.to(precise).softmax(-1)",
        "ascending.softmax(-1)",
        f"{SAMPLING} -k 'single_precision'",
    ),
    Fault(
        "an end that is no token of the vocabulary",
        "generation/_reader.py",
        "not 0 <= token < vocabulary",
        "not 0 <= token <= vocabulary",
        "tests/generation/test_errors.py -k outside",
    ),
    Fault(
        "top-k breaks ties",
        "generation/sampling.py",
        "logits < smallest",
        "logits <= smallest",
        f"{SAMPLING} -k 'top_k_by_hand'",
    ),
    Fault(
        "min-p as a plain threshold",
        "generation/sampling.py",
        "p * probabilities.amax(-1, keepdim=True)",
        "p",
        f"{SAMPLING} -k 'min_p_by_hand'",
    ),
    Fault(
        "repetition penalty divides negative logits",
        "generation/sampling.py",
        "torch.where(logits < 0, logits * penalty, logits / penalty)",
        "logits / penalty",
        f"{SAMPLING} -k 'loses_whatever'",
    ),
    Fault(
        "repetition penalty counts padding",
        "generation/sampling.py",
        "torch.ones_like(tokens) if keep is None else keep.to(tokens.dtype)",
        "torch.ones_like(tokens)",
        f"{SAMPLING} -k 'padding_has'",
    ),
    Fault(
        "the dice fall beside the line",
        "generation/sampling.py",
        "point, right=True)",
        "point, right=False)",
        f"{SAMPLING} -k 'ends_of_the_line'",
    ),
    Fault(
        "finished rows go on talking",
        "generation/decode.py",
        "token.masked_fill(done, pad_id)",
        "token",
        f"{DECODING} -k 'padded'",
    ),
    Fault(
        "an ended row forgets that it ended",
        "generation/decode.py",
        "done | (token == eos_id)",
        "token == eos_id",
        f"{DECODING} -k 'ends_with_its'",
    ),
    Fault(
        "temperature forgotten",
        "generation/decode.py",
        "logits = sampling.temperature(logits, self.temperature)",
        "pass",
        f"{DECODING} -k 'filtered_distribution'",
    ),
    Fault(
        "the cache reads everything again",
        "generation/_reader.py",
        "tokens[:, self.seen :]",
        "tokens",
        f"{DECODING} -k 'changes_nothing_but'",
    ),
    Fault(
        "generation leaves the model in evaluation mode",
        "generation/_reader.py",
        "module.training = mode",
        "pass",
        f"{DECODING} -k 'dropout'",
    ),
    Fault(
        "a beam search forgets the cache's order",
        "generation/_reader.py",
        "            self.cache.reorder(index)",
        "            self.cache.reorder(index.sort().values)",
        f"{BEAMS} -k 'changes_nothing_but'",
    ),
    Fault(
        "beams forget which prompts are padded",
        "generation/_reader.py",
        "None if x is None else x.index_select(0, index)",
        "None if x is None else x[:1].expand(len(index), *x.shape[1:])",
        f"{BEAMS} -k 'as_if_alone'",
    ),
    Fault(
        "what has ended comes back",
        "generation/beam.py",
        "beams = going.choose(survivors)",
        "beams = candidates.choose(survivors)",
        f"{BEAMS} -k 'exhaustive'",
    ),
    Fault(
        "places counted in the row and not in the batch",
        "generation/beam.py",
        "(first + parents).flatten()",
        "(0 * first + parents).flatten()",
        f"{BEAMS} -k 'as_if_alone'",
    ),
    Fault(
        "a done row goes on collecting",
        "generation/beam.py",
        "ends & exists & ~done[:, None]",
        "ends & exists",
        f"{BEAMS} -k 'as_if_alone'",
    ),
    Fault(
        "the length penalty ignored",
        "generation/_beams.py",
        "return log_probs / lengths.to(log_probs.dtype) ** self.length_penalty",
        "return log_probs",
        f"{BEAMS} -k 'those_of_the_tokens'",
    ),
    Fault(
        "every candidate extends the first beam",
        "generation/_beams.py",
        "shorter = beams.choose(parents)",
        "shorter = beams.choose(0 * parents)",
        f"{BEAMS} -k 'those_of_the_tokens'",
    ),
    Fault(
        "early stopping is never early",
        "generation/_beams.py",
        "        return worst.isfinite() | best.isneginf()",
        "        return best.isneginf()",
        f"{BEAMS} -k 'only_shortens'",
    ),
    Fault(
        '"never" stops by the length so far',
        "generation/_beams.py",
        "lengths = torch.full_like(lengths, rules.max_new_tokens)",
        "pass",
        f"{BEAMS} -k 'only_shortens'",
    ),
    # ---------------------------------------------------------------- sentences and batches
    Fault(
        "ma amie",
        "data/_translation/french_phrases.py",
        "_OWNERS[determiner][0 if fits and form == 1 else form]",
        "_OWNERS[determiner][form]",
        "tests/data/translation/test_french.py -k 'makes_the_mistake'",
    ),
    Fault(
        "a participle that does not look back",
        "data/_translation/french.py",
        "before or _direct(clause)",
        "_direct(clause)",
        "tests/data/translation/test_french.py -k by_hand",
    ),
    Fault(
        "er ben shu",
        "data/_translation/chinese.py",
        '("两" if thing.count == 2 else number(thing.count, CHINESE))',
        "number(thing.count, CHINESE)",
        "tests/data/translation/test_chinese.py -k by_hand",
    ),
    Fault(
        "bu in the past",
        "data/_translation/chinese.py",
        '"没" if past or have or progress else "不"',
        '"没" if have or progress else "不"',
        "tests/data/translation/test_chinese.py -k by_hand",
    ),
    Fault(
        "a masked source that is read all the same",
        "models/seq2seq.py",
        "mask = None if source_keep is None else source_keep[:, None, :]",
        "mask = None",
        "tests/models/test_seq2seq.py -k padding",
    ),
    Fault(
        "a dictionary without the empty word",
        "models/word_by_word.py",
        "words = torch.tensor([*source, null])",
        "words = torch.tensor([*source, source[0]])",
        "tests/models/test_word_by_word.py -k by_hand",
    ),
    Fault(
        "one pad token kept",
        "data/collate.py",
        "torch.arange(longest) < lengths[:, None]",
        "torch.arange(longest) <= lengths[:, None]",
        "tests/data/test_collate.py -k 'by_hand'",
    ),
    Fault(
        "a bucket over its budget",
        "data/collate.py",
        "(len(batches[-1]) + 1) * sum(wider)",
        "len(batches[-1]) * sum(wider)",
        "tests/data/test_collate.py -k 'budget'",
    ),
    Fault(
        "names lost in capitals",
        "data/corpora.py",
        "names.get(word[0], word[0])",
        "word[0]",
        "tests/data/test_corpora.py -k people",
    ),
    Fault(
        "l'homme and homme apart",
        "data/tokenizers.py",
        """Regex(r"'(?=\\S)(?!t\\b)"), "' ")""",
        """Regex(r"'(?=\\S)(?!t\\b)"), "'")""",
        "tests/data/test_tokenizers.py -k 'where_words or one_number'",
    ),
]


class Result(NamedTuple):
    """How one fault fared."""

    fault: Fault
    code: int
    seconds: float
    said: str

    @property
    def killed(self) -> bool:
        """Whether a test failed, and nothing else went wrong."""
        return self.code == TESTS_FAILED


def plant(fault: Fault, folder: Path) -> None:
    """Copy the package and its tests into a folder, with the fault in it."""
    for name in ("txlite", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    file = folder / "txlite" / fault.file
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(fault.old, fault.new), encoding="utf-8")


def check(fault: Fault) -> None:
    """Refuse a fault whose text does not occur exactly once."""
    count = (ROOT / "txlite" / fault.file).read_text(encoding="utf-8").count(fault.old)
    if count != 1 or fault.old == fault.new:
        sys.exit(f"mutants: {fault.name}: its text occurs {count} times in {fault.file}, not once")


def warm_up() -> None:
    """Import what the tests import, but nothing of this package."""
    for name in WARM:
        importlib.import_module(name)


def run(tests: list[str], folder: Path) -> int:
    """Run tests in this process on the package that lies in a folder; return pytest's code."""
    with (folder / "out.txt").open("w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none is needed, and hypothesis is loaded
    return int(pytest.main(["-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]))


def try_fault(fault: Fault) -> Result:
    """Plant one fault and see whether its tests notice."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        plant(fault, folder)
        code = run(shlex.split(fault.tests), folder)
        os.chdir(ROOT)
        out = (folder / "out.txt").read_text(encoding="utf-8")
    ours = "txlite" in sys.modules and str(folder) in str(sys.modules["txlite"].__file__)
    failed = [line for line in out.splitlines() if line.startswith(("FAILED", "ERROR"))]
    said = failed[0].split("::")[-1].split(" - ")[0] if failed else ""
    if code not in (OK, TESTS_FAILED) or not ours:
        said = f"pytest ended with {code}\n{out}"
    return Result(fault, code, time.perf_counter() - start, said)


def main(words: list[str]) -> int:
    """Try the faults whose names contain a word, all without one, and print a table."""
    faults = [f for f in FAULTS if not words or any(word in f.name for word in words)]
    names = [f.name for f in FAULTS]
    if len(set(names)) < len(names):
        sys.exit("mutants: two faults have one name")
    for fault in faults:
        check(fault)
    start = time.perf_counter()
    warm_up()
    with multiprocessing.get_context("fork").Pool(WORKERS, maxtasksperchild=1) as pool:
        results = []
        for result in pool.imap(try_fault, faults, chunksize=1):
            results.append(result)
            verdict = "killed  " if result.killed else "SURVIVED"
            times = f"{result.seconds:5.1f} s"
            print(f"{verdict} {times}  {result.fault.name}  {result.said}", flush=True)
    survivors = [r.fault.name for r in results if not r.killed]
    killed = len(results) - len(survivors)
    print(f"{killed} of {len(results)} faults killed in {time.perf_counter() - start:.0f} s")
    for name in survivors:
        print(f"survived: {name}")
    return 1 if survivors or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
