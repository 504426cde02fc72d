"""T5's models in and out: the same numbers, gradients and bytes, and every trap by name."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.interop.published import (
    CLOSE,
    check_fields,
    compare,
    reconfigured,
    redraw,
    rewritten,
    round_trip,
    tensors,
    unknown_fields,
    written,
)
from txlite.interop import load, read_config, save
from txlite.models.t5 import T5, T5Config

B, S, T, D, H, E, F, V = 3, 9, 6, 12, 2, 5, 20, 23

CONFIGS: dict[str, dict[str, Any]] = {
    "first": {},
    "version 1.1": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    "gelu": {"feed_forward_proj": "gelu", "num_layers": 1},
    "silu": {"feed_forward_proj": "silu", "num_decoder_layers": 1},
    "gated silu": {"feed_forward_proj": "gated-silu", "num_heads": 3, "d_kv": 4},
    "gated relu": {"feed_forward_proj": "gated-relu", "num_heads": 1, "d_kv": 7},
    "few buckets": {"relative_attention_num_buckets": 4, "relative_attention_max_distance": 5},
    "eps": {"layer_norm_epsilon": 1e-3, "num_decoder_layers": 3},
    "tied, not scaled": {"scale_decoder_outputs": False},
}


@pytest.fixture(autouse=True)
def _in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs rounds the mean square to float32, whatever the model's dtype."""
    from transformers.models.t5.modeling_t5 import T5LayerNorm

    def norm(self: Any, x: Tensor) -> Tensor:
        mean = x.square().mean(-1, keepdim=True)
        return self.weight * x * torch.rsqrt(mean + self.variance_epsilon)

    monkeypatch.setattr(T5LayerNorm, "forward", norm)


def twin(**options: Any) -> Any:
    from transformers import T5Config as TheirConfig
    from transformers import T5ForConditionalGeneration

    sizes = {
        "vocab_size": V, "d_model": D, "d_kv": E, "d_ff": F, "num_layers": 2, "num_heads": H,
        "num_decoder_layers": 2, "pad_token_id": 0, "decoder_start_token_id": 0,
    }  # fmt: skip
    config = TheirConfig(**{**sizes, **options})
    if "scale_decoder_outputs" in options:
        config.scale_decoder_outputs = options["scale_decoder_outputs"]
    theirs = T5ForConditionalGeneration(config)
    if options.get("tie_word_embeddings") is False:
        theirs.lm_head.weight = torch.nn.Parameter(theirs.lm_head.weight.detach().clone())
    return redraw(theirs)


def their_logits(theirs: Any, source: Tensor, target: Tensor, keep: Tensor, own: Tensor) -> Tensor:
    logits: Tensor = theirs(
        input_ids=source, attention_mask=keep.long(), decoder_input_ids=target,
        decoder_attention_mask=own.long(), use_cache=False,
    ).logits  # fmt: skip
    return logits[own]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, side: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, T5)
    assert not ours.training
    source, target = torch.randint(1, V, (B, S)), torch.randint(1, V, (B, T))
    keep = torch.arange(S) < torch.tensor([9, 4, 2])[:, None]
    own = torch.arange(T) < torch.tensor([6, 3, 4])[:, None]
    if side == "left":
        keep, own = keep.flip(1), own.flip(1)

    def outputs() -> tuple[Tensor, Tensor]:
        got = ours(source, target, source_keep=keep, target_keep=own)[own]
        return got, their_logits(theirs, source, target, keep, own)

    compare(theirs, ours, outputs)


def test_holes_are_no_positions(tmp_path: Path) -> None:
    """Theirs counts padding between two tokens; ours is held to the text without it."""
    theirs = twin()
    ours = load(written(theirs, tmp_path))
    source, target = torch.randint(1, V, (1, S)), torch.randint(1, V, (1, T))
    kept = [0, 2, 3, 7]
    keep = torch.zeros(1, S, dtype=torch.bool)
    keep[0, kept] = True
    everything = torch.ones(1, T, dtype=torch.bool)
    want = their_logits(theirs, source[:, kept], target, torch.ones(1, 4), everything)
    assert_close(ours(source, target, source_keep=keep)[everything], want, **CLOSE)


def test_far_positions_share_a_bucket(tmp_path: Path) -> None:
    theirs = twin()
    ours = load(written(theirs, tmp_path))
    source, target = torch.randint(1, V, (1, 200)), torch.randint(1, V, (1, 180))
    want = theirs(input_ids=source, decoder_input_ids=target, use_cache=False).logits
    assert_close(ours(source, target), want, **CLOSE)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    extra = {"pad_token_id": 0, "decoder_start_token_id": 0}
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", extra)


