"""Build the book into a fresh folder, and put it in the place of the old one only if it is whole.

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
from pathlib import Path

from txbook.fingerprint import BOOK, fingerprint, names_only

STAMP = ".txbook"  # inside the site: the fingerprint of what it was built from
OLD = "old-html"
FRESH = "fresh-"
CACHES_KEPT = 3
COLOUR = re.compile(r"\x1b\[[\d;]*m")
DULL = ("myst v", "myst-nb v", "[etoc]")  # lines that tell nobody anything
STALE_SECONDS = 3 * 3600  # a fresh folder this old belongs to a build that was killed


def wanted(root: Path) -> str:
    """Return the fingerprint of everything that the site would be built from."""
    setting = [os.environ.get(name, "") for name in ("TXLITE_BUDGET", "TXLITE_DEVICE")]
    return fingerprint(root, BOOK, extra="\n".join([*setting, names_only(root)]))


def is_current(site: Path, stamp: str) -> bool:
    """Tell whether the site was built from just this."""
    file = site / STAMP
    return file.exists() and file.read_text(encoding="utf-8") == stamp


def swap(fresh: Path, site: Path) -> None:
    """Put ``fresh`` in the place of ``site``: two renames, after which the old one is removed."""
    old = site.with_name(OLD)
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.rename(old)
    fresh.rename(site)
    shutil.rmtree(old, ignore_errors=True)


def recover(site: Path) -> None:
    """Bring back the old site if a swap died half-way; drop what killed builds left."""
    old = site.with_name(OLD)
    if old.exists() and not site.exists():
        old.rename(site)
    for folder in site.parent.glob(f"{FRESH}*"):
        if time.time() - folder.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def trim_caches(build: Path) -> None:
    """Keep the outputs of the last few versions of the package only."""
    caches = sorted(
        (build / ".jupyter_cache").glob("*/"), key=lambda folder: folder.stat().st_mtime
    )
    for folder in caches[:-CACHES_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


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


def keep_reports(fresh: Path, build: Path) -> None:
    """Save the tracebacks of failed notebooks from the folder that is thrown away."""
    reports = fresh / "reports"
    if reports.exists():
        shutil.copytree(reports, build / "reports", dirs_exist_ok=True)
        print(f"The tracebacks of the notebooks that failed are in {build / 'reports'}")


def build(root: Path, *, force: bool = False) -> int:
    """Build the book of the repository at ``root``; return an exit status.

    Parameters
    ----------
    root : Path
        The folder that holds _config.yml.
    force : bool
        Build even if nothing has changed.
    """
    begin = time.perf_counter()
    folder = root / "_build"
    folder.mkdir(exist_ok=True)
    site = folder / "html"
    recover(site)
    stamp = wanted(root)
    if is_current(site, stamp) and not force:
        return announce(site, "nothing has changed since it was built")
    work = folder / f"{FRESH}{os.getpid()}"
    fresh = work / "_build" / "html"
    try:
        status = run_jupyter_book(root, work)
        if status:
            keep_reports(fresh, folder)
            kept = " The site that was there is untouched." if site.exists() else ""
            print(f"The book was not built: see the warnings above.{kept}", file=sys.stderr)
            return status
        (fresh / STAMP).write_text(stamp, encoding="utf-8")
        swap(fresh, site)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    trim_caches(folder)
    return announce(site, f"built in {time.perf_counter() - begin:.0f} s")


def announce(site: Path, how: str) -> int:
    """Say where the book is."""
    print(f"\nThe book is ready ({how}). Open it in a browser:\n  {(site / 'index.html').as_uri()}")
    return 0
