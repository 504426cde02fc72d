"""Commands run in this process, and a training that is over in two seconds."""

from pathlib import Path

from typer.testing import CliRunner, Result

from txlite.cli.app import app

__all__ = ["SIZES", "TRAINING", "run", "unfinished"]

SIZES = ["--d-model", "16", "--num-heads", "2", "--d-ff", "32", "--num-layers", "1"]
TRAINING = [*SIZES, "--vocab-size", "60", "--learning-rate", "0.01", "--tokens-per-batch", "200"]


def run(*words: object, stdin: str | bytes | None = None) -> Result:
    """Call ``txlite`` with these words after it."""
    return CliRunner().invoke(app, [str(word) for word in words], input=stdin)


def unfinished(folder: Path) -> list[str]:
    """Return the names of what somebody began to write and did not end, wherever it is."""
    return [path.name for path in folder.rglob(".*")]
