"""A small change of a source, known by the words of its line.

The words are its name, and not the line's number: what was once said about a change still holds
when the lines above it move.
"""

import ast
import functools
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A change of one file: the bytes it replaces, and the words by which it is known."""

    file: str
    start: int
    end: int
    new: str
    scope: str
    line: str
    change: str
    nth: int = 0

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What stays the same when other lines change."""
        return self.file, self.scope, self.line, self.change, self.nth

    def of(self, source: str) -> str:
        """Return the source with the change in it."""
        raw = source.encode()
        return (raw[: self.start] + self.new.encode() + raw[self.end :]).decode()

    def __str__(self) -> str:
        return f"{self.file}: {self.scope}: {self.line}: {self.change}"


def changes_something(mutant: Mutant, source: str) -> bool:
    """Whether a change is Python, and another program than before."""
    try:
        tree = ast.parse(mutant.of(source))
    except SyntaxError:
        return False
    return ast.dump(tree) != _program(source)


@functools.lru_cache
def _program(source: str) -> str:
    """Return what a source says to Python."""
    return ast.dump(ast.parse(source))
