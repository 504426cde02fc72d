"""What people read in JavaScript: its comments and the texts of its strings."""

import re
from collections.abc import Iterator

CLASS = re.compile(r"\s*[a-z]{2}-[\w-]+\s*")  # of a style sheet: it is not read
BEFORE_A_PATTERN = set("(,=:[!&|?{};>+-*%~^<\n") | {""}  # else a slash divides


def strings(source: str) -> Iterator[tuple[int, str]]:
    """Yield comments and strings, each with the number of its first line.

    Lines of comments that follow each other are one text, and so are strings that are added up.
    What a template puts in is “…”; strings inside it come after it.
    """
    found = sorted(_scan(source, 0, len(source), ""))
    joined: list[tuple[int, int, str, bool]] = []
    for begin, end, text, comment in found:
        if joined and joined[-1][3] == comment:
            between = source[joined[-1][1] : begin].strip()
            if between == ("" if comment else "+"):
                first, _, said, _ = joined[-1]
                joined[-1] = (first, end, said + ("\n" if comment else "") + text, comment)
                continue
        joined.append((begin, end, text, comment))
    for begin, _, text, _ in joined:
        if text.strip() and not CLASS.fullmatch(text):
            yield 1 + source.count("\n", 0, begin), text


def _scan(source: str, at: int, stop: int, until: str) -> list[tuple[int, int, str, bool]]:
    """Return begin, end, text, and whether it is a comment; if asked, up to a closing brace."""
    found: list[tuple[int, int, str, bool]] = []
    depth, last = 0, ""
    while at < stop:
        char, two = source[at], source[at : at + 2]
        if two in ("//", "/*"):
            end = source.find("\n" if two == "//" else "*/", at)
            end = stop if end < 0 else end + 2 * (two == "/*")
            text = source[at + 2 : end].removesuffix("*/").strip()
            found.append((at, end, text, True))
            at = end
            continue
        if char in "\"'":
            end = _closing(source, at)
            found.append((at, end, _plain(source[at + 1 : end - 1]), False))
            at, last = end, char
            continue
        if char == "`":
            end, text, inside = _template(source, at, stop)
            found += [(at, end, text, False), *inside]
            at, last = end, char
            continue
        if char == "/" and last in BEFORE_A_PATTERN:
            at, last = _pattern(source, at), "/"
            continue
        if char in "{}":
            depth += 1 if char == "{" else -1
            if until and depth < 0:
                found.append((at, at, "", False))  # where it closed
                return found
        if not char.isspace():
            last = char
        at += 1
    return found


def _closing(source: str, at: int) -> int:
    """Return the index behind the quote that closes the one at an index."""
    end = at + 1
    while source[end] != source[at]:
        end += 2 if source[end] == "\\" else 1
    return end + 1


def _pattern(source: str, at: int) -> int:
    """Return the index behind a regular expression."""
    end, inside = at + 1, False
    while inside or source[end] != "/":
        if source[end] == "\\":
            end += 1
        inside = {"[": True, "]": False}.get(source[end], inside)
        end += 1
    return end + 1


def _template(source: str, at: int, stop: int) -> tuple[int, str, list[tuple[int, int, str, bool]]]:
    """Return the end of a template, its text, and the strings inside what it puts in."""
    end, text = at + 1, ""
    inside: list[tuple[int, int, str, bool]] = []
    while source[end] != "`":
        if source.startswith("${", end):
            *parts, closed = _scan(source, end + 2, stop, "}")
            inside += parts
            end, text = closed[0] + 1, text + "…"
        else:
            size = 2 if source[end] == "\\" else 1
            text += source[end : end + size]
            end += size
    return end + 1, _plain(text), inside


def _plain(text: str) -> str:
    """Return a string as it is read, as far as words go."""
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\'", "'")
