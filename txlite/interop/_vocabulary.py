"""What the files of a published tokenizer hold: vocabularies, merges, and the marks' roles."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from txlite.interop._files import inside
from txlite.interop._json import read_json
from txlite.interop._stored import shown
from txlite.interop._walk import Texts

__all__ = [
    "MOST_BYTES",
    "ROLES",
    "checked",
    "guarded",
    "read_config",
    "read_lines",
    "read_merges",
    "read_pair",
    "read_roles",
    "read_texts",
]

MOST_BYTES = 64 << 20
ROLES = ("pad", "bos", "eos", "unk", "cls", "sep", "mask")


def checked(folder: Path, name: str) -> Path:
    """Return a file of the folder that is small enough to be read whole."""
    path = inside(folder, name)
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"{path} should have at most {MOST_BYTES} bytes, got {size}")
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} should be text in UTF-8: {error}") from None


def read_lines(folder: Path) -> dict[str, int]:
    """Read a vocabulary: one token on each line, numbered from 0."""
    path = checked(folder, "vocab.txt")
    tokens = [line.rstrip("\r") for line in _text(path).removesuffix("\n").split("\n")]
    found = {token: i for i, token in enumerate(tokens)}
    if len(found) != len(tokens):
        raise ValueError(f"{path} should name each token once")
    if "[UNK]" not in found:
        raise ValueError(f"{path} should have a line [UNK]")
    return found


def read_merges(path: Path) -> list[tuple[str, str]]:
    """Read the pairs that are merged, the first ones first."""
    lines = _text(path).split("\n")
    first = 1 if lines[0].startswith("#version") else 0
    return [
        read_pair(path, f"line {i + 1}", line.rstrip("\r"))
        for i, line in enumerate(lines)
        if i >= first and line.strip()
    ]


def read_pair(path: Path, where: str, line: str) -> tuple[str, str]:
    """Read two tokens with a blank between them."""
    left, _, right = line.partition(" ")
    if not left or not right or " " in right:
        raise ValueError(f"{path}: {where} should be two tokens, got {shown(line)}")
    return left, right


def read_texts(path: Path, metadata: Mapping[str, Any], name: str) -> list[str]:
    """Read a list of texts from a GGUF file's metadata."""
    found = metadata.get(name)
    if not isinstance(found, Texts):
        raise ValueError(f"{path}: {name} should be a list of texts, got {shown(found)}")
    return found.read()


def read_config(folder: Path) -> dict[str, Any]:
    """Read what is chosen beside the vocabulary, if anything is."""
    name = "tokenizer_config.json"
    return read_json(inside(folder, name)) if (folder / name).exists() else {}


def read_roles(folder: Path, tokenizer: Any) -> dict[str, str]:
    """Return the tokens of special roles that the files beside the vocabulary name."""
    told = read_config(folder)
    if (folder / "special_tokens_map.json").exists():
        told = {**told, **read_json(inside(folder, "special_tokens_map.json"))}
    roles = {}
    for role in ROLES:
        token = told.get(f"{role}_token")
        token = token.get("content") if isinstance(token, dict) else token
        if isinstance(token, str) and tokenizer.token_to_id(token) is not None:
            roles[role] = token
    return roles


def guarded(path: Path, make: Callable[[], Any]) -> Any:
    """Make something with the library, whose errors, panics among them, name no file."""
    try:
        return make()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        told = str(error)[:300]
        raise ValueError(f"{path} should hold a tokenizer, and is damaged: {told}") from None
