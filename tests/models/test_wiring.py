"""What the systems share, and what each of their files may be: wiring, on a page or two."""

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.models import (
    test_bert,
    test_clip,
    test_decision_transformer,
    test_t5,
    test_vit,
    test_whisper,
)
from tests.models.decoders import config
from tests.models.tiny import V
from txlite import models
from txlite.models._wiring import (
    check_config,
    check_keep,
    check_rows,
    draw_by_inputs,
    draw_normal,
)
from txlite.nn import DecoderLayer

FILES = sorted(Path(models.__file__).parent.rglob("*.py"))
LONGEST = 150
PAGES = 200  # lines of a file, docstrings and blank lines too
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef


def lines_of_code(source: str) -> int:
    """Count the lines that are neither blank, nor a comment, nor a docstring."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT and token.string:
            found |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            text = node.body[0]
            assert text.end_lineno is not None
            found -= set(range(text.lineno, text.end_lineno + 1))
    return len(found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_system_is_wired_on_a_page_or_two(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert 1 < lines_of_code(text) <= LONGEST
    assert len(text.splitlines()) <= PAGES


def test_lines_are_counted_as_they_are_meant() -> None:
    assert lines_of_code('"""Title.\n\nText.\n"""\n\nx = 1  # why\n# alone\n') == 1
    assert lines_of_code('def f():\n    """Say it."""\n    return (\n        "a"\n    )\n') == 4


# ------------------------------------------------------------------ checks


class Sized:
    """A config as the checks see it."""

    def __init__(self, **fields: Any) -> None:
        usual = {"vocab_size": 7, "d_model": 12, "num_heads": 3, "d_ff": 5, "num_layers": 2}
        usual |= {"max_len": 9, "head_dim": None, "num_kv_heads": None}
        vars(self).update(usual | fields)

    def _keep(self, name: str, number: float) -> None:
        setattr(self, name, number)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, None),
        ({"num_heads": 5}, "d_model=12 should be a multiple of num_heads=5"),
        ({"num_heads": 5, "head_dim": 4}, None),
        ({"num_kv_heads": 2}, "num_heads=3 should be a multiple of num_kv_heads=2"),
        ({"num_kv_heads": 1}, None),
        ({"max_len": 0}, "max_len should be a positive whole number, got 0"),
        ({"extra": 0}, "extra should be a positive whole number, got 0"),
        ({"extra": None}, "extra should be a positive whole number, got None"),
        ({"rare": 0}, "rare should be a positive whole number, got 0"),
        ({"rare": None}, None),
        ({"positions": "polar"}, r"positions should be one of none, .*, got 'polar'"),
        ({"positions": "alibi"}, None),
        ({"init_std": 0.0}, "init_std should be a positive number, got 0.0"),
        ({"init_std": 1}, None),
    ],
)
@pytest.mark.plain
def test_what_every_config_has(fields: dict[str, Any], message: str | None) -> None:
    given: Any = Sized(**{"extra": 1, "rare": 1, **fields})
    if message is None:
        check_config(given, "extra", optional=("rare",))
        assert isinstance(getattr(given, "init_std", 1.0), float)
    else:
        with pytest.raises(ValueError, match=f"^{message}"):
            check_config(given, "extra", optional=("rare",))


@pytest.mark.plain
def test_masks_and_rows_are_refused_by_the_caller_s_name() -> None:
    keep, rows = torch.ones(2, 5, dtype=torch.bool), torch.tensor([[0, 2, 1], [2, 2, 0]])
    check_keep("mine", None, 2, 5)
    check_keep("mine", keep, 2, 5)
    check_rows("mine", rows, 2, 3, size=3)
    check_rows("mine", rows.int(), 2, 3, size=3)
    for refused, message in (
        (lambda: check_keep("mine", keep, 2, 4), "mine should have shape (B=2, L=4), got (2, 5)"),
        (lambda: check_keep("mine", keep, 3, 5), "mine should have shape (B=3, L=5), got (2, 5)"),
        (lambda: check_keep("mine", keep.int(), 2, 5), "mine should be a bool tensor"),
        (lambda: check_rows("mine", rows, 3, 3, size=3), "mine should have shape (B=3, T=3)"),
        (lambda: check_rows("mine", rows, 2, 3, size=2), "mine should lie in [0, size=2), got 0"),
        (lambda: check_rows("mine", rows - 1, 2, 3, size=3), "mine should lie in [0, size=3)"),
        (lambda: check_rows("mine", rows * 1.0, 2, 3, size=3), "mine should hold int32 or int64"),
        (lambda: check_rows("mine", rows > 1, 2, 3, size=3), "mine should hold int32 or int64"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            refused()


# ------------------------------------------------------------------ how weights begin


def test_matrices_are_drawn_and_vectors_are_set() -> None:
    layer = DecoderLayer(200, 4, 300, cross_attention=False)
    for p in layer.parameters():
        nn.init.constant_(p, 7.0)
    assert draw_normal(layer, 0.5, writers=4) is layer
    for name, p in layer.named_parameters():
        if name.endswith("bias"):
            assert p.eq(0).all(), name
        elif "norm" in name:
            assert p.eq(7).all(), name
        else:
            narrow = name in ("attention.output_proj.weight", "feed_forward.down_proj.weight")
            assert p.std().item() == pytest.approx(0.25 if narrow else 0.5, rel=0.02), name
            assert abs(p.mean().item()) < 0.01


def test_by_inputs_a_map_keeps_the_size_of_vectors() -> None:
    layer = DecoderLayer(200, 4, 300, cross_attention=False)
    draw_by_inputs(layer)
    for name, p in layer.named_parameters():
        if p.ndim > 1:
            assert p.std().item() == pytest.approx(p.shape[1] ** -0.5, rel=0.02), name
    x = torch.randn(50, 200)
    up = layer.feed_forward.up_proj(x)
    assert up.std().item() == pytest.approx(1.0, rel=0.05)
    assert layer.feed_forward.down_proj(up).std().item() == pytest.approx(1.0, rel=0.05)


# ------------------------------------------------------------------ configs


@pytest.mark.plain
@pytest.mark.parametrize(
    "made",
    [
        config("gpt2"), config("llama 3"), test_bert.config(), test_t5.config(),
        test_whisper.config(),
    ],
    ids=repr,
)  # fmt: skip
def test_a_config_is_a_value(made: Any) -> None:
    again = type(made)(**vars(made))
    assert again == made
    assert hash(again) == hash(made)
    assert type(made)(**{**vars(made), "vocab_size": V + 1}) != made
    with pytest.raises(AttributeError, match="cannot assign to field 'vocab_size'"):
        made.vocab_size = 3


@pytest.mark.plain
@pytest.mark.parametrize(
    "made", [test_vit.config(), test_clip.config(), test_decision_transformer.config()], ids=repr
)
def test_a_config_of_pictures_or_actions_is_a_value_too(made: Any) -> None:
    again = type(made)(**vars(made))
    assert again == made
    assert hash(again) == hash(made)
    size = {"ViTConfig": "num_labels", "CLIPConfig": "projection_dim"}
    other = {size.get(type(made).__name__, "state_dim"): 7}
    assert type(made)(**{**vars(made), **other}) != made
