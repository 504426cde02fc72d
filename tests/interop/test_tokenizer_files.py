"""Tokenizers from every kind of file: as `transformers` reads them, and nothing cut or padded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.vocabularies import MARKS, TEXTS
from txlite.interop import load_tokenizer

pytestmark = pytest.mark.plain


def test_pieces_of_words_are_those_of_transformers(pieces: Path) -> None:
    from transformers import BertTokenizer

    ours, theirs = load_tokenizer(pieces), BertTokenizer(str(pieces / "vocab.txt"))
    assert ours.vocab_size == len(theirs)
    for text in TEXTS[:-1]:
        assert ours.encode(text) == theirs(text)["input_ids"], text
        assert ours.encode(text, marks=False) == theirs(text, add_special_tokens=False)["input_ids"]
    both = theirs(TEXTS[0], TEXTS[1])
    assert ours.encode(TEXTS[0], TEXTS[1]) == both["input_ids"]
    assert ours.segments(TEXTS[0], TEXTS[1]) == both["token_type_ids"]


def test_case_and_accents_follow_the_configuration(pieces: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join([*MARKS, "école", "ecole", "École"]) + "\n")

    def first(**config: Any) -> str:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
        tokenizer = load_tokenizer(tmp_path)
        return tokenizer.tokens[tokenizer.encode("École", marks=False)[0]]

    assert first() == "ecole"
    assert first(do_lower_case=False) == "École"
    assert first(do_lower_case=True, strip_accents=False) == "école"


def test_bytes_are_those_of_transformers(bytes_: Path) -> None:
    from transformers import GPT2Tokenizer

    ours = load_tokenizer(bytes_)
    theirs = GPT2Tokenizer(str(bytes_ / "vocab.json"), str(bytes_ / "merges.txt"))
    for text in TEXTS:
        assert ours.encode(text) == theirs(text)["input_ids"], text
        assert ours.decode(ours.encode(text)) == text
    assert ours.token_id("eos") == theirs.eos_token_id == 0


def as_json(folder: Path, change: Callable[[Any], None]) -> Path:
    from tokenizers import Tokenizer

    tokenizer: Tokenizer = load_tokenizer(folder)._tokenizer
    change(tokenizer)
    path = folder / "tokenizer.json"
    path.write_text(tokenizer.to_str())
    return path


def test_what_a_file_says_of_cutting_and_padding_is_not_done(pieces: Path) -> None:
    """As MiniLM's does: all texts would have 128 tokens."""

    def change(tokenizer: Any) -> None:
        tokenizer.enable_truncation(5)
        tokenizer.enable_padding(length=128)

    want = [load_tokenizer(pieces).encode(text) for text in TEXTS]
    path = as_json(pieces, change)
    try:
        assert json.loads(path.read_text())["padding"]
        got = [load_tokenizer(pieces).encode(text) for text in TEXTS]
    finally:
        path.unlink()
    assert got == want


def test_whole_tokens_by_a_pattern(tmp_path: Path) -> None:
    """As rxnmapper's tokens of chemistry."""
    words = [*MARKS, "C", "Cl", "=", "O", "[NH3+]", ">>", "."]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    pattern = r"\[[^\]]+]|Cl|>>|[A-Za-z]|[=.]"
    ours = load_tokenizer(tmp_path, pattern=pattern)
    ids = ours.encode("ClC=O.[NH3+]>>N")
    assert [ours.tokens[i] for i in ids] == [
        "[CLS]", "Cl", "C", "=", "O", ".", "[NH3+]", ">>", "[UNK]", "[SEP]",
    ]  # fmt: skip
    assert ours.decode(ids) == "ClC=O.[NH3+]>>"


def test_roles_are_named_in_files_beside_the_vocabulary(pieces: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text((pieces / "vocab.txt").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "[SEP]"}))
    special = {"bos_token": {"content": "[CLS]"}, "mask_token": "not there"}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(special))
    ours = load_tokenizer(tmp_path)
    assert ours.token_id("eos") == ours.token_id("sep")
    assert ours.token_id("bos") == ours.token_id("cls")
    assert ours.roles["mask"] == "[MASK]"
    with pytest.raises(
        ValueError, match=r"token should be in the vocabulary, or one of pad, .*got 'x"
    ):
        ours.token_id("xyz")


