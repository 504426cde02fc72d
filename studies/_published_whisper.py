"""What Whisper's published models have in common beside their weights: tokens, rules, an end."""

import json
from functools import cache
from typing import Any

from txlite import interop
from txlite.data.weights import weights_file
from txlite.interop import PublishedTokenizer


@cache
def tokenizer(name: str) -> PublishedTokenizer:
    """Return the tokens of a published model."""
    return interop.load_tokenizer(weights_file(name, "tokenizer.json").parent)


@cache
def rules(name: str) -> dict[str, Any]:
    """Return what is ruled out, and the heads that follow the sound."""
    return dict(json.loads(weights_file(name, "config.json").read_text(encoding="utf-8")))


def until(end: int, tokens: list[int]) -> list[int]:
    """Return the tokens before the end, or all of them where none has ended the text."""
    return tokens[: tokens.index(end)] if end in tokens else tokens
