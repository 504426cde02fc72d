"""Files of CTranslate2: a Whisper in, every length checked, and the published tiny.en."""

import json
import re
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.interop import small
from txlite.data.audio import log_mel
from txlite.data.clips import plain_words, speech_clips
from txlite.data.fetched import missing_data
from txlite.data.weights import missing_weights, weights_file
from txlite.generation import generate
from txlite.interop import load, save
from txlite.interop._ctranslate2 import read_ctranslate2
from txlite.models import Whisper, WhisperConfig
from txlite.training import word_errors

Change = Callable[[dict[str, Any], dict[str, Tensor], dict[str, str]], object]


def test_a_whisper_comes_in_number_by_number(tmp_path: Path) -> None:
    want = small.whisper_ctranslate2(tmp_path / "model.bin")
    got = load(tmp_path / "model.bin")
    assert isinstance(got, Whisper)
    assert not got.training
    assert got.config == WhisperConfig(**small.WHISPER_SIZES)
    for name, p in want.named_parameters():
        assert torch.equal(got.get_parameter(name), p), name
    rows = got.encoder_positions.get_parameter("added.table.weight")
    assert not rows.requires_grad
    assert load(tmp_path / "model.bin", dtype=torch.float64).conv1.weight.dtype == torch.float64


def test_it_goes_on_as_a_checkpoint_of_hugging_face(tmp_path: Path) -> None:
    small.whisper_ctranslate2(tmp_path / "model.bin")
    ours = load(tmp_path / "model.bin")
    save(ours, tmp_path / "theirs")
    again = load(tmp_path / "theirs")
    for name, p in ours.named_parameters():
        assert torch.equal(again.get_parameter(name), p), name


def changed(path: Path, change: Change, name: str = "WhisperSpec") -> Path:
    model = Whisper(WhisperConfig(**small.WHISPER_SIZES))
    numbers, held = small.whisper_parts(model)
    other = dict(small.TIED)
    change(numbers, held, other)
    return small.ctranslate2(path, numbers, held, other, name)


