"""One forward for torch.compile and torch.export: training, prefill, one token at a time."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils import _pytree as pytree

from tests.models.tiny import CLOSE, SCHEMES, B, S, T, padded, tiny, tokens
from txlite.models import Transformer
from txlite.nn import KVCache

pytestmark = pytest.mark.plain
some_schemes = pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "relative"])
SHALLOW = {"num_layers": 1, "num_decoder_layers": 2}


@pytest.fixture(autouse=True)
def _forget_programs() -> None:
    torch.compiler.reset()


def compiled(model: nn.Module, backend: str = "eager", dynamic: bool | None = None) -> Any:
    """Trace a model whole; ``aot_eager`` traces its backward pass as well."""
    return torch.compile(model, fullgraph=True, backend=backend, dynamic=dynamic)


@pytest.mark.parametrize(
    ("positions", "backend"),
    [("rotary", "aot_eager"), ("relative", "aot_eager"), *((name, "eager") for name in SCHEMES)],
)
def test_training_compiles_to_one_graph(positions: str, backend: str) -> None:
    model, batch = tiny(positions=positions, **SHALLOW), padded()
    got = compiled(model, backend)(batch.source, batch.target, **batch.keep)
    want = model(batch.source, batch.target, **batch.keep)
    assert_close(got, want, **CLOSE)
    names, parameters = zip(*model.named_parameters(), strict=True)
    keep = batch.target_keep
    mine, other = (torch.autograd.grad(y[keep].sin().sum(), parameters) for y in (got, want))
    for name, a, b in zip(names, mine, other, strict=True):
        assert_close(a, b, rtol=1e-8, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}")


@some_schemes
def test_prefill_and_steps_compile_to_one_graph_each(positions: str) -> None:
    model, batch, cache = tiny(positions=positions, **SHALLOW), padded("left"), KVCache()
    program, parts = compiled(model, dynamic=True), []  # else each new length is traced anew
    with torch.no_grad():
        want = model(batch.source, batch.target, **batch.keep)
        for start, end in ((0, 2), (2, 3), (3, 4), (4, T)):
            kept = {"source_keep": batch.source_keep, "target_keep": batch.target_keep[:, :end]}
            source = batch.source if start == 0 else None
            parts.append(program(source, batch.target[:, start:end], cache=cache, **kept))
    assert cache.length == T
    real = batch.target_keep
    assert_close(torch.cat(parts, 1)[real], want[real], **CLOSE)


# ------------------------------------------------------------------ export


@cache
def size(letter: str) -> Any:
    """A size that an exported program leaves open."""
    from torch.export import Dim  # which imports sympy

    return Dim(letter, min=2, max=64 if letter == "B" else 512)


@some_schemes
def test_an_exported_model_takes_any_batch_and_lengths(positions: str, tmp_path: Path) -> None:
    model, batch = tiny(positions=positions, **SHALLOW), padded()
    source, target = ({0: size("B"), 1: size(letter)} for letter in "ST")
    shapes = {"source": source, "target": target, "source_keep": source, "target_keep": target}
    program = torch.export.export(
        model, (batch.source, batch.target), batch.keep, dynamic_shapes=shapes
    )
    if positions == "relative":  # the one with integers of its own to write down
        torch.export.save(program, tmp_path / "model.pt2")
        program = torch.export.load(tmp_path / "model.pt2")
    for b, s, t in ((2, 9, 4), (5, 3, 11)):
        x, y = tokens(b, s), tokens(b, t)
        keep = {"source_keep": torch.rand(b, s) < 0.7, "target_keep": torch.rand(b, t) < 0.7}
        for mask in keep.values():
            mask[:, 1] = True
        got, want = program.module()(x, y, **keep), model(x, y, **keep)
        real = keep["target_keep"]
        assert_close(got[real], want[real], **CLOSE)


class Step(nn.Module):
    """One step of decoding as a function: the cache goes in, and comes out longer."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, target: Tensor, source_keep: Tensor, target_keep: Tensor, cache: KVCache
    ) -> tuple[Tensor, KVCache]:
        kept = {"source_keep": source_keep, "target_keep": target_keep}
        return self.model(None, target, cache=cache, **kept), cache


def prefilled(model: Transformer, b: int, s: int, t: int) -> tuple[Any, ...]:
    """Read sources and all targets but their last token; return all, and the cache."""
    source, target, cache = tokens(b, s), tokens(b, t), KVCache()
    source_keep, target_keep = torch.rand(b, s) < 0.7, torch.rand(b, t) < 0.7
    source_keep[:, 0] = target_keep[:, -1] = True
    with torch.no_grad():
        model(
            source, target[:, :-1], source_keep=source_keep, target_keep=target_keep[:, :-1],
            cache=cache,
        )  # fmt: skip
    return source, target, source_keep, target_keep, cache


@some_schemes
def test_an_exported_step_takes_the_cache_and_gives_it_back(positions: str) -> None:
    model = tiny(positions=positions, **SHALLOW)
    step = Step(model)
    _, target, source_keep, target_keep, cache = prefilled(model, 3, 7, 5)
    from torch.export import Dim, ShapesCollection

    shapes = ShapesCollection()
    last = target[:, -1:].clone()
    batch, past = size("B"), Dim("past", min=2, max=500)
    shapes[last] = {0: batch}
    shapes[source_keep] = {0: batch, 1: size("S")}
    shapes[target_keep] = {0: batch, 1: past + 1}
    for leaf in pytree.tree_leaves(cache):
        if isinstance(leaf, Tensor):
            fixed = leaf.shape[-2] == 7
            shapes[leaf] = {0: batch, 2: size("S") if fixed else past}
    program = torch.export.export(
        step, (last, source_keep, target_keep, cache), dynamic_shapes=shapes
    ).module()
    for b, s, t in ((2, 9, 4), (5, 3, 11)):
        source, target, source_keep, target_keep, cache = prefilled(model, b, s, t)
        got, grown = program(target[:, -1:], source_keep, target_keep, cache)
        want = model(source, target, source_keep=source_keep, target_keep=target_keep)[:, -1:]
        assert_close(got, want, **CLOSE)
        assert isinstance(grown, KVCache)
        assert grown.length == t
        assert grown.child("layers.0").child("cross_attention").fixed


def test_one_program_serves_every_length() -> None:
    graphs = []

    def counting(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    model = tiny(positions="rotary", **SHALLOW)
    program = torch.compile(model, fullgraph=True, backend=counting, dynamic=True)
    for b, s, t in ((3, 7, 5), (2, 9, 4), (4, 12, 6)):
        source, target = tokens(b, s), tokens(b, t)
        keep = torch.ones(b, s, dtype=torch.bool)
        got = program(source, target, source_keep=keep)
        assert_close(got, model(source, target, source_keep=keep), **CLOSE)
    assert len(graphs) == 1


def test_the_sizes_are_told_apart() -> None:
    """All dynamic axes of these tests have sizes of their own."""
    assert len({B, S, T}) == 3
