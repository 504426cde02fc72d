"""The Transformer: what may matter does, what must not matter does not, in every scheme."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from tests.models.tiny import (
    CLOSE,
    EXACT,
    SCHEMES,
    SOURCE_LENGTHS,
    TARGET_LENGTHS,
    B,
    D,
    F,
    H,
    S,
    T,
    V,
    config,
    padded,
    tiny,
    tokens,
)
from txlite.inspect import record_attention
from txlite.models import Transformer, TransformerConfig
from txlite.nn import KVCache

ORDERS = pytest.mark.parametrize("norm_first", [True, False], ids=["pre-norm", "post-norm"])
every_scheme = pytest.mark.parametrize("positions", SCHEMES)
SIDES = pytest.mark.parametrize("side", ["left", "right"])
# Everything that a config can switch away from the defaults, once each.
CHOICES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "pre-norm": {"norm_first": True},
    "rms": {"norm": "rms"},
    "swiglu": {"activation": "swiglu"},
    "no bias": {"bias": False},
    "untied": {"tied_output": False},
    "two vocabularies": {"source_vocab_size": V + 6},
    "unscaled": {"scale_embedding": False},
    "final norms": {"final_norm": True},
}

# ------------------------------------------------------------------ mathematics


@every_scheme
@ORDERS
def test_the_future_cannot_change_the_past(positions: str, norm_first: bool) -> None:
    model = tiny(positions=positions, norm_first=norm_first)
    source, target = tokens(B, S), tokens(B, T)
    before = model(source, target)
    target[:, -2] = (target[:, -2] + 1) % V
    after = model(source, target)
    assert_close(after[:, : T - 2], before[:, : T - 2], **EXACT)
    assert not torch.isclose(after[:, T - 2], before[:, T - 2]).all(-1).any()


@every_scheme
@SIDES
def test_padding_of_the_source_cannot_matter(positions: str, side: str) -> None:
    model, batch = tiny(positions=positions), padded(side)
    want = model(batch.source, batch.target, **batch.keep)
    noise = torch.where(batch.source_keep, batch.source, tokens(B, S))
    assert not torch.equal(noise, batch.source)
    assert_close(model(noise, batch.target, **batch.keep), want, **EXACT)
    unmasked = model(noise, batch.target, target_keep=batch.target_keep)
    assert not torch.allclose(unmasked[1:], want[1:])


@SIDES
def test_padding_of_the_target_cannot_matter(side: str) -> None:
    model, batch = tiny(), padded(side)
    want = model(batch.source, batch.target, **batch.keep)
    noise = torch.where(batch.target_keep, batch.target, tokens(B, T))
    got = model(batch.source, noise, **batch.keep)
    assert_close(got[batch.target_keep], want[batch.target_keep], **EXACT)


def test_the_source_mask_reaches_the_encoder_and_the_decoder() -> None:
    """Either alone would let the blanks in: the field's favourite mistake."""
    model, batch = tiny(), padded()
    with record_attention(model) as maps:
        model(batch.source, batch.target, **batch.keep)
    blank = ~batch.source_keep[:, None, None, :]
    for path, table in maps.items():
        if path.startswith("encoder") or "cross" in path:
            assert table.masked_select(blank).eq(0).all(), path
            assert table.masked_select(~blank).gt(0).all(), path


def test_no_gradient_reaches_a_blank() -> None:
    model, batch = tiny(source_vocab_size=V, tied_output=False), padded()
    source = torch.where(batch.source_keep, batch.source.clamp(5, V - 2), V - 1)
    model(source, batch.target, **batch.keep).sin().sum().backward()
    gradient = model.source_embedding.weight.grad
    assert gradient[V - 1].eq(0).all()
    assert gradient[source[batch.source_keep].unique()].abs().amax(-1).gt(0).all()


