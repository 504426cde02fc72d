"""Whisper: sound on one side, text on the other.

That it computes what the published models do stands in tests/interop.
"""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.models.tiny import CLOSE, EXACT, B, D, F, H, T, V, redrawn, tokens
from txlite.generation import beam_search, generate
from txlite.inspect import record_attention
from txlite.models import Whisper, WhisperConfig
from txlite.nn import KVCache

BANDS, FRAMES, LONGEST = 7, 17, 10
S = 9  # (FRAMES + 1) // 2


def config(**options: Any) -> WhisperConfig:
    sizes: dict[str, Any] = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F}
    sizes |= {"num_layers": 2, "num_decoder_layers": 3, "num_mels": BANDS}
    return WhisperConfig(**{**sizes, "max_source_len": LONGEST, "max_len": 12, **options})


def tiny(**options: Any) -> Whisper:
    return redrawn(Whisper(config(**options)))


def sound(frames: int = FRAMES, rows: int = B) -> Tensor:
    return torch.randn(rows, BANDS, frames, dtype=torch.float64)


# ------------------------------------------------------------------ mathematics


def test_no_gradient_comes_from_the_future_and_some_from_all_of_the_sound() -> None:
    model, target, heard = tiny(), tokens(B, T), sound().requires_grad_()
    entered: list[Tensor] = []

    def listen(_: nn.Module, __: Any, x: Tensor) -> Tensor:
        entered.append(x.detach().requires_grad_())
        return entered[-1]

    with model.embedding.register_forward_hook(listen):
        logits = model(heard, target)
    for t in range(T):
        read, written = torch.autograd.grad(
            logits[:, t].sin().sum(), [heard, *entered], retain_graph=True
        )
        assert read.abs().amax(1).gt(0).all()
        assert written[:, t + 1 :].eq(0).all()
        assert written[:, : t + 1].abs().amax(-1).gt(0).all()


@pytest.mark.parametrize("frames", [1, 2, 15, 16, 2 * LONGEST])
def test_each_vector_hears_five_frames_and_every_second_place(frames: int) -> None:
    model, heard = tiny(), sound(frames).requires_grad_()
    entered: list[Tensor] = []
    with model.encoder.register_forward_pre_hook(lambda _, args: entered.append(args[0])):
        model.encode(heard)
    (x,) = entered
    assert x.shape == (B, math.ceil(frames / 2), D)
    for s in range(x.shape[1]):
        (read,) = torch.autograd.grad(x[:, s].sum(), heard, retain_graph=True)
        hears = read.abs().amax((0, 1)).gt(0).nonzero()[:, 0].tolist()
        assert hears == [f for f in range(2 * s - 2, 2 * s + 3) if 0 <= f < frames]


