"""Run the chapters and build the book into a fresh folder, which replaces the old one if whole.

An interrupted or failed build leaves the old site as it was. A build of which nothing has changed
is not run again.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from txbook import times
from txbook.fingerprint import BOOK, fingerprint, names_only
from txbook.runner import run

STAMP = ".txbook"  # inside the site: the fingerprint of what it was built from
OLD = "old-"
FRESH = "fresh-"
COLOUR = re.compile(r"\x1b\[[\d;]*m")
DULL = ("myst v", "myst-nb v", "[etoc]")  # lines that tell nobody anything
STALE_SECONDS = 3 * 3600  # a fresh folder this old belongs to a build that was killed


def wanted(root: Path) -> str:
    """Return the fingerprint of everything that the site would be built from."""
    setting = [os.environ.get(f"TXLITE_{name}", "") for name in ("BUDGET", "DEVICE", "SEED")]
    return fingerprint(root, BOOK, extra="\n".join([*setting, names_only(root)]))


def is_current(site: Path, stamp: str) -> bool:
    """Tell whether the site was built from just this."""
    file = site / STAMP
    return file.exists() and file.read_text(encoding="utf-8") == stamp


def swap(fresh: Path, site: Path) -> None:
    """Put ``fresh`` in the place of ``site``: two renames, after which the old one is removed."""
    old = site.with_name(f"{OLD}{site.name}")
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.rename(old)
    fresh.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def recover(site: Path) -> None:
    """Bring back the old site if a swap died half-way; drop what killed builds left."""
    old = site.with_name(f"{OLD}{site.name}")
    if old.exists() and not site.exists():
        old.rename(site)
    for folder in site.parent.glob(f"{FRESH}*"):
        if time.time() - folder.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def notebooks(root: Path) -> list[Path]:
    """Return the notebooks that the table of contents names, in reading order."""
    text = (root / "_toc.yml").read_text(encoding="utf-8")
    paths = (root / f"{name}.ipynb" for name in _files(yaml.safe_load(text)))
    return [path for path in paths if path.exists()]


def _files(part: Any) -> Iterator[str]:
    """Yield the files that a part of the table of contents names."""
    if isinstance(part, dict):
        yield from (part[name] for name in ("root", "file") if name in part)
    values = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for value in values:
        yield from _files(value)


def run_jupyter_book(root: Path, work: Path) -> int:
    """Run Jupyter Book with warnings as errors; return its exit status."""
    program = Path(sysconfig.get_path("scripts")) / "jupyter-book"
    command = [str(program), "build", ".", "-W", "-n", "--keep-going", "--path-output", str(work)]
    print("+", " ".join(command), flush=True)
    paths = os.pathsep.join([str(root), str(root / "_ext")])
    env = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=root, env=env, stdout=subprocess.PIPE, text=True) as process:
        quiet = False
        for line in process.stdout or ():
            quiet = quiet or line.startswith("The HTML pages are in")  # they will not stay there
            if not quiet and not COLOUR.sub("", line).startswith(DULL):
                print(line, end="", flush=True)
    return process.returncode


def build(root: Path, *, force: bool = False, name: str = "html") -> int:
    """Build the book of the repository at ``root``; return an exit status.

    Parameters
    ----------
    root : Path
        The folder that holds _config.yml.
    force : bool
        Build even if nothing has changed.
    name : str
        The folder below _build that the site goes to.
    """
    begin = time.perf_counter()
    folder = root / "_build"
    folder.mkdir(exist_ok=True)
    site = folder / name
    recover(site)
    stamp = wanted(root)
    if is_current(site, stamp) and not force:
        return announce(site, "nothing has changed since it was built")
    kept = " The site that was there is untouched." if site.exists() else ""
    if status := run(root, notebooks(root)):
        print(f"The book was not built: a chapter failed.{kept}", file=sys.stderr)
        return status
    work = folder / f"{FRESH}{os.getpid()}"
    fresh = work / "_build" / "html"
    try:
        if status := run_jupyter_book(root, work):
            print(f"The book was not built: see the warnings above.{kept}", file=sys.stderr)
            return status
        (fresh / STAMP).write_text(stamp, encoding="utf-8")
        swap(fresh, site)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    took = time.perf_counter() - begin
    times.record(root, "book" if name == "html" else name, took)
    return announce(site, f"built in {took:.0f} s")


def announce(site: Path, how: str) -> int:
    """Say where the book is."""
    print(f"\nThe book is ready ({how}). Open it in a browser:\n  {(site / 'index.html').as_uri()}")
    return 0
