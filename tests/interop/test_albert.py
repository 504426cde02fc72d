"""ALBERT's models in and out: the same numbers, gradients and bytes, and every trap by name."""

from pathlib import Path
from typing import Any

import pytest

from tests.interop import encoder_only as shared
from tests.interop.published import check_fields, redraw, tensors, unknown_fields, written
from txlite.interop import load
from txlite.interop._albert import ALBERT as FAMILY
from txlite.models import BERTForMaskedLM

D, E, H, F, V, LONGEST = 12, 10, 3, 20, 23, 11

CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "body": ("Model", {}),
    "masked": ("ForMaskedLM", {"num_hidden_layers": 4}),
    "pre-training": ("ForPreTraining", {"classifier_dropout_prob": 0.0}),
    "texts": ("ForSequenceClassification", {"num_labels": 5, "classifier_dropout_prob": 0.3}),
    "tokens": ("ForTokenClassification", {"num_labels": 4, "type_vocab_size": 3}),
    "a group each": ("ForMaskedLM", {"num_hidden_groups": 3, "hidden_act": "gelu"}),
    "wide embeddings": ("ForMaskedLM", {"embedding_size": 12, "num_attention_heads": 4}),
    "relu": ("ForMaskedLM", {"hidden_act": "relu", "num_attention_heads": 1}),
    "one layer": ("ForMaskedLM", {"num_hidden_layers": 1, "layer_norm_eps": 1e-3}),
}


def twin(head: str, **options: Any) -> Any:
    import transformers

    sizes = {
        "vocab_size": V, "embedding_size": E, "hidden_size": D, "num_hidden_layers": 3,
        "num_attention_heads": H, "intermediate_size": F, "max_position_embeddings": LONGEST,
        "pad_token_id": None, "bos_token_id": None, "eos_token_id": None,
    }  # fmt: skip
    config = transformers.AlbertConfig(**{**sizes, **options})
    return redraw(getattr(transformers, f"Albert{head}")(config))


@pytest.mark.parametrize("side", ["right", "left", "holes"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, side: str, tmp_path: Path) -> None:
    shared.check_equal(twin, tmp_path, side, *CONFIGS[name])


def test_the_first_real_token_speaks_for_the_text(tmp_path: Path) -> None:
    shared.check_first_real_token(twin, tmp_path)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    shared.check_round_trip(twin, tmp_path, *CONFIGS[name])


def test_the_prefix_may_be_there_or_not(tmp_path: Path) -> None:
    shared.check_prefix(twin, tmp_path, "albert.")


def test_a_tied_decoder_may_be_stored_and_has_to_agree(tmp_path: Path) -> None:
    table, bias = "albert.embeddings.word_embeddings.weight", "predictions.bias"
    shared.check_known_twins(twin, tmp_path, "predictions.decoder", table, bias)


def test_counters_and_a_pooler_of_no_use_are_left_out(tmp_path: Path) -> None:
    shared.check_counters(twin, tmp_path, "albert.")


def test_one_layer_stands_in_the_places_of_all(tmp_path: Path) -> None:
    saved = written(twin("ForMaskedLM", num_hidden_layers=4), tmp_path / "saved")
    assert not any("groups.1" in name for name in tensors(saved))
    ours = load(saved)
    assert isinstance(ours, BERTForMaskedLM)
    first, *others = ours.bert.encoder.layers
    assert len(others) == 3
    assert all(other is first for other in others)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("num_hidden_groups", 2, "num_hidden_groups should be 1 or num_hidden_layers=3, got 2"),
        ("inner_group_num", 2, "inner_group_num should be 1"),
        ("gap_size", 1, "gap_size should be False"),
        ("net_structure_type", 1, "net_structure_type should be False"),
        ("num_memory_blocks", 1, "num_memory_blocks should be False"),
        ("down_scale_factor", 2, "down_scale_factor should be 1"),
        ("hidden_act", "gelu_10", "hidden_act should be one of gelu"),
        ("position_embedding_type", "relative_key", "position_embedding_type should be 'absolute'"),
        ("num_hidden_layers", 10**9, "num_hidden_layers should be a whole number from 0 to 1000"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    tmp_path: Path, field: str, value: Any, message: str
) -> None:
    check_fields(written(twin("ForMaskedLM"), tmp_path / "saved"), field, value, message)


def test_dropout_before_the_order_of_sentences_is_refused(tmp_path: Path) -> None:
    saved = written(twin("ForPreTraining", classifier_dropout_prob=0.0), tmp_path / "saved")
    check_fields(saved, "classifier_dropout_prob", 0.1, "classifier_dropout_prob should be")


def test_no_field_of_the_published_configuration_is_overlooked(tmp_path: Path) -> None:
    saved = written(twin("ForSequenceClassification"), tmp_path / "saved")
    assert unknown_fields(saved, FAMILY) == set()
