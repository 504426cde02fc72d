"""The tokenizers of published models, from whichever files they come in.

The `tokenizers` library does the work. What is decided here: nothing is cut off and nothing is
padded, whatever the file says of it; and no text is taken for a mark, unless that is asked for.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from txlite.interop._extras import needs
from txlite.interop._files import inside
from txlite.interop._gguf import Texts, read_gguf
from txlite.interop._json import read_json
from txlite.interop._stored import shown

__all__ = ["PublishedTokenizer", "load_tokenizer"]

_MOST_BYTES = 64 << 20
_ROLES = ("pad", "bos", "eos", "unk", "cls", "sep", "mask")
_BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_END_OF_TEXT = "<|endoftext|>"
_CONTROL = {3, 4}  # types of tokens in GGUF that no text becomes: control, user-defined


class PublishedTokenizer:
    """A tokenizer as it was published; made by :func:`load_tokenizer`.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        What does the work.
    roles : Mapping of str to str
        The tokens of special roles: pad, bos, eos, unk, cls, sep, mask.
    """

    def __init__(self, tokenizer: Any, roles: Mapping[str, str]) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._size = int(tokenizer.get_vocab_size())
        self.roles = dict(roles)

    @property
    def vocab_size(self) -> int:
        """Number of tokens."""
        return self._size

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token as the vocabulary spells it, in the order of the numbers."""
        numbers = self._tokenizer.get_vocab()
        return tuple(sorted(numbers, key=numbers.__getitem__))

    def token_id(self, token: str) -> int:
        """Return the number of a token.

        Parameters
        ----------
        token : str
            As the vocabulary spells it, or a role: ``"pad"``, ``"bos"``, ``"eos"``, ``"unk"``,
            ``"cls"``, ``"sep"`` or ``"mask"``.

        Returns
        -------
        int
            Its number.

        Raises
        ------
        ValueError
            If there is no such token.
        """
        number = self._tokenizer.token_to_id(self.roles.get(token, token))
        if number is None:
            known = ", ".join(self.roles)
            raise ValueError(f"token should be in the vocabulary, or one of {known}, got {token!r}")
        return int(number)

    def encode(
        self, text: str, pair: str | None = None, *, marks: bool = True, parse: bool = False
    ) -> list[int]:
        """Turn a text, or a pair of texts, into token numbers.

        Parameters
        ----------
        text : str
            Any text.
        pair : str, optional
            The second segment of a model that reads pairs.
        marks : bool
            Whether the marks of the model's format are set: ``[CLS]`` and ``[SEP]``, or a begin.
        parse : bool
            Whether a mark that is spelt out in the text, such as ``[MASK]``, means that token.
            Otherwise it is text like any other.

        Returns
        -------
        list of int
            The numbers: all of them, however long the text is.

        Raises
        ------
        ValueError
            If ``text`` or ``pair`` is no text.
        """
        return [int(number) for number in self._encoded(text, pair, marks, parse).ids]

    def segments(self, text: str, pair: str) -> list[int]:
        """Return the segment of each token of ``encode(text, pair)``: 0 or 1.

        Parameters
        ----------
        text, pair : str
            The two segments.

        Returns
        -------
        list of int
            One number for each token.

        Raises
        ------
        ValueError
            If one of them is no text.
        """
        return [int(number) for number in self._encoded(text, pair, True, False).type_ids]

    def decode(self, ids: Iterable[int], *, marks: bool = False) -> str:
        """Turn token numbers into a text.

        Parameters
        ----------
        ids : iterable of int
            The numbers.
        marks : bool
            Whether marks are spelt out; the default leaves them out.

        Returns
        -------
        str
            The text. Bytes that are no whole character become U+FFFD.

        Raises
        ------
        ValueError
            If one of ``ids`` is the number of no token.
        """
        numbers = list(ids)
        for number in numbers:
            if type(number) is not int or not 0 <= number < self._size:
                raise ValueError(f"ids should be numbers below {self._size}, got {number!r}")
        return str(self._tokenizer.decode(numbers, skip_special_tokens=not marks))

    def _encoded(self, text: str, pair: str | None, marks: bool, parse: bool) -> Any:
        for name, value in (("text", text), ("pair", pair)):
            if not isinstance(value, str) and (name == "text" or value is not None):
                raise ValueError(f"{name} should be text, got {type(value).__name__}")
            try:
                (value or "").encode("utf-8")
            except UnicodeEncodeError:
                told = f"{name} should be text that UTF-8 can hold"
                raise ValueError(f"{told}, got {value!a}") from None
        self._tokenizer.encode_special_tokens = not parse
        return self._tokenizer.encode(text, pair, add_special_tokens=marks)


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
    path = _checked(folder, "tokenizer.json")
    library = needs("tokenizers")
    tokenizer = _guarded(path, lambda: library.Tokenizer.from_str(path.read_text("utf-8")))
    return PublishedTokenizer(tokenizer, _roles(folder, tokenizer))


def _from_pieces(folder: Path) -> PublishedTokenizer:
    """BERT's: words in lower case, cut into the longest pieces that are known."""
    library, vocabulary = needs("tokenizers"), _lines(folder)
    config = _config(folder)
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
    tokenizer = library.Tokenizer(library.models.WordLevel(_lines(folder), unk_token="[UNK]"))
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
    return PublishedTokenizer(tokenizer, {**special, **_roles(folder, tokenizer)})


