"""GPT and Llama for torch.compile and torch.export: one forward for training, prefill and steps."""

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils import _pytree as pytree

from tests.models.decoders import CHOICES, tiny
from tests.models.tiny import CLOSE, B, S, kept, tokens
from txlite.nn import KVCache

pytestmark = pytest.mark.plain
T = S
some_choices = pytest.mark.parametrize("name", ["gpt2", "gpt relative", "llama grouped", "llama 3"])


@pytest.fixture(autouse=True)
def _forget_programs() -> None:
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("name", "backend"),
    [("gpt2", "aot_eager"), ("llama 3", "aot_eager"), *((name, "eager") for name in CHOICES)],
)
def test_training_compiles_to_one_graph(name: str, backend: str) -> None:
    model, text, keep = tiny(name, num_layers=1), tokens(B, T), kept("anywhere")
    program: Any = torch.compile(model, fullgraph=True, backend=backend)
    got, want = program(text, keep=keep), model(text, keep=keep)
    assert_close(got[keep], want[keep], **CLOSE)
    names, weights = zip(*model.named_parameters(), strict=True)
    mine, other = (torch.autograd.grad(y[keep].sin().sum(), weights) for y in (got, want))
    for key, a, b in zip(names, mine, other, strict=True):
        assert_close(a, b, rtol=1e-8, atol=1e-9, msg=lambda m, n=key: f"{n}: {m}")


@pytest.mark.parametrize("name", ["gpt2", "llama grouped"])
def test_prefill_and_steps_compile_to_one_graph_each(name: str) -> None:
    model, text, keep = tiny(name, num_layers=1), tokens(B, T), kept("left")
    cache_ = KVCache()
    program: Any = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    with torch.no_grad():
        parts = [
            program(text[:, start:end], keep=keep[:, :end], cache=cache_)
            for start, end in ((0, 3), (3, 4), (4, T))
        ]
        want = model(text, keep=keep)
    assert cache_.length == T
    assert_close(torch.cat(parts, 1)[keep], want[keep], **CLOSE)


def test_one_program_serves_every_batch_and_length() -> None:
    graphs = []

    def counting(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    model = tiny("llama grouped", num_layers=1)
    program: Any = torch.compile(model, fullgraph=True, backend=counting, dynamic=True)
    for b, t in ((3, 7), (2, 9), (4, 12)):
        text = tokens(b, t)
        keep = torch.ones(b, t, dtype=torch.bool)
        assert_close(program(text, keep=keep), model(text, keep=keep), **CLOSE)
    assert len(graphs) == 1


# ------------------------------------------------------------------ export


@cache
def size(name: str, low: int = 2) -> Any:
    """A size that an exported program leaves open."""
    from torch.export import Dim  # which imports sympy

    return Dim(name, min=low, max=500)


@some_choices
def test_an_exported_model_takes_any_batch_and_length(name: str) -> None:
    model, text, keep = tiny(name, **_room(name)), tokens(B, T), kept("right")
    axes = {0: size("B"), 1: size("T")}
    shapes = {"tokens": axes, "keep": axes}
    program = torch.export.export(model, (text,), {"keep": keep}, dynamic_shapes=shapes).module()
    for b, t in ((2, 9), (5, 3), (4, 200)):
        text, keep = tokens(b, t), torch.rand(b, t) < 0.7
        keep[:, 1] = True
        assert_close(program(text, keep=keep)[keep], model(text, keep=keep)[keep], **CLOSE)


class Step(nn.Module):
    """One step of decoding as a function: the cache goes in, and comes out longer."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, text: Tensor, keep: Tensor, cache: KVCache) -> tuple[Tensor, KVCache]:
        return self.model(text, keep=keep, cache=cache), cache


@some_choices
def test_an_exported_step_takes_the_cache_and_gives_it_back(name: str) -> None:
    from torch.export import ShapesCollection

    model = tiny(name, **_room(name))
    text, keep, filled = _prefilled(model, 3, 5)
    last, past = text[:, -1:].clone(), size("past")
    shapes = ShapesCollection()
    shapes[last], shapes[keep] = {0: size("B")}, {0: size("B"), 1: past + 1}
    for leaf in pytree.tree_leaves(filled):
        if isinstance(leaf, Tensor):
            shapes[leaf] = {0: size("B"), 2: past}
    program = torch.export.export(Step(model), (last, keep, filled), dynamic_shapes=shapes).module()
    for b, t in ((2, 4), (5, 11)):
        text, keep, filled = _prefilled(model, b, t)
        got, grown = program(text[:, -1:], keep, filled)
        assert_close(got, model(text, keep=keep)[:, -1:], **CLOSE)
        assert isinstance(grown, KVCache)
        assert grown.length == t


def _room(name: str) -> dict[str, int]:
    return {"num_layers": 1, "max_len": 500 if name.startswith("gpt") else 5}


def _prefilled(model: nn.Module, batch: int, length: int) -> tuple[Tensor, Tensor, KVCache]:
    text, keep, filled = tokens(batch, length), torch.rand(batch, length) < 0.7, KVCache()
    keep[:, -1] = True
    with torch.no_grad():
        model(text[:, :-1], keep=keep[:, :-1], cache=filled)
    return text, keep, filled
