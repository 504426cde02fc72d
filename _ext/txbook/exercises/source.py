"""The exercises of a chapter as they are written: for the card's minutes, and for the tests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

FENCE = re.compile(r"^(?P<ticks>`{3,}|:{3,})(?:\{(?P<name>[\w-]+)\} *(?P<argument>.*))?\s*$")
OPTION = re.compile(r"^:(?P<name>[\w-]+):\s*(?P<value>.*)$")
FIELDS = ("kind", "difficulty", "importance", "minutes", "deliverable", "success")


@dataclass
class Block:
    """A directive: what stands behind its name, its options, its own lines, the blocks within."""

    name: str
    argument: str
    ticks: str
    options: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    children: list["Block"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it says itself, without the blocks within."""
        return "\n".join(self.lines).strip()

    def walk(self) -> Iterator["Block"]:
        """Yield this block and all within, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def within(self, *names: str) -> list["Block"]:
        """Return the blocks of these names within this one."""
        return [block for block in self.walk() if block is not self and block.name in names]


@dataclass
class Exercise:
    """An exercise with its cells.

    Parameters
    ----------
    block : Block
        As it is written.
    starter : list of nbformat.NotebookNode
        The code cells between it and its solution.
    solution : Block or None
        The solution's text.
    reference : list of nbformat.NotebookNode
        The code cells after the solution, up to the next text.
    at : int
        The cell in which it stands.
    """

    block: Block
    at: int
    starter: list[Any] = field(default_factory=list)
    solution: Block | None = None
    reference: list[Any] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Its label."""
        return self.block.options.get("label", "")

    @property
    def complete(self) -> bool:
        """Whether it has all fields."""
        return all(self.block.options.get(name) for name in FIELDS)


def blocks(markdown: str) -> list[Block]:
    """Return the directives of a text, the outermost ones."""
    top = Block("", "", "")
    stack, heading = [top], False
    for line in markdown.split("\n"):
        fence = FENCE.match(line)
        if fence and not fence["name"] and fence["ticks"] == stack[-1].ticks:
            stack.pop()
            heading = False
            continue
        if fence and fence["name"]:
            inner = Block(fence["name"], fence["argument"].strip(), fence["ticks"])
            stack[-1].children.append(inner)
            stack.append(inner)
            heading = True
            continue
        option = OPTION.match(line) if heading else None
        if option:
            stack[-1].options[option["name"]] = option["value"].strip()
        else:
            heading = False
            stack[-1].lines.append(line)
    return top.children


def exercises(notebook: Any) -> list[Exercise]:
    """Return the exercises of a notebook, in order."""
    found: list[Exercise] = []
    waiting: list[Any] | None = None  # where the next code cells belong
    for at, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            if waiting is not None:
                waiting.append(cell)
            continue
        waiting = None
        for block in blocks(cell.source):
            if block.name == "exercise":
                found.append(Exercise(block, at))
                waiting = found[-1].starter
            elif block.name == "solution":
                for exercise in found:
                    if exercise.label == block.argument:
                        exercise.solution = block
                        waiting = exercise.reference
    return found


def minutes(notebook: Any) -> int | None:
    """Return what the exercises take together; None where some do not say it."""
    found = exercises(notebook)
    if not found or not all(exercise.complete for exercise in found):
        return None
    return sum(int(exercise.block.options["minutes"]) for exercise in found)
