"""The worker that keeps the site for times without a network: which files there are, how old.

The script lists every file with a fingerprint of its content. A browser that has the site of
yesterday fetches what has changed, and drops the rest when the new list is whole.
"""

import hashlib
import json
from pathlib import Path

from sphinx.application import Sphinx

NAME = "worker.js"
TEMPLATE = Path(__file__).parent / NAME
LEFT_OUT = {NAME, "objects.inv", ".buildinfo", "robots.txt", "sitemap.xml", ".nojekyll"}
FOLDERS_LEFT_OUT = {"_sources", "share", ".doctrees"}  # what no page shows


def listed(out: Path) -> dict[str, str]:
    """Return every file that a page of the site may ask for, with its fingerprint."""
    found = {}
    for file in sorted(out.rglob("*")):
        path = file.relative_to(out)
        if file.is_file() and path.name not in LEFT_OUT and not FOLDERS_LEFT_OUT & set(path.parts):
            found[path.as_posix()] = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    return found


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the worker, last of all."""
    if error or app.builder.name != "html":
        return
    out = Path(app.outdir)
    files = json.dumps(listed(out), separators=(",", ":"))
    script = TEMPLATE.read_text(encoding="utf-8").replace("/* files */ {}", files)
    (out / NAME).write_text(script, encoding="utf-8", newline="\n")
