"""CLIP's models in and out: the same numbers, gradients and bytes, and every trap by name."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.interop.published import (
    CLOSE,
    GENERAL,
    compare,
    redraw,
    rewritten,
    round_trip,
    tensors,
    written,
)
from txlite.inspect import record_attention
from txlite.interop import load, read_config, save
from txlite.interop._clip import _reading, _seeing
from txlite.interop._fields import Fields
from txlite.models import CLIP, CLIPConfig, CLIPTextConfig, ViTConfig

# All different, so that a swapped axis cannot pass unseen.
B, N, T, V, END, E = 4, 3, 7, 23, 19, 10
SEEN: dict[str, Any] = {
    "hidden_size": 15, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
    "image_size": 16, "patch_size": 4, "num_channels": 5,
}  # fmt: skip
READ: dict[str, Any] = {
    "hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 18,
    "vocab_size": V, "max_position_embeddings": T, "eos_token_id": END, "bos_token_id": None,
    "pad_token_id": None,
}  # fmt: skip
CONFIGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "new": ({}, {}),
    "old end": ({}, {"eos_token_id": 2}),
    "gelu": ({"hidden_act": "gelu"}, {"hidden_act": "gelu"}),
    "two activations": ({"hidden_act": "relu"}, {"hidden_act": "gelu_new"}),
    "eps": ({"layer_norm_eps": 1e-3}, {"layer_norm_eps": 1e-4}),
    "one head": ({"num_attention_heads": 1}, {"num_attention_heads": 6}),
    "large patches": ({"patch_size": 8, "num_channels": 3}, {"num_hidden_layers": 1}),
}


def twin(seen: dict[str, Any] | None = None, read: dict[str, Any] | None = None) -> Any:
    from transformers import CLIPConfig as TheirConfig
    from transformers import CLIPModel

    config = TheirConfig(
        vision_config={**SEEN, **(seen or {})}, text_config={**READ, **(read or {})},
        projection_dim=E,
    )  # fmt: skip
    return redraw(CLIPModel(config))


def pictures(height: int = 16, width: int = 16, channels: int = 5) -> Tensor:
    return torch.randn(B, channels, height, width, dtype=torch.float64)


def texts() -> Tensor:
    """Three texts, of 3, 7 and 5 tokens with their ends, padded with the end token."""
    tokens = torch.randint(3, END, (N, T))
    for row, length in enumerate((3, 7, 5)):
        tokens[row, length - 1 :] = END
    return tokens


@pytest.mark.parametrize("shape", [(16, 16), (24, 8), (8, 32)], ids=str)
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_published_model(name: str, shape: tuple[int, int], tmp_path: Path) -> None:
    theirs = twin(*CONFIGS[name])
    ours = load(written(theirs, tmp_path))
    assert isinstance(ours, CLIP)
    assert not ours.training
    x = pictures(*shape, CONFIGS[name][0].get("num_channels", 5))
    tokens = texts()
    given = {"pixel_values": x, "input_ids": tokens, "interpolate_pos_encoding": shape != (16, 16)}

    def outputs() -> tuple[Tensor, Tensor]:
        per_picture, per_text = ours(x, tokens)
        out = theirs(**given)
        assert_close(per_text, out.logits_per_text, **CLOSE)
        assert_close(ours.encode_pictures(x), out.image_embeds, **CLOSE)
        assert_close(ours.encode_texts(tokens), out.text_embeds, **CLOSE)
        return per_picture, out.logits_per_image

    compare(theirs, ours, outputs)


def test_masked_padding_is_theirs(tmp_path: Path) -> None:
    theirs = twin()
    ours = load(written(theirs, tmp_path))
    tokens, keep = texts(), torch.arange(T) < torch.tensor([3, 7, 5])[:, None]
    want = theirs.get_text_features(tokens, attention_mask=keep.long()).pooler_output
    got = ours.encode_texts(tokens, keep=keep)  # type: ignore[operator]
    assert_close(got, want / want.norm(dim=-1, keepdim=True), **CLOSE)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_there_and_back(name: str, tmp_path: Path) -> None:
    theirs = twin(*CONFIGS[name])
    written(theirs, tmp_path / "theirs")
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", {})


def test_maps_are_theirs(tmp_path: Path) -> None:
    """Of both towers; their code rounds them to float32, whatever the dtype."""
    theirs = twin()
    ours = load(written(theirs, tmp_path))
    theirs.set_attn_implementation("eager")
    x, tokens = pictures(), texts()
    with record_attention(ours) as maps:
        ours(x, tokens)
    out = theirs(pixel_values=x, input_ids=tokens, output_attentions=True)
    seen = out.vision_model_output.attentions
    read = out.text_model_output.attentions
    assert (len(seen), len(read), len(maps)) == (2, 3, 5)
    for i, table in enumerate(seen):
        assert_close(maps[f"vision.encoder.layers.{i}.attention"], table, rtol=0.0, atol=1e-6)
    for i, table in enumerate(read):
        assert_close(maps[f"text.decoder.layers.{i}.attention"], table, rtol=0.0, atol=1e-6)


# ------------------------------------------------------------------ where a text ends


def test_the_two_rules_differ_once_a_token_is_added(tmp_path: Path) -> None:
    """A number above the end's: the old rule takes it for the end, on both sides."""
    tokens = texts()
    tokens[1, 2] = V - 1
    found = []
    for end in (2, END):
        theirs = twin({}, {"eos_token_id": end})
        ours = load(written(theirs, tmp_path / str(end)))
        assert isinstance(ours, CLIP)
        assert ours.config.text.end_id == (None if end == 2 else END)
        want = theirs.get_text_features(tokens).pooler_output
        got = ours.encode_texts(tokens)
        assert_close(got, want / want.norm(dim=-1, keepdim=True), **CLOSE)
        found.append(ours.text._ends(tokens, None).tolist())  # type: ignore[operator]
    assert found == [[2, 2, 4], [2, 6, 4]]


