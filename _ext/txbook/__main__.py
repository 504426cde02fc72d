"""The command line: ``python -m txbook build``, ``run``, ``outputs``, and so on (``--help``)."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from txbook import costs, quick, runner, seeds, steps, tables, times
from txbook.build import build
from txbook.changed import changed
from txbook.chromium import require_chromium
from txbook.new_chapter import begin
from txbook.outputs import refresh_all

ROOT = Path(__file__).resolve().parents[2]


def parser() -> argparse.ArgumentParser:
    """Return the parser; ``--root`` may stand before the command or after it."""
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument(
        "--root", type=_folder, default=argparse.SUPPRESS, help="the repository"
    )
    top = argparse.ArgumentParser(
        prog="txbook", description="The book's machinery.", parents=[everywhere]
    )
    commands = top.add_subparsers(dest="command", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, parents=[everywhere])

    book = add("build", "run the chapters, build the book into _build/html")
    book.add_argument("--force", action="store_true", help="even if nothing has changed")
    book.add_argument("--preview", action="store_true", help="smallest budget, _build/preview")
    for name, text in (
        ("run", "run the chapters that the store does not hold"),
        ("outputs", "write the outputs that are compared into the notebooks"),
    ):
        add(name, text).add_argument("notebooks", nargs="*", help="all chapters if none is named")
    since = add("changed", "print the chapters that changes since a revision concern")
    since.add_argument("--since", help="the revision; where none is named, see changed.py")
    add("costs", "record what the chapters cost, in book/costs.json")
    study = add("study", "run a chapter's study over several seeds")
    study.add_argument("chapters", nargs="*", help="numbers; all that have one if none is named")
    study.add_argument("--seeds", type=int, default=5)
    study.add_argument("--check", action="store_true", help="only say which are out of date")
    study.add_argument(
        "--confirm", action="store_true", help="one seed of what is out of date, on today's code"
    )
    dice = add("seeds", "run chapters under several seeds, into book/spread")
    dice.add_argument("chapters", nargs="*", help="numbers; all if none is named")
    dice.add_argument("--seeds", type=int, default=5)
    dice.add_argument("--check", action="store_true", help="only say which are out of date")
    several = add("steps", "run make targets in this order, and keep their times")
    several.add_argument("targets", nargs="+")
    add("times", "print how long the steps took").add_argument("--chapters", type=int, default=29)
    quickly = add("quick", "what the changed files need, in a minute")
    quickly.add_argument("--since", default="HEAD", help="the revision to compare with")
    add("tables", "write the chapter tables of README.md and the welcome page")
    beginner = add("new-chapter", "begin a chapter from the template")
    beginner.add_argument("number", type=int)
    beginner.add_argument("name")
    beginner.add_argument("title")
    beginner.add_argument("--part", help="the caption of its part; the last part if not named")
    add("weigh", "measure the built pages in a browser, into book/weights.json")
    add("chromium", "print where Chromium is, or how to install it")
    return top


def _folder(text: str) -> Path:
    """Return the folder that the command line names."""
    return Path(text).resolve()


def named(root: Path, notebooks: list[str]) -> list[Path]:
    """Return the notebooks that are named, or every chapter."""
    return [Path(name).resolve() for name in notebooks] or runner.chapters(root)


def preview(root: Path, *, force: bool) -> int:
    """Build the whole site in the smallest budget, in a folder of its own."""
    os.environ["TXLITE_BUDGET"] = "smoke"
    return build(root, force=force, name="preview")


def record_costs(root: Path) -> int:
    """Write book/costs.json from the stored runs; run what is missing."""
    paths = runner.chapters(root)
    if runner.run(root, paths):
        return 1
    found = costs.measured(costs.Store(root), paths)
    costs.write(root, found)
    print(f"{costs.RECORD} holds the costs of {len(found)} chapters")
    return 0


def chromium() -> int:
    """Print where Chromium is."""
    try:
        print(require_chromium())
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def study(root: Path, named: list[str], *, seeds: int, check: bool, confirm: bool) -> int:
    """Run studies, confirm those that are out of date, or say which they are."""
    from txbook import studies  # it loads torch, for which no other command waits

    return (
        studies.tell(root) if check else studies.run(root, named, seeds=seeds, confirming=confirm)
    )


def weigh_pages(root: Path) -> int:
    """Write book/weights.json and print it as a table."""
    from txbook import weigh  # it needs the browser of the tests, which building does not

    try:
        found = weigh.record(root)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    for one in found:
        live = "" if one.live_ratio is None else f"live {one.live_ratio:5.1f}"
        size = f"{one.bytes / 1000:6.0f} kB in {one.requests} requests"
        print(f"{one.page:44} {size}, × an empty page: paint {one.paint_ratio:4.1f} {live}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command that the arguments name."""
    chosen = parser().parse_args(arguments)
    root = getattr(chosen, "root", ROOT)
    try:
        match chosen.command:
            case "build" if chosen.preview:
                return preview(root, force=chosen.force)
            case "build":
                return build(root, force=chosen.force)
            case "run":
                return runner.run(root, named(root, chosen.notebooks))
            case "outputs":
                return refresh_all(root, chosen.notebooks)
            case "changed":
                print(*(path.relative_to(root) for path in changed(root, chosen.since)))
            case "costs":
                return record_costs(root)
            case "study":
                how = {"check": chosen.check, "confirm": chosen.confirm}
                return study(root, chosen.chapters, seeds=chosen.seeds, **how)
            case "seeds" if chosen.check:
                return seeds.tell(root)
            case "seeds":
                return seeds.run(root, chosen.chapters, seeds=chosen.seeds)
            case "steps":
                return steps.run(root, chosen.targets)
            case "times":
                print(times.summary(root, chosen.chapters))
            case "quick":
                return quick.run(root, chosen.since)
            case "tables":
                print(*tables.refresh(root), sep="\n")
            case "new-chapter":
                return begin(root, chosen.number, chosen.name, chosen.title, chosen.part)
            case "weigh":
                return weigh_pages(root)
            case "chromium":
                return chromium()
    except KeyboardInterrupt:
        print("\nInterrupted. What was there is untouched.", file=sys.stderr)
        return 130
    except subprocess.CalledProcessError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
