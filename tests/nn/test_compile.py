"""Compiled and exported programs: the same numbers, whole graphs, any length."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.nn import definition, zoo
from tests.nn.tensors import LONG_SQUARE, SMALL, array, distance, qkv
from tests.nn.zoo import Sizes
from txlite.nn import (
    KVCache,
    Mask,
    MultiHeadAttention,
    attention_weights,
    masks,
    scaled_dot_product_attention,
)

pytestmark = [
    pytest.mark.plain,
    # torch's own tracer still uses what Python deprecates
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Compile afresh in every test."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def heads(**kwargs: Any) -> MultiHeadAttention:
    module = MultiHeadAttention(10, 6, head_dim=4, **kwargs).double()
    for p in module.parameters():
        nn.init.normal_(p, std=0.5)
    return module


KINDS = [
    *(pytest.param(name, SMALL, id=name) for name in zoo.NAMES),
    *(
        pytest.param(name, LONG_SQUARE, id=f"{name}, banded")
        for name in ("window", "window & padding", "window & table4", "blocks & causal")
    ),
]


@pytest.mark.parametrize(("name", "sizes"), KINDS)
def test_a_compiled_function_equals_the_definition(name: str, sizes: Sizes) -> None:
    """One whole graph, with the mask as an input, forward and backward."""
    compiled = torch.compile(scaled_dot_product_attention, fullgraph=True, backend="eager")
    q, k, v = qkv(sizes)
    mask, table = zoo.make(name, sizes)
    out = compiled(q, k, v, mask)
    assert distance(out, definition.attention(array(q), array(k), array(v), table)) <= 1e-12
    upstream = torch.randn_like(out)
    out.backward(upstream)
    want = definition.gradient(array(upstream), array(q), array(k), array(v), table)
    assert distance(q.grad, want.query) <= 1e-12
    assert distance(k.grad, want.key) <= 1e-12
    assert distance(v.grad, want.value) <= 1e-12


@pytest.mark.parametrize("name", ["none", "causal", "causal & padding", "blind_rows", "table3"])
def test_a_compiled_map_equals_the_definition(name: str) -> None:
    compiled = torch.compile(attention_weights, fullgraph=True, backend="eager")
    q, k, _ = qkv(SMALL)
    mask, table = zoo.make(name, SMALL)
    bias = torch.randn(SMALL.T, SMALL.S, dtype=torch.float64)
    want = definition.weights(array(q), array(k), table, array(bias))
    assert distance(compiled(q, k, mask, bias=bias), want) <= 1e-12


def inside(keep: Tensor) -> dict[str, Callable[[Tensor], Mask | None]]:
    """Masks that are made within the compiled function.

    torch.compile does not trace ``~`` of an object; the method of the same meaning it does.
    """
    return {
        "none": lambda x: None,
        "causal": lambda x: masks.causal(),
        "causal & padding": lambda x: masks.causal() & masks.padding(keep),
        "window": lambda x: masks.sliding_window(2) | masks.blocks(3).__invert__(),
    }


@pytest.mark.parametrize("name", list(inside(torch.ones(1, 1))))
def test_a_mask_may_be_made_within_the_graph(name: str) -> None:
    module, keep = heads(num_kv_heads=2), torch.rand(2, 7) < 0.6
    make = inside(keep)[name]
    x = torch.randn(2, 7, 10, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor) -> Tensor:
        out: Tensor = module(x, mask=make(x))
        return out

    got, want = torch.compile(run, fullgraph=True, backend="aot_eager")(x), run(x)
    assert_close(got, want, rtol=0, atol=1e-12)
    mine, other = (torch.autograd.grad(y.square().sum(), x)[0] for y in (got, want))
    assert_close(mine, other, rtol=1e-12, atol=1e-12)


def test_a_cache_may_be_used_within_the_graph() -> None:
    module, x = heads(), torch.randn(2, 6, 10, dtype=torch.float64)
    want = module(x, mask=masks.causal())

    def step(x: Tensor, cache: KVCache) -> Tensor:
        out: Tensor = module(x, mask=masks.causal(), cache=cache)
        return out

    compiled, cache = torch.compile(step, fullgraph=True, backend="eager"), KVCache()
    with torch.no_grad():
        outs = [compiled(x[:, t : t + 2], cache) for t in (0, 2, 4)]
    assert len(cache) == 6
    assert_close(torch.cat(outs, dim=1), want)


def test_one_program_serves_every_length() -> None:
    counts = []

    def counting(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        counts.append(graph)
        return graph.forward

    module = heads()
    compiled = torch.compile(module, fullgraph=True, backend=counting, dynamic=True)
    for length in (5, 6, 9, 12):
        x = torch.randn(2, length, 10, dtype=torch.float64)
        mask = masks.causal() & masks.padding(torch.rand(2, length) < 0.6)
        assert_close(compiled(x, mask=mask), module(x, mask=mask))
    assert len(counts) == 1


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("g++") is None,
    reason="the default compiler needs g++ and its OpenMP",
)
def test_the_generated_code_equals_eager() -> None:
    """With the default compiler, which writes and builds code of its own."""
    module = heads(num_kv_heads=2).float()
    mask, _ = zoo.make("causal & padding", Sizes(2, 6, 33, 33))
    x = torch.randn(2, 33, 10, requires_grad=True)
    compiled = torch.compile(module, fullgraph=True)
    got, want = compiled(x, mask=mask), module(x, mask=mask)
    assert_close(got, want, rtol=2e-6, atol=2e-6)
    mine, other = (torch.autograd.grad(y.sum(), x)[0] for y in (got, want))
    assert_close(mine, other, rtol=2e-6, atol=1e-5)


# ------------------------------------------------------------------ export


class Model(nn.Module):
    """Attention whose mask is an input, or is made inside."""

    def __init__(self, make: Callable[[Tensor], Mask | None] | None = None) -> None:
        super().__init__()
        self.attention = heads(num_kv_heads=2)
        self.make = make

    def forward(self, x: Tensor, mask: Mask | Tensor | None = None) -> Tensor:
        out: Tensor = self.attention(x, mask=self.make(x) if self.make else mask)
        return out


def kinds(batch: int, length: int) -> dict[str, Mask | Tensor]:
    """Masks for a batch of sequences, of every kind, as inputs."""
    keep = torch.rand(batch, length) < 0.6
    return {
        "causal": masks.causal(),
        "padding": masks.padding(keep),
        "causal & padding": masks.causal() & masks.padding(keep),
        "window & padding": masks.sliding_window(3) & masks.padding(keep),
        "documents": masks.causal() & masks.blocks(keep.long().cumsum(-1)),
        "tensor": torch.rand(batch, length, length) < 0.6,
        "~(tensor | causal)": ~((torch.rand(batch, length, length) < 0.6) | masks.causal()),
    }


@pytest.mark.parametrize(
    ("name", "strict"),
    [*((name, False) for name in kinds(1, 2)), ("causal & padding", True)],
)
def test_an_exported_program_takes_a_mask_of_any_batch_and_length(name: str, strict: bool) -> None:
    from torch.export import Dim, ShapesCollection  # which imports sympy

    model, x, mask = Model(), torch.randn(3, 8, 10, dtype=torch.float64), kinds(3, 8)[name]
    batch, length = Dim("batch", min=2, max=64), Dim("length", min=3, max=512)
    shapes = ShapesCollection()
    shapes[x] = {0: batch, 1: length}
    for leaf in torch.utils._pytree.tree_leaves(mask):
        if isinstance(leaf, Tensor):
            shapes[leaf] = {0: batch, **dict.fromkeys(range(1, leaf.ndim), length)}
    program = torch.export.export(model, (x, mask), dynamic_shapes=shapes, strict=strict).module()
    for b, n in ((2, 5), (4, 60)):
        x, mask = torch.randn(b, n, 10, dtype=torch.float64), kinds(b, n)[name]
        assert_close(program(x, mask), model(x, mask))


@pytest.mark.parametrize(
    "make",
    [
        lambda x: None,
        lambda x: masks.causal(),
        lambda x: masks.causal() & masks.sliding_window(3),
        lambda x: masks.blocks(4),
    ],
    ids=["none", "causal", "causal & window", "blocks"],
)
def test_an_exported_program_may_make_its_mask(make: Callable[[Tensor], Mask | None]) -> None:
    """Exported at a length without a band, and run where a band would be worth it."""
    from torch.export import Dim  # which imports sympy

    model, x = Model(make), torch.randn(3, 8, 10, dtype=torch.float64)
    shapes = {"x": {0: Dim("batch", min=2), 1: Dim("length", min=3)}, "mask": None}
    program = torch.export.export(model, (x, None), dynamic_shapes=shapes).module()
    for b, n in ((2, 5), (4, 97)):
        x = torch.randn(b, n, 10, dtype=torch.float64)
        assert_close(program(x, None), model(x))


class Cross(nn.Module):
    """Attention from one sequence to another."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = heads()

    def forward(self, x: Tensor, memory: Tensor, mask: Mask | None) -> Tensor:
        out: Tensor = self.attention(x, memory, mask=mask)
        return out