def test_what_is_saved_and_loaded_by_them_computes_the_same(tmp_path: Path) -> None:
    """All four rules of the scores, told in a configuration and in what is stored."""
    from transformers import T5ForConditionalGeneration

    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "head_dim": E, "d_ff": F}
    source, target = torch.randint(1, V, (1, S)), torch.randint(1, V, (1, T))
    for tied in (True, False):
        for scaled in (True, False):
            config = T5Config(**sizes, num_layers=1, tied_output=tied, scale_output=scaled)
            ours = redraw(T5(config))
            folder = tmp_path / f"{tied}{scaled}"
            save(ours, folder, extra={"decoder_start_token_id": 0})
            assert ("lm_head.weight" in tensors(folder)) is not tied
            # version 4 of their library knows this field only: false says untied and unscaled
            assert read_config(folder)["tie_word_embeddings"] is (tied or scaled)
            assert load(folder).config == T5Config(
                **sizes, num_layers=1, num_decoder_layers=1, tied_output=tied, scale_output=scaled
            )
            theirs = T5ForConditionalGeneration.from_pretrained(folder, dtype="auto").eval()
            want = theirs(input_ids=source, decoder_input_ids=target, use_cache=False).logits
            assert_close(ours(source, target), want, **CLOSE)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return written(twin(), tmp_path / "saved")


@pytest.mark.parametrize(
    ("fields", "stored", "tied", "scaled"),
    [
        ({"tie_word_embeddings": None, "scale_decoder_outputs": None}, None, True, True),
        ({"tie_word_embeddings": True, "scale_decoder_outputs": None}, "same", True, True),
        ({"tie_word_embeddings": True, "scale_decoder_outputs": None}, "own", False, True),
        ({"tie_word_embeddings": False, "scale_decoder_outputs": None}, "own", False, False),
        ({"tie_word_embeddings": False, "scale_decoder_outputs": None}, "same", False, False),
        ({"tie_word_embeddings": False, "scale_decoder_outputs": True}, "own", False, True),
        ({"tie_word_embeddings": True, "scale_decoder_outputs": False}, "own", False, False),
        ({"tie_word_embeddings": True, "scale_decoder_outputs": False}, None, True, False),
    ],
)
def test_the_rule_of_the_scores(
    saved: Path, fields: dict[str, Any], stored: str | None, tied: bool, scaled: bool
) -> None:
    reconfigured(saved, **fields)
    if stored is not None:
        table = tensors(saved)["shared.weight"].clone()
        rewritten(saved, lm_head__weight=table + (stored == "own"))
    ours = load(saved)
    assert isinstance(ours, T5)
    assert (ours.config.tied_output, ours.config.scale_output) == (tied, scaled)
    assert (ours.output is None) is tied


def test_what_old_files_store_besides(saved: Path) -> None:
    before = load(saved).state_dict()
    shared = tensors(saved)["shared.weight"]
    unused = "decoder__block__0__layer__1__EncDecAttention__relative_attention_bias__weight"
    rewritten(
        saved,
        **{unused: torch.zeros(32, H)},
        encoder__embed_tokens__weight=shared.clone(),
        decoder__embed_tokens__weight=shared.clone(),
    )
    after = load(saved).state_dict()
    assert before.keys() == after.keys()
    rewritten(saved, decoder__embed_tokens__weight=shared + 1)
    with pytest.raises(ValueError, match=r"decoder\.embed_tokens\.weight should equal shared\.wei"):
        load(saved)


def test_an_encoder_alone_is_refused_with_a_list(tmp_path: Path) -> None:
    from transformers import T5EncoderModel

    encoder = T5EncoderModel(twin().config).double()
    with pytest.raises(ValueError, match=r"missing:\n.*decoder\.block\.0"):
        load(written(encoder, tmp_path))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("feed_forward_proj", "gated-mish", "feed_forward_proj should be one of relu"),
        ("is_gated_act", True, "is_gated_act should be False"),
        ("dense_act_fn", "gelu", "dense_act_fn should be 'relu'"),
        ("is_decoder", True, "is_decoder should be False"),
        ("relative_attention_max_distance", 10**9, "relative_attention_max_distance should be a"),
        ("relative_attention_num_buckets", 10**9, "relative_attention_num_buckets should be a"),
        ("relative_attention_num_buckets", 7, "num_buckets"),
        ("num_decoder_layers", 10**5, "num_decoder_layers should be a whole number from 1 to"),
        ("scale_decoder_outputs", "yes", "scale_decoder_outputs should be true or false"),
        ("d_kv", 0, "d_kv should be a whole number from 1"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str
) -> None:
    check_fields(saved, field, value, message)


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    from txlite.interop._t5 import T5 as FAMILY

    other_heads = {"classifier_dropout"}
    assert unknown_fields(saved, FAMILY) - other_heads == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": False}, "norm_first should be True in a T5"),
        ({"norm": "layer"}, "norm should be 'rms' in a T5"),
        ({"bias": True}, "bias should be False in a T5"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a T5"),
        ({"ff_dropout": 0.2}, "ff_dropout should be 0.1 in a T5"),
        ({"activation": "geglu"}, "activation should be .* in a T5, got 'geglu'"),
    ],
)
def test_what_a_t5_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": 1}
    with pytest.raises(ValueError, match=message):
        save(T5(T5Config(**{**sizes, **options})), tmp_path / "out")
    assert not (tmp_path / "out").exists()
