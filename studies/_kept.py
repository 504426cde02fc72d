"""Parts of a study that are done, so that an interrupted seed goes on where it was.

``make study`` names a folder for each state of the code that the study imports, and of its
surroundings, and hands it over as ``TXLITE_KEPT`` (`txbook.studies`). So what another state of the
code has found is never read. Where the variable is not set, nothing is kept.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from txlite._atomic import whole

FOLDER = "TXLITE_KEPT"


def folder() -> Path | None:
    """Return where this state of the code keeps what is done; its checkpoints too."""
    return Path(os.environ[FOLDER]) if os.environ.get(FOLDER) else None


def kept(name: str, seed: int, make: Callable[[], Mapping[str, float]]) -> dict[str, float]:
    """Return the numbers that are there under a name and a seed, or make them and keep them."""
    where = folder()
    file = where / f"{name} {seed}.json" if where else None
    if file and file.exists():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    found = dict(make())
    if file:
        with whole(file) as part:
            part.write_text(json.dumps(found), encoding="utf-8")
    return found


def kept_tensors(name: str, make: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the tensors that are there under a name, or make them and keep them for all seeds."""
    where = folder()
    file = where / f"{name}.safetensors" if where else None
    if file and file.exists():
        return load_file(file)
    found = dict(make())
    if file:
        with whole(file) as part:
            save_file(found, part)
    return found
