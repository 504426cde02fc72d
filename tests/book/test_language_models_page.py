"""The page on language models: its code runs, from the first line to the last."""

import re
from pathlib import Path

import pytest
import torch
from browsing import ROOT
from tokenizers import Tokenizer, models, pre_tokenizers

from txlite import interop
from txlite.data.weights import missing_weights
from txlite.models import GPT, GPTConfig

pytestmark = [pytest.mark.plain, pytest.mark.slow]
BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a folder lies of which the page speaks."""
    config = GPTConfig(vocab_size=9, d_model=8, num_heads=2, d_ff=16, num_layers=1)
    interop.save(GPT(config), tmp_path / "my-gpt2")
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "?": 1}, "?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "my-gpt2" / "tokenizer.json"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_code_of_the_page_runs(
    somewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing := missing_weights("smollm2"):
        pytest.skip(missing)
    blocks = BLOCKS.findall((ROOT / "book/language_models.md").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "the page", "exec"), names)
    told = capsys.readouterr().out
    assert " Paris" in told
    assert "bits per character" in told
    assert isinstance(names["logits"], torch.Tensor)
    assert names["logits"].shape == (1, 5, 1000)
    assert (somewhere / "again" / "model.safetensors").exists()
