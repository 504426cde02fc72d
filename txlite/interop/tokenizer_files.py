"""The tokenizers of published models, from whichever files they come in."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from txlite.interop._extras import needs
from txlite.interop._gguf import read_gguf
from txlite.interop._json import read_json
from txlite.interop._stored import shown
from txlite.interop._vocabulary import (
    MOST_BYTES,
    ROLES,
    checked,
    guarded,
    read_config,
    read_lines,
    read_merges,
    read_pair,
    read_roles,
    read_texts,
)
from txlite.interop._walk import Texts
from txlite.interop.tokenizer import PublishedTokenizer

__all__ = ["load_tokenizer"]

_BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_END_OF_TEXT = "<|endoftext|>"
_CONTROL = {3, 4}  # types of tokens in GGUF that no text becomes: control, user-defined


def load_tokenizer(folder_or_file: str | Path, *, pattern: str | None = None) -> PublishedTokenizer:
    r"""Load the tokenizer of a published model.

    Parameters
    ----------
    folder_or_file : str or Path
        A folder with ``tokenizer.json``, with ``vocab.txt`` (BERT's pieces of words) or with
        ``vocab.json`` and ``merges.txt`` (GPT-2's bytes), the first of these that is there; or a
        ``.gguf`` file.
    pattern : str, optional
        For a ``vocab.txt`` of whole tokens, such as those of chemistry: a regular expression of one
        token. Text that it does not match is left out, and a match that is in no line of the
        vocabulary is unknown.

    Returns
    -------
    PublishedTokenizer
        The tokenizer.

    Raises
    ------
    ValueError
        If there is none, it is damaged, or of a kind that is not built here.
    ImportError
        If the `tokenizers` library is missing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "read", "##ing", "a", "book"]
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "vocab.txt").write_text("\n".join(words))
    ...     tokenizer = load_tokenizer(folder)
    >>> tokenizer.encode("Reading a book"), tokenizer.token_id("mask")
    ([2, 5, 6, 7, 8, 3], 4)
    >>> tokenizer.decode([2, 5, 6, 7, 8, 3])
    'reading a book'
    """
    path = Path(folder_or_file)
    if path.is_file() and path.suffix == ".gguf":
        return _from_gguf(path)
    if not path.is_dir():
        raise ValueError(f"folder_or_file should be a folder or a .gguf file, got {str(path)!r}")
    kinds: dict[str, Callable[[Path], PublishedTokenizer]] = {
        "tokenizer.json": _from_json,
        "vocab.txt": _from_pieces,
        "vocab.json": _from_bytes,
    }
    if pattern is not None:
        return _from_whole_tokens(path, pattern)
    for name, read in kinds.items():
        if (path / name).exists():
            return read(path)
    raise ValueError(f"{path} should hold {', '.join(kinds)} or one of them, and holds none")


def _from_json(folder: Path) -> PublishedTokenizer:
    path = checked(folder, "tokenizer.json")
    library = needs("tokenizers")
    tokenizer = guarded(path, lambda: library.Tokenizer.from_str(path.read_text("utf-8")))
    return PublishedTokenizer(tokenizer, read_roles(folder, tokenizer))


def _from_pieces(folder: Path) -> PublishedTokenizer:
    """BERT's: words in lower case, cut into the longest pieces that are known."""
    library, vocabulary = needs("tokenizers"), read_lines(folder)
    config = read_config(folder)
    tokenizer = library.Tokenizer(
        library.models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100)
    )
    tokenizer.normalizer = library.normalizers.BertNormalizer(
        lowercase=config.get("do_lower_case", True) is not False,
        handle_chinese_chars=config.get("tokenize_chinese_chars", True) is not False,
        strip_accents=config.get("strip_accents"),
    )
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = library.decoders.WordPiece()
    return _bert(folder, tokenizer)


