"""The page on smaller models: its code runs, and what it asserts holds."""

import re
from pathlib import Path

import pytest
from browsing import ROOT

pytestmark = pytest.mark.plain
BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = BLOCKS.findall((ROOT / "book/smaller.md").read_text(encoding="utf-8"))
    assert len(blocks) == 3
    names: dict[str, object] = {}
    exec(compile("\n".join(blocks), "the page", "exec"), names)
    assert [path.name for path in tmp_path.iterdir()] == ["small.safetensors"]
    assert sum(map(len, names["heads"].values())) == 2  # type: ignore[attr-defined]
