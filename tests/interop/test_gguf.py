"""GGUF: every quantisation, the order of queries and keys, and files that lie."""

import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.interop import small
from tests.soon import takes_at_most
from txlite.interop import load, save
from txlite.interop._gguf import read_gguf
from txlite.interop._walk import Texts
from txlite.models.llama import Llama

pytestmark = pytest.mark.plain


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
def test_every_kind_of_numbers(kind: str, tmp_path: Path) -> None:
    want = small.llama_gguf(tmp_path / "model.gguf", kind)
    got = load(tmp_path / "model.gguf")
    assert isinstance(got, Llama)
    assert got.config == want.config
    for name, p in want.named_parameters():
        assert torch.equal(p, got.get_parameter(name)), name
    tokens = torch.randint(13, (2, 9))
    assert torch.equal(got(tokens), want(tokens))


def test_the_order_of_queries_and_keys_is_undone_for_hugging_face(tmp_path: Path) -> None:
    """What llama.cpp has turned, `transformers` gets back: the logits are equal."""
    from transformers import LlamaForCausalLM

    ours = small.llama_gguf(tmp_path / "model.gguf", tied=True)
    save(load(tmp_path / "model.gguf"), tmp_path / "hf")
    theirs = LlamaForCausalLM.from_pretrained(tmp_path / "hf", dtype="auto").eval()
    tokens = torch.randint(13, (2, 19))
    assert_close(ours(tokens), theirs(input_ids=tokens).logits, rtol=1e-4, atol=1e-4)


def test_a_file_without_an_output_is_tied(tmp_path: Path) -> None:
    small.llama_gguf(tmp_path / "a.gguf", tied=True)
    small.llama_gguf(tmp_path / "b.gguf", tied=False)
    assert load(tmp_path / "a.gguf").output is None
    assert load(tmp_path / "b.gguf").output is not None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"llama__rope__scaling__type": "yarn"}, "llama.rope.scaling.type should be one of none"),
        ({"llama__rope__dimension_count": 8}, "llama.rope.dimension_count should be 16"),
        ({"llama__attention__key_length": 8, "llama__attention__value_length": 4},
         "llama.attention.value_length should be 8"),
        ({"llama__expert_count": 8}, "llama.expert_count should be False"),
        ({"llama__attention__sliding_window": 8}, "llama.attention.sliding_window should be False"),
        ({"llama__attention__scale": 0.5}, "llama.attention.scale should be left out"),
        ({"llama__attention__causal": False}, "llama.attention.causal should be True"),
    ],
)  # fmt: skip
def test_a_field_that_is_not_built_is_refused_by_name(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    small.llama_gguf(tmp_path / "model.gguf", **fields)
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path / "model.gguf")
    assert str(tmp_path) in str(caught.value)


def test_linear_scaling_and_the_base_are_read(tmp_path: Path) -> None:
    fields = {
        "llama__rope__scaling__type": "linear", "llama__rope__scaling__factor": 4.0,
        "llama__rope__freq_base": 1e5,
    }  # fmt: skip
    small.llama_gguf(tmp_path / "model.gguf", **fields)
    config = load(tmp_path / "model.gguf").config
    assert config.rope_theta == 1e5
    assert (config.rope_scaling.kind, config.rope_scaling.factor) == ("linear", 4.0)


# ------------------------------------------------------------------ files that lie (case N2)


def text(value: str | bytes) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(content)) + content


def number(name: str, value: int) -> bytes:
    return text(name) + struct.pack("<II", 4, value)


def tensor(
    name: str, dims: list[int], kind: int = 0, offset: int = 0, axes: int | None = None
) -> bytes:
    count = len(dims) if axes is None else axes
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", count, *dims, kind, offset)


def file(
    *parts: bytes, tensors: int = 0, fields: int = 0, version: int = 3, data: int = 0
) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, tensors, fields) + b"".join(parts)
    return head + b"\0" * (-len(head) % 32 + data)