def _from_whole_tokens(folder: Path, pattern: str) -> PublishedTokenizer:
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        told = f"pattern should be a regular expression, got {pattern!r}"
        raise ValueError(f"{told}: {error}") from None
    library = needs("tokenizers")
    tokenizer = library.Tokenizer(library.models.WordLevel(read_lines(folder), unk_token="[UNK]"))
    pieces = library.Regex(pattern)
    tokenizer.pre_tokenizer = library.pre_tokenizers.Split(pieces, "removed", invert=True)
    tokenizer.decoder = library.decoders.Fuse()
    return _bert(folder, tokenizer)


def _bert(folder: Path, tokenizer: Any) -> PublishedTokenizer:
    """Set BERT's marks, where the vocabulary has them."""
    library = needs("tokenizers")
    special = {role: t for role, t in _BERT.items() if tokenizer.token_to_id(t) is not None}
    tokenizer.add_special_tokens(list(special.values()))
    if "cls" in special and "sep" in special:
        marks = [(special[role], tokenizer.token_to_id(special[role])) for role in ("cls", "sep")]
        tokenizer.post_processor = library.processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=marks
        )
    return PublishedTokenizer(tokenizer, {**special, **read_roles(folder, tokenizer)})


def _from_bytes(folder: Path) -> PublishedTokenizer:
    """GPT-2's: bytes, written as letters, and merged."""
    path = checked(folder, "vocab.json")
    vocabulary = read_json(path, MOST_BYTES)
    if not all(type(number) is int and 0 <= number < 1 << 31 for number in vocabulary.values()):
        raise ValueError(f"{path} should give each token a number")
    merges = read_merges(checked(folder, "merges.txt"))
    tokenizer = _byte_level(path, vocabulary, merges, digits=False)
    special = [_END_OF_TEXT] if _END_OF_TEXT in vocabulary else []
    tokenizer.add_special_tokens(special)
    roles = dict.fromkeys(("bos", "eos", "unk"), _END_OF_TEXT) if special else {}
    return PublishedTokenizer(tokenizer, {**roles, **read_roles(folder, tokenizer)})


def _from_gguf(path: Path) -> PublishedTokenizer:
    metadata = read_gguf(path).metadata
    kind, way = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2":
        raise ValueError(f"{path}: tokenizer.ggml.model should be 'gpt2', got {shown(kind)}")
    digits = {"gpt-2": False, "default": False, "smollm": True}
    if not isinstance(way, str) or way not in digits:
        raise ValueError(
            f"{path}: tokenizer.ggml.pre should be one of {', '.join(digits)}, got {shown(way)}"
        )
    tokens, merges = (
        read_texts(path, metadata, f"tokenizer.ggml.{n}") for n in ("tokens", "merges")
    )
    vocabulary = {token: i for i, token in enumerate(tokens)}
    if len(vocabulary) != len(tokens):
        raise ValueError(f"{path}: tokenizer.ggml.tokens should name each token once")
    pairs = [read_pair(path, f"tokenizer.ggml.merges[{i}]", line) for i, line in enumerate(merges)]
    tokenizer = _byte_level(path, vocabulary, pairs, digits=digits[way])
    types = metadata.get("tokenizer.ggml.token_type", ())
    types = [] if isinstance(types, int | float | str | Texts) else list(types)
    tokenizer.add_special_tokens(
        [token for token, kind in zip(tokens, types, strict=False) if kind in _CONTROL]
    )
    words = {"unk": "unknown", "pad": "padding", "sep": "seperator"}  # sic
    roles = {}
    for role in ROLES:
        number = metadata.get(f"tokenizer.ggml.{words.get(role, role)}_token_id")
        if type(number) is int and number < len(tokens):
            roles[role] = tokens[number]
    return PublishedTokenizer(tokenizer, roles)


def _byte_level(
    path: Path, vocabulary: dict[str, int], merges: list[tuple[str, str]], *, digits: bool
) -> Any:
    library = needs("tokenizers")
    model = guarded(path, lambda: library.models.BPE(vocabulary, merges))
    tokenizer = library.Tokenizer(model)
    ways = library.pre_tokenizers
    whole = ways.ByteLevel(add_prefix_space=False, use_regex=True)
    alone = ways.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = ways.Sequence([alone, whole]) if digits else whole
    tokenizer.decoder = library.decoders.ByteLevel()
    return tokenizer
