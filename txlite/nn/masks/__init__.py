r"""Masks: who may attend to whom, said as a rule and not as a table.

A mask is a predicate on positions. ``causal()`` says *j ≤ i*, ``sliding_window(5)`` says
*|i − j| < 5*, ``padding(keep)`` says *key j is real*. Rules are combined with ``&``, ``|`` and
``~``, and stay rules: no T×S table exists until somebody asks for one with
:meth:`Mask.to_tensor`, so attention can see the structure and choose a kernel that exploits it.

**True = may attend**, everywhere in txlite, as in
``torch.nn.functional.scaled_dot_product_attention`` (and opposite to
``torch.nn.MultiheadAttention``).

Positions are absolute, and the *last* query stands at the *last* key: with T queries and S keys,
query t stands at position S − T + t. That is what decoding with a cache needs, where the newest
queries come after all cached keys.

Sources
    Vaswani et al. (2017), section 3.2.3 (causal mask). Beltagy et al. (2020), "Longformer",
    section 3.1 (sliding window).
"""

from txlite.nn.masks._rules import Mask
from txlite.nn.masks.constructors import blocks, causal, padding, sliding_window
from txlite.nn.masks.sparse import (
    block_window,
    dilated_window,
    global_tokens,
    random_blocks,
    strided,
)

__all__ = [
    "Mask",
    "block_window",
    "blocks",
    "causal",
    "dilated_window",
    "global_tokens",
    "padding",
    "random_blocks",
    "sliding_window",
    "strided",
]
