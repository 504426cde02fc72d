"""The page on series and backtests: its code runs."""

import re
from pathlib import Path

import pytest
import torch
from browsing import ROOT

from txlite.data.series import Series
from txlite.data.stamps import local_time, zone_named

pytestmark = pytest.mark.plain
BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_code_of_the_page_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = torch.randn(2300, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    week = 5 * (torch.arange(2300) % 168 / 26.7).sin()
    series = Series.regular(week + noise, "2024-02-01", "h", zone="Europe/Berlin")
    berlin = zone_named("Europe/Berlin")
    rows = [f"{local_time(int(s), berlin):%Y-%m-%d %H:%M},{v:.3f}"
            for s, v in zip(series.stamps, series.values, strict=True)]  # fmt: skip
    del rows[1000:1003]  # three hours are missing, beside the one that clocks skip
    (tmp_path / "load.csv").write_text("\n".join(["hour,MW", *rows]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (block,) = BLOCKS.findall((ROOT / "book/forecasting.md").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    exec(compile(block, "the page", "exec"), names)
    error, covered = map(float, capsys.readouterr().out.split())
    assert error == pytest.approx(2**0.5 * 0.8, abs=0.15)  # of two noises
    assert covered == pytest.approx(0.8, abs=0.1)
    assert len(names["load"]) == 2300  # type: ignore[arg-type]
