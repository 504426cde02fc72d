"""Without its extra the command line says what is missing, and the package works."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.plain
HIDE = "import sys; sys.modules['{name}'] = None; from txlite.cli import main; main()"


@pytest.mark.parametrize("name", ["typer", "rich"])
def test_it_names_the_extra_that_is_missing(name: str) -> None:
    code = HIDE.format(name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert 'pip install "txlite[cli]"' in done.stderr
    assert "Traceback" not in done.stderr
