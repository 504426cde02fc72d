"""An embedding of whole numbers, against the matrix that it stands for."""

import pytest
import torch
from torch.testing import assert_close

from txlite.compress import QuantizedEmbedding
from txlite.nn import TokenEmbedding

WIDTH = 12


@pytest.mark.plain
@pytest.mark.parametrize("bits", [4, 8])
def test_an_embedding_looks_up_and_scores(bits: int) -> None:
    exact = TokenEmbedding(11, WIDTH).double()
    layer = QuantizedEmbedding.of(exact, bits=bits, group_size=6)
    tokens = torch.tensor([[0, 10, 3], [3, 3, 1]])
    meant = layer.expanded().double()
    assert_close(layer(tokens), meant[tokens] * WIDTH**0.5)
    x = torch.randn(2, WIDTH, dtype=torch.float64)
    assert_close(layer.logits(x), x @ meant.T)
    with pytest.raises(ValueError, match=r"tokens should lie in \[0, vocab_size=11\)"):
        layer(tokens + 1)
    with pytest.raises(ValueError, match=r"tokens should hold int32 or int64"):
        layer(tokens.to(torch.int16))
