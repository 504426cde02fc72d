"""What a training holds from step to step, and a cache, byte by byte."""

from typing import Any

import pytest
import torch
from torch import Tensor

from txlite.counting import (
    TrainingMemory,
    kv_cache_bytes,
    measure_state,
    predict_parameters,
    predict_training_memory,
    state_memory,
    weight_bytes,
)
from txlite.models import (
    GPT,
    T5,
    BERTConfig,
    DETRConfig,
    GPTConfig,
    Llama,
    LlamaConfig,
    SwitchConfig,
    T5Config,
    TransformerConfig,
)
from txlite.nn import KVCache

SIZES: dict[str, Any] = {
    "vocab_size": 71, "d_model": 24, "num_heads": 4, "d_ff": 56, "num_layers": 3, "max_len": 64,
}  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "precision"), [(torch.float32, "float32"), (torch.bfloat16, "bfloat16")]
)
def test_predicted_and_held(dtype: torch.dtype, precision: Any) -> None:
    config = GPTConfig(**SIZES)
    model = GPT(config).to(dtype)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randint(71, (2, 9))).float().sum().backward()
    before = measure_state(model, optimizer)
    assert before.moments == 0
    optimizer.step()
    predicted = state_memory(predict_parameters(config).total, precision=precision)
    assert measure_state(model, optimizer) == predicted


def test_another_optimizer_holds_less() -> None:
    model = GPT(GPTConfig(**SIZES))
    optimizer = torch.optim.SGD(model.parameters(), momentum=0.9)
    model(torch.randint(71, (2, 9))).sum().backward()
    optimizer.step()
    measured = measure_state(model, optimizer)
    assert measured.moments == measured.weights == measured.gradients


def test_sixteen_bytes_a_parameter_in_either_precision() -> None:
    assert state_memory(1000).state == 16_000
    mixed = state_memory(1000, precision="mixed")
    assert mixed == TrainingMemory(weights=2000, gradients=2000, moments=8000, master_weights=4000)
    assert mixed.state == 16_000
    assert state_memory(1000, precision="bfloat16").state == 8000


def test_state_and_activations_together() -> None:
    config = GPTConfig(**SIZES)
    memory = predict_training_memory(config, batch=5, length=33)
    assert memory.state == 16 * predict_parameters(config).total
    assert memory.total == memory.state + memory.activations
    again = predict_training_memory(config, batch=5, length=33, checkpointed=True)
    assert again.state == memory.state
    assert again.activations < memory.activations
    half = predict_training_memory(config, batch=5, length=33, precision="mixed")
    assert half.state == memory.state
    assert half.activations < 0.6 * memory.activations


def test_there_are_eight_bits_in_a_byte() -> None:
    assert weight_bytes(1000) == 2000
    assert weight_bytes(1000, bits=32) == 4000
    assert weight_bytes(1001, bits=4) == 500.5


def held(cache: KVCache) -> int:
    """Bytes of all keys and values, which are reached through the children."""
    own = [x for x in vars(cache).values() if isinstance(x, Tensor)]
    children = [
        child
        for value in vars(cache).values()
        if isinstance(value, dict)
        for child in value.values()
        if isinstance(child, KVCache)
    ]
    return sum(x.nbytes for x in own) + sum(map(held, children))


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_the_cache_of_a_llama_holds_key_heads_and_no_query_heads(heads: int) -> None:
    config = LlamaConfig(**SIZES, num_kv_heads=heads)
    cache = KVCache()
    Llama(config)(torch.randint(71, (5, 17)), cache=cache)
    predicted = kv_cache_bytes(config, batch=5, length=17, bytes_per_number=4)
    assert held(cache) == predicted == 2 * 5 * 3 * 17 * heads * 6 * 4


def test_the_cache_of_a_t5_holds_the_source_too() -> None:
    config = T5Config(**SIZES, num_decoder_layers=2, head_dim=5)
    model = T5(config)
    cache = KVCache()
    source, target = torch.randint(71, (5, 17)), torch.randint(71, (5, 11))
    model.decode(target, model.encode(source), cache=cache)
    sizes = {"batch": 5, "length": 11, "bytes_per_number": 4}
    assert held(cache) == kv_cache_bytes(config, **sizes, source_length=17)
    assert kv_cache_bytes(config, **sizes) == 2 * 5 * 2 * 11 * 20 * 4


def test_a_window_ends_the_growth() -> None:
    config = LlamaConfig.mistral_7b()
    full = kv_cache_bytes(config, length=4096)
    assert kv_cache_bytes(config, length=100_000) == full == 2 * 32 * 8 * 128 * 4096 * 2


@pytest.mark.parametrize("config", [TransformerConfig(**SIZES), SwitchConfig(**SIZES)])
def test_who_writes_has_a_cache(config: Any) -> None:
    assert kv_cache_bytes(config, length=3) > 0


@pytest.mark.parametrize("config", [BERTConfig(**SIZES), DETRConfig()])
def test_who_does_not_write_has_none(config: Any) -> None:
    with pytest.raises(ValueError, match="config should be of a model that writes, got"):
        kv_cache_bytes(config, length=3)
