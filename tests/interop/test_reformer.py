"""Reformers in and out: the same numbers, gradients and bytes, every trap by name."""

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
from txlite.interop import load, save
from txlite.models import Reformer, ReformerConfig
from txlite.nn.positions import count_positions

B, T, D, H, E, F, V = 3, 24, 12, 2, 5, 20, 23
CONFIGS: dict[str, dict[str, Any]] = {
    "both kinds": {},
    "hashing alone": {"attn_layers": ["lsh", "lsh"], "num_hashes": 3, "num_buckets": 4},
    "local alone": {"attn_layers": ["local", "local"], "hidden_act": "gelu"},
    "four rounds, factors": {"num_hashes": 4, "num_buckets": [2, 4], "num_attention_heads": 3},
    "four layers": {"attn_layers": ["lsh", "local", "local", "lsh"], "num_buckets": [6],
                    "num_hashes": 2, "hidden_act": "silu"},
    "two chunks before": {"lsh_num_chunks_before": 2, "local_num_chunks_before": 2},
    "no look back": {"lsh_num_chunks_before": 0, "local_num_chunks_before": 0},
    "rows of their own": {"axial_pos_embds": False, "hidden_act": "gelu_new"},
    "chunked feed-forward": {"chunk_size_feed_forward": 8, "chunk_size_lm_head": 6,
                             "layer_norm_eps": 1e-3},
    "other chunks": {"lsh_attn_chunk_length": 3, "local_attn_chunk_length": 8,
                     "attn_layers": ["lsh", "local", "lsh"], "num_hashes": 2},
    "many buckets": {"lsh_attn_chunk_length": 2, "num_buckets": None,
                     "max_position_embeddings": 24},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _with_the_bias(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs has a bias of the scores and, since version 5, does not add it."""
    from transformers.models.reformer.modeling_reformer import ReformerOnlyLMHead

    if "as_it_is" not in request.fixturenames:
        monkeypatch.setattr(
            ReformerOnlyLMHead, "forward_chunk", lambda self, x: self.decoder(x) + self.bias
        )


@pytest.fixture
def as_it_is() -> None:
    """Leave their code alone."""


def twin(**options: Any) -> Any:
    from transformers import ReformerConfig as Config
    from transformers import ReformerModelWithLMHead

    sizes = {
        "vocab_size": V, "hidden_size": D, "num_attention_heads": H, "attention_head_size": E,
        "feed_forward_size": F, "attn_layers": ["local", "lsh"], "axial_pos_shape": [4, 6],
        "axial_pos_embds_dim": [5, 7], "max_position_embeddings": 64, "local_attn_chunk_length": 4,
        "lsh_attn_chunk_length": 4, "num_buckets": 8, "hash_seed": 11, "is_decoder": True,
        "hidden_dropout_prob": 0.0, "local_attention_probs_dropout_prob": 0.0, "use_cache": False,
        "eos_token_id": None, "pad_token_id": 0,
    }  # fmt: skip
    return redraw(ReformerModelWithLMHead(Config(**{**sizes, **options})))


def keep(side: str, length: int = T) -> Tensor:
    right = torch.arange(length) < torch.tensor([length, length - 5, 3])[:, None]
    return {"right": right, "left": right.flip(1), "whole": torch.ones_like(right)}[side]


def their_logits(theirs: Any, tokens: Tensor, real: Tensor) -> Tensor:
    out: Tensor = theirs(
        tokens, attention_mask=real.long(), position_ids=count_positions(real)
    ).logits
    return out


@pytest.mark.parametrize("side", ["whole", "right", "left"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, side: str, tmp_path: Path) -> None:
    """With the gradients of every weight: theirs computes them backwards too."""
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path / "theirs"))
    assert isinstance(ours, Reformer)
    tokens, real = torch.randint(1, V, (B, T)), keep(side)
    theirs.train()  # its backward pass runs in training only
    for part in theirs.modules():
        if type(part).__name__ == "AxialPositionEmbeddings":
            part.eval()  # in training it would refuse to be told positions

    compare(theirs, ours, lambda: (ours(tokens, keep=real)[real],
                                   their_logits(theirs, tokens, real)[real]))  # fmt: skip


@pytest.mark.parametrize("length", [1, 3, 4, 5, 9, 13, 23])
@pytest.mark.parametrize("name", ["both kinds", "other chunks", "many buckets", "hashing alone"])
def test_at_each_length(name: str, length: int, tmp_path: Path) -> None:
    """Also where the last chunk is not full, and where there is but one."""
    theirs = twin(**CONFIGS[name])
    ours = load(written(theirs, tmp_path))
    tokens = torch.randint(1, V, (B, length))
    assert_close(ours(tokens), theirs(tokens).logits, **CLOSE)


@pytest.mark.usefixtures("as_it_is")
def test_their_bias_is_read_and_added_where_they_leave_it_out(tmp_path: Path) -> None:
    theirs = twin()
    ours = load(written(theirs, tmp_path))
    tokens, real = torch.randint(1, V, (B, T)), keep("whole")
    want = their_logits(theirs, tokens, real)
    assert_close(ours(tokens), want + theirs.lm_head.bias, **CLOSE)
    assert theirs.lm_head.bias.abs().max() > 0.1


def test_when_training_too_it_draws_as_theirs_does(tmp_path: Path) -> None:
    """Of their positions and streams nothing is drawn, and hashes have a seed of their own."""
    theirs = twin(num_hashes=2)
    ours = load(written(theirs, tmp_path)).train()
    theirs.train()
    tokens = torch.randint(1, V, (B, T))
    assert_close(ours(tokens), theirs(tokens).logits, **CLOSE)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(**CONFIGS[name]).float()  # their axial positions are nothing else
    written(theirs, tmp_path / "theirs")
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", {})


def test_what_is_saved_and_loaded_by_them_computes_the_same(tmp_path: Path) -> None:
    from transformers import ReformerModelWithLMHead

    config = ReformerConfig(
        vocab_size=V, d_model=D, num_heads=3, head_dim=None, d_ff=F, axial_shape=(3, 8),
        axial_widths=(4, 8), max_len=24, local_chunk_length=4, lsh_chunk_length=6, num_hashes=3,
        num_buckets=(2, 6), hash_seed=5, feed_forward_chunk=6,
    )  # fmt: skip
    ours = redraw(Reformer(config).float()).float().double()  # their positions are float32
    save(ours, tmp_path)
    assert load(tmp_path).config == ReformerConfig(**{**vars(config), "head_dim": 4})
    theirs = ReformerModelWithLMHead.from_pretrained(tmp_path, dtype="auto").eval()
    tokens = torch.randint(V, (B, T))
    assert_close(ours(tokens), theirs(tokens).logits, **CLOSE)


def test_many_buckets_are_chosen_by_length_as_theirs_are(tmp_path: Path) -> None:
    """Theirs chooses once, at the first text that it meets, and keeps that."""
    from txlite.nn import choose_num_buckets

    for chunk, longest in ((4, 64), (2, 24), (3, 4096), (64, 65_536)):
        for length in (chunk, 5 * chunk + 1, 37 * chunk, 1000 * chunk):
            theirs = twin(attn_layers=["lsh"], num_buckets=None, lsh_attn_chunk_length=chunk,
                          max_position_embeddings=longest)  # fmt: skip
            part = theirs.reformer.encoder.layers[0].attention.self_attention
            part._set_num_buckets(length)
            want = (
                part.num_buckets if isinstance(part.num_buckets, int) else tuple(part.num_buckets)
            )
            assert choose_num_buckets(length, chunk, longest) == want


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return written(twin(), tmp_path / "saved")


def test_a_tensor_that_is_missing_or_lies_otherwise_is_named(saved: Path) -> None:
    name = "reformer.embeddings.position_embeddings.weights.0"
    table = tensors(saved)[name]
    assert table.shape == (4, 1, 5)
    rewritten(saved, **{name.replace(".", "__"): table.mT})
    with pytest.raises(ValueError, match=r"weights\.0 should have shape \(4, 1, 5\)"):
        load(saved)
    rewritten(saved, **{name.replace(".", "__"): None})
    with pytest.raises(ValueError, match=r"weights\.0 \(our positions\.added\.rows\)"):
        load(saved)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("is_decoder", False, "is_decoder should be True: nothing else is built here, got False"),
        ("tie_word_embeddings", True, "tie_word_embeddings should be False"),
        ("local_num_chunks_after", 1, "local_num_chunks_after should be 0"),
        ("lsh_num_chunks_after", 1, "lsh_num_chunks_after should be 0"),
        ("attn_layers", ["lsh", "full"], "attn_layers should be a list of local and lsh"),
        ("attn_layers", [], "attn_layers should be a list of local and lsh"),
        ("attn_layers", "lsh", "attn_layers should be a list of local and lsh"),
        ("attn_layers", ["lsh"] * 999, "attn_layers should be a list of local and lsh"),
        ("num_hidden_layers", 3, "num_hidden_layers should be 2"),
        ("num_buckets", 7, "num_buckets should be an even whole number"),
        ("num_buckets", [4, "2"], "num_buckets should be a whole number or a list of them"),
        ("num_hashes", 0, "num_hashes should be a positive whole number"),
        ("hash_seed", -1, "hash_seed should be a whole number from 0"),
        ("axial_pos_shape", [4, 6, 2], "axial_pos_shape should be two whole numbers"),
        ("axial_pos_shape", [4, 10**9], "axial_pos_shape should be two whole numbers from 1 to"),
        ("axial_pos_embds_dim", [5, 8], "axial_widths should add up to d_model=12"),
        ("axial_pos_embds", "yes", "axial_pos_embds should be true or false"),
        ("lsh_attn_chunk_length", 0, "lsh_chunk_length should be a positive whole number"),
        ("local_attn_chunk_length", "4", "local_attn_chunk_length should be a whole number"),
        ("attention_head_size", 10**9, "attention_head_size should be a whole number from 1"),
        ("hidden_act", "tanh", "hidden_act should be one of gelu"),
        ("hidden_dropout_prob", 1.5, "dropout should be"),
        ("max_position_embeddings", 0, "max_len should be a positive whole number"),
        ("chunk_size_feed_forward", -1, "chunk_size_feed_forward should be a whole number from 0"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    saved: Path, field: str, value: Any, message: str
) -> None:
    check_fields(saved, field, value, message)


def test_no_field_of_the_published_configuration_is_overlooked(saved: Path) -> None:
    from txlite.interop._reformer import REFORMER

    assert unknown_fields(saved, REFORMER) == set()
    without = load(reconfigured(saved, hash_seed=None, num_buckets=None)).config
    assert (without.hash_seed, without.num_buckets) == (None, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "rms"}, "norm should be 'layer' in a Reformer, got 'rms'"),
        ({"bias": False}, "bias should be True in a Reformer"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a Reformer, got 1"),
        ({"ff_dropout": 0.2}, "ff_dropout should be 0.05 in a Reformer"),
        ({"activation": "swiglu"}, "activation should be one of .* in a Reformer, got 'swiglu'"),
    ],
)
def test_what_a_published_one_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"vocab_size": V, "d_model": D, "d_ff": F, "axial_shape": None, "max_len": 9}
    with pytest.raises(ValueError, match=message):
        save(Reformer(ReformerConfig(**{**sizes, **options})), tmp_path / "out")
    assert not (tmp_path / "out").exists()
