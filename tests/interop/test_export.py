"""Programs without Python: equal to the model at sizes that they were not made with."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.interop.published import redraw
from txlite.interop import export_program
from txlite.models import (
    BERT,
    BERTConfig,
    BERTForMaskedLM,
    BERTForPreTraining,
    BERTForSequenceClassification,
    BERTForTokenClassification,
    Transformer,
    TransformerConfig,
)  # fmt: skip
from txlite.models.gpt import GPT, GPTConfig
from txlite.models.llama import Llama, LlamaConfig
from txlite.models.switch import Switch, SwitchConfig
from txlite.models.t5 import T5, T5Config

pytestmark = [
    pytest.mark.plain,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch's own exporter
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

V = 11
SIZES: dict[str, Any] = {"vocab_size": V, "d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1}
MODELS: dict[str, Any] = {
    "GPT": lambda: GPT(GPTConfig(**SIZES, max_len=200)),
    "Llama": lambda: Llama(LlamaConfig(**SIZES, num_kv_heads=1)),
    "BERT": lambda: BERT(BERTConfig(**SIZES, max_len=200)),
    "ALBERT": lambda: BERTForMaskedLM(
        BERTConfig(**{**SIZES, "num_layers": 3}, max_len=200, embedding_dim=6, share_layers=True)
    ),
    "pre-training": lambda: BERTForPreTraining(BERTConfig(**SIZES, max_len=200)),
    "texts": lambda: BERTForSequenceClassification(BERTConfig(**SIZES, max_len=200)),
    "tokens": lambda: BERTForTokenClassification(BERTConfig(**SIZES, max_len=200)),
    "Transformer": lambda: Transformer(TransformerConfig(**SIZES)),
    "T5": lambda: T5(T5Config(**SIZES, head_dim=4)),
}
AT = [(1, 1), (3, 7), (1, 200)]  # field case N29: the program is made at neither
CLOSE: dict[str, float] = {"rtol": 1e-5, "atol": 1e-5}


def given(model: nn.Module, batch: int, length: int) -> dict[str, Tensor]:
    """Draw inputs by name, with padding; the first token of each text is real."""

    def keep(n: int) -> Tensor:
        return (torch.rand(batch, n) < 0.7).index_fill(1, torch.tensor([0]), True)

    def tokens(n: int) -> Tensor:
        return torch.randint(V, (batch, n))

    if isinstance(model, Transformer | T5):
        source = length + 4
        return {
            "source": tokens(source), "target": tokens(length),
            "source_keep": keep(source), "target_keep": keep(length),
        }  # fmt: skip
    found = {"tokens": tokens(length), "keep": keep(length)}
    if not isinstance(model, GPT | Llama):
        found["segments"] = torch.randint(2, (batch, length))
    return found


def parts(outputs: Any, real: Tensor) -> list[Tensor]:
    """Return outputs where tokens stand: padding may say anything."""
    outputs = outputs if isinstance(outputs, tuple | list) else (outputs,)
    return [x[real] if x.ndim == 3 else x for x in outputs]


def real_of(inputs: dict[str, Tensor]) -> Tensor:
    return inputs.get("keep", inputs.get("target_keep"))  # type: ignore[return-value]


@pytest.mark.parametrize("name", MODELS)
def test_a_program_holds_for_every_size(name: str, tmp_path: Path) -> None:
    model = redraw(MODELS[name]()).float()
    program = export_program(model, tmp_path / "model.pt2").module()
    read = torch.export.load(tmp_path / "model.pt2").module()
    for batch, length in AT:
        inputs = given(model, batch, length)
        real = real_of(inputs)
        want = parts(model(**inputs), real)
        for got in (program(**inputs), read(**inputs)):
            for a, b in zip(parts(got, real), want, strict=True):
                assert_close(a, b, **CLOSE)


@pytest.mark.parametrize(
    "name",
    ["BERT", *(pytest.param(name, marks=pytest.mark.slow) for name in MODELS if name != "BERT")],
)
def test_another_runtime_computes_the_same(name: str, tmp_path: Path) -> None:
    import onnxruntime

    model = redraw(MODELS[name](), std=0.2).float()
    export_program(model, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for batch, length in AT:
        inputs = given(model, batch, length)
        real = real_of(inputs)
        got = session.run(None, {key: x.numpy() for key, x in inputs.items()})
        found, wanted = list(map(torch.tensor, got)), model(**inputs)
        for a, b in zip(parts(found, real), parts(wanted, real), strict=True):
            assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_limits_are_refused_by_name() -> None:
    model = MODELS["GPT"]()
    program = export_program(model, max_len=10, max_batch=4).module()
    fits = given(model, 4, 10)
    program(**fits)
    for batch, length, axis in ((1, 11, 1), (5, 3, 0)):
        with pytest.raises(AssertionError, match=rf"tokens\.size\(\)\[{axis}\] <= "):
            program(**given(model, batch, length))


def test_dropout_is_off_and_the_model_stays_as_it_was() -> None:
    model = MODELS["BERT"]().train()
    model.dropout.eval()
    program = export_program(model).module()
    assert model.training
    assert model.encoder.training
    assert not model.dropout.training
    inputs = given(model, 2, 5)
    assert_close(program(**inputs), program(**inputs), rtol=0, atol=0)
    assert_close(program(**inputs), model.eval()(**inputs), **CLOSE)


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model should be one of GPT, Llama, .*got Linear"):
        export_program(nn.Linear(2, 3))
    with pytest.raises(ValueError, match=r"model should be one of GPT, Llama, .*got Switch"):
        export_program(Switch(SwitchConfig(**SIZES, num_experts=2)))
    with pytest.raises(ValueError, match=r"path should end in \.pt2 or \.onnx, got '.*model\.pt'"):
        export_program(MODELS["GPT"](), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="max_len should be at most the positions' 200, got 201"):
        export_program(MODELS["GPT"](), max_len=201)
    for name in ("max_len", "max_batch"):
        with pytest.raises(ValueError, match=f"{name} should be"):
            export_program(MODELS["GPT"](), **{name: 0})
