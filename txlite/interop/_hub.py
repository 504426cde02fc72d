"""A checkpoint from the Hugging Face hub, at one commit, and nothing of it that runs.

What is fetched is data: configuration, tokenizer, weights. A branch or a tag may move from one day
to the next, so a commit is asked for.
"""

import re
from pathlib import Path

from txlite.interop._extras import needs

__all__ = ["fetched", "is_repository"]

_NAME = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BESIDE = ["*.json", "vocab.txt", "merges.txt"]
_WEIGHTS = (["model*.safetensors"], ["pytorch_model*.bin"])


def is_repository(name: str) -> bool:
    """Whether a text could name a repository of the hub: owner/name."""
    return _NAME.fullmatch(name) is not None


def fetched(repository: str, revision: str | None) -> Path:
    """Return the folder of a repository, from the cache or from the network.

    Parameters
    ----------
    repository : str
        Owner and name.
    revision : str
        A commit, 40 hexadecimal digits.

    Returns
    -------
    Path
        A folder of Hugging Face's cache.

    Raises
    ------
    ValueError
        If ``revision`` names no commit.
    ImportError
        If `huggingface_hub` is not installed.
    RuntimeError
        If it cannot be fetched; the message says what was needed.
    """
    if not isinstance(revision, str) or not _COMMIT.fullmatch(revision):
        raise ValueError(
            f"revision should name a commit of {repository}, 40 hexadecimal digits, as a branch "
            f"may move; got {revision!r}"
        )
    library = needs("huggingface_hub")
    for weights in _WEIGHTS:
        wanted = [*_BESIDE, *weights]
        try:
            folder = Path(
                library.snapshot_download(repository, revision=revision, allow_patterns=wanted)
            )
        except Exception as error:  # offline, moved, private: each has a kind of its own
            raise RuntimeError(
                f"cannot fetch {', '.join(wanted)} of {repository} at commit {revision} from "
                "huggingface.co. Is there a network? A folder that holds these files can be loaded "
                f"in its place. ({type(error).__name__}: {str(error)[:300]})"
            ) from error
        if any(folder.glob(weights[0])):
            break
    return folder