@pytest.mark.parametrize("name", ["none", "padding", "window & padding"])
def test_an_exported_program_attends_across_sequences(name: str) -> None:
    from torch.export import Dim, ShapesCollection  # which imports sympy

    model = Cross()

    def example(b: int, t: int, s: int) -> tuple[Tensor, Tensor, Mask | None]:
        keep = torch.rand(b, s) < 0.6
        mask = {
            "none": None,
            "padding": masks.padding(keep),
            "window & padding": masks.sliding_window(4) & masks.padding(keep),
        }[name]
        x, memory = (torch.randn(b, n, 10, dtype=torch.float64) for n in (t, s))
        return x, memory, mask

    x, memory, mask = example(3, 5, 8)
    batch, T, S = Dim("batch", min=2), Dim("T", min=2), Dim("S", min=2)
    shapes = ShapesCollection()
    shapes[x], shapes[memory] = {0: batch, 1: T}, {0: batch, 1: S}
    for leaf in torch.utils._pytree.tree_leaves(mask):
        if isinstance(leaf, Tensor):
            shapes[leaf] = {0: batch, 1: S}
    program = torch.export.export(model, (x, memory, mask), dynamic_shapes=shapes).module()
    for sizes in ((2, 3, 9), (4, 9, 3), (2, 40, 97)):
        args = example(*sizes)
        assert_close(program(*args), model(*args))


def test_an_exported_program_survives_the_disk(tmp_path: Path) -> None:
    model, x = Model(), torch.randn(3, 8, 10, dtype=torch.float64)
    mask = masks.causal() & masks.padding(torch.rand(3, 8) < 0.6)
    torch.export.save(torch.export.export(model, (x, mask)), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    assert_close(program(x, mask), model(x, mask))