@pytest.mark.parametrize("vocabularies", [{}, {"source_vocab_size": V + 6}])
def test_both_sides_are_scaled_or_neither(vocabularies: dict[str, int]) -> None:
    scaled = tiny(**vocabularies, tied_output=False)
    plain = tiny(**vocabularies, tied_output=False, scale_embedding=False)
    root = scaled.config.d_model**0.5
    plain.load_state_dict(
        {name: x * root if "embedding" in name else x for name, x in scaled.state_dict().items()}
    )
    source, target = tokens(B, S), tokens(B, T)
    assert_close(plain(source, target), scaled(source, target), **EXACT)


@every_scheme
def test_order_matters_unless_there_are_no_positions(positions: str) -> None:
    model, source, target = tiny(positions=positions), tokens(B, S), tokens(B, T)
    shuffled = source[:, [3, 0, 6, 2, 5, 1, 4]]
    same = torch.allclose(model(source, target), model(shuffled, target), rtol=0, atol=1e-10)
    assert same == (positions == "none")


def test_the_source_and_every_target_token_matter() -> None:
    model, source, target = tiny(), tokens(B, S), tokens(B, T)
    want = model(source, target)
    for place in range(S):
        changed = source.clone()
        changed[:, place] = (changed[:, place] + 1) % V
        assert not torch.isclose(model(changed, target), want).all(-1).any()
    for place in range(T):
        changed = target.clone()
        changed[:, place] = (changed[:, place] + 1) % V
        assert not torch.isclose(model(source, changed), want)[:, place:].all(-1).any()


@every_scheme
@ORDERS
@SIDES
def test_padded_cached_and_alone_agree(positions: str, norm_first: bool, side: str) -> None:
    """A sentence means the same wherever its padding is and however it is cut into steps."""
    model, batch = tiny(positions=positions, norm_first=norm_first), padded(side)
    keep = batch.target_keep
    whole = model(batch.source, batch.target, **batch.keep)
    cache, parts = KVCache(), []
    for start, end in ((0, 2), (2, 3), (3, T)):
        source = batch.source if start == 0 else None
        part = batch.target[:, start:end]
        kept = {"source_keep": batch.source_keep, "target_keep": keep[:, :end]}
        parts.append(model(source, part, cache=cache, **kept))
    assert cache.length == T
    assert_close(torch.cat(parts, 1)[keep], whole[keep], **CLOSE)
    for row, (s, t) in enumerate(zip(SOURCE_LENGTHS, TARGET_LENGTHS, strict=True)):
        source = batch.source[row, batch.source_keep[row]]
        target = batch.target[row, keep[row]]
        assert (len(source), len(target)) == (s, t)
        alone = model(source[None], target[None])[0]
        assert_close(alone, whole[row, keep[row]], **CLOSE)


def test_the_source_is_read_once() -> None:
    """With a filled cache neither the encoder nor the keys of the cross-attention run again."""
    model, source, target, cache = tiny(), tokens(B, S), tokens(B, T), KVCache()
    model(source, target[:, :2], cache=cache)
    with record_attention(model) as maps:
        model(tokens(B, S), target[:, 2:], cache=cache)  # another source: it is not read
    assert not any(path.startswith("encoder") for path in maps)
    got = model(None, target[:, :1], cache=_cropped(model, source, target, 4))
    assert_close(got[:, 0], model(source, torch.cat([target[:, :4], target[:, :1]], 1))[:, 4])


def _cropped(model: Transformer, source: Tensor, target: Tensor, length: int) -> KVCache:
    cache = KVCache()
    model(source, target, cache=cache)
    cache.crop(length)
    return cache


def test_beams_reorder_the_cache_of_the_whole_model() -> None:
    model, source, target, cache = tiny(), tokens(B, S), tokens(B, T), KVCache()
    model(source, target[:, :3], cache=cache)
    index = torch.tensor([2, 2, 0, 1])
    cache.reorder(index)
    got = model(None, target[index, 3:], cache=cache)
    assert_close(got, model(source[index], target[index])[:, 3:], **CLOSE)


def test_encode_and_decode_are_the_halves_of_forward() -> None:
    model, batch = tiny(), padded()
    memory = model.encode(batch.source, batch.source_keep)
    assert memory.shape == (B, S, D)
    got = model.decode(batch.target, memory, **batch.keep)
    assert_close(got, model(batch.source, batch.target, **batch.keep), **EXACT)


