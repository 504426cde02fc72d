"""The hub: at one commit, data only, and offline it says what it needed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from tests.interop import small
from txlite.interop import load
from txlite.interop._hub import is_repository

pytestmark = pytest.mark.plain

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def snapshot(cache: Path, weights: str = "safetensors") -> Path:
    """Put a small checkpoint into a cache as huggingface_hub lays one out."""
    root = cache / "models--somebody--small"
    folder = root / "snapshots" / COMMIT
    blobs = root / "blobs"
    blobs.mkdir(parents=True)
    folder.mkdir(parents=True)
    made = small.gpt(cache / "made")
    if weights == "bin":
        small.as_bin(made)
    for path in made.iterdir():
        path.rename(blobs / f"blob-{path.name}")
        (folder / path.name).symlink_to(f"../../blobs/blob-{path.name}")
    return folder


class Hub:
    """In the place of the library: notes what is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, []  # type: ignore[var-annotated]

    def __call__(self, repository: str, *, revision: str, allow_patterns: list[str]) -> str:
        self.asked.append((repository, revision, allow_patterns))
        return str(self.folder)


def test_a_repository_is_fetched_at_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(snapshot(tmp_path))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    load("somebody/small", revision=COMMIT)
    [(repository, revision, patterns)] = hub.asked
    assert (repository, revision) == ("somebody/small", COMMIT)
    assert "model*.safetensors" in patterns
    assert not any(pattern.endswith((".py", ".bin", "*")) for pattern in patterns)


def test_bin_files_are_asked_for_only_where_there_is_nothing_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(snapshot(tmp_path, "bin"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    load("somebody/small", revision=COMMIT)
    assert ["pytorch_model*.bin" in patterns for _, _, patterns in hub.asked] == [False, True]


@pytest.mark.parametrize(
    "revision", [None, "main", "v1.0", COMMIT[:-1], f"{COMMIT}0", COMMIT.upper(), 3]
)
def test_a_branch_is_no_commit(revision: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", Hub(Path("never")))
    with pytest.raises(ValueError, match="revision should name a commit of somebody/small, 40 hex"):
        load("somebody/small", revision=revision)


@pytest.mark.parametrize("name", ["a/b", "gpt-2/Small_1.0", "0/x"])
def test_names_of_repositories(name: str) -> None:
    assert is_repository(name)


@pytest.mark.parametrize(
    "name", ["a", "a/b/c", "../b", "/a/b", "a/..", "a/.b", ".a/b", "a//b", "a/b--c", "a /b", "é/b",
             "a/" + "b" * 97, "https://x/y", "a\\b", ""],
)  # fmt: skip
def test_names_of_no_repository(name: str) -> None:
    assert not is_repository(name)


def offline(tmp_path: Path) -> Any:
    """Load in a process that has a cache and no network."""
    code = (
        "import sys, json\nfrom txlite.interop import load\n"
        f"try:\n    print(type(load('somebody/small', revision='{COMMIT}')).__name__)\n"
        "except RuntimeError as error:\n    print(json.dumps(str(error)))\n"
    )
    places = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path), "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **places},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_offline_the_cache_is_enough(tmp_path: Path) -> None:
    snapshot(tmp_path)
    assert offline(tmp_path) == "GPT"


def test_offline_without_the_cache_it_says_what_it_needed(tmp_path: Path) -> None:
    said = json.loads(offline(tmp_path))
    for wanted in ("somebody/small", COMMIT, "model*.safetensors", "Is there a network?"):
        assert wanted in said


@pytest.mark.parametrize("library", ["safetensors", "gguf", "huggingface_hub", "tokenizers"])
def test_without_a_library_the_extra_is_named(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from txlite.interop import load_tokenizer

    small.gpt(tmp_path / "model")
    small.llama_gguf(tmp_path / "model.gguf")
    (tmp_path / "vocab.txt").write_text("[UNK]\n")
    doors = {
        "safetensors": lambda: load(tmp_path / "model"),
        "gguf": lambda: load(tmp_path / "model.gguf"),
        "huggingface_hub": lambda: load("somebody/small", revision=COMMIT),
        "tokenizers": lambda: load_tokenizer(tmp_path),
    }
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf'{library} is needed here: pip install "txlite\[inter'):
        doors[library]()


def test_an_import_brings_none_of_them() -> None:
    libraries = "safetensors", "gguf", "huggingface_hub", "tokenizers", "onnx", "numpy.random"
    code = f"import sys, txlite.interop; print(*[m for m in {libraries} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == []
