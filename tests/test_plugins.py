"""The tests run the same whichever plugins of pytest happen to be installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOISY = """
import warnings

def pytest_configure(config):
    warnings.warn("this plugin does not like what it sees", UserWarning)

def pytest_sessionstart(session):
    open({marker!r}, "w").close()
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which a plugin is installed that warns as soon as it is loaded."""
    (tmp_path / "noisy.py").write_text(NOISY.format(marker=str(tmp_path / "loaded")))
    about = tmp_path / "noisy-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[pytest11]\nnoisy = noisy\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "LOADED": str(tmp_path / "loaded")}


def run(environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    environment = {k: v for k, v in environment.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.plain
@pytest.mark.parametrize("processes", [[], ["-n", "1"]], ids=["here", "xdist"])
def test_a_plugin_that_warns_ends_nothing(installed: dict[str, str], processes: list[str]) -> None:
    done = run(installed, *processes, "tests/test_epochs.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not Path(installed["LOADED"]).exists()


@pytest.mark.plain
def test_the_plugin_would_have_been_found(installed: dict[str, str], tmp_path: Path) -> None:
    """Without our settings it is loaded: the tests above can see it."""
    (tmp_path / "test_one.py").write_text("def test_one(): ...\n")
    settings = ["-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:jaxtyping"]
    done = run(installed, *settings, str(tmp_path / "test_one.py"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert Path(installed["LOADED"]).exists()