# ------------------------------------------------------------------ one matrix at both ends


def test_tied_weights_share_their_gradient() -> None:
    """The gradient of the one matrix is the sum of those of its three uses."""
    tied = tiny()
    parted = tiny(source_vocab_size=V, tied_output=False)
    state = tied.state_dict()
    for name in ("source_embedding.weight", "output.weight"):
        state[name] = tied.embedding.weight.detach().clone()
    parted.load_state_dict(state)
    source, target = tokens(B, S), tokens(B, T)
    got, want = tied(source, target), parted(source, target)
    assert_close(got, want, **EXACT)
    got.sin().sum().backward()
    want.sin().sum().backward()
    uses = (parted.embedding, parted.source_embedding, parted.output)
    parts = [use.weight.grad for use in uses]
    assert all(part.abs().max() > 0 for part in parts)
    assert_close(tied.embedding.weight.grad, sum(parts), **CLOSE)


def test_tied_models_have_one_matrix_and_one_name_for_it() -> None:
    names = [name for name, p in tiny().named_parameters() if p.shape[0] == V]
    assert names == ["embedding.weight"]
    assert [name for name in tiny().state_dict() if "embedding" in name] == names
    assert tiny().source_embedding is None
    assert tiny().output is None


def test_a_source_vocabulary_of_its_own() -> None:
    model = tiny(source_vocab_size=V + 6)
    source = torch.full((B, S), V + 5)  # a token that the target does not have
    want = model(source, tokens(B, T))
    assert want.shape == (B, T, V)
    with torch.no_grad():
        model.source_embedding.weight[V + 5] += 1
    assert not torch.allclose(model(source, tokens(B, T)), want)


def test_the_loss_begins_between_log_v_and_a_half_more() -> None:
    """Tokens that the model does not read score like independent standard normal numbers."""
    sizes = {"d_model": 64, "num_heads": 4, "d_ff": 128, "num_layers": 6, "num_decoder_layers": 6}
    model = Transformer(config(vocab_size=2000, dropout=0.0, **sizes)).eval()
    source, target = torch.randint(4, 1000, (8, 9)), torch.randint(4, 1000, (8, 12))
    wanted = torch.randint(1000, 2000, (8, 12))
    with torch.no_grad():
        logits = model(source, target)
    loss = cross_entropy(logits.flatten(0, 1), wanted.flatten()).item()
    assert logits[..., 1000:].var().item() == pytest.approx(1.0, abs=0.1)
    assert math.log(2000) - 0.2 < loss < math.log(2000) + 0.5 + 0.3


# ------------------------------------------------------------------ sizes, copies, dtypes


def counted_by_hand(c: TransformerConfig) -> int:
    """The formula of the 6+6 chapter: with biases, one shared embedding, no final norms."""
    attention = 4 * (c.d_model**2 + c.d_model)
    feed_forward = c.d_model * c.d_ff + c.d_ff + c.d_ff * c.d_model + c.d_model
    norm = 2 * c.d_model
    encoder = attention + feed_forward + 2 * norm
    decoder = 2 * attention + feed_forward + 3 * norm
    return c.vocab_size * c.d_model + c.num_layers * (encoder + decoder)


@pytest.mark.parametrize(
    ("preset", "million"), [(TransformerConfig.base(), 63.1), (TransformerConfig.big(), 214.2)]
)
def test_the_published_sizes_on_meta(preset: TransformerConfig, million: float) -> None:
    with torch.device("meta"):
        model = Transformer(preset)
    assert all(p.is_meta for p in model.parameters())
    count = sum(p.numel() for p in model.parameters())
    assert count == counted_by_hand(preset)
    assert round(count / 1e6, 1) == million
    tokens = torch.zeros(2, 3, dtype=torch.int64, device="meta")
    assert model(tokens, tokens[:, :2]).shape == (2, 2, 37_000)