def _from_bytes(folder: Path) -> PublishedTokenizer:
    """GPT-2's: bytes, written as letters, and merged."""
    path = _checked(folder, "vocab.json")
    vocabulary = read_json(path, _MOST_BYTES)
    if not all(type(number) is int and 0 <= number < 1 << 31 for number in vocabulary.values()):
        raise ValueError(f"{path} should give each token a number")
    merges = _merges(_checked(folder, "merges.txt"))
    tokenizer = _byte_level(path, vocabulary, merges, digits=False)
    special = [_END_OF_TEXT] if _END_OF_TEXT in vocabulary else []
    tokenizer.add_special_tokens(special)
    roles = dict.fromkeys(("bos", "eos", "unk"), _END_OF_TEXT) if special else {}
    return PublishedTokenizer(tokenizer, {**roles, **_roles(folder, tokenizer)})


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
    tokens, merges = (_texts(path, metadata, f"tokenizer.ggml.{n}") for n in ("tokens", "merges"))
    vocabulary = {token: i for i, token in enumerate(tokens)}
    if len(vocabulary) != len(tokens):
        raise ValueError(f"{path}: tokenizer.ggml.tokens should name each token once")
    pairs = [_pair(path, f"tokenizer.ggml.merges[{i}]", line) for i, line in enumerate(merges)]
    tokenizer = _byte_level(path, vocabulary, pairs, digits=digits[way])
    types = metadata.get("tokenizer.ggml.token_type", ())
    types = [] if isinstance(types, int | float | str | Texts) else list(types)
    tokenizer.add_special_tokens(
        [token for token, kind in zip(tokens, types, strict=False) if kind in _CONTROL]
    )
    words = {"unk": "unknown", "pad": "padding", "sep": "seperator"}  # sic
    roles = {}
    for role in _ROLES:
        number = metadata.get(f"tokenizer.ggml.{words.get(role, role)}_token_id")
        if type(number) is int and number < len(tokens):
            roles[role] = tokens[number]
    return PublishedTokenizer(tokenizer, roles)


def _byte_level(
    path: Path, vocabulary: dict[str, int], merges: list[tuple[str, str]], *, digits: bool
) -> Any:
    library = needs("tokenizers")
    model = _guarded(path, lambda: library.models.BPE(vocabulary, merges))
    tokenizer = library.Tokenizer(model)
    ways = library.pre_tokenizers
    whole = ways.ByteLevel(add_prefix_space=False, use_regex=True)
    alone = ways.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = ways.Sequence([alone, whole]) if digits else whole
    tokenizer.decoder = library.decoders.ByteLevel()
    return tokenizer


# ------------------------------------------------------------------ files


def _checked(folder: Path, name: str) -> Path:
    path = inside(folder, name)
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise ValueError(f"{path} should have at most {_MOST_BYTES} bytes, got {size}")
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} should be text in UTF-8: {error}") from None


def _lines(folder: Path) -> dict[str, int]:
    """Read a vocabulary: one token on each line, numbered from 0."""
    path = _checked(folder, "vocab.txt")
    tokens = [line.rstrip("\r") for line in _text(path).removesuffix("\n").split("\n")]
    found = {token: i for i, token in enumerate(tokens)}
    if len(found) != len(tokens):
        raise ValueError(f"{path} should name each token once")
    if _BERT["unk"] not in found:
        raise ValueError(f"{path} should have a line [UNK]")
    return found


def _merges(path: Path) -> list[tuple[str, str]]:
    lines = _text(path).split("\n")
    first = 1 if lines[0].startswith("#version") else 0
    return [
        _pair(path, f"line {i + 1}", line.rstrip("\r"))
        for i, line in enumerate(lines)
        if i >= first and line.strip()
    ]


def _pair(path: Path, where: str, line: str) -> tuple[str, str]:
    left, _, right = line.partition(" ")
    if not left or not right or " " in right:
        raise ValueError(f"{path}: {where} should be two tokens, got {shown(line)}")
    return left, right


def _texts(path: Path, metadata: Mapping[str, Any], name: str) -> list[str]:
    found = metadata.get(name)
    if not isinstance(found, Texts):
        raise ValueError(f"{path}: {name} should be a list of texts, got {shown(found)}")
    return found.read()


def _config(folder: Path) -> dict[str, Any]:
    name = "tokenizer_config.json"
    return read_json(inside(folder, name)) if (folder / name).exists() else {}


def _roles(folder: Path, tokenizer: Any) -> dict[str, str]:
    """Return the tokens of special roles that the files beside the vocabulary name."""
    told = _config(folder)
    if (folder / "special_tokens_map.json").exists():
        told = {**told, **read_json(inside(folder, "special_tokens_map.json"))}
    roles = {}
    for role in _ROLES:
        token = told.get(f"{role}_token")
        token = token.get("content") if isinstance(token, dict) else token
        if isinstance(token, str) and tokenizer.token_to_id(token) is not None:
            roles[role] = token
    return roles


def _guarded(path: Path, make: Callable[[], Any]) -> Any:
    """Make something with the library, whose errors, panics among them, name no file."""
    try:
        return make()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        told = str(error)[:300]
        raise ValueError(f"{path} should hold a tokenizer, and is damaged: {told}") from None
