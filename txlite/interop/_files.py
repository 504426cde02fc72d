"""Where a checkpoint's tensors lie: one file, or several that an index lists.

A name that a checkpoint gives is never followed out of its folder: not by ``..``, not by an
absolute path, not by a link. The folders of Hugging Face's cache are the one exception: their files
are links to the cache's own store.
"""

from collections.abc import Iterable
from pathlib import Path

from txlite.interop._json import read_json
from txlite.interop._pickled import read_pickled
from txlite.interop._safetensors import read_safetensors
from txlite.interop._stored import Stored, shown

__all__ = ["inside", "read_tensors"]

_READERS = {".safetensors": read_safetensors, ".bin": read_pickled}
SINGLE = ("model.safetensors", "pytorch_model.bin")
_INDEX = ".index.json"
_SHOWN = 5


def read_tensors(folder: Path) -> dict[str, Stored]:
    """Return what a checkpoint's folder holds, by name.

    Parameters
    ----------
    folder : Path
        With ``model.safetensors``, its shards and their index, or the same as
        ``pytorch_model.bin``: the first of these that is there.

    Returns
    -------
    dict of str to Stored
        Every tensor of every file.

    Raises
    ------
    ValueError
        If there is no such file, one is damaged, or the index and the shards disagree.
    """
    for name in SINGLE:
        if (folder / name).exists():
            return _READERS[Path(name).suffix](inside(folder, name))
        if (folder / f"{name}{_INDEX}").exists():
            return _sharded(folder, name)
    wanted = ", ".join(f"{name} or {name}{_INDEX}" for name in SINGLE)
    there = sorted(path.name for path in folder.iterdir())
    raise ValueError(f"{folder} should hold {wanted}, got {_listed(there)}")


def inside(folder: Path, name: str) -> Path:
    """Return a file of a folder, or refuse a name that leads out of it.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        A plain file name.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If the name is more than a file's name, the file is not there, or it is a link to elsewhere.
    """
    if name in ("", ".", "..") or any(sign in name for sign in "/\\\0:"):
        raise ValueError(f"{folder}: {shown(name)} should be the name of a file in the folder")
    path = folder / name
    if not path.is_file():
        raise ValueError(
            f"{folder}: {shown(name)} should be a file of the folder, and is not there"
        )
    home, real = folder.resolve(), path.resolve()
    stores = [home]
    if home.parent.name == "snapshots":
        stores.append(home.parent.parent / "blobs")
    if not any(real.is_relative_to(store) for store in stores):
        raise ValueError(f"{path} should lie in its folder, and is a link to {real}")
    return path


def _sharded(folder: Path, single: str) -> dict[str, Stored]:
    """Read the shards that an index lists."""
    index = inside(folder, f"{single}{_INDEX}")
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ValueError(f"{index}: weight_map should say each tensor's file, got {shown(places)}")
    suffix = Path(single).suffix
    for name, place in places.items():
        if not isinstance(place, str) or not place.endswith(suffix):
            raise ValueError(
                f"{index}: {shown(name)} should lie in a {suffix} file, got {shown(place)}"
            )
    files = {place: inside(folder, place) for place in sorted(set(places.values()))}
    found: dict[str, Stored] = {}
    for place, path in files.items():
        held = _READERS[suffix](path)
        told = {name for name, where in places.items() if where == place}
        if told != held.keys():
            raise ValueError(
                f"{index}: {place} should hold what the index says: it lacks "
                f"{_listed(told - held.keys())}, and holds {_listed(held.keys() - told)} besides"
            )
        found |= held
    return found


def _listed(names: Iterable[str]) -> str:
    """Return a few names, and how many more there are."""
    names = sorted(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(shown, names[:_SHOWN])) + more if names else "nothing"