def gguf(path: Path, folder: Path, **changed: Any) -> Path:
    """Write a vocabulary of bytes into a GGUF file."""
    from gguf import GGUFWriter

    vocabulary = json.loads((folder / "vocab.json").read_text())
    merges = (folder / "merges.txt").read_text().splitlines()[1:]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    fields: dict[str, Any] = {
        "model": "gpt2", "pre": "gpt-2", "tokens": tokens, "merges": merges,
        "token_type": [3] + [1] * (len(tokens) - 1), **changed,
    }  # fmt: skip
    writer = GGUFWriter(path, "llama")
    for name, value in fields.items():
        add = writer.add_array if isinstance(value, list) else writer.add_string
        add(f"tokenizer.ggml.{name}", value)
    writer.add_uint32("tokenizer.ggml.eos_token_id", 0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_bytes_from_a_gguf_file(bytes_: Path, tmp_path: Path) -> None:
    want, ours = load_tokenizer(bytes_), load_tokenizer(gguf(tmp_path / "a.gguf", bytes_))
    for text in TEXTS:
        assert ours.encode(text) == want.encode(text)
    assert ours.roles == {"eos": "<|endoftext|>"}
    assert ours.encode("<|endoftext|>", parse=True) == [0]
    assert ours.encode("<|endoftext|>") != [0]
    alone = load_tokenizer(gguf(tmp_path / "b.gguf", bytes_, pre="smollm"))
    assert len(ours.encode("12345")) < 5
    digits = [alone.tokens[i] for i in alone.encode("12345")]
    assert digits == list("12345")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "llama"}, "tokenizer.ggml.model should be 'gpt2', got 'llama'"),
        ({"pre": "llama-bpe"}, "tokenizer.ggml.pre should be one of gpt-2, default, smollm"),
        ({"tokens": ["a", "a"], "merges": ["a a"]}, "tokenizer.ggml.tokens should name each token"),
        ({"merges": ["abc"]}, r"tokenizer.ggml.merges\[0\] should be two tokens, got 'abc'"),
        ({"merges": [1, 2]}, "tokenizer.ggml.merges should be a list of texts"),
        ({"merges": ["no such"]}, "should hold a tokenizer, and is damaged"),
    ],
)
def test_a_gguf_file_that_is_not_read(
    bytes_: Path, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    path = gguf(tmp_path / "a.gguf", bytes_, **changed)
    with pytest.raises(ValueError, match=message) as caught:
        load_tokenizer(path)
    assert str(path) in str(caught.value)


FILES: dict[str, tuple[dict[str, bytes], str]] = {
    "nothing": ({}, "should hold tokenizer.json, vocab.txt, vocab.json or one of them"),
    "no JSON": ({"tokenizer.json": b"{"}, "should hold a tokenizer, and is damaged"),
    "no tokenizer": ({"tokenizer.json": b"{}"}, "should hold a tokenizer, and is damaged"),
    "lists in lists": ({"tokenizer.json": b"[" * 10**6}, "should hold a tokenizer, and is damaged"),
    "no text": ({"tokenizer.json": b"\xff"}, "should hold a tokenizer, and is damaged"),
    "no text either": ({"vocab.txt": b"\xff"}, "should be text in UTF-8"),
    "a token twice": ({"vocab.txt": b"[UNK]\na\na\n"}, "should name each token once"),
    "nothing unknown": ({"vocab.txt": b"a\nb\n"}, "should have a line"),
    "no merges": ({"vocab.json": b'{"a": 0}'}, "'merges.txt' should be a file"),
    "no numbers": ({"vocab.json": b'{"a": "b"}'}, "should give each token a number"),
    "one token": ({"vocab.json": b'{"a": 0}', "merges.txt": b"#version\na\n"}, "line 2 should be"),
    "an unknown merge": ({"vocab.json": b'{"a": 0}', "merges.txt": b"a b\n"}, "is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_refused_by_name(name: str, tmp_path: Path) -> None:
    files, message = FILES[name]
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_tokenizer(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_link_out_of_the_folder(pieces: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").symlink_to(pieces / "vocab.txt")
    with pytest.raises(ValueError, match="is a link to"):
        load_tokenizer(tmp_path)


def test_arguments(pieces: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"folder_or_file should be a folder or a \.gguf file"):
        load_tokenizer(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="pattern should be a regular expression"):
        load_tokenizer(pieces, pattern="(")
