"""Studies: what takes longer than a chapter may, measured over several seeds and kept.

A study is a table: for each name one number for each seed. A chapter reads its own with
``studies.read("01")``, wherever it runs: the tables are in ``book/studies`` of a checkout, and an
installed package brings them along. ``make study`` measures them.
"""

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Study", "find", "read"]

PLACES = (
    Path(__file__).parents[1] / "book" / "studies",  # a checkout
    Path(__file__).parent / "_studies",  # an installed package
)


@dataclass(frozen=True)
class Study:
    """What a study has found, and how it came about.

    ``study["accuracy"]`` is the list of the runs, in the order of the seeds.

    Parameters
    ----------
    seeds : list of int
        One for each run.
    values : dict of str to list of float
        For each name one number for each seed.
    seconds : list of float
        How long each run took.
    machine, device : str
        Where it ran.
    versions : dict of str to str
        Of Python and torch.
    code : dict of str to str
        The files that it has run, and a digest of each.
    confirmed : dict of str to str or int, optional
        The run of one seed that has found the same numbers since, on later code: its seed, date,
        machine and torch.

    Examples
    --------
    >>> study = Study([0, 1, 2], {"right": [0.5, 0.9, 0.6]}, [1.0] * 3, "", "cpu", {}, {})
    >>> study.median("right"), study.range("right")
    (0.6, (0.5, 0.9))
    >>> study.told("right", times=100)
    '60 (50–90)'
    """

    seeds: list[int]
    values: dict[str, list[float | int]]
    seconds: list[float | int]
    machine: str
    device: str
    versions: dict[str, str | None]
    code: dict[str, str]
    confirmed: dict[str, str | int | None] | None = None

    def __getitem__(self, name: str) -> list[float | int]:
        """Return the runs under a name, in the order of the seeds."""
        if name not in self.values:
            raise ValueError(f"the study has no {name!r}{_instead(name, list(self.values))}")
        return self.values[name]

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def median(self, name: str) -> float | int:
        """Return the median of the runs.

        Raises
        ------
        ValueError
            If the study has no such name, here as everywhere below.
        """
        return median(self[name])

    def range(self, name: str) -> tuple[float | int, float | int]:
        """Return the least and the greatest value of the runs."""
        return min(self[name]), max(self[name])

    def wins(self, first: str, second: str) -> int:
        """Return in how many seeds the first name has the higher number."""
        return sum(a > b for a, b in zip(self[first], self[second], strict=True))

    def told(
        self,
        name: str,
        digits: int = 0,
        *,
        times: float | int = 1.0,
        to: str = "–",
        brief: bool = False,
    ) -> str:
        """Return the median, and in brackets the least and the greatest value, as a text.

        Parameters
        ----------
        name : str
            Whose runs.
        digits : int
            Decimal places.
        times : float
            A factor: 100 for percent.
        to : str
            What stands between the ends; if one is negative, the word *to* does.
        brief : bool
            Without the brackets if all three are written alike.
        """
        three = (self.median(name), *self.range(name))
        middle, low, high = (f"{times * x:.{digits}f}".replace("-", "−") for x in three)
        between = " to " if "−" in low else to
        return middle if brief and low == high else f"{middle} ({low}{between}{high})"

    def assert_within(self, name: str, value: Any, *, slack: float | int = 0.0) -> None:
        """Require that another run's number lies where a run of the study may lie.

        That is the range of the study, widened by itself on both sides, since five seeds do not
        find the ends of what can happen.

        Parameters
        ----------
        name : str
            Which number.
        value : float
            What another run has found.
        slack : float
            The range is widened by at least this.

        Raises
        ------
        AssertionError
            If the number lies outside.
        """
        low, high = self.range(name)
        wide = max(high - low, slack)
        if not low - wide <= float(value) <= high + wide:
            raise AssertionError(
                f"{name}: {float(value):.4g} should lie in [{low - wide:.4g}, {high + wide:.4g}]; "
                f"the {len(self.seeds)} runs of the study lie in [{low:.4g}, {high:.4g}]"
            )


def _instead(name: str, known: list[str]) -> str:
    """Return the end of a message: which names are near."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"; near it: {', '.join(map(repr, near))}" if near else f"; it has {len(known)} others"


def find(name: str) -> Path:
    """Return where a file of the studies lies: in the checkout, or in the installed package.

    Parameters
    ----------
    name : str
        The file's name, such as ``"15_chinese.safetensors"``.

    Raises
    ------
    FileNotFoundError
        If it is in neither; the message is the command that makes it.
    """
    for folder in PLACES:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"there is no book/studies/{name}; make study CHAPTERS={name.partition('.')[0][:2]} "
        "measures it"
    )


def read(name: str) -> Study:
    """Return the study of a chapter.

    Parameters
    ----------
    name : str
        The chapter's number, as its file has it: ``"01"``; for a second study of a chapter also
        what it is called: ``"15_real_text"``.

    Raises
    ------
    ValueError
        If the name does not begin so.
    FileNotFoundError
        If it was never run; the message is the command that runs it.
    """
    if not re.match(r"[0-9]{2}(_|$)", str(name)):
        raise ValueError(
            f"name should begin with a chapter's number in two digits, such as '01', got {name!r}"
        )
    return Study(**json.loads(find(f"{name}.json").read_text(encoding="utf-8")))
