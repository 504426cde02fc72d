"""What is predicted from a config is what torch counts, and the backward pass costs twice that."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from txlite import models as m
from txlite.counting import (
    build_on_meta,
    count_flops,
    predict_flops,
    predict_parameters,
    training_flops,
)
from txlite.nn import KVCache

SIZES: dict[str, Any] = {"d_model": 24, "num_heads": 4, "d_ff": 56, "num_layers": 3}
WORDS: dict[str, Any] = {**SIZES, "vocab_size": 71, "max_len": 64}
OTHER: dict[str, Any] = {"num_kv_heads": 2, "head_dim": 10, "activation": "swiglu"}
PICTURE: dict[str, Any] = {**SIZES, "image_size": (24, 40), "patch_size": 8, "num_labels": 5}
ONE: dict[str, Any] = {"batch": 5, "length": 33}
TWO: dict[str, Any] = {**ONE, "target_length": 21}
CASES: list[tuple[Any, type[nn.Module] | None, dict[str, Any]]] = [
    (m.GPTConfig(**WORDS), None, ONE),
    (m.GPTConfig(**WORDS, **OTHER, tied_output=False, norm_first=False), None, ONE),
    (m.GPTConfig(**WORDS, positions="alibi"), None, ONE),
    (m.LlamaConfig(**WORDS, num_kv_heads=1), None, ONE),
    (m.TransformerConfig(**WORDS, num_decoder_layers=2), None, TWO),
    (m.TransformerConfig(**WORDS, **OTHER, source_vocab_size=37, positions="relative"), None, TWO),
    (m.T5Config(**WORDS, num_decoder_layers=2, head_dim=5), None, TWO),
    *((m.BERTConfig(**WORDS, num_labels=7), kind, ONE)
      for kind in (m.BERT, m.BERTForMaskedLM, m.BERTForPreTraining,
                   m.BERTForSequenceClassification, m.BERTForTokenClassification)),
    (m.BERTConfig(**WORDS, embedding_dim=11, share_layers=True), m.BERTForMaskedLM, ONE),
    *((m.ViTConfig(**PICTURE, distillation_token=True), kind, {"batch": 3})
      for kind in (m.ViT, m.ViTForImageClassification, m.ViTWithTeacher)),
    (m.ViTConfig(**PICTURE, num_registers=2, pooling="class_and_mean"),
     m.ViTForImageClassification, {"batch": 3}),
]  # fmt: skip


def inputs(config: Any, sizes: dict[str, Any], device: str = "meta") -> list[Tensor]:
    if isinstance(config, m.ViTConfig):
        height, width = config.image_size  # type: ignore[misc]  # the config has made it a pair
        return [torch.zeros(sizes["batch"], 3, height, width, device=device)]
    lengths = [sizes[name] for name in ("length", "target_length") if name in sizes]
    return [
        torch.zeros(sizes["batch"], length, dtype=torch.int64, device=device) for length in lengths
    ]


def summed(output: Any) -> Tensor:
    parts = [output] if isinstance(output, Tensor) else list(output)
    return sum((part.sum() for part in parts), torch.zeros((), device=parts[0].device))


def ident(case: Any) -> str:
    config, kind, _ = case
    return f"{type(config).__name__}-{'' if kind is None else kind.__name__}"


@pytest.mark.parametrize(("config", "kind", "sizes"), CASES, ids=map(ident, CASES))
def test_predicted_and_counted(
    config: Any, kind: type[nn.Module] | None, sizes: dict[str, Any]
) -> None:
    model, given = build_on_meta(config, kind=kind), inputs(config, sizes)
    predicted = predict_flops(config, kind=kind, **sizes)
    assert count_flops(lambda: model(*given)) == predicted.forward
    assert count_flops(lambda: torch.autograd.backward(summed(model(*given)))) == predicted.total


def test_experts_cost_what_one_of_them_does_and_a_router() -> None:
    sizes = {**WORDS, "head_dim": 5}
    config = m.SwitchConfig(**sizes, num_experts=4, expert_capacity=None)
    model = build_on_meta(config)
    shape: dict[str, Any] = {"batch": 5, "length": 32, "target_length": 20}
    predicted = predict_flops(config, **shape)
    tokens = 5 * (32 + 20)  # in each stack one of three layers is sparse
    balance = 2 * 2 * tokens * 4  # two shares of each expert, for the loss
    given = inputs(config, shape)
    assert count_flops(lambda: model(*given)) == predicted.forward + balance
    dense = predict_flops(m.T5Config(**sizes), **shape)
    assert predicted.routers == 2 * tokens * 24 * 4
    assert predicted.forward - predicted.routers == dense.forward
    twice = predict_flops(m.SwitchConfig(**sizes, num_experts=4, top_k=2), **shape)
    assert twice.feed_forward - predicted.feed_forward == tokens * 4 * 24 * 56


def test_the_fused_attention_of_the_cpu_is_counted() -> None:
    config = m.GPTConfig(**WORDS, attention_dropout=0.0)
    model, (tokens,) = m.GPT(config), inputs(config, ONE, "cpu")
    predicted = predict_flops(config, **ONE)
    assert count_flops(lambda: model(tokens)) == predicted.forward
    again = predicted.attention_scores // 2  # made again, since they were not kept
    assert count_flops(lambda: model(tokens).sum().backward()) == predicted.total + again


def test_torch_alone_leaves_it_out() -> None:
    """If this fails, torch counts the kernel itself, and our entry for it can go."""
    from torch.utils.flop_counter import FlopCounterMode

    config = m.GPTConfig(**WORDS, attention_dropout=0.0)
    model, (tokens,) = m.GPT(config), inputs(config, ONE, "cpu")
    with FlopCounterMode(display=False) as counter:
        model(tokens)
    predicted = predict_flops(config, **ONE)
    assert counter.get_total_flops() == predicted.forward - predicted.attention_scores


@pytest.mark.parametrize("config", [m.GPTConfig(**WORDS), m.LlamaConfig(**WORDS, num_kv_heads=2)])
def test_a_new_token_with_a_cache(config: Any) -> None:
    model = build_on_meta(config).eval()
    cache = KVCache()
    model(torch.zeros(2, 17, dtype=torch.int64, device="meta"), cache=cache)
    token = torch.zeros(2, 1, dtype=torch.int64, device="meta")
    predicted = predict_flops(config, batch=2, length=1, past=17)
    assert count_flops(lambda: model(token, cache=cache)) == predicted.forward


def test_two_for_each_parameter_but_for_the_scores() -> None:
    config = m.GPTConfig.gpt3()
    count = predict_parameters(config)
    forward = predict_flops(config, length=2048)
    maps = forward.forward - forward.attention_scores
    matrices = count.attention + count.feed_forward + 50_257 * 12_288  # biases are added, once
    assert maps / 2048 == pytest.approx(2 * matrices, rel=1e-4)
    estimate = training_flops(count.total, 2048)
    assert forward.total / estimate == pytest.approx(1.027, abs=0.001)
    # where the length is large beside the width, less than half of the truth
    small = m.GPTConfig(vocab_size=100, d_model=64, num_heads=2, d_ff=256, num_layers=2)
    long = predict_flops(small, length=1024)
    assert long.total / training_flops(predict_parameters(small).total, 1024) > 2


def test_no_length_means_the_longest_one() -> None:
    assert predict_flops(m.GPTConfig.gpt2()) == predict_flops(m.GPTConfig.gpt2(), length=1024)


def test_a_budget_alone_does_not_say_how_many_tokens() -> None:
    assert training_flops(10**9, 2 * 10**10) == training_flops(2 * 10**9, 10**10)