HUGE = 1 << 60
LIARS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the magic should be"),
    "another format": (b"PK\3\4" + b"\0" * 60, "the magic should be"),
    "too short": (b"GGUF\3\0\0\0", "the magic should be"),
    "an old version": (file(version=1), "the version should be 2 or 3, got 1"),
    "the other byte order": (file(version=3 << 24), "the version should be 2 or 3"),
    "endless axes": (file(tensor("a", [1], axes=2**32 - 1), tensors=1), "'a': the number of axes"),
    "a product that wraps": (file(tensor("a", [2**32, 2**32]), tensors=1), "'a': the shape should"),
    "endless tensors": (file(tensors=HUGE), "the count of tensors should be at most"),
    "endless fields": (file(fields=HUGE), "the count of metadata should be at most"),
    "an endless text": (
        file(struct.pack("<Q", HUGE), fields=1, data=64), "the name of metadata 0: the length"
    ),
    "an endless name": (
        file(struct.pack("<Q", HUGE), tensors=1, data=64), "the name of tensor 0: the length"
    ),
    "an endless list": (
        file(text("a") + struct.pack("<IIQ", 9, 4, HUGE), fields=1), "'a': the length should be one"
    ),
    "an endless list of texts": (
        file(text("a") + struct.pack("<IIQ", 9, 8, HUGE), fields=1), "'a': the length should be at"
    ),
    "a list of lists": (
        file(text("a") + struct.pack("<IIQ", 9, 9, 1), fields=1), "'a': the type of its entries"
    ),
    "no alignment": (
        file(number("general.alignment", 0), fields=1), "general.alignment should be a power of two"
    ),
    "an odd alignment": (file(number("general.alignment", 24), fields=1), "general.alignment"),
    "an endless alignment": (file(number("general.alignment", 1 << 31), fields=1), "general.align"),
    "a text for the alignment": (
        file(text("general.alignment") + struct.pack("<I", 8) + text("32"), fields=1),
        "general.alignment",
    ),
    "an unknown type of value": (
        file(text("a") + struct.pack("<I", 77), fields=1), "'a': the type"
    ),
    "a field twice": (file(number("a", 1), number("a", 2), fields=2), "'a' stands there twice"),
    "a tensor twice": (
        file(tensor("a", [8]), tensor("a", [8], offset=32), tensors=2, data=64),
        "each tensor should have a name of its own",
    ),
    "an unknown type of tensor": (file(tensor("a", [8], 99), tensors=1, data=64), "'a': the type"),
    "a broken block": (file(tensor("a", [8], 2), tensors=1, data=64), "rows of a multiple of 32"),
    "a tensor out of the file": (
        file(tensor("a", [8], offset=64), tensors=1, data=64), "should leave room for 32 bytes"
    ),
    "an offset out of the file": (
        file(tensor("a", [8], offset=1 << 63), tensors=1, data=64), "should leave room for"
    ),
    "an offset that is not aligned": (
        file(tensor("a", [8], offset=4), tensors=1, data=64), "should be a multiple of 32, got 4"
    ),
    "two tensors in one place": (
        file(tensor("a", [8]), tensor("b", [8]), tensors=2, data=64), "should be at least 32"
    ),
    "a name that is no text": (
        file(text(b"\xff\xfe") + struct.pack("<II", 4, 1), fields=1), "should be text in UTF-8"
    ),
    "no architecture": (file(), "general.architecture should be one of llama, got None"),
    "another architecture": (
        file(text("general.architecture") + struct.pack("<I", 8) + text("mamba"), fields=1),
        "general.architecture should be one of llama, got 'mamba'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIARS)
def test_a_file_that_lies_is_refused_by_field(name: str, tmp_path: Path) -> None:
    import tracemalloc

    content, message = LIARS[name]
    path = tmp_path / "model.gguf"
    path.write_bytes(content)

    def refused() -> None:
        with pytest.raises(ValueError, match=message) as caught:
            load(path)
        assert str(path) in str(caught.value)

    tracemalloc.start()
    try:
        assert takes_at_most(1.0, refused)  # the first try imports the library
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    small.llama_gguf(path, "Q8_0")
    whole = path.read_bytes()
    for cut in [*range(0, 3000, 37), len(whole) - 64]:
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"model\.gguf: "):
            load(path)


def test_lists_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    words = ["a", "größer", "🦙", ""]
    content = text("words") + struct.pack("<IIQ", 9, 8, 4) + b"".join(map(text, words))
    content += text("numbers") + struct.pack("<IIQ3h", 9, 3, 3, -1, 2, 300)
    content += text("yes") + struct.pack("<IB", 7, 1)
    path = tmp_path / "a.gguf"
    path.write_bytes(file(content, fields=3))
    found = read_gguf(path).metadata
    assert isinstance(found["words"], Texts)
    assert found["words"].read() == words
    assert list(found["numbers"]) == [-1, 2, 300]
    assert found["yes"] is True


def test_numbers_of_a_kind_that_is_not_read(tmp_path: Path) -> None:
    """I8 is a type that ggml knows, and nothing is quantised by it."""
    path = tmp_path / "a.gguf"
    path.write_bytes(file(tensor("a", [32], 24), tensors=1, data=32))
    with pytest.raises(ValueError, match="the type I8 is not read"):
        read_gguf(path).tensors["a"].read()
