"""Shape traces: every call, in order, with true shapes, and nothing changed by looking."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.models.tiny import B, D, F, H, S, T, V, padded, tiny, tokens
from txlite.inspect import trace_shapes
from txlite.nn import KVCache

EXACT = {"rtol": 0.0, "atol": 0.0}
LETTERS = {"B": B, "S": S, "T": T, "D": D, "H": H, "F": F, "V": V, "E": D // H}


class Twice(nn.Module):
    """Calls one part twice, and gives back more than one thing."""

    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Linear(4, 4)
        self.idle = nn.Linear(9, 9)

    def forward(self, x: Tensor, *, pair: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        return {"a": self.part(self.part(x)), "b": pair[1]}


def test_a_whole_model_in_the_order_of_its_calls() -> None:
    model, batch = tiny(), padded()
    with trace_shapes(model) as trace:
        model(batch.source, batch.target, **batch.keep)
    root, *parts = trace
    assert (root.path, root.kind, root.depth) == ("", "Transformer", 0)
    assert root.inputs == {
        "source": (B, S), "target": (B, T), "source_keep": (B, S), "target_keep": (B, T)
    }  # fmt: skip
    assert root.outputs == [(B, T, V)]
    assert root.parameters == sum(p.numel() for p in model.parameters())
    top = [call.path for call in parts if call.depth == 1]
    assert top == [
        "embedding", "encoder_positions", "dropout", "encoder",
        "embedding", "decoder_positions", "dropout", "decoder",
    ]  # fmt: skip
    layer = [c.path for c in trace if c.path.startswith("encoder.layers.1") and c.depth <= 3]
    assert layer == [
        "encoder.layers.1", "encoder.layers.1.attention", "encoder.layers.1.dropout",
        "encoder.layers.1.attention_norm", "encoder.layers.1.feed_forward",
        "encoder.layers.1.dropout", "encoder.layers.1.feed_forward_norm",
    ]  # fmt: skip


def test_shapes_inside_the_decoder() -> None:
    model = tiny()
    with trace_shapes(model) as trace:
        model(tokens(B, S), tokens(B, T))
    [cross] = trace["decoder.layers.2.cross_attention"]
    assert cross.inputs == {"query": (B, T, D), "key": (B, S, D)}
    assert cross.outputs == [(B, T, D)]
    assert cross.parameters == 4 * (D * D + D)
    [attend] = trace["decoder.layers.2.cross_attention.attend"]
    assert attend.inputs == {
        "query": (B, H, T, D // H), "key": (B, H, S, D // H), "value": (B, H, S, D // H)
    }  # fmt: skip
    [hidden] = trace["decoder.layers.0.feed_forward.up_proj"]
    assert hidden.outputs == [(B, T, F)]
    read, written = trace["embedding"]
    assert (read.inputs, written.inputs) == ({"tokens": (B, S)}, {"tokens": (B, T)})


def test_only_what_ran_and_as_often_as_it_ran() -> None:
    model, x = Twice(), torch.randn(2, 4)
    pair = (torch.zeros(3), torch.zeros(5, 6))
    with trace_shapes(model) as trace:
        model(x, pair=pair)
        model(x, pair=pair)
    assert [call.path for call in trace] == ["", "part", "part"] * 2
    assert trace[0].inputs == {"x": (2, 4), "pair[0]": (3,), "pair[1]": (5, 6)}
    assert trace[0].outputs == [(2, 4), (5, 6)]
    assert len(trace["part"]) == 4
    with pytest.raises(KeyError, match=r"no call of 'idle': called were \['', 'part'\]"):
        trace["idle"]


def test_tensors_are_kept_on_request_and_are_the_models_own() -> None:
    model, batch = tiny(), padded()
    with trace_shapes(model, tensors=True) as trace:
        want = model(batch.source, batch.target, **batch.keep)
    assert_close(trace[0].returned[0], want.detach(), **EXACT)
    assert not trace[0].returned[0].requires_grad
    [attend] = trace["encoder.layers.0.attention.attend"]
    [output] = trace["encoder.layers.0.attention.output_proj"]
    assert_close(output.given["input"], attend.returned[0].transpose(1, 2).flatten(2), **EXACT)
    with trace_shapes(model) as plain:
        model(batch.source, batch.target, **batch.keep)
    assert all(not call.given and not call.returned for call in plain)
    assert [call.inputs for call in plain] == [call.inputs for call in trace]


def test_looking_changes_nothing_and_leaves_nothing_behind() -> None:
    model, batch = tiny(dropout=0.5).train(), padded()
    torch.manual_seed(3)
    want = model(batch.source, batch.target, **batch.keep)
    torch.manual_seed(3)
    with trace_shapes(model) as trace:
        got = model(batch.source, batch.target, **batch.keep)
    assert_close(got, want, **EXACT)
    assert got.requires_grad
    count = len(trace)
    model(batch.source, batch.target)
    assert len(trace) == count
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_an_error_in_the_model_leaves_the_depths_right() -> None:
    model = tiny()
    with trace_shapes(model) as trace:
        with pytest.raises(ValueError, match="source should be given"):
            model(None, tokens(B, T))
        model(tokens(B, S), tokens(B, T))
    assert trace[0].outputs == []
    assert [call.depth for call in trace if call.path == ""] == [0, 0]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_steps_with_a_cache() -> None:
    model, cache = tiny(), KVCache()
    model(tokens(B, S), tokens(B, T), cache=cache)
    with trace_shapes(model) as trace:
        model(None, tokens(B, 1), cache=cache)
    [attend] = trace["decoder.layers.0.attention.attend"]
    assert attend.inputs["query"] == (B, H, 1, D // H)
    assert attend.inputs["key"] == (B, H, T + 1, D // H)


def test_the_tree_reads_like_the_paper() -> None:
    model = tiny()
    with trace_shapes(model) as trace:
        model(tokens(B, S), tokens(B, T))
    lines = trace.tree(2, letters=LETTERS).splitlines()
    assert lines[0].split() == [
        "Transformer", "source", "(B,", "S),", "target", "(B,", "T)", "→", "(B,", "T,", "V)",
        f"{trace[0].parameters:,}",
    ]  # fmt: skip
    assert lines[1].startswith("  embedding: TokenEmbedding")
    assert sum(line.startswith("    layers.") for line in lines) == 5
    assert len({line.index("→") for line in lines}) == 1
    assert str(trace) == trace.tree()
    plain = trace.tree(2, letters=LETTERS, kinds=False).splitlines()
    assert plain[0].split()[:3] == ["Transformer", "source", "(B,"]
    assert plain[1].startswith("  embedding  ")
    assert max(map(len, plain)) < max(map(len, lines))
    assert len(plain) == len(lines)
    assert f"({B}, {S}, {D})" in str(trace)


def test_the_tree_of_one_part() -> None:
    model = tiny()
    with trace_shapes(model) as trace:
        model(tokens(B, S), tokens(B, T))
    lines = trace.tree(within="decoder.layers.1", letters=LETTERS).splitlines()
    assert lines[0].startswith("layers.1: DecoderLayer")
    assert "x (B, T, D), memory (B, S, D)" in lines[0]
    assert lines[1].startswith("  attention: MultiHeadAttention")
    own, theirs = (line for line in lines if "attend: Attend" in line)
    assert "query, key, value (B, H, T, E)" in " ".join(own.split())
    assert "query (B, H, T, E), key, value (B, H, S, E)" in " ".join(theirs.split())
    with pytest.raises(KeyError, match=r"no call of 'decoder\.layers\.9'"):
        trace.tree(within="decoder.layers.9")
    with pytest.raises(ValueError, match="letters should stand for different sizes"):
        trace.tree(letters={"B": 3, "X": 3})


def test_the_tree_of_nothing_is_empty() -> None:
    with trace_shapes(tiny()) as trace:
        pass
    assert str(trace) == ""


@pytest.mark.plain
def test_a_compiled_model_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="model should not be compiled"),
        trace_shapes(torch.compile(tiny(), backend="eager")),
    ):
        pass
