import subprocess
import sys

import pytest
import torch

from txlite.viz import glue, numbers, peak_gpu_memory, peak_memory


@pytest.fixture
def bundles(monkeypatch):
    sent = []
    monkeypatch.setattr(numbers, "emit_bundle", lambda *bundle: sent.append(bundle))
    return sent


@pytest.mark.parametrize(("value", "text"), [(3, "3"), (0.25, "0.25"), ("twice", "twice")])
def test_glue_sends_what_the_book_looks_for_and_nothing_that_jupyter_shows(bundles, value, text):
    glue("accuracy", value)
    prefix = "application/papermill.record/"
    assert bundles == [
        ({f"{prefix}text/plain": text}, {"scrapbook": {"name": "accuracy", "mime_prefix": prefix}})
    ]


def test_a_cost_is_marked_and_nothing_else_is(bundles):
    glue("seconds", 1.5, cost=True)
    glue("accuracy", 0.5)
    assert [metadata.get("cost") for _, metadata in bundles] == [True, None]


def test_outside_a_notebook_glue_says_nothing(capfd):
    glue("accuracy", 1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["", "a:b"])
def test_a_name_that_cannot_be_quoted_is_refused(name):
    with pytest.raises(ValueError, match="name should be non-empty and without a colon, got"):
        glue(name, 1)


def test_peak_memory_grows_with_what_is_held_and_never_falls():
    before = peak_memory()
    held = torch.ones(64, 2**20)  # 256 MiB
    during = peak_memory()
    assert held.sum() > 0
    del held
    assert peak_memory() >= 0.99 * during
    assert 20 < before <= during < 100_000
    assert during >= 256


ALONE = """
import runpy, sys, types
for name in ("torch", "txlite", "txlite.viz", "txlite.viz.output"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["txlite.viz.output"].emit_bundle = None
print(runpy.run_path(sys.argv[1])["peak_memory"]())
"""


def test_the_memory_of_a_large_parent_is_not_counted():
    held = torch.ones(300, 2**18)  # 300 MiB in this process
    child = subprocess.run(
        [sys.executable, "-c", ALONE, numbers.__file__], capture_output=True, text=True, check=True
    )
    assert held.sum() > 0
    assert 1 < float(child.stdout) < 100


def test_no_gpu_memory_is_counted_where_none_is_used():
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        assert peak_gpu_memory() == torch.cuda.max_memory_allocated() / 2**20
    else:
        assert peak_gpu_memory() == 0.0
