"""What the tests of BERT and ALBERT share: one file of tests, told twice."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.interop.decoder_only import LENGTHS, B, T, keep
from tests.interop.published import (
    CLOSE,
    compare,
    rewritten,
    round_trip,
    tensors,
    written,
)  # fmt: skip
from txlite import models
from txlite.interop import load

HEADS = {
    "Model": models.BERT,
    "ForMaskedLM": models.BERTForMaskedLM,
    "ForPreTraining": models.BERTForPreTraining,
    "ForSequenceClassification": models.BERTForSequenceClassification,
    "ForTokenClassification": models.BERTForTokenClassification,
}
Twin = Callable[..., Any]


def flat(outputs: Any, real: Tensor, pooled: bool) -> Tensor:
    """Return all that a model answers as one row of numbers, where tokens stand."""
    parts = [x for x in outputs if isinstance(x, Tensor)]
    per_token = [x[real].flatten() for x in parts if x.ndim == 3]
    return torch.cat([*per_token, *(x.flatten() for x in parts if x.ndim == 2 and pooled)])


def ours_say(ours: Any, tokens: Tensor, segments: Tensor, real: Tensor) -> list[Tensor]:
    out = ours(tokens, segments=segments, keep=real)
    if isinstance(ours, models.BERT):
        return [out, *([ours.pool(out, real)] if ours.pooler is not None else [])]
    return list(out) if isinstance(out, tuple) else [out]


def they_say(theirs: Any, tokens: Tensor, segments: Tensor, real: Tensor) -> list[Tensor]:
    """Positions count real tokens, as ours do."""
    positions = (real.cumsum(-1) - 1).clamp(min=0)
    out = theirs(
        input_ids=tokens, attention_mask=real.long(), token_type_ids=segments,
        position_ids=positions,
    )  # fmt: skip
    return [x for x in out.to_tuple() if isinstance(x, Tensor)]


def check_equal(twin: Twin, folder: Path, side: str, head: str, options: dict[str, Any]) -> None:
    """Outputs on valid positions and gradients; the pooled vector where the first token is real."""
    theirs = twin(head, **options)
    ours = load(written(theirs, folder))
    assert type(ours) is HEADS[head]
    assert not ours.training
    tokens, real = torch.randint(theirs.config.vocab_size, (B, T)), keep(side)
    if side == "holes":
        real[:, 0] = True
    segments = (torch.arange(T) >= LENGTHS[:, None] // 2).long()
    pooled = side != "left"

    def outputs() -> tuple[Tensor, Tensor]:
        got = ours_say(ours, tokens, segments, real)
        want = they_say(theirs, tokens, segments, real)
        assert len(got) == len(want)
        return flat(got, real, pooled), flat(want, real, pooled)

    if pooled or head not in ("ForSequenceClassification",):
        compare(theirs, ours, outputs)


def check_first_real_token(twin: Twin, folder: Path) -> None:
    """A text with padding on the left is judged as the text alone."""
    theirs = twin("ForSequenceClassification")
    ours = load(written(theirs, folder))
    tokens = torch.randint(theirs.config.vocab_size, (1, T))
    real = torch.arange(T)[None] >= 3
    got = ours(tokens, keep=real)
    want = theirs(input_ids=tokens[:, 3:]).logits
    assert_close(got, want, **CLOSE)


def check_round_trip(twin: Twin, tmp_path: Path, head: str, options: dict[str, Any]) -> None:
    theirs = twin(head, **options)
    written(theirs, tmp_path / "theirs")
    round_trip(theirs, tmp_path / "theirs", tmp_path / "ours", {"pad_token_id": 0})


def check_prefix(twin: Twin, tmp_path: Path, prefix: str) -> None:
    """A body alone is stored without its prefix, and a body with it is known too."""
    theirs = twin("Model")
    bare = written(theirs, tmp_path / "bare")
    want = load(bare).state_dict()
    assert not any(name.startswith(prefix) for name in tensors(bare))
    names = dict.fromkeys(tensors(bare))
    longer = {f"{prefix}{name}": x.clone() for name, x in tensors(bare).items()}
    rewritten(bare, **{n.replace(".", "__"): x for n, x in {**names, **longer}.items()})
    got = load(bare).state_dict()
    assert all(torch.equal(want[name], got[name]) for name in want)


def check_known_twins(twin: Twin, tmp_path: Path, decoder: str, table: str, bias: str) -> None:
    """Old files store the tied decoder."""
    saved = written(twin("ForMaskedLM"), tmp_path / "saved")
    held = tensors(saved)
    assert f"{decoder}.weight" not in held
    old = {f"{decoder}.weight": held[table].clone(), f"{decoder}.bias": held[bias].clone()}
    rewritten(saved, **{n.replace(".", "__"): x for n, x in old.items()})
    load(saved)
    old[f"{decoder}.bias"][3] += 1
    rewritten(saved, **{n.replace(".", "__"): x for n, x in old.items()})
    wanted = re.escape(f"{decoder}.bias should equal {bias}")
    with pytest.raises(ValueError, match=wanted):
        load(saved)


def check_counters(twin: Twin, tmp_path: Path, prefix: str) -> None:
    """`position_ids` was once a stored buffer; a pooler may be stored where no head asks it."""
    saved = written(twin("ForMaskedLM"), tmp_path / "saved")
    want = load(saved).state_dict()
    width = twin("Model").config.hidden_size
    pooler = f"{prefix}pooler.dense" if prefix == "bert." else f"{prefix}pooler"
    extra = {
        f"{prefix}embeddings.position_ids": torch.arange(12)[None],
        f"{pooler}.weight": torch.zeros(width, width),
        f"{pooler}.bias": torch.zeros(width),
    }
    rewritten(saved, **{n.replace(".", "__"): x for n, x in extra.items()})
    got = load(saved).state_dict()
    assert want.keys() == got.keys()
