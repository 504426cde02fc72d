"""The page on many machines: its code runs, and says what the text says."""

import re

import pytest
from browsing import ROOT

pytestmark = [pytest.mark.plain, pytest.mark.slow]
BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_code_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "book/many_machines.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in BLOCKS.findall(text):
        exec(compile(block, "the page", "exec"), names)
    said = capsys.readouterr().out.splitlines()
    assert float(said[0].split()[0]) < 1e-12
    assert said[0] == said[1]
    fits = {line.partition(":")[0]: line.endswith(", fits") for line in said[2:]}
    assert {layout for layout, fine in fits.items() if fine} == {"8 × 1 × 64"}
    assert len(fits) == 4
