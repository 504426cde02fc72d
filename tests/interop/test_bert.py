"""BERT's models in and out: the same numbers, gradients and bytes, and every trap by name."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.interop import encoder_only as shared
from tests.interop.published import (
    check_fields,
    reconfigured,
    redraw,
    rewritten,
    unknown_fields,
    written,
)
from txlite.interop import load, save
from txlite.interop._bert import BERT as FAMILY
from txlite.models import BERT, BERTConfig, BERTForPreTraining, BERTForSequenceClassification

D, H, F, V, LONGEST = 12, 3, 20, 23, 11

CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "body": ("Model", {}),
    "masked": ("ForMaskedLM", {"num_hidden_layers": 3}),
    "pre-training": ("ForPreTraining", {"layer_norm_eps": 1e-5}),
    "texts": ("ForSequenceClassification", {"num_labels": 5, "classifier_dropout": 0.3}),
    "tokens": ("ForTokenClassification", {"num_labels": 4, "type_vocab_size": 3}),
    "relu": ("ForMaskedLM", {"hidden_act": "relu", "num_attention_heads": 4}),
    "gelu_new": ("ForMaskedLM", {"hidden_act": "gelu_new", "num_attention_heads": 1}),
    "silu": ("ForPreTraining", {"hidden_act": "silu", "num_attention_heads": 6}),
    "eager": ("ForMaskedLM", {"attn_implementation": "eager"}),
}


def twin(head: str, **options: Any) -> Any:
    import transformers

    sizes = {
        "vocab_size": V, "hidden_size": D, "num_hidden_layers": 2, "num_attention_heads": H,
        "intermediate_size": F, "max_position_embeddings": LONGEST, "pad_token_id": None,
    }  # fmt: skip
    config = transformers.BertConfig(**{**sizes, **options})
    return redraw(getattr(transformers, f"Bert{head}")(config))


@pytest.mark.parametrize("side", ["right", "left", "holes"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, side: str, tmp_path: Path) -> None:
    shared.check_equal(twin, tmp_path, side, *CONFIGS[name])


def test_the_first_real_token_speaks_for_the_text(tmp_path: Path) -> None:
    shared.check_first_real_token(twin, tmp_path)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    shared.check_round_trip(twin, tmp_path, *CONFIGS[name])


def test_a_body_without_a_pooler(tmp_path: Path) -> None:
    import transformers

    whole = twin("Model")
    bare = transformers.BertModel(whole.config, add_pooling_layer=False).double()
    ours = load(written(bare, tmp_path))
    assert isinstance(ours, BERT)
    assert ours.pooler is None


def test_the_prefix_may_be_there_or_not(tmp_path: Path) -> None:
    shared.check_prefix(twin, tmp_path, "bert.")


def test_a_tied_decoder_may_be_stored_and_has_to_agree(tmp_path: Path) -> None:
    table, bias = "bert.embeddings.word_embeddings.weight", "cls.predictions.bias"
    shared.check_known_twins(twin, tmp_path, "cls.predictions.decoder", table, bias)


def test_counters_and_a_pooler_of_no_use_are_left_out(tmp_path: Path) -> None:
    shared.check_counters(twin, tmp_path, "bert.")


def test_the_published_file_of_bert_has_both_heads(tmp_path: Path) -> None:
    """`bert-base-uncased` names itself a masked LM, stores more, and calls its norms gamma."""
    theirs = twin("ForPreTraining")
    saved = written(theirs, tmp_path / "saved")
    reconfigured(saved, architectures=["BertForMaskedLM"])
    renamed: dict[str, Any] = {}
    for name, tensor in shared.tensors(saved).items():
        if "LayerNorm" in name:
            old = name.replace(".weight", ".gamma").replace(".bias", ".beta")
            renamed |= {name: None, old: tensor.clone()}
    rewritten(saved, **{n.replace(".", "__"): x for n, x in renamed.items()})
    assert isinstance(load(saved), BERTForPreTraining)


@pytest.mark.parametrize("head", ["ForMaskedLM", "Model"])
def test_a_class_of_somebodys_own_is_known_by_its_tensors(head: str, tmp_path: Path) -> None:
    saved = written(twin(head), tmp_path / "saved")
    reconfigured(saved, architectures=["MyOwnBert"])
    assert type(load(saved)) is shared.HEADS[head]


def test_a_classifier_without_a_known_class_is_refused(tmp_path: Path) -> None:
    """Of texts or of tokens: the tensors look alike."""
    saved = written(twin("ForTokenClassification"), tmp_path / "saved")
    check_fields(saved, "architectures", ["MyOwn"], "architectures should be one of BertMod")


def test_other_heads_are_listed(tmp_path: Path) -> None:
    saved = written(twin("ForQuestionAnswering"), tmp_path / "saved")
    with pytest.raises(ValueError, match=r"unexpected:\n    'qa_outputs.bias'"):
        load(saved)


def test_the_dropout_of_a_classifier_is_kept(tmp_path: Path) -> None:
    saved = written(twin("ForSequenceClassification", classifier_dropout=0.3), tmp_path / "saved")
    ours = load(saved)
    assert isinstance(ours, BERTForSequenceClassification)
    assert (ours.dropout.p, ours.bert.dropout.p) == (0.3, 0.1)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hidden_act", "gelu_10", "hidden_act should be one of gelu"),
        ("position_embedding_type", "relative_key", "position_embedding_type should be 'absolute'"),
        ("is_decoder", True, "is_decoder should be False"),
        ("add_cross_attention", True, "add_cross_attention should be False"),
        ("tie_word_embeddings", False, "tie_word_embeddings should be True"),
        ("pruned_heads", {"0": [1]}, "pruned_heads should be {}"),
        ("num_hidden_layers", 10**9, "num_hidden_layers should be a whole number from 0 to 1000"),
        ("num_hidden_layers", 900, "num_hidden_layers should be a whole number from 1 to"),
        ("type_vocab_size", 10**9, "type_vocab_size should be a whole number from 1"),
        ("num_attention_heads", 5, "num_heads=5"),
        ("vocab_size", None, "vocab_size should be there"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    tmp_path: Path, field: str, value: Any, message: str
) -> None:
    check_fields(written(twin("ForMaskedLM"), tmp_path / "saved"), field, value, message)


def test_a_wrong_number_of_labels_is_refused(tmp_path: Path) -> None:
    saved = written(twin("ForTokenClassification", num_labels=4), tmp_path / "saved")
    check_fields(saved, "id2label", {"0": "a"}, "id2label should be 4 labels, got 1")


def test_no_field_of_the_published_configuration_is_overlooked(tmp_path: Path) -> None:
    saved = written(twin("ForSequenceClassification"), tmp_path / "saved")
    assert unknown_fields(saved, FAMILY) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_first": True}, "norm_first should be False in a BERT, got True"),
        ({"positions": "rotary"}, "positions should be 'learned' in a BERT"),
        ({"norm": "rms"}, "norm should be 'layer' in a BERT"),
        ({"num_kv_heads": 1}, "num_kv_heads should be None in a BERT"),
        ({"head_dim": 5}, "head_dim should be None in a BERT"),
        ({"ff_dropout": 0.1}, "ff_dropout should be 0.0 in a BERT"),
        ({"share_layers": True}, "embedding_dim should be given in an ALBERT, got None"),
    ],
)
def test_what_a_bert_cannot_be_is_not_saved(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    sizes = {"vocab_size": V, "d_model": D, "num_heads": H, "d_ff": F, "num_layers": 1}
    with pytest.raises(ValueError, match=message):
        save(BERT(BERTConfig(**{**sizes, **options})), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_segment_that_is_wrong_would_be_noticed(tmp_path: Path) -> None:
    """The negative control of the parity: segments matter."""
    ours = load(written(twin("Model"), tmp_path))
    tokens, ones = torch.randint(V, (2, 5)), torch.ones(2, 5, dtype=torch.long)
    assert not torch.allclose(ours(tokens), ours(tokens, segments=ones), atol=0.1)