@pytest.mark.kills(
    "whisper: sines and cosines alternate",
    "models/whisper.py",
    "torch.cat([table[:, 0::2], table[:, 1::2]], 1)",
    "table",
)
def test_the_encoder_s_table_has_sines_then_cosines_of_hands_from_one_to_ten_thousand() -> None:
    table = Whisper(config()).encoder_positions.get_parameter("added.table.weight")
    assert not table.requires_grad
    half = D // 2
    for p in range(LONGEST):
        for i in range(half):
            angle = p / 10_000 ** (i / (half - 1))
            assert table[p, i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[p, half + i].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_what_is_hidden_cannot_matter_and_the_rest_keeps_its_place() -> None:
    """Frames 8 to 10 reach vectors 3 to 6 only."""
    model, target, heard = tiny(), tokens(B, T), sound()
    keep = torch.ones(B, S, dtype=torch.bool)
    keep[:, 3:7] = False
    want = model(heard, target, source_keep=keep)
    assert not torch.allclose(want, model(heard, target))
    other = heard.clone()
    other[:, :, 8:11] += 3.0
    assert_close(model(other, target, source_keep=keep), want, **EXACT)
    entered: list[Tensor] = []
    with model.encoder.register_forward_pre_hook(lambda _, args: entered.append(args[0])):
        model.encode(heard, keep)
        model.encode(heard)
    assert_close(*entered, **EXACT)  # no vector has moved


def test_text_that_attends_to_nothing_hidden_has_no_weight_there() -> None:
    model, keep = tiny(), torch.ones(B, S, dtype=torch.bool)
    keep[:, 2:5] = False
    with record_attention(model) as maps:
        model(sound(), tokens(B, T), source_keep=keep)
    for i in range(3):
        weights = maps[f"decoder.layers.{i}.cross_attention"]
        assert weights.shape == (B, H, T, S)
        assert weights[..., 2:5].eq(0).all()
        assert_close(weights.sum(-1), torch.ones(B, H, T, dtype=torch.float64))


def test_a_bias_of_the_keys_would_do_nothing() -> None:
    """It adds the same number to all scores of a query; so the authors left it out."""
    model, heard, target = tiny(), sound(), tokens(B, T)
    want = model(heard, target)
    for layer in [*model.encoder.layers, *model.decoder.layers]:
        attentions = [layer.attention, getattr(layer, "cross_attention", None)]
        for attention in filter(None, attentions):
            assert attention.key_proj.bias is None
            assert attention.query_proj.bias is not None
            attention.key_proj.bias = nn.Parameter(torch.randn(D, dtype=torch.float64))
    assert_close(model(heard, target), want, **CLOSE)


def test_one_matrix_reads_and_scores() -> None:
    model = tiny()
    assert "output" not in dict(model.named_children())
    with torch.no_grad():
        before = model(sound(), tokens(B, T))
        model.embedding.weight[5] += 1.0
    assert before.shape == (B, T, V)
    (grad,) = torch.autograd.grad(
        model(sound(), torch.full((B, T), 5))[..., 9].sum(), model.embedding.weight
    )
    assert grad[9].abs().max() > 0  # by scoring
    assert grad[5].abs().max() > 0  # by reading
    assert grad[7].eq(0).all()


def test_dropout_and_first_weights() -> None:
    model = Whisper(config(d_model=200, num_heads=4, init_std=0.5, max_source_len=50))
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            assert p.eq(0).all(), name
        elif p.ndim > 1 and p.requires_grad:
            assert p.std().item() == pytest.approx(0.5, rel=0.1), name
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert frozen == ["encoder_positions.added.table.weight"]


# ------------------------------------------------------------------ caches and searches


@pytest.mark.parametrize("hidden", [False, True])
def test_with_a_cache_as_without(hidden: bool) -> None:
    model, heard, target = tiny(), sound(), tokens(B, T)
    keep = torch.rand(B, S) < 0.7 if hidden else None
    whole = model(heard, target, source_keep=keep)
    cache, parts = KVCache(), []
    for start, end in ((0, 2), (2, 3), (3, T)):
        source = heard if start == 0 else None
        parts.append(model(source, target[:, start:end], source_keep=keep, cache=cache))
    assert cache.length == T
    assert_close(torch.cat(parts, 1), whole, **CLOSE)


@pytest.mark.parametrize("cache", ["growing", "static"])
def test_generation_reads_sound(cache: Any) -> None:
    model, heard, prompt = tiny(), sound(), tokens(B, 2)
    options: dict[str, Any] = {"source": heard, "max_new_tokens": 6}
    plain = generate(model, prompt, use_cache=False, **options)
    assert torch.equal(generate(model, prompt, cache=cache, **options), plain)
    forced = generate(model, prompt, forced={0: 7, 1: 8}, suppress=[int(plain[0, 2])], **options)
    assert forced[:, 2:4].tolist() == [[7, 8]] * B
    assert not forced[:, 4:].eq(plain[0, 2]).any()
    best = beam_search(model, prompt, source=heard, max_new_tokens=4, num_beams=3, eos_id=0)
    assert best.tokens.shape[0] == B


def test_a_decoding_step_by_hand() -> None:
    model, heard, prompt = tiny(), sound(rows=1), tokens(1, 2)
    out = generate(model, prompt, source=heard, max_new_tokens=4)
    for end in range(2, 6):
        assert model(heard, out[:, :end])[0, -1].argmax() == out[0, end]


# ------------------------------------------------------------------ sizes


SIZES = {  # millions, as the authors' model card counts them without the table of sines
    "tiny": (39, 4, 384), "base": (74, 6, 512), "small": (244, 12, 768),
    "medium": (769, 24, 1024), "large": (1550, 32, 1280),
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_the_presets_are_those_of_the_paper(name: str) -> None:
    millions, layers, width = SIZES[name]
    with torch.device("meta"):
        model = Whisper(getattr(WhisperConfig, name)())
    assert (len(model.encoder.layers), len(model.decoder.layers)) == (layers, layers)
    assert model.config.d_model == width
    assert model.config.d_model // model.config.num_heads == 64
    count = sum(p.numel() for p in model.parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.035)
    assert model.config.num_mels == (128 if name == "large" else 80)


@pytest.mark.parametrize("name", SIZES)
def test_the_presets_have_as_many_weights_as_the_published(name: str) -> None:
    from transformers import WhisperConfig as TheirConfig
    from transformers import WhisperForConditionalGeneration

    ours = getattr(WhisperConfig, name)()
    both = {f"{s}_{n}": size for s in ("encoder", "decoder") for n, size in
            (("layers", ours.num_layers), ("attention_heads", ours.num_heads),
             ("ffn_dim", ours.d_ff))}  # fmt: skip
    theirs = TheirConfig(
        vocab_size=ours.vocab_size, num_mel_bins=ours.num_mels, d_model=ours.d_model, **both
    )
    with torch.device("meta"):
        want = sum(p.numel() for p in WhisperForConditionalGeneration(theirs).parameters())
        assert sum(p.numel() for p in Whisper(ours).parameters()) == want


# ------------------------------------------------------------------ what is refused


@pytest.mark.plain
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": sound()[:, :6]}, "source should have shape (B, M=7, F), got (3, 6, 17)"),
        ({"source": sound()[0]}, "source should have shape (B, M=7, F), got (7, 17)"),
        ({"source": sound().long()}, "source should hold floating-point numbers, got int64"),
        ({"source": sound(21)}, "source should have at most F=20 frames, got 21"),
        ({"source": None}, "source should be given, or a filled cache; got None"),
        (
            {"source_keep": torch.ones(B, FRAMES, dtype=torch.bool)},
            "source_keep should have shape (B=3, L=9), got (3, 17)",
        ),
        ({"source_keep": torch.ones(B, S)}, "source_keep should be a bool tensor"),
        ({"target": tokens(B, 13)}, "positions should lie in [0, max_len=12), got 0 to 12"),
        ({"target": tokens(2, T)}, "memory should have shape (B=2, S, D=12)"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"source": sound(), "target": tokens(B, T), **change}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        tiny()(given.pop("source"), given.pop("target"), **given)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d_model": 15, "num_heads": 3}, "d_model should be even and at least 4, got 15"),
        ({"d_model": 2, "num_heads": 1}, "d_model should be even and at least 4, got 2"),
        ({"num_mels": 0}, "num_mels should be a positive whole number, got 0"),
        ({"max_source_len": 0}, "max_source_len should be a positive whole number, got 0"),
        ({"num_decoder_layers": 0}, "num_decoder_layers should be a positive whole number"),
    ],
)
def test_sizes_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        config(**change)
