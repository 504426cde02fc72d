"""A corpus of twenty-four sentences, and a translator that has learned them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.cli.running import TRAINING, run

SUBJECTS = {"je": "I", "tu": "you", "il": "he", "elle": "she", "nous": "we", "ils": "they"}
OBJECTS = {"un chat": "a cat", "un livre": "a book", "une pomme": "an apple", "le vin": "the wine"}


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Put the number of threads back that a command has set."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with pairs of sentences."""
    lines = [
        f"{who} vois {what}\t{they} see {it}"
        for who, they in SUBJECTS.items()
        for what, it in OBJECTS.items()
    ]
    path = tmp_path_factory.mktemp("pairs") / "see.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def trained(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a translator that no test changes."""
    folder = tmp_path_factory.mktemp("trained") / "see"
    result = run("train", pairs, "--out", folder, "--steps", 120, *TRAINING)
    assert result.exit_code == 0, result.output
    assert "held-out sentences exactly right" in result.output
    return folder
