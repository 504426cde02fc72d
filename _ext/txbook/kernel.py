"""The kernel that runs a chapter: IPython's own, which also remembers the files it has opened.

`launch` takes the place of ``python -m ipykernel_launcher``. After the last cell the runner asks
for `report`; nothing is added to the notebook.
"""

import json
import os
import sys

OPENED: set[str] = set()
LAUNCH = "from txbook.kernel import launch; launch()"
REPORT = "__import__('txbook.kernel', fromlist=['report']).report()"


def note(event: str, arguments: tuple[object, ...]) -> None:
    """Remember a file that is opened for reading; what every ``open`` of the process calls."""
    if event != "open":
        return
    path, mode, *_ = arguments
    reading = mode is None or (isinstance(mode, str) and "r" in mode)
    if reading and isinstance(path, str | os.PathLike):
        OPENED.add(os.path.abspath(os.fsdecode(path)))


def launch() -> None:
    """Start the kernel that the command line describes."""
    if sys.path[0] in ("", os.getcwd()):  # as ipykernel_launcher does
        del sys.path[0]
    sys.addaudithook(note)
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


def modules() -> set[str]:
    """Return the files of the modules that this process holds."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return {os.path.abspath(file) for file in files if file}


def report() -> str:
    """Return, as JSON, the files this process has used and what it has cost."""
    from txbook.probe import probe

    spent = os.times()
    found = {
        "files": sorted(OPENED | modules()),
        "core_seconds": spent.user + spent.system + spent.children_user + spent.children_system,
        "cost": probe(),
    }
    return json.dumps(found)