def test_an_absent_end_is_the_usual_one(tmp_path: Path) -> None:
    saved = changed(written(twin(), tmp_path), "text_config", eos_token_id=None)
    ours = load(saved)
    assert isinstance(ours, CLIP)
    assert ours.config.text.end_id == 49_407


# ------------------------------------------------------------------ the scale


@pytest.mark.parametrize("held", [math.log(100.0), 5.0])
def test_a_scale_above_a_hundred_is_kept_where_a_file_has_one(held: float, tmp_path: Path) -> None:
    """Their library bounds nothing; ln 100 is the published one, rounded to float32."""
    theirs = twin()
    saved = written(theirs, tmp_path / "theirs")
    rewritten(saved, logit_scale=torch.tensor(held, dtype=torch.float32))
    ours = load(saved)
    assert isinstance(ours, CLIP)
    assert (ours.config.max_scale is None) is (held > 4.7)
    assert ours.scale().item() == pytest.approx(math.exp(held), rel=1e-6)
    save(ours, tmp_path / "ours")
    assert torch.equal(tensors(tmp_path / "ours")["logit_scale"].double(), ours.log_scale.double())


def test_what_has_grown_above_it_is_saved_as_it_counts(tmp_path: Path) -> None:
    ours = load(written(twin(), tmp_path / "theirs"))
    assert isinstance(ours, CLIP)
    with torch.no_grad():
        ours.log_scale.fill_(6.0)
    save(ours, tmp_path / "ours")
    assert tensors(tmp_path / "ours")["logit_scale"].item() == pytest.approx(math.log(100.0))
    x, tokens = pictures(), texts()
    again = load(tmp_path / "ours")
    assert_close(again(x, tokens)[0], ours(x, tokens)[0], **CLOSE)


# ------------------------------------------------------------------ traps of the files


def changed(saved: Path, tower: str, **fields: Any) -> Path:
    """Change fields of one tower's configuration."""
    path = saved / "config.json"
    content = json.loads(path.read_text())
    content[tower] = {**content[tower], **fields}
    path.write_text(json.dumps(content))
    return saved


def test_disk_names_are_the_published_ones(tmp_path: Path) -> None:
    names = set(tensors(written(twin(), tmp_path)))
    ours = load(tmp_path)
    save(ours, tmp_path / "ours")
    assert set(tensors(tmp_path / "ours")) == names
    assert "vision_model.pre_layrnorm.weight" in names  # as it is spelt
    assert "vision_model.embeddings.patch_embedding.bias" not in names


def test_counters_of_old_files_are_left_out(tmp_path: Path) -> None:
    saved = written(twin(), tmp_path)
    want = load(saved).state_dict()
    rewritten(
        saved,
        text_model__embeddings__position_ids=torch.arange(T)[None],
        vision_model__embeddings__position_ids=torch.arange(17)[None],
    )
    assert load(saved).state_dict().keys() == want.keys()


@pytest.mark.parametrize("tower", ["vision_config", "text_config"])
def test_an_older_spelling_of_a_tower_wins(tower: str, tmp_path: Path) -> None:
    """Theirs replaces every field by it, and by the usual value where it has none."""
    from transformers import CLIPModel

    saved = written(twin(), tmp_path)
    path = saved / "config.json"
    content = json.loads(path.read_text())
    content[f"{tower}_dict"] = {**content[tower], "hidden_act": "gelu"}
    path.write_text(json.dumps(content))
    theirs = CLIPModel.from_pretrained(saved, dtype="auto").eval()
    x, tokens = pictures(), texts()
    want = theirs(pixel_values=x, input_ids=tokens).logits_per_image
    assert_close(load(saved)(x, tokens)[0], want, **CLOSE)
    del content[f"{tower}_dict"]
    path.write_text(json.dumps(content))
    assert not torch.allclose(load(saved)(x, tokens)[0], want, atol=1e-3)