def test_the_presets_are_the_papers() -> None:
    base, big = TransformerConfig.base(), TransformerConfig.big(32_000)
    assert (base.num_layers, base.d_model, base.d_ff, base.num_heads) == (6, 512, 2048, 8)
    assert (big.num_layers, big.d_model, big.d_ff, big.num_heads) == (6, 1024, 4096, 16)
    assert (base.dropout, big.dropout, big.vocab_size) == (0.1, 0.3, 32_000)
    for preset in (base, big):
        assert (preset.norm_first, preset.activation, preset.positions) == (
            False, "relu", "sinusoidal",
        )  # fmt: skip


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_changes_the_output_and_survives_a_round_trip(name: str) -> None:
    model, source, target = tiny(**CHOICES[name]), tokens(B, S), tokens(B, T)
    want = model(source, target)
    other = tiny(**CHOICES[name])
    assert not torch.allclose(other(source, target), want)
    other.load_state_dict(model.state_dict(), strict=True)
    assert_close(other(source, target), want, **EXACT)
    if name != "defaults":
        plain = tiny()
        plain.load_state_dict(model.state_dict(), strict=False)
        assert name == "two vocabularies" or not torch.allclose(plain(source, target), want)


def test_a_copy_is_independent_and_equal() -> None:
    model, source, target = tiny(), tokens(B, S), tokens(B, T)
    want, twin = model(source, target), copy.deepcopy(model)
    with torch.no_grad():
        model.embedding.weight.zero_()
    assert_close(twin(source, target), want, **EXACT)


@every_scheme
def test_bfloat16_is_the_same_model_more_coarsely(positions: str) -> None:
    model = Transformer(config(positions=positions)).eval()
    batch = padded("left")
    want = model(batch.source, batch.target, **batch.keep)
    got = copy.deepcopy(model).bfloat16()(batch.source, batch.target, **batch.keep)
    assert got.dtype == torch.bfloat16
    assert_close(got.float()[batch.target_keep], want[batch.target_keep], rtol=0, atol=0.15)


@every_scheme
def test_autocast_trains(positions: str) -> None:
    model, batch = Transformer(config(positions=positions, dropout=0.1)), padded()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(batch.source, batch.target, **batch.keep)
    logits.float().sin().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_dropout_only_in_training() -> None:
    model, source, target = tiny(dropout=0.5), tokens(B, S), tokens(B, T)
    assert_close(model(source, target), model(source, target), **EXACT)
    model.train()
    assert not torch.allclose(model(source, target), model(source, target))
    drops = {name: m.p for name, m in model.named_modules() if isinstance(m, nn.Dropout)}
    assert drops["dropout"] == drops["encoder.layers.1.dropout"] == 0.5
    assert drops["decoder.layers.2.feed_forward.dropout"] == 0.0
    other = tiny(attention_dropout=0.25, ff_dropout=0.75)
    assert other.decoder.layers[0].cross_attention.attend.dropout == 0.25
    assert other.encoder.layers[1].feed_forward.dropout.p == 0.75


def test_its_attentions_have_the_paths_that_the_book_uses() -> None:
    model = tiny()
    with record_attention(model) as maps:
        model(tokens(B, S), tokens(B, T))
    encoder = {f"encoder.layers.{i}.attention" for i in range(2)}
    decoder = {f"decoder.layers.{i}.attention" for i in range(3)}
    cross = {f"decoder.layers.{i}.cross_attention" for i in range(3)}
    assert set(maps) == encoder | decoder | cross
    assert {maps[path].shape for path in encoder} == {(B, H, S, S)}
    assert {maps[path].shape for path in decoder} == {(B, H, T, T)}
    assert {maps[path].shape for path in cross} == {(B, H, T, S)}


