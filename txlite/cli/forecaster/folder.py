"""A trained forecaster on the disk, in one folder, as Hugging Face writes a PatchTST.

So the library of others reads it, and so does ``txlite.interop.load``. The config goes first and
comes last: a folder that has one is whole, whenever the writer was killed.
"""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from txlite._atomic import whole
from txlite.cli._files import CONFIG, read_config
from txlite.interop import load, save
from txlite.models import Forecaster

__all__ = ["FILES", "FORMAT", "PICTURE", "TABLE", "Forecasting", "load_forecaster",
           "save_forecaster"]  # fmt: skip

FORMAT = "txlite forecaster"
WEIGHTS = "model.safetensors"
TABLE, PICTURE = "forecast.csv", "forecast.png"
FILES = (WEIGHTS, TABLE, PICTURE)  # beside the config


class Forecasting(NamedTuple):
    """A model, and in plain data what it forecasts and how well, as ``txlite info`` shows it."""

    model: Forecaster
    about: dict[str, Any]


def save_forecaster(forecasting: Forecasting, folder: Path) -> None:
    """Write a forecaster; a folder that is there already keeps its other files.

    Parameters
    ----------
    forecasting : Forecasting
        What to keep.
    folder : Path
        Where; made if it is not there.
    """
    told = {"format": FORMAT, "about": forecasting.about}
    with TemporaryDirectory() as place, ExitStack() as files:
        save(forecasting.model.cpu(), Path(place) / "model", extra=told)
        drafts = {name: files.enter_context(whole(folder / name)) for name in (CONFIG, WEIGHTS)}
        for name, draft in drafts.items():  # all are written before the first is renamed
            draft.write_bytes((Path(place) / "model" / name).read_bytes())
        (folder / CONFIG).unlink(missing_ok=True)  # new weights never meet an old config


def load_forecaster(folder: Path) -> Forecasting:
    """Read a forecaster that ``save_forecaster`` wrote.

    Parameters
    ----------
    folder : Path
        Where it is.

    Returns
    -------
    Forecasting
        In evaluation mode, on the CPU.

    Raises
    ------
    ValueError
        If a file is missing or damaged, or the weights do not fit the config.
    """
    content = read_config(folder, FORMAT)
    model = load(folder)
    if not isinstance(model, Forecaster):
        raise ValueError(f"{folder} should hold a forecaster, got a {type(model).__name__}")
    about = content.get("about", {})
    return Forecasting(model, about if isinstance(about, dict) else {})
