"""GPT and Llama, in every choice: what may matter does, what must not matter does not."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.models.decoders import CHOICES, HEADS, build, config, tiny
from tests.models.tiny import CLOSE, EXACT, LENGTHS, B, D, S, V, kept, share_dropped, tokens
from txlite.generation import generate
from txlite.inspect import record_attention
from txlite.nn import KVCache

T = S
every_choice = pytest.mark.parametrize("name", CHOICES)
SIDES = pytest.mark.parametrize("side", ["left", "right", "anywhere"])


def influence(model: Any, text: Tensor, keep: Tensor | None = None) -> Tensor:
    """By how much each embedding moves each position's scores: (B, to, from)."""
    entered: list[Tensor] = []

    def listen(_: nn.Module, __: Any, x: Tensor) -> Tensor:
        entered.append(x.detach().requires_grad_())
        return entered[0]

    with model.embedding.register_forward_hook(listen):
        logits = model(text, keep=keep)
    rows = [
        torch.autograd.grad(logits[:, t].sin().sum(), entered[0], retain_graph=True)[0]
        for t in range(text.shape[1])
    ]
    return torch.stack(rows, 1).abs().amax(-1)


# ------------------------------------------------------------------ mathematics


@every_choice
def test_no_gradient_comes_from_the_future_and_some_from_all_of_the_past(name: str) -> None:
    moved = influence(tiny(name), tokens(B, T))
    past = torch.ones(T, T, dtype=torch.bool).tril()
    assert moved[:, ~past].eq(0).all()
    assert moved[:, past].gt(0).all()


@every_choice
@SIDES
def test_no_gradient_comes_from_padding(name: str, side: str) -> None:
    keep = kept(side)
    moved = influence(tiny(name), tokens(B, T), keep)
    real = keep[:, :, None] & keep[:, None] & torch.ones(T, T, dtype=torch.bool).tril()
    assert moved[keep[:, :, None] & ~real].eq(0).all()
    assert moved[real].gt(0).all()


@every_choice
@SIDES
def test_padded_cached_and_alone_agree(name: str, side: str) -> None:
    """A text means the same wherever its padding is and however it is cut into steps."""
    model, text, keep = tiny(name), tokens(B, T), kept(side)
    whole = model(text, keep=keep)
    cache, parts = KVCache(), []
    for start, end in ((0, 3), (3, 4), (4, T)):
        parts.append(model(text[:, start:end], keep=keep[:, :end], cache=cache))
        assert cache.length == end
    assert_close(torch.cat(parts, 1)[keep], whole[keep], **CLOSE)
    for row, length in enumerate(LENGTHS):
        alone = model(text[row, keep[row]][None])[0]
        assert len(alone) == length
        assert_close(alone, whole[row, keep[row]], **CLOSE)


@every_choice
def test_one_token_at_a_time_is_the_whole(name: str) -> None:
    model, text, cache = tiny(name), tokens(B, T), KVCache()
    steps = [model(text[:, t : t + 1], cache=cache) for t in range(T)]
    assert_close(torch.cat(steps, 1), model(text), **CLOSE)


@every_choice
def test_a_cache_is_reordered_and_cropped_as_a_whole(name: str) -> None:
    model, text, cache = tiny(name), tokens(B, T), KVCache()
    model(text, cache=cache)
    cache.crop(4)
    cache.reorder(torch.tensor([2, 0, 0, 1]))
    more = tokens(4, 2)
    want = model(torch.cat([text[[2, 0, 0, 1], :4], more], 1))[:, 4:]
    assert_close(model(more, cache=cache), want, **CLOSE)


@every_choice
def test_the_tied_matrix_learns_at_both_ends(name: str) -> None:
    model, text = tiny(name), tokens(B, T)
    tied = model.config.tied_output
    assert (model.output is None) is tied
    unused = torch.ones(V, dtype=torch.bool)
    unused[text.unique()] = False
    assert unused.any()
    model(text).sin().sum().backward()
    gradient = model.embedding.weight.grad
    assert gradient[~unused].abs().amax(-1).gt(0).all()
    assert gradient[unused].abs().amax(-1).gt(0).all() == tied
    if not tied:
        assert model.output.weight.grad.abs().amax(-1).gt(0).all()


@every_choice
def test_what_is_generated_does_not_depend_on_padding_or_cache(name: str) -> None:
    model, keep = tiny(name), kept("left")[:, 2:]
    prompt = tokens(B, T - 2)
    want = generate(model, prompt, prompt_keep=keep, max_new_tokens=4, use_cache=False)
    got = generate(model, prompt, prompt_keep=keep, max_new_tokens=4)
    assert torch.equal(got, want)
    for row in range(B):
        alone = generate(model, prompt[row, keep[row]][None], max_new_tokens=4)
        assert torch.equal(alone[0, -4:], got[row, -4:])


@every_choice
def test_a_text_of_padding_is_finite(name: str) -> None:
    model, keep = tiny(name), kept("left")
    keep[1] = False
    logits = model(tokens(B, T), keep=keep)
    logits.sin().sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters())


# ------------------------------------------------------------------ as a module


@every_choice
def test_every_weight_learns_and_a_state_makes_the_same_model(name: str) -> None:
    model, other, text = tiny(name), tiny(name), tokens(B, T)
    want = model(text)
    want.sin().sum().backward()
    assert all(
        p.grad.abs().max() > 0 for key, p in model.named_parameters() if "key_proj.b" not in key
    )
    assert not torch.allclose(other(text), want)
    other.load_state_dict(model.state_dict())
    assert_close(other(text), want, **EXACT)
    assert_close(copy.deepcopy(model)(text), want, **EXACT)


