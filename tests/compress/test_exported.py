"""Small models as programs: at sizes that they were not made with, and in files that are small."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.compress import small
from txlite.compress import Student, model_bytes, prune_heads, quantize
from txlite.interop import export_program

pytestmark = [
    pytest.mark.plain,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch's own exporter
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
AT = [(1, 1), (3, 7), (1, 16)]  # field case N29: the program is made at neither
CLOSE: dict[str, float] = {"rtol": 1e-5, "atol": 1e-5}


def student() -> nn.Module:
    return Student(small.gpt(), small.gpt(d_model=28)).model.float()


def pruned() -> nn.Module:
    model = small.gpt().float()
    prune_heads(model, {"decoder.layers.0.attention": [0, 2]})
    return model


def rounded(**choices: Any) -> nn.Module:
    model = pruned()
    quantize(model, **choices)
    return model


MODELS: dict[str, Callable[[], nn.Module]] = {
    "student": student,
    "pruned": pruned,
    "8 bits": lambda: rounded(embeddings=True),
    "4 bits": lambda: rounded(bits=4, group_size=5),
    "dynamic": lambda: rounded(dynamic=True),
}


def inputs(batch: int, length: int) -> dict[str, Tensor]:
    keep = torch.arange(length) < torch.randint(1, length + 1, (batch, 1))
    return {"tokens": torch.randint(small.V, (batch, length)), "keep": keep}


def some(usual: str) -> list[Any]:
    """Return all names; but for one they are slow, for an export takes seconds."""
    return [usual, *(pytest.param(n, marks=pytest.mark.slow) for n in MODELS if n != usual)]


@pytest.mark.parametrize("name", some("4 bits"))
def test_a_program_says_what_the_small_model_says(name: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    program = export_program(model, tmp_path / "model.pt2").module()
    for batch, length in AT:
        given = inputs(batch, length)
        want, found = model(**given)[given["keep"]], program(**given)[given["keep"]]
        assert_close(found, want, **CLOSE)
        assert torch.equal(found.argmax(-1), want.argmax(-1))


@pytest.mark.parametrize("name", some("8 bits"))
def test_another_runtime_says_the_same_and_the_file_is_small(name: str, tmp_path: Path) -> None:
    import onnxruntime

    model = MODELS[name]()
    path = tmp_path / "model.onnx"
    export_program(model, path)
    session = onnxruntime.InferenceSession(path)
    for batch, length in AT:
        given = inputs(batch, length)
        (got,) = session.run(None, {key: x.numpy() for key, x in given.items()})
        want, found = model(**given)[given["keep"]], torch.tensor(got)[given["keep"]]
        assert_close(found, want, rtol=1e-4, atol=1e-4)
        assert torch.equal(found.argmax(-1), want.argmax(-1))
    if name not in ("student", "pruned"):  # of whose tied weights the exporter makes two
        assert sum(_weights(path)) <= model_bytes(model) + 100


def _weights(path: Path) -> list[int]:
    """Return the bytes of every tensor in a file: codes are to be stored as codes."""
    import onnx

    return [len(x.raw_data) for x in onnx.load(path).graph.initializer]
