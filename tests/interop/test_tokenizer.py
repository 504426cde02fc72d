"""A published tokenizer in use: nothing is lost, and no text is taken for a mark."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txlite.interop import PublishedTokenizer, load_tokenizer

pytestmark = pytest.mark.plain


@given(st.text())
def test_bytes_lose_nothing(bytes_: Path, text: str) -> None:
    ours = load_cached(bytes_)
    assert ours.decode(ours.encode(text)) == text


_CACHE: dict[Path, PublishedTokenizer] = {}


def load_cached(folder: Path) -> PublishedTokenizer:
    if folder not in _CACHE:
        _CACHE[folder] = load_tokenizer(folder)
    return _CACHE[folder]


def test_a_mark_in_a_text_is_text_unless_that_is_asked_for(pieces: Path) -> None:
    ours = load_tokenizer(pieces)
    mask = ours.token_id("mask")
    assert mask == ours.token_id("[MASK]")
    assert mask not in ours.encode("a [MASK] b")
    assert mask in ours.encode("a [MASK] b", parse=True)
    assert mask not in ours.encode("a [MASK] b")  # and asking leaves nothing behind
    ids = ours.encode("believe")
    assert ours.decode(ids) == "believe"
    assert ours.decode(ids, marks=True) == "[CLS] believe [SEP]"


def test_arguments(pieces: Path) -> None:
    ours: Any = load_tokenizer(pieces)
    with pytest.raises(ValueError, match="text should be text, got int"):
        ours.encode(3)
    with pytest.raises(ValueError, match="pair should be text, got list"):
        ours.encode("a", ["b"])
    with pytest.raises(ValueError, match="text should be text that UTF-8 can hold"):
        ours.encode("\ud800")
    for wrong in (-1, ours.vocab_size, 1.5, True, "a"):
        with pytest.raises(ValueError, match="ids should be numbers below"):
            ours.decode([wrong])