LAYER = "decoder/layer_1/self_attention/linear_0"
CHANGES: dict[str, tuple[Change, str]] = {
    "another activation": (
        lambda n, h, o: n.update({"decoder/activation": ("b", 0)}), "decoder/activation should be 3"
    ),
    "post-norm": (
        lambda n, h, o: n.update({"decoder/pre_norm": ("b", 0)}), "decoder/pre_norm should be 1"
    ),
    "scaled embeddings": (
        lambda n, h, o: n.update({"decoder/scale_embeddings": ("b", 1)}),
        "decoder/scale_embeddings should be False",
    ),
    "other heads": (
        lambda n, h, o: n.update({"decoder/num_heads": ("h", 4)}), "decoder/num_heads should be 2"
    ),
    "no heads": (lambda n, h, o: n.pop("encoder/num_heads"), "encoder/num_heads should be there"),
    "heads that do not divide": (
        lambda n, h, o: n.update(
            {f"{stack}/num_heads": ("h", 3) for stack in ("encoder", "decoder")}
        ),
        "should be a multiple of num_heads=3",
    ),
    "no layer": (
        lambda n, h, o: [h.pop(name) for name in list(h) if "/layer_0/" in name],
        "encoder/layer_0/ffn/linear_0/weight should be a tensor of 2 axes",
    ),
    "a missing tensor": (lambda n, h, o: h.pop(f"{LAYER}/bias"), f"missing:\n    {LAYER}/bias"),
    "one too many": (
        lambda n, h, o: h.update({"decoder/x": torch.zeros(2)}), "unexpected:\n    'decoder/x'"
    ),
    "an output of its own": (
        lambda n, h, o: (
            o.clear(), h.update({"decoder/projection/weight": torch.ones(13, 8)})
        ),
        "decoder/projection/weight should equal decoder/embeddings/weight",
    ),
    "eight bits": (
        lambda n, h, o: h.update({f"{LAYER}/weight": torch.zeros(24, 8, dtype=torch.int8)}),
        "should hold floating-point numbers, got torch.int8",
    ),
    "an odd convolution": (
        lambda n, h, o: h.update({"encoder/conv1/weight": torch.zeros(8, 5)}),
        "encoder/conv1/weight should be a tensor of 3 axes",
    ),
    "a name for nothing": (
        lambda n, h, o: o.update({"a": "b"}), "what 'a' stands for should be a variable, got 'b'"
    ),
    "a name that is taken": (
        lambda n, h, o: o.update({"encoder/conv1/bias": "encoder/conv2/bias"}),
        "'encoder/conv1/bias' stands there twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_not_built_is_refused_by_name(name: str, tmp_path: Path) -> None:
    change, message = CHANGES[name]
    path = changed(tmp_path / "model.bin", change)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_another_specification_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path / "model.bin", lambda n, h, o: None, name="TransformerSpec")
    with pytest.raises(ValueError, match="the specification should be one of WhisperSpec, got 'Tr"):
        load(path)


HEAD = struct.pack("<I", 6) + b"\2\0a\0" + struct.pack("<I", 3)
ONE = HEAD + struct.pack("<I", 1) + b"\2\0b\0"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the version should have 4 bytes, got 0"),
        (struct.pack("<I", 5), "the version should be 6, got 5"),
        (struct.pack("<I", 6) + b"\xff\xffab", "the specification should have 65535 bytes, got 2"),
        (struct.pack("<I", 6) + b"\0\0", "the specification should be ASCII that ends in a zero"),
        (struct.pack("<I", 6) + b"\3\0abc", "the specification should be ASCII that ends in a z"),
        (struct.pack("<I", 6) + b"\3\0\xffb\0", "the specification should be ASCII that ends"),
        (HEAD + b"\xff\xff\xff\xff", "the count of variables should be at most 0"),
        (ONE + b"\5" + bytes(90), "'b': the number of axes should be at most 4, got 5"),
        (ONE + b"\1\2\0\0\0\x09" + bytes(90), "'b': the type should be one of 0 to 5, got 9"),
        (
            ONE + b"\4" + b"\xff" * 16 + b"\0" + bytes(90),
            "'b': the size should be 13611294664161",
        ),
        (ONE + b"\1\2\0\0\0\0\x08\0\0\0" + bytes(4), "'b' should have 8 bytes, got 4"),
        (ONE + b"\1\xff\xff\0\0\0\x08\0\0\0" + bytes(40), "'b': the size should be 262140 bytes"),
        (
            HEAD + struct.pack("<I", 2) + (b"\2\0b\0" + b"\0\1\1\0\0\0\7") * 2 + bytes(4),
            "'b' stands there twice",
        ),
        (HEAD + bytes(4) + b"\xff\xff\xff\xff", "the count of other names should be at most 0"),
        (HEAD + bytes(9), "should end after 20 bytes, got 21"),
    ],
)
def test_a_damaged_file_is_refused_by_name(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_ctranslate2(path)
    assert str(path) in str(caught.value)


# ------------------------------------------------------------------ the published tiny.en


NAME = "whisper-tiny-en"
has_weights = pytest.mark.skipif(bool(missing_weights(NAME)), reason=missing_weights(NAME))
has_clips = pytest.mark.skipif(bool(missing_data("pocketsphinx")), reason="no clips: make data")
START, QUIET, END = 50257, 50362, 50256  # <|startoftranscript|>, <|notimestamps|>, <|endoftext|>


@cache
def tiny_en() -> Whisper:
    model = load(weights_file(NAME, "model.bin"), dtype=torch.float32)
    assert isinstance(model, Whisper)
    return model


@has_weights
@pytest.mark.plain
def test_tiny_en_has_the_sines_of_the_paper() -> None:
    table = tiny_en().encoder_positions.get_parameter("added.table.weight")
    fresh = Whisper(WhisperConfig(num_layers=1)).encoder_positions
    assert_close(table, fresh.get_parameter("added.table.weight"), rtol=0, atol=1e-3)  # float16


@has_weights
@pytest.mark.plain
def test_tiny_en_computes_what_hugging_face_computes(tmp_path: Path) -> None:
    from transformers import WhisperForConditionalGeneration

    model = tiny_en()
    save(model, tmp_path, extra={"pad_token_id": END})
    theirs = WhisperForConditionalGeneration.from_pretrained(tmp_path).eval()
    time = torch.arange(32_000) / 16_000
    sound = log_mel(0.3 * (2 * torch.pi * (200 + 300 * time) * time).sin(), 16_000)[None]
    target = torch.tensor([[START, QUIET, 770, 257, 1]])
    with torch.no_grad():
        got = model(sound, target)
        want = theirs(input_features=sound, decoder_input_ids=target, use_cache=False).logits
    assert want.abs().max() > 10
    assert_close(got, want, rtol=0, atol=1e-4)


@has_weights
@has_clips
@pytest.mark.plain
@pytest.mark.slow
def test_tiny_en_writes_the_tokens_of_hugging_face_on_every_clip(tmp_path: Path) -> None:
    """Five sentences of a novel and five hands of cards, with what the file rules out."""
    from transformers import GenerationConfig, WhisperForConditionalGeneration

    save(tiny_en(), tmp_path, extra={"pad_token_id": END})
    theirs = WhisperForConditionalGeneration.from_pretrained(tmp_path).eval()
    barred = json.loads(weights_file(NAME, "config.json").read_text(encoding="utf-8"))
    asked = GenerationConfig(
        decoder_start_token_id=START, bos_token_id=END, eos_token_id=END, pad_token_id=END,
        suppress_tokens=barred["suppress_ids"], begin_suppress_tokens=barred["suppress_ids_begin"],
        max_length=100,
    )  # fmt: skip
    asked.no_timestamps_token_id, asked.is_multilingual = QUIET, False
    theirs.generation_config = asked
    for clip in speech_clips():
        sound = log_mel(clip.samples, 16_000)[None]
        want = theirs.generate(sound, do_sample=False, num_beams=1)[0].tolist()
        got = generate(
            tiny_en(), torch.tensor([[START, QUIET]]), source=sound, max_new_tokens=98,
            eos_id=END, pad_id=END, suppress=barred["suppress_ids"],
            suppress_first=barred["suppress_ids_begin"],
        )[0].tolist()  # fmt: skip
        marks = {START, QUIET, END}
        assert [t for t in got if t not in marks] == [t for t in want if t not in marks]
        assert len(got) > 4


@has_weights
@has_clips
@pytest.mark.plain
@pytest.mark.slow
def test_tiny_en_transcribes_the_clips() -> None:
    """One phrase is misheard, one word of a transcript is not in the novel, and "clubs" is twice
    "clothes" or "close": 5 words of 92.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(weights_file(NAME, "tokenizer.json")))
    clips, texts = speech_clips(), []
    for clip in clips:
        out = generate(
            tiny_en(), torch.tensor([[START, QUIET]]), source=log_mel(clip.samples, 16_000)[None],
            max_new_tokens=60, eos_id=END, pad_id=END, suppress_first=[220, END],
        )  # fmt: skip
        texts.append(plain_words(tokenizer.decode(out[0, 2:].tolist())))
    told = word_errors([clip.text for clip in clips], texts)
    assert sum(one.words for one in told) == 92
    assert sum(one.errors for one in told) <= 7
