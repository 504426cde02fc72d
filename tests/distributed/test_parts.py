"""What of a model is shared out, counted against the model itself."""

from typing import Any

import pytest
import torch
from torch import nn

from txlite.distributed import model_parts, stage_layers
from txlite.models import BERT, GPT, BERTConfig, GPTConfig, Llama, LlamaConfig, Transformer
from txlite.models import TransformerConfig as Config

SIZES: dict[str, Any] = {
    "vocab_size": 30, "d_model": 24, "num_heads": 6, "d_ff": 20, "num_layers": 5,
}  # fmt: skip


def built(name: str) -> nn.Module:
    with torch.device("meta"):
        if name == "gpt":
            return GPT(GPTConfig(**SIZES, max_len=11))
        if name == "bert":
            return BERT(BERTConfig(**SIZES, max_len=11))
        return Llama(LlamaConfig(**SIZES, num_kv_heads=3, tied_output=name == "tied"))


@pytest.mark.parametrize("name", ["gpt", "bert", "llama", "tied"])
def test_one_process_holds_everything(name: str) -> None:
    model = built(name)
    if name == "bert":
        model.pooler = None
    whole = sum(p.numel() for p in model.parameters())
    assert model_parts(model).held(1, stage_layers(5, 1)) == [whole]


def test_shares_add_up() -> None:
    parts, stages = model_parts(built("llama")), stage_layers(5, 2)
    whole = parts.held(1, stage_layers(5, 1))[0]
    assert sum(parts.held(1, stages)) == whole  # nothing is tied
    norms = 5 * 2 * 24 + 24  # each process holds the norms
    assert 3 * sum(parts.held(3, stages)) - 2 * norms == whole


def test_a_matrix_at_both_ends_stands_on_both() -> None:
    parts = model_parts(built("gpt"))
    one, two = (sum(parts.held(1, stage_layers(5, n))) for n in (1, 2))
    assert two - one == 30 * 24


def test_rows_are_filled_up() -> None:
    parts = model_parts(built("gpt"))
    assert parts.held(1, [range(5)])[0] - 5 * (parts.cut + parts.whole) == (30 + 11) * 24 + 2 * 24
    four = parts.held(4, [range(5)])[0] - 5 * (parts.cut // 4 + parts.whole)
    assert four == (8 + 11) * 24 + 2 * 24  # 30 tokens among 4: 8 rows each


def test_heads_and_hidden_units_divide() -> None:
    parts = model_parts(built("llama"))
    assert [t for t in range(1, 7) if parts.divides(t)] == [1]  # 6, 3 and 20
    parts = model_parts(built("gpt"))
    assert [t for t in range(1, 7) if parts.divides(t)] == [1, 2]  # 6 and 20


@pytest.mark.kills(
    "layouts: a recomputed layer costs nothing",
    "distributed/parts.py",
    "(4 if recompute else 3)",
    "3",
)
@pytest.mark.parametrize("recompute", [False, True])
def test_operations_are_narayanans(recompute: bool) -> None:
    width, layers, heads, vocabulary, batch, length = 64, 3, 4, 90, 7, 32
    with torch.device("meta"):
        model = GPT(
            GPTConfig(
                vocab_size=vocabulary,
                d_model=width,
                num_heads=heads,
                d_ff=4 * width,
                num_layers=layers,
            )
        )
    want = 96 * batch * length * layers * width**2 * (1 + length / (6 * width))
    want = want * (1 if recompute else 0.75) + 6 * batch * length * width * vocabulary
    assert model_parts(model).step_flops(batch, length, recompute=recompute) == pytest.approx(want)


def test_a_layer_keeps_what_korthikanti_says() -> None:
    with torch.device("meta"):
        model = GPT(GPTConfig(vocab_size=9, d_model=64, num_heads=4, d_ff=256, num_layers=1))
    for tensor in (1, 4):
        assert model_parts(model).activation_bytes(tensor) == 64 * (10 + 24 / tensor)


@pytest.mark.plain
def test_two_stacks_are_refused() -> None:
    with torch.device("meta"):
        both = Transformer(Config(**SIZES))
        shared = BERT(BERTConfig(**SIZES, share_layers=True))
    with pytest.raises(ValueError, match=r"^model should have an embedding and one stack, got Tra"):
        model_parts(both)
    with pytest.raises(ValueError, match=r"^model should have layers that are alike"):
        model_parts(shared)
    with pytest.raises(ValueError, match=r"^model should be a torch.nn.Module, got 3"):
        model_parts(3)  # type: ignore[arg-type]