@pytest.mark.parametrize(
    ("tower", "field", "value", "message"),
    [
        ("vision_config", "hidden_act", "gelu_10", "vision_config.hidden_act should be one of gel"),
        ("text_config", "hidden_act", "gelu_10", "text_config.hidden_act should be one of gelu"),
        ("text_config", "dropout", 0.1, "text_config.dropout should be False or 0 or 0.0"),
        ("vision_config", "patch_size", [4, 8], "vision_config.patch_size should be square"),
        ("vision_config", "image_size", 32, r"position_embedding.weight should have shape \(65, 1"),
        ("text_config", "eos_token_id", [19, 20], "text_config.eos_token_id should be a whole num"),
        ("text_config", "num_hidden_layers", 900, "text_config.num_hidden_layers should be a who"),
        ("vision_config", "hidden_size", 10**9, "vision_config.hidden_size should be a whole numb"),
        ("text_config", "num_attention_heads", 5, "num_heads=5"),
        ("text_config", "max_position_embeddings", 9, r"position_embedding.weight should have sh"),
    ],
)
def test_a_field_that_is_not_built_is_refused_by_name(
    tmp_path: Path, tower: str, field: str, value: Any, message: str
) -> None:
    saved = changed(written(twin(), tmp_path / "saved"), tower, **{field: value})
    with pytest.raises(ValueError, match=message) as caught:
        load(saved)
    assert str(saved) in str(caught.value)


def test_a_tower_that_is_no_object_is_refused(tmp_path: Path) -> None:
    saved = written(twin(), tmp_path)
    path = saved / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "text_config": [1]}))
    with pytest.raises(ValueError, match="text_config should be an object, got"):
        load(saved)


def test_a_tower_alone_is_refused_by_its_word(tmp_path: Path) -> None:
    theirs = twin()
    with pytest.raises(ValueError, match=r"model_type should be one of albert, .*clip_text_model"):
        load(written(theirs.text_model, tmp_path))


def test_no_field_of_the_published_configuration_is_overlooked(tmp_path: Path) -> None:
    content = read_config(written(twin(), tmp_path))
    for tower, read in (("vision_config", _seeing), ("text_config", _reading)):
        fields = Fields(tmp_path, content[tower], 10**6, 10**3)
        read(fields)
        assert set(content[tower]) - fields.asked - GENERAL == set(), tower
    known = {"vision_config", "text_config", "projection_dim", "logit_scale_init_value"}
    assert set(content) - known - GENERAL == set()


def config(seen: dict[str, Any], read: dict[str, Any], **options: Any) -> CLIPConfig:
    sizes = {"d_model": 12, "num_heads": 2, "d_ff": 20, "num_layers": 1}
    usual = {"image_size": 8, "patch_size": 4, "embedding_norm": True, "patch_bias": False}
    return CLIPConfig(
        vision=ViTConfig(**{**sizes, **usual, **seen}),
        text=CLIPTextConfig(**{**sizes, "vocab_size": V, "max_len": T, "end_id": END, **read}),
        **options,
    )


@pytest.mark.parametrize(
    ("seen", "read", "options", "message"),
    [
        ({"patch_bias": True}, {}, {}, "patch_bias should be False in a CLIP, got True"),
        ({"embedding_norm": False}, {}, {}, "embedding_norm should be True in a CLIP"),
        ({"qkv_bias": False}, {}, {}, "qkv_bias should be True in a CLIP"),
        ({"pooling": "mean"}, {}, {}, "pooling should be 'class' in a CLIP"),
        ({"layer_scale": 0.1}, {}, {}, "layer_scale should be None in a CLIP"),
        ({"num_registers": 1}, {}, {}, "num_registers should be 0 in a CLIP"),
        ({"image_size": (8, 12)}, {}, {}, r"image_size should be square in a CLIP, got \(8, 12\)"),
        ({"dropout": 0.1}, {}, {}, "dropout should be 0.0 in a CLIP"),
        ({}, {"norm": "rms"}, {}, "norm should be 'layer' in a CLIP"),
        ({}, {"end_id": 2}, {}, "end_id should not be 2 in a CLIP, where it means None"),
        ({}, {}, {"max_scale": 50.0}, "max_scale should be 100.0 or None in a CLIP, got 50.0"),
    ],
)
def test_what_a_clip_cannot_be_is_not_saved(
    tmp_path: Path,
    seen: dict[str, Any],
    read: dict[str, Any],
    options: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        save(CLIP(config(seen, read, **options)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
