"""Which changes are tried: the files, the sample, and the tests of each file."""

import hashlib
import subprocess
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from tests.mutants.mutant import Mutant, changes_something
from tests.mutants.operators import mutants

FILES = (  # what computes; not pictures, word lists and banks of wrong answers
    "_*.py", "runtime.py", "nn/*", "models/*", "generation/*", "training/*", "inspect/*",
    "cli/*", "checks/framework/*", "data/collate.py", "data/tokenizers.py",
)  # fmt: skip


def files(root: Path, globs: Sequence[str] = FILES) -> list[str]:
    """Return the package's files that match, as named from ``txlite/``."""
    package = root / "txlite"
    every = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
    return [name for name in every if any(fnmatch(name, glob) for glob in globs)]


def changed(root: Path, since: str | None) -> list[str] | None:
    """Return the package's files that differ from a commit, None where there is no history.

    Without a commit: from where this branch left ``main``, on ``main`` from the commit before.
    """
    if since is None:
        head, base = _git(root, "rev-parse", "HEAD"), _git(root, "merge-base", "HEAD", "main")
        since = base if base and base != head else "HEAD~1"
    differing = _git(root, "diff", "--name-only", "--relative=txlite", since, "--", "txlite")
    fresh = _git(root, "ls-files", "--others", "--exclude-standard", "--", "txlite")
    if differing is None or fresh is None:
        return None
    new = [name.removeprefix("txlite/") for name in fresh.split("\n")]
    return sorted({*differing.split("\n"), *new} - {""})


def _git(root: Path, *command: str) -> str | None:
    """Return what git says, None where it refuses."""
    done = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def sample(
    root: Path,
    names: Sequence[str],
    count: int | None,
    seed: int,
    within: Callable[[Mutant], bool] | None = None,
) -> list[Mutant]:
    """Return some changes of some files; all, in a drawn order, where no number is given.

    The draw looks at what a change says: it stays drawn while other lines come and go. Where
    ``within`` is given, only the changes that it holds for are drawn from.
    """
    sources = {name: (root / "txlite" / name).read_text(encoding="utf-8") for name in names}
    every = [mutant for name, source in sources.items() for mutant in mutants(source, name)]
    every = [mutant for mutant in every if within is None or within(mutant)]
    drawn: list[Mutant] = []
    for mutant in sorted(every, key=lambda m: hashlib.sha256(f"{seed} {m.key}".encode()).digest()):
        if len(drawn) == count:
            break
        if changes_something(mutant, sources[mutant.file]):
            drawn.append(mutant)
    return drawn


def tests_of(root: Path, file: str) -> tuple[tuple[str, ...], ...]:
    """Return the tests of a file of the package: its own, then those of its package.

    ``test_layers`` and ``test_layers_plain`` are about layers. Of the others, those come first
    that name the module; the refusals of every package stand in one file.
    """
    path = Path(file)
    stem, here = path.stem.lstrip("_"), root / "tests" / path.parent
    own = sorted({*here.glob(f"test_{stem}.py"), *here.glob(f"test_{stem}_*.py")})
    package = path.parts[0] if len(path.parts) > 1 else ""
    below = (root / "tests" / package).glob("**/test_*.py" if package else "test_*.py")
    others = sorted({*below, *(root / "tests").glob("test_errors.py")} - {*own})
    others.sort(key=lambda p: ("errors" not in p.name, path.stem not in p.read_text("utf-8")))
    steps = [[str(p.relative_to(root)) for p in step] for step in (own, others)]
    return tuple(tuple(step) for step in steps if step)
