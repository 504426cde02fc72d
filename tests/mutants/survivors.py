"""The changes that no test can notice, each judged once, with the reason."""

import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutant import Mutant
from tests.mutants.operators import mutants

LIST = Path(__file__).with_name("survivors.toml")


class Survivor(NamedTuple):
    """A judged change, known by the words of its line, and why it changes nothing."""

    file: str
    scope: str
    line: str
    change: str
    nth: int
    why: str

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What a change of the package is known by."""
        return self.file, self.scope, self.line, self.change, self.nth

    def vanished(self, root: Path) -> bool:
        """Whether the package has no such line, or no such change of it, any more."""
        path = root / "txlite" / self.file
        if not path.exists():
            return True
        return self.key not in {m.key for m in mutants(path.read_text("utf-8"), self.file)}


def judged(path: Path = LIST) -> list[Survivor]:
    """Return the list that is kept in git."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])
    return [Survivor(**({"nth": 0} | entry)) for entry in entries]


def entry(mutant: Mutant) -> str:
    """Return the lines of the list that judge a change, the reason still to be written."""
    fields = {"file": mutant.file, "scope": mutant.scope, "line": mutant.line}
    lines = [
        f"{name} = '''{value}'''" for name, value in (fields | {"change": mutant.change}).items()
    ]
    numbered = [f"nth = {mutant.nth}"] if mutant.nth else []
    return "\n".join(["[[survivor]]", *lines, *numbered, 'why = ""'])