@every_choice
def test_bfloat16_is_the_same_model_more_coarsely(name: str) -> None:
    model, text, keep = build(config(name)).eval(), tokens(B, T), kept("left")
    want = model(text, keep=keep)
    got = copy.deepcopy(model).bfloat16()(text, keep=keep)
    assert got.dtype == torch.bfloat16
    assert_close(got.float()[keep], want[keep], rtol=0, atol=0.05)


@every_choice
def test_autocast_trains(name: str) -> None:
    model = build(config(name, dropout=0.1, attention_dropout=0.1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(tokens(B, T), keep=kept("right"))
    logits.float().sin().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@every_choice
def test_dropout_only_in_training(name: str) -> None:
    model = tiny(name, dropout=0.5, attention_dropout=0.25, ff_dropout=0.75)
    text = tokens(B, T)
    assert_close(model(text), model(text), **EXACT)
    drops = {key: m.p for key, m in model.named_modules() if isinstance(m, nn.Dropout)}
    assert drops["dropout"] == drops["decoder.layers.1.dropout"] == 0.5
    assert drops["decoder.layers.1.feed_forward.dropout"] == 0.75
    assert model.decoder.layers[0].attention.attend.dropout == 0.25
    share = share_dropped(model.dropout, model.decoder, lambda: model(text))
    assert 0.35 < share < 0.65  # of the embeddings
    model.train()
    assert not torch.allclose(model(text), model(text))
    for part in drops:
        model.get_submodule(part).p = 0.0
    for layer in model.decoder.layers:
        layer.attention.attend.dropout = 0.0
    assert_close(model(text), model.eval()(text), **EXACT)


@pytest.mark.parametrize("name", ["gpt2", "llama grouped"])
def test_its_attentions_have_the_paths_that_the_book_uses(name: str) -> None:
    model = tiny(name)
    with record_attention(model) as maps:
        model(tokens(B, T))
    assert set(maps) == {f"decoder.layers.{i}.attention" for i in range(2)}
    assert {x.shape for x in maps.values()} == {(B, HEADS, T, T)}
    assert all(x.triu(1).eq(0).all() for x in maps.values())


@every_choice
def test_it_computes_where_its_tensors_lie(name: str) -> None:
    model, text, keep = tiny(name), tokens(B, T), kept("left")

    def compute() -> Tensor:
        cache = KVCache()
        first = model(text[:, :4], keep=keep[:, :4], cache=cache)
        return torch.cat([first, model(text[:, 4:], keep=keep, cache=cache)], 1)

    want = compute()
    with torch.device("meta"):
        assert torch.equal(compute(), want)


# ------------------------------------------------------------------ errors


@pytest.mark.plain
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_arguments_are_refused_by_name_and_leave_the_cache_alone(name: str) -> None:
    model, text, cache = tiny(name), tokens(B, T), KVCache()
    keep = kept("left")
    for given, message in (
        ({"tokens": text[0]}, r"^tokens should have shape \(B, T\), got \(7,\)"),
        ({"tokens": text.double()}, "^tokens should hold int32 or int64 numbers, got float64"),
        ({"tokens": text + V}, rf"^tokens should lie in \[0, vocab_size={V}\)"),
        ({"keep": keep[:, :5]}, r"^keep should have shape \(B=3, L=7\), got \(3, 5\)"),
        ({"keep": keep[:2]}, r"^keep should have shape \(B=3, L=7\), got \(2, 7\)"),
        ({"keep": keep.long()}, "^keep should be a bool tensor"),
    ):
        with pytest.raises(ValueError, match=message):
            model(**{"tokens": text, "keep": keep, "cache": cache, **given})
        assert not cache.filled
    model(text[:, :3], keep=keep[:, :3], cache=cache)
    with pytest.raises(ValueError, match=r"^keep should have shape \(B=3, L=7\), got \(3, 4\)"):
        model(text[:, 3:], keep=keep[:, 3:], cache=cache)
    assert cache.length == 3
    assert_close(model(text[:, 3:], keep=keep, cache=cache), model(text, keep=keep)[:, 3:], **CLOSE)


@pytest.mark.plain
@pytest.mark.parametrize("name", ["gpt2", "llama"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 0}, "vocab_size should be a positive whole number, got 0"),
        ({"d_model": 12.0}, "d_model should be a positive whole number, got 12.0"),
        ({"num_layers": True}, "num_layers should be a positive whole number, got True"),
        ({"d_ff": -1}, "d_ff should be a positive"),
        ({"max_len": 0}, "max_len should be a positive"),
        ({"num_heads": 5}, f"d_model={D} should be a multiple of num_heads=5"),
        ({"num_kv_heads": 2}, "num_heads=3 should be a multiple of num_kv_heads=2"),
        ({"dropout": 1.0}, r"dropout should be a probability in \[0, 1\), got 1.0"),
        ({"activation": "tanh"}, "activation should be one of relu, .*, got 'tanh'"),
        ({"norm": "batch"}, "norm should be one of layer, rms, got 'batch'"),
        ({"norm_eps": -1.0}, "norm_eps should be at least zero and finite, got -1.0"),
        ({"init_std": 0.0}, "init_std should be a positive number, got 0.0"),
    ],
)
def test_a_config_refuses_by_name(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        config(name, **options)


@every_choice
def test_each_choice_computes_something_else(name: str) -> None:
    """With the weights that both have, a model of another choice gives other scores."""
    if name in ("gpt2", "llama"):
        return
    plain, other, text = tiny("gpt2" if "gpt" in name else "llama"), tiny(name), tokens(B, T)
    sizes = {key: x.shape for key, x in other.state_dict().items()}
    both = {key: x for key, x in plain.state_dict().items() if sizes.get(key) == x.shape}
    assert "embedding.weight" in both
    other.load_state_dict(both, strict=False)
    assert not torch.allclose(other(text), plain(text))
