"""JSON from elsewhere: read whole and strictly, or refused with the file's name and the reason.

The standard reader takes more than JSON allows: two values for one key (the last one wins), NaN and
infinities, a file of any size. A checkpoint's configuration has no use for any of it.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

__all__ = ["parse_json", "read_json"]

MOST_BYTES = 8 << 20  # of text; the numbers and lists made of it take some 25 times as much
_SHOWN = 60


def read_json(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        How many bytes it may have.

    Returns
    -------
    dict
        What it holds.

    Raises
    ------
    ValueError
        If it is not there, is larger, or holds anything else.
    """
    if not path.is_file():
        raise ValueError(f"{path} should be a file, and is not there")
    size = path.stat().st_size
    if size > most:
        raise ValueError(f"{path} should have at most {most} bytes, got {size}")
    return parse_json(str(path), path.read_bytes())


def parse_json(name: str, content: bytes) -> dict[str, Any]:
    """Return the JSON object that some bytes spell.

    Parameters
    ----------
    name : str
        What the caller calls them.
    content : bytes
        Text in UTF-8.

    Returns
    -------
    dict
        The object.

    Raises
    ------
    ValueError
        If they spell anything else, name a key twice, hold a number that is none or has no end, or
        nest too deep.
    """
    try:
        found = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError(f"{name} should hold a JSON object, and nests too deep") from None
    except ValueError as error:
        raise ValueError(f"{name} should hold a JSON object: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{name} should hold a JSON object, got {type(found).__name__}")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {ascii(twice)[:_SHOWN]} stands there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:_SHOWN]} is no finite number")
    return number
