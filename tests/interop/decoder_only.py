"""What the tests of decoder-only families share."""

from typing import Any

import torch
from torch import Tensor

B, T = 3, 7
LENGTHS = torch.tensor([7, 4, 2])


def keep(side: str) -> Tensor:
    """Return which tokens are real, padded on either side or with holes."""
    right = torch.arange(T) < LENGTHS[:, None]
    if side == "holes":
        mixed = right.clone()
        mixed[1] = torch.tensor([True, False, True, True, False, True, False])
        mixed[2] = torch.tensor([False, True, False, False, False, False, True])
        return mixed
    return right if side == "right" else right.flip(1)


def their_logits(theirs: Any, tokens: Tensor, real: Tensor) -> Tensor:
    """Their logits where a token stands; positions count real tokens, as `generate` counts them."""
    positions = (real.cumsum(-1) - 1).clamp(min=0)
    out = theirs(input_ids=tokens, attention_mask=real.long(), position_ids=positions)
    return out.logits[real]