def test_the_decoder_has_as_many_layers_as_the_encoder_unless_told() -> None:
    model = Transformer(config(num_layers=4, num_decoder_layers=None))
    assert len(model.encoder.layers) == len(model.decoder.layers) == 4
    assert model.encoder.layers[0].feed_forward.up_proj.out_features == F


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 0}, "vocab_size should be a positive whole number, got 0"),
        ({"num_layers": -1}, "num_layers should be a positive"),
        ({"num_decoder_layers": 0}, "num_decoder_layers should be a positive"),
        ({"source_vocab_size": 0}, "source_vocab_size should be a positive"),
        ({"d_ff": 0}, "d_ff should be a positive"),
        ({"max_len": 0}, "max_len should be a positive"),
        ({"num_heads": 5}, "d_model=12 should be a multiple of num_heads=5"),
        ({"num_kv_heads": 5}, r"num_heads=\d should be a multiple of num_kv_heads=5"),
        ({"dropout": 1.0}, r"dropout should be a probability in \[0, 1\), got 1.0"),
        ({"attention_dropout": -0.1}, "attention_dropout should be a probability"),
        ({"ff_dropout": 2.0}, "ff_dropout should be a probability"),
    ],
)
def test_a_config_refuses_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**options)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": "polar"}, "positions should be one of none, .*, got 'polar'"),
        ({"activation": "tanh"}, "activation should be one of relu, .*, swiglu, got 'tanh'"),
        ({"norm": "batch"}, "norm should be one of layer, rms, got 'batch'"),
        ({"norm": None}, "norm should be one of layer, rms, got None"),
        ({"dropout": "0.1"}, r"^dropout should be a probability in \[0, 1\), got '0.1'"),
        ({"attention_dropout": None}, "^attention_dropout should be a probability .* got None"),
        ({"ff_dropout": False}, "^ff_dropout should be a probability .* got False"),
        ({"num_layers": True}, "^num_layers should be a positive whole number, got True"),
        ({"source_vocab_size": True}, "^source_vocab_size should be a positive .* got True"),
        ({"d_model": 12.0}, "^d_model should be a positive whole number, got 12.0"),
    ],
)
def test_a_choice_that_does_not_exist_is_no_config(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**options)


@pytest.mark.plain
def test_arguments_are_refused_by_name_and_leave_the_cache_alone() -> None:
    model, batch, cache = tiny(), padded(), KVCache()
    source, target = batch.source, batch.target
    with pytest.raises(ValueError, match="source should be given, or a filled cache; got None"):
        model(None, target, cache=cache)
    with pytest.raises(ValueError, match=r"target should have shape \(B, T\), got \(5,\)"):
        model(source, target[0], cache=cache)
    with pytest.raises(ValueError, match=r"source should have shape \(B, S\)"):
        model(source[0], target, cache=cache)
    with pytest.raises(ValueError, match=r"memory should have shape \(B=3, S, D=12\)"):
        model(source[:2], target, cache=cache)
    with pytest.raises(ValueError, match=r"^source_keep should .* \(B=3, L=7\), got \(3, 5\)"):
        model(source, target, source_keep=batch.target_keep, cache=cache)
    with pytest.raises(ValueError, match=r"^target_keep should .* \(B=3, L=5\), got \(3, 7\)"):
        model(source, target, target_keep=batch.source_keep, cache=cache)
    with pytest.raises(ValueError, match=r"^source_keep should be a bool tensor"):
        model(source, target, source_keep=batch.source_keep.long(), cache=cache)
    with pytest.raises(ValueError, match=r"^target_keep should be a bool tensor"):
        model(source, target, target_keep=batch.target_keep.long(), cache=cache)
    with pytest.raises(ValueError, match="tokens should hold int32 or int64 numbers"):
        model(source.double(), target)
    assert not cache.filled


@pytest.mark.plain
def test_a_wrong_mask_in_the_middle_of_decoding_leaves_the_cache_alone() -> None:
    model, batch, cache = tiny(), padded(), KVCache()
    model(batch.source, batch.target[:, :3], source_keep=batch.source_keep, cache=cache)
    with pytest.raises(ValueError, match="mask"):
        model(None, batch.target[:, 3:], source_keep=batch.source_keep[:, :5], cache=cache)
    assert cache.length == 3
    got = model(None, batch.target[:, 3:], source_keep=batch.source_keep, cache=cache)
    want = model(batch.source, batch.target, source_keep=batch.source_keep)
    assert_close(got, want[:, 3:], **CLOSE)
