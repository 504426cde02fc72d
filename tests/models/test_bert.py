"""BERT, its heads, and ALBERT: both sides are read, padding is not, and one layer may be all.

That they compute what the published models do stands in tests/interop.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm
from torch.testing import assert_close

from tests.models.tiny import (
    CLOSE,
    EXACT,
    LENGTHS,
    B,
    D,
    F,
    S,
    V,
    kept,
    redrawn,
    share_dropped,
    tokens,
)
from txlite.inspect import record_attention
from txlite.models import (
    BERT,
    BERTConfig,
    BERTForMaskedLM,
    BERTForPreTraining,
    BERTForSequenceClassification,
    BERTForTokenClassification,
)

T, HEADS, LABELS, SEGMENTS, NARROW, ROWS = S, 3, 5, 4, 8, 11
CHOICES: dict[str, dict[str, Any]] = {
    "bert": {},
    "pre-norm": {"norm_first": True},
    "rotary": {"positions": "rotary", "head_dim": 6},
    "relative": {"positions": "relative", "activation": "relu"},
    "rms": {"norm": "rms", "bias": False},
    "narrow": {"embedding_dim": NARROW},
    "shared": {"share_layers": True, "activation": "gelu_tanh"},
    "albert": {"embedding_dim": NARROW, "share_layers": True},
}
every_choice = pytest.mark.parametrize("name", CHOICES)
SIDES = pytest.mark.parametrize("side", ["left", "right", "anywhere"])
Headed = Callable[[BERTConfig], nn.Module]
HEADED: list[Headed] = [
    BERT,
    BERTForMaskedLM,
    BERTForPreTraining,
    BERTForSequenceClassification,
    BERTForTokenClassification,
]
every_model = pytest.mark.parametrize("kind", HEADED)


def config(name: str = "bert", **options: Any) -> BERTConfig:
    sizes: dict[str, Any] = {"vocab_size": V, "d_model": D, "num_heads": HEADS, "d_ff": F}
    sizes |= {"num_layers": 3, "max_len": ROWS, "num_segments": SEGMENTS, "num_labels": LABELS}
    return BERTConfig(**{**sizes, **CHOICES[name], **options})


def tiny(name: str = "bert", kind: Any = BERT, **options: Any) -> Any:
    return redrawn(kind(config(name, **options)))


def segments(length: int = T) -> Tensor:
    return torch.randint(SEGMENTS, (B, length))


def outputs(model: nn.Module, *args: Tensor, **given: Tensor) -> tuple[Tensor, ...]:
    out = model(*args, **given)
    return out if isinstance(out, tuple) else (out,)


def body(model: Any) -> BERT:
    return model if isinstance(model, BERT) else model.bert


# ------------------------------------------------------------------ mathematics


@every_choice
def test_every_token_reaches_every_hidden_state(name: str) -> None:
    model, text = tiny(name), tokens(B, T)
    entered: list[Tensor] = []

    def listen(_: nn.Module, __: Any, x: Tensor) -> Tensor:
        entered.append(x.detach().requires_grad_())
        return entered[0]

    with model.embedding.register_forward_hook(listen):
        hidden = model(text)
    for t in range(T):
        (moved,) = torch.autograd.grad(hidden[:, t].sin().sum(), entered[0], retain_graph=True)
        assert moved.abs().amax(-1).gt(0).all()


@every_choice
@SIDES
def test_padded_and_alone_agree(name: str, side: str) -> None:
    model, text, keep, marks = tiny(name), tokens(B, T), kept(side), segments()
    hidden = model(text, segments=marks, keep=keep)
    pooled = model.pool(hidden, keep)
    noise = torch.where(keep, text, tokens(B, T))
    assert_close(model(noise, segments=marks, keep=keep)[keep], hidden[keep], **EXACT)
    for row, length in enumerate(LENGTHS):
        part = keep[row]
        alone = model(text[row, part][None], segments=marks[row, part][None])
        assert alone.shape == (1, length, D)
        assert_close(alone[0], hidden[row, part], **CLOSE)
        assert_close(model.pool(alone)[0], pooled[row], **CLOSE)


@every_model
@SIDES
def test_every_answer_is_the_same_wherever_padding_is(kind: Any, side: str) -> None:
    model, text, keep, marks = tiny(kind=kind), tokens(B, T), kept(side), segments()
    for whole in outputs(model, text, segments=marks, keep=keep):
        for row, part in enumerate(keep):
            found = outputs(model, text[row, part][None], segments=marks[row, part][None])
            (alone,) = (x for x in found if x.ndim == whole.ndim)
            assert_close(alone[0], whole[row][part] if whole.ndim == 3 else whole[row], **CLOSE)


@pytest.mark.parametrize("name", ["bert", "narrow"])
def test_what_enters_is_the_norm_of_three_rows(name: str) -> None:
    model, text, marks = tiny(name), tokens(B, T), segments()
    entered: list[Tensor] = []
    model.encoder.register_forward_pre_hook(lambda _, args: entered.append(args[0]))
    model(text, segments=marks)
    rows = model.embedding.weight[text] + model.segments.weight[marks]
    rows = rows + model.positions.added.table.weight[:T]
    norm = model.embedding_norm
    want = layer_norm(rows, rows.shape[-1:], norm.weight, norm.bias, 1e-12)
    if name == "narrow":
        want = want @ model.projection.weight.T + model.projection.bias
    assert_close(entered[0], want, **CLOSE)


def test_without_segments_all_is_segment_zero() -> None:
    model, text = tiny(), tokens(B, T)
    zero = torch.zeros(B, T, dtype=torch.int64)
    assert_close(model(text), model(text, segments=zero), **EXACT)
    assert not torch.allclose(model(text), model(text, segments=zero + 1))
    model(text, segments=zero + 2).sin().sum().backward()
    assert model.segments.weight.grad.abs().amax(-1).gt(0).tolist() == [False, False, True, False]


@SIDES
def test_the_pooler_reads_the_first_real_token_and_no_other(side: str) -> None:
    model, keep = tiny(), kept(side)
    hidden = torch.randn(B, T, D, dtype=torch.float64, requires_grad=True)
    pooled = model.pool(hidden, keep)
    pooled.sin().sum().backward()
    read = hidden.grad.abs().amax(-1).gt(0)
    assert read.sum(1).tolist() == [1] * B
    assert read.int().argmax(1).tolist() == [int(row.nonzero()[0]) for row in keep]
    want = torch.tanh(hidden[read] @ model.pooler.weight.T + model.pooler.bias)
    assert_close(pooled, want, **CLOSE)
    assert_close(model.pool(hidden), model.pool(hidden, torch.ones_like(keep)), **EXACT)


# ------------------------------------------------------------------ heads


@pytest.mark.parametrize("name", ["bert", "albert"])
def test_the_masked_lm_head_scores_with_the_embedding_s_rows(name: str) -> None:
    model, text = tiny(name, BERTForMaskedLM), tokens(B, T)
    hidden, head = model.bert(text), model.head
    x = gelu(hidden @ head.dense.weight.T + head.dense.bias)
    x = layer_norm(x, x.shape[-1:], head.norm.weight, head.norm.bias, 1e-12)
    want = x @ model.bert.embedding.weight.T + head.bias
    assert_close(model(text), want, **CLOSE)
    hidden_ones = torch.rand(B, T) < 0.3
    hidden_ones[0, 0] = True
    assert_close(head(hidden[hidden_ones], model.bert.embedding), want[hidden_ones], **CLOSE)
    assert not any("embedding" in key for key, _ in head.named_parameters())


def test_the_masked_lm_head_trains_the_embedding_at_both_ends() -> None:
    model, text = tiny(kind=BERTForMaskedLM), tokens(B, T)
    model(text).sin().sum().backward()
    assert model.bert.embedding.weight.grad.abs().amax(-1).gt(0).all()
    assert model.bert.pooler is None


def test_pre_training_has_both_heads_on_one_body() -> None:
    model, alone = tiny(kind=BERTForPreTraining), tiny(kind=BERTForMaskedLM)
    text, marks = tokens(B, T), segments()
    found = alone.load_state_dict(model.state_dict(), strict=False)
    assert not found.missing_keys
    assert {key.split(".")[-2] for key in found.unexpected_keys} == {"pooler", "next_sentence"}
    logits, follows = model(text, segments=marks)
    assert_close(logits, alone(text, segments=marks), **EXACT)
    pooled = model.bert.pool(model.bert(text, segments=marks))
    want = pooled @ model.next_sentence.weight.T + model.next_sentence.bias
    assert_close(follows, want, **CLOSE)


def test_a_text_is_classified_by_its_pooled_vector_and_a_token_by_its_state() -> None:
    text = tokens(B, T)
    whole, each = (tiny(kind=kind) for kind in HEADED[3:])
    pooled = whole.bert.pool(whole.bert(text))
    want = pooled @ whole.classifier.weight.T + whole.classifier.bias
    assert want.shape == (B, LABELS)
    assert_close(whole(text), want, **CLOSE)
    want = each.bert(text) @ each.classifier.weight.T + each.classifier.bias
    assert want.shape == (B, T, LABELS)
    assert_close(each(text), want, **CLOSE)
    for model in (whole, each):
        model.dropout.p = 0.5
        before = model(text)
        model.dropout.train()
        assert not torch.allclose(model(text), before)


# ------------------------------------------------------------------ ALBERT


def test_one_layer_stands_in_the_places_of_all() -> None:
    shared = tiny("shared")
    assert len(shared.encoder.layers) == 3
    assert len(set(map(id, shared.encoder.layers))) == 1
    one, many = (sum(p.numel() for p in tiny("shared", num_layers=n).parameters()) for n in (1, 9))
    assert one == many
    assert sum(p.numel() for p in tiny().parameters()) > 2 * one - V * D


def test_shared_layers_are_layers_with_equal_weights_whose_gradients_add_up() -> None:
    shared, apart = tiny("shared"), tiny("shared", share_layers=False)
    apart.load_state_dict(shared.state_dict())  # which names the layer in each of its places
    text, keep = tokens(B, T), kept("left")
    got, want = shared(text, keep=keep), apart(text, keep=keep)
    assert_close(got, want, **EXACT)
    for out in (got, want):
        out[keep].sin().sum().backward()
    layers = [dict(layer.named_parameters()) for layer in apart.encoder.layers]
    for name, p in shared.encoder.layers[0].named_parameters():
        assert_close(p.grad, sum(layer[name].grad for layer in layers), **CLOSE)


def test_a_shared_layer_stays_shared() -> None:
    model, text = tiny("albert"), tokens(B, T)
    twin = copy.deepcopy(model)
    assert len(set(map(id, twin.encoder.layers))) == 1
    assert not {*map(id, twin.parameters())} & {*map(id, model.parameters())}
    with torch.device("meta"):
        empty = BERT(config("albert"))
    empty = empty.to_empty(device="cpu").double().eval()
    empty.load_state_dict(model.state_dict())
    assert len(set(map(id, empty.encoder.layers))) == 1
    assert_close(empty(text), model(text), **EXACT)


def test_a_shared_layer_has_a_map_in_each_of_its_places() -> None:
    model, text = tiny("albert"), tokens(B, T)
    with record_attention(model) as maps:
        model(text)
    assert list(maps) == [f"encoder.layers.{i}.attention" for i in range(3)]
    assert len({round(x[0, 0, 0, 0].item(), 6) for x in maps.values()}) == 3


@pytest.mark.plain
def test_a_training_of_shared_layers_goes_on_where_it_was(tmp_path: Path) -> None:
    from txlite.training import Batches, fit

    def run(steps: int, folder: Path | None) -> dict[str, Tensor]:
        torch.manual_seed(3)
        model = BERTForMaskedLM(config("albert", dropout=0.0, attention_dropout=0.0))
        source = Batches(range(20), lambda rows: torch.tensor(rows)[:, None] % V, batch_size=4)
        fit(
            model, source, lambda m, x: (m(x).square().sum(), x.numel()), steps=steps,
            optimizer=torch.optim.SGD(model.parameters(), lr=0.01), checkpoint=folder,
        )  # fmt: skip
        return model.state_dict()

    run(2, tmp_path)
    resumed, whole = run(4, tmp_path), run(4, None)
    assert all(torch.equal(resumed[key], whole[key]) for key in whole)


# ------------------------------------------------------------------ published sizes

# Of BertModel and AlbertModel with their pooler, in the released files' sizes; the papers say 110,
# 340 and 12 million.
PUBLISHED = {
    "base": (109_482_240, 110),
    "large": (335_141_888, 340),
    "albert_base": (11_683_584, 12),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_sizes_on_meta(name: str) -> None:
    count, millions = PUBLISHED[name]
    preset = getattr(BERTConfig, name)()
    with torch.device("meta"):
        model = BERT(preset)
    assert sum(p.numel() for p in model.parameters()) == count
    assert count / 1e6 == pytest.approx(millions, rel=0.03)
    text = torch.zeros(2, 3, dtype=torch.int64, device="meta")
    assert model(text).shape == (2, 3, preset.d_model)


def test_the_presets_are_the_papers() -> None:
    base, large, albert = (getattr(BERTConfig, name)(99) for name in PUBLISHED)
    usual = (12, 768, 12, 3072)
    for c, sizes in ((base, usual), (large, (24, 1024, 16, 4096)), (albert, usual)):
        assert (c.num_layers, c.d_model, c.num_heads, c.d_ff) == sizes
        assert (c.norm_first, c.norm_eps, c.positions, c.max_len) == (False, 1e-12, "learned", 512)
        assert (c.num_segments, c.vocab_size) == (2, 99)
    assert (base.activation, base.dropout, base.attention_dropout) == ("gelu", 0.1, 0.1)
    assert (albert.activation, albert.dropout, albert.attention_dropout) == ("gelu_tanh", 0.0, 0.0)
    assert (albert.embedding_dim, albert.share_layers, large.share_layers) == (128, True, False)


@every_model
def test_the_weights_begin_alike(kind: Any) -> None:
    wide: dict[str, Any] = {"vocab_size": 200, "d_model": 96, "d_ff": 150, "max_len": 120}
    model = kind(config(**wide, num_labels=90, num_segments=90, init_std=0.03))
    for name, p in model.named_parameters():
        if p.ndim > 1:
            assert p.std().item() == pytest.approx(0.03, rel=0.15), name
        else:
            assert p.eq(1.0 if name.endswith("norm.weight") else 0.0).all(), name


# ------------------------------------------------------------------ as a module


@every_model
@every_choice
def test_every_weight_learns_and_a_state_makes_the_same_model(name: str, kind: Any) -> None:
    model, other = tiny(name, kind), tiny(name, kind)
    text, marks = tokens(B, T), torch.arange(B * T).reshape(B, T) % SEGMENTS
    want = outputs(model, text, segments=marks)
    extra = (model.pool(want[0]),) if isinstance(model, BERT) else ()
    sum(x.sin().sum() for x in want + extra).backward()
    for key, p in model.named_parameters():  # a key's bias moves all scores of a row alike
        assert p.grad.abs().max() > 0 or key.endswith("key_proj.bias"), key
    other.load_state_dict(model.state_dict())
    for a, b, c in zip(outputs(other, text), outputs(model, text), want, strict=True):
        assert_close(a, b, **EXACT)
        assert not torch.allclose(b, c)  # the segments


@every_choice
def test_half_precision_and_autocast(name: str) -> None:
    model, text, keep = BERT(config(name)).eval(), tokens(B, T), kept("left")
    want = model(text, keep=keep)
    got = copy.deepcopy(model).bfloat16()(text, keep=keep)
    assert got.dtype == torch.bfloat16
    assert_close(got.float()[keep], want[keep], rtol=0, atol=0.15)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.train()(text, keep=keep)
        (hidden.float().sin().sum() + model.pool(hidden, keep).float().sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@every_model
def test_dropout_only_in_training(kind: Any) -> None:
    model, text = tiny(kind=kind, dropout=0.5, attention_dropout=0.25), tokens(B, T)
    assert body(model).dropout.p == body(model).encoder.layers[1].dropout.p == 0.5
    assert body(model).encoder.layers[1].attention.attend.dropout == 0.25
    share = share_dropped(body(model).dropout, body(model).encoder, lambda: model(text))
    assert 0.35 < share < 0.65  # of the embeddings
    first, again = outputs(model, text)[0], outputs(model, text)[0]
    assert_close(again, first, **EXACT)
    model.train()
    assert not torch.allclose(outputs(model, text)[0], first)


@every_model
def test_it_computes_where_its_tensors_lie(kind: Any) -> None:
    model, text, keep = tiny(kind=kind), tokens(B, T), kept("left")
    want = outputs(model, text, segments=segments().clamp(max=0), keep=keep)
    marks = torch.zeros_like(text)
    with torch.device("meta"):
        got = outputs(model, text, segments=marks, keep=keep)
    assert all(map(torch.equal, got, want))


# ------------------------------------------------------------------ compile and export


@pytest.mark.plain
@pytest.mark.parametrize("name", ["bert", "relative", "albert"])
@every_model
def test_training_compiles_to_one_graph(name: str, kind: Any) -> None:
    torch.compiler.reset()
    model, text, keep, marks = tiny(name, kind), tokens(B, T), kept("anywhere"), segments()
    program: Any = torch.compile(model, fullgraph=True, backend="eager")
    names, weights = zip(*model.named_parameters(), strict=True)
    runs = [outputs(run, text, segments=marks, keep=keep) for run in (program, model)]
    for got, want in zip(*runs, strict=True):
        real = keep if got.ndim == 3 else slice(None)
        assert_close(got[real], want[real], **CLOSE)
    mine, other = (
        torch.autograd.grad(sum(x.sin().sum() for x in run), weights, allow_unused=True)
        for run in runs
    )
    for key, a, b in zip(names, mine, other, strict=True):
        assert (a is None) == (b is None) == (kind is BERT and "pooler" in key)
        if a is not None:
            assert_close(a, b, rtol=1e-8, atol=1e-9, msg=lambda m, n=key: f"{n}: {m}")


@pytest.mark.plain
@pytest.mark.parametrize("name", ["bert", "rotary", "albert"])
@pytest.mark.parametrize("kind", [BERTForPreTraining, BERTForTokenClassification])
def test_an_exported_model_takes_any_batch_and_length(name: str, kind: Any) -> None:
    from torch.export import Dim  # which imports sympy

    model, axes = tiny(name, kind, max_len=500), {0: Dim("B", min=2), 1: Dim("T", min=2, max=500)}
    given = {"segments": segments(), "keep": kept("right")}
    shapes = {"tokens": axes, "segments": axes, "keep": axes}
    program = torch.export.export(model, (tokens(B, T),), given, dynamic_shapes=shapes).module()
    for b, t in ((2, 9), (5, 3), (4, 200)):
        text, keep, marks = tokens(b, t), torch.rand(b, t) < 0.7, torch.randint(SEGMENTS, (b, t))
        keep[:, 1] = True
        for got, want in zip(
            outputs(program, text, segments=marks, keep=keep),
            outputs(model, text, segments=marks, keep=keep),
            strict=True,
        ):
            real = keep if got.ndim == 3 else slice(None)
            assert_close(got[real], want[real], **CLOSE)


# ------------------------------------------------------------------ errors


@pytest.mark.plain
@every_model
def test_arguments_are_refused_by_name(kind: Any) -> None:
    model, text, keep, marks = tiny(kind=kind), tokens(B, T), kept("left"), segments()
    for given, message in (
        ({"tokens": text[0]}, r"^tokens should have shape \(B, T\), got \(7,\)"),
        ({"tokens": text.double()}, "^tokens should hold int32 or int64 numbers, got float64"),
        ({"tokens": text + V}, rf"^tokens should lie in \[0, vocab_size={V}\)"),
        ({"keep": keep[:, :5]}, r"^keep should have shape \(B=3, L=7\), got \(3, 5\)"),
        ({"keep": keep.long()}, "^keep should be a bool tensor"),
        ({"segments": marks[:, :5]}, r"^segments should have shape \(B=3, T=7\), got \(3, 5\)"),
        ({"segments": marks + 1 + marks.max()}, r"^segments should lie in \[0, num_segments=4\)"),
        ({"segments": marks - 4}, r"^segments should lie in \[0, num_segments=4\)"),
        ({"segments": marks.double()}, "^segments should hold int32 or int64 numbers, got float64"),
    ):
        with pytest.raises(ValueError, match=message):
            model(**{"tokens": text, "keep": keep, "segments": marks, **given})
    long = tokens(B, ROWS + 1)
    with pytest.raises(ValueError, match=rf"^positions should lie in \[0, max_len={ROWS}\)"):
        model(long)
    assert outputs(model, long, keep=torch.arange(ROWS + 1).expand(B, -1) > 0)[0].isfinite().all()


@pytest.mark.plain
def test_pooling_is_refused_by_name() -> None:
    model, hidden = tiny(), torch.randn(B, T, D, dtype=torch.float64)
    without = BERT(config(), pooler=False)
    for refused, keep, message in (
        (
            lambda keep: model.pool(hidden[..., :8]),
            None,
            r"hidden should .* got \(3, 7, 8\)",
        ),
        (lambda keep: model.pool(hidden, keep), kept("left")[:, :5], r"keep should .* \(3, 5\)"),
        (lambda keep: without.pool(hidden.float()), None, r"pooler should be True for a model"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            refused(keep)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 0}, "vocab_size should be a positive whole number, got 0"),
        ({"num_segments": 0}, "num_segments should be a positive whole number, got 0"),
        ({"num_segments": None}, "num_segments should be a positive whole number, got None"),
        ({"num_labels": 1.5}, "num_labels should be a positive whole number, got 1.5"),
        ({"embedding_dim": 0}, "embedding_dim should be a positive whole number, got 0"),
        ({"num_heads": 5}, f"d_model={D} should be a multiple of num_heads=5"),
        (
            {"activation": "swiglu"},
            "activation should be one of relu, gelu, gelu_tanh, quick_gelu, ",
        ),
        ({"positions": "polar"}, "positions should be one of none, .*, got 'polar'"),
        ({"init_std": -1.0}, "init_std should be a positive number, got -1.0"),
        ({"dropout": 1.0}, r"dropout should be a probability in \[0, 1\), got 1.0"),
    ],
)
def test_a_config_refuses_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        config(**options)
