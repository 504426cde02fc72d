"""``python -m txbook`` with ``build [--force]``, ``outputs [NOTEBOOK …]`` or ``chromium``."""

import argparse
import sys
from pathlib import Path

from txbook import quick, tables
from txbook.build import build
from txbook.chromium import require_chromium
from txbook.new_chapter import begin
from txbook.outputs import refresh_all

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="txbook", description="The book's machinery.")
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="build the book into _build/html")
    builder.add_argument("--force", action="store_true", help="even if nothing has changed")
    builder.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    runner = commands.add_parser("outputs", help="run chapters, keep the outputs that are compared")
    runner.add_argument("notebooks", nargs="*", help="all chapters if none is named")
    commands.add_parser("chromium", help="print where Chromium is, or how to install it")
    commands.add_parser("tables", help="write the chapter tables of README.md and the welcome page")
    beginner = commands.add_parser("new-chapter", help="begin a chapter from the template")
    beginner.add_argument("number", type=int)
    beginner.add_argument("name")
    beginner.add_argument("title")
    beginner.add_argument("--part", help="the caption of its part; the last part if not named")
    quickly = commands.add_parser("quick", help="what the changed files need, in a minute")
    quickly.add_argument("--since", default="HEAD", help="the revision to compare with")
    chosen = parser.parse_args()
    if chosen.command == "build":
        try:
            return build(chosen.root.resolve(), force=chosen.force)
        except KeyboardInterrupt:
            print("\nInterrupted. The site that was there is untouched.", file=sys.stderr)
            return 130
    if chosen.command == "outputs":
        return refresh_all(ROOT, chosen.notebooks)
    if chosen.command == "tables":
        print(*tables.refresh(ROOT), sep="\n")
        return 0
    if chosen.command == "quick":
        return quick.run(ROOT, chosen.since)
    if chosen.command == "new-chapter":
        return begin(ROOT, chosen.number, chosen.name, chosen.title, chosen.part)
    try:
        print(require_chromium())
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
