"""T5: distances are a bias of the scores, whose table all layers of a stack share.

That it computes what the published models do stands in tests/interop.
"""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils import _pytree as pytree

from tests.models.tiny import (
    CLOSE,
    EXACT,
    SOURCE_LENGTHS,
    TARGET_LENGTHS,
    B,
    D,
    F,
    S,
    T,
    V,
    padded,
    redrawn,
    share_dropped,
    tokens,
)
from txlite.generation import beam_search, generate
from txlite.inspect import record_attention
from txlite.models import T5, T5Config
from txlite.nn import KVCache

HEADS, HEAD, BUCKETS, FAR = 3, 6, 8, 6
CHOICES: dict[str, dict[str, Any]] = {
    "t5": {},
    "gated": {"activation": "geglu_tanh", "tied_output": False, "scale_output": False},
    "untied": {"tied_output": False},
    "unscaled": {"scale_output": False},
    "grouped": {"num_kv_heads": 1},
}
every_choice = pytest.mark.parametrize("name", CHOICES)
SIDES = pytest.mark.parametrize("side", ["left", "right", "anywhere"])


def config(name: str = "t5", **options: Any) -> T5Config:
    sizes: dict[str, Any] = {"vocab_size": V, "d_model": D, "num_heads": HEADS, "head_dim": HEAD}
    sizes |= {"d_ff": F, "num_layers": 2, "num_decoder_layers": 4}
    sizes |= {"num_buckets": BUCKETS, "max_distance": FAR}
    return T5Config(**{**sizes, **CHOICES[name], **options})


def tiny(name: str = "t5", **options: Any) -> T5:
    return redrawn(T5(config(name, **options)))


# ------------------------------------------------------------------ mathematics


@every_choice
def test_no_gradient_comes_from_the_future_and_some_from_all_of_the_rest(name: str) -> None:
    model, source, target = tiny(name), tokens(B, S), tokens(B, T)
    entered: list[Tensor] = []

    def listen(_: nn.Module, __: Any, x: Tensor) -> Tensor:
        entered.append(x.detach().requires_grad_())
        return entered[-1]

    with model.embedding.register_forward_hook(listen):
        logits = model(source, target)
    for t in range(T):
        read, written = torch.autograd.grad(logits[:, t].sin().sum(), entered, retain_graph=True)
        assert read.abs().amax(-1).gt(0).all()
        assert written[:, t + 1 :].eq(0).all()
        assert written[:, : t + 1].abs().amax(-1).gt(0).all()


@every_choice
@SIDES
def test_padded_cached_and_alone_agree(name: str, side: str) -> None:
    """Also the bias: a step's row of distances is that of the whole."""
    model, batch = tiny(name), padded(side)
    keep = batch.target_keep
    whole = model(batch.source, batch.target, **batch.keep)
    cache, parts = KVCache(), []
    for start, end in ((0, 2), (2, 3), (3, T)):
        source = batch.source if start == 0 else None
        kept = {"source_keep": batch.source_keep, "target_keep": keep[:, :end]}
        parts.append(model(source, batch.target[:, start:end], cache=cache, **kept))
    assert cache.length == T
    assert_close(torch.cat(parts, 1)[keep], whole[keep], **CLOSE)
    for row, (s, t) in enumerate(zip(SOURCE_LENGTHS, TARGET_LENGTHS, strict=True)):
        source, target = batch.source[row, batch.source_keep[row]], batch.target[row, keep[row]]
        assert (len(source), len(target)) == (s, t)
        assert_close(model(source[None], target[None])[0], whole[row, keep[row]], **CLOSE)


@SIDES
def test_what_padding_holds_cannot_matter(side: str) -> None:
    model, batch = tiny(), padded(side)
    want = model(batch.source, batch.target, **batch.keep)
    source = torch.where(batch.source_keep, batch.source, tokens(B, S))
    target = torch.where(batch.target_keep, batch.target, tokens(B, T))
    got = model(source, target, **batch.keep)
    assert_close(got[batch.target_keep], want[batch.target_keep], **EXACT)


# On paper: 8 buckets, 6 and more the last. In both directions 4 for each, of which 2 are single and
# the third begins at 2, the fourth at 2 · √3, so at 4. Backwards all 8, of which 4 are single.
BOTH, BACK = [0, 1, 2, 2, 3], [0, 1, 2, 3, 4]


def scores(model: T5, stack: str, x: Tensor) -> Tensor:
    """The first layer's scores without any bias, by hand: (B, H, T, T)."""
    layer = getattr(model, stack).layers[0]
    x = x / x.square().mean(-1, keepdim=True).add(1e-6).sqrt() * layer.attention_norm.weight
    q, k = (
        (x @ proj.weight.T).unflatten(-1, (HEADS, HEAD)).transpose(1, 2)
        for proj in (layer.attention.query_proj, layer.attention.key_proj)
    )
    return q @ k.mT


@pytest.mark.kills(
    "t5: scores divided by the root of the width",
    "models/t5.py",
    "scale=1.0",
    "scale=None",
)
@pytest.mark.kills(
    "t5: the decoder's distances told in both directions",
    "models/t5.py",
    "part=table(bidirectional=False)",
    "part=table()",
)
@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_scores_are_not_divided_and_have_the_bias_of_their_distance(stack: str) -> None:
    model, text = tiny(), tokens(B, T)
    with record_attention(model) as maps:
        model(text, text)
    table = getattr(model, f"{stack}_positions").biased.table.weight  # (buckets, H)
    bias = torch.empty(HEADS, T, T, dtype=torch.float64)
    for i in range(T):
        for j in range(T):
            if stack == "encoder":
                bucket = BOTH[abs(i - j)] + (BUCKETS // 2 if j > i else 0)
            else:
                bucket = BACK[max(i - j, 0)]
            bias[:, i, j] = table[bucket]
    want = scores(model, stack, model.embedding.weight[text]) + bias
    if stack == "decoder":
        want = want.masked_fill(~torch.ones(T, T, dtype=torch.bool).tril(), -torch.inf)
    assert_close(maps[f"{stack}.layers.0.attention"], want.softmax(-1), **CLOSE)


def test_no_attention_divides_its_scores() -> None:
    model, heads = tiny(), []
    attends = {path: m for path, m in model.named_modules() if path.endswith("attend")}
    for module in attends.values():
        module.register_forward_pre_hook(lambda _, args: heads.append(args[:2]))
    with record_attention(model) as maps:
        model(tokens(B, S), tokens(B, T))
    assert len(heads) == len(maps) == len(attends) == 2 + 4 + 4
    for (q, k), (path, x) in zip(heads, maps.items(), strict=True):
        if "cross" in path:
            assert_close(x, (q @ k.mT).softmax(-1), **CLOSE)


def test_each_stack_ends_with_a_norm() -> None:
    model, source, target = tiny(), tokens(B, S), tokens(B, T)
    memory, logits = model.encode(source), model(source, target)
    with torch.no_grad():
        model.decoder.norm.weight.mul_(2.0)
        assert_close(model(source, target), 2 * logits, **CLOSE)
        model.encoder.norm.weight.mul_(3.0)
        assert_close(model.encode(source), 3 * memory, **CLOSE)
    assert_close(
        (memory / model.encoder.norm.weight * 3).square().mean(-1), torch.ones(B, S).double()
    )


def test_one_table_a_stack_serves_all_its_layers_and_no_cross_attention() -> None:
    model, source, target = tiny(), tokens(B, S), tokens(B, T)
    tables = {key for key, _ in model.named_parameters() if "table" in key}
    assert tables == {f"{stack}_positions.biased.table.weight" for stack in ("encoder", "decoder")}
    with record_attention(model) as before:
        memory = model.encode(source)
        model.decode(target, memory)
    with torch.no_grad():
        model.decoder_positions.biased.table.weight[1] += 1.0
    with record_attention(model) as after:
        model.decode(target, memory)
    moved = {path for path in after if not torch.allclose(after[path], before[path])}
    assert {f"decoder.layers.{i}.attention" for i in range(4)} <= moved
    # The first layer's cross-attention sees the change in its queries only: without any in what
    # the self-attention adds, its map is what it was.
    assert "decoder.layers.0.cross_attention" in moved
    with torch.no_grad():
        for layer in model.decoder.layers:
            layer.attention.output_proj.weight.zero_()
        model.decoder_positions.biased.table.weight[1] -= 1.0
    with record_attention(model) as still:
        model.decode(target, memory)
        first = {path: x.clone() for path, x in still.items()}
        with torch.no_grad():
            model.decoder_positions.biased.table.weight[1] += 1.0
        model.decode(target, memory)
    for path, x in still.items():
        assert torch.allclose(x, first[path]) == ("cross" in path), path


def test_the_bias_is_there_in_every_step() -> None:
    """A map of a cached step is the last row of the whole one's."""
    model, source, target = tiny(), tokens(B, S), tokens(B, T)
    with record_attention(model) as whole:
        model(source, target)
    cache = KVCache()
    model(source, target[:, :-1], cache=cache)
    with record_attention(model) as step:
        model(None, target[:, -1:], cache=cache)
    assert set(step) == {path for path in whole if path.startswith("decoder")}
    for path, x in step.items():
        assert_close(x, whole[path][:, :, -1:], **CLOSE)


@pytest.mark.parametrize("tied", [True, False])
def test_what_comes_out_is_scaled_where_the_config_says(tied: bool) -> None:
    scaled, plain = tiny(tied_output=tied), tiny(tied_output=tied, scale_output=False)
    plain.load_state_dict(scaled.state_dict())
    source, target = tokens(B, S), tokens(B, T)
    assert_close(scaled(source, target) * D**0.5, plain(source, target), **CLOSE)
    assert (scaled.output is None) is tied


def test_the_source_is_read_once_and_beams_reorder_the_cache() -> None:
    model, source, target, cache = tiny(), tokens(B, S), tokens(B, T), KVCache()
    model(source, target[:, :3], cache=cache)
    index = torch.tensor([2, 0, 0, 1])
    cache.reorder(index)
    with record_attention(model) as maps:
        got = model(None, target[index, 3:], cache=cache)
    assert not any(path.startswith("encoder") for path in maps)
    assert_close(got, model(source[index], target[index])[:, 3:], **CLOSE)


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_what_is_written_does_not_depend_on_padding_or_cache(search: str) -> None:
    model, batch = tiny(), padded("left")
    prompt = torch.zeros(B, 1, dtype=torch.int64)

    def write(source: Tensor, keep: Tensor | None, start: Tensor, use_cache: bool) -> Tensor:
        given: dict[str, Any] = {"source": source, "source_keep": keep, "use_cache": use_cache}
        given |= {"max_new_tokens": 5, "eos_id": 3, "pad_id": 1}
        if search == "greedy":
            return generate(model, start, **given)
        return beam_search(model, start, num_beams=3, **given).tokens

    got = write(batch.source, batch.source_keep, prompt, True)
    assert torch.equal(got, write(batch.source, batch.source_keep, prompt, False))
    for row in range(B):
        source = batch.source[row, batch.source_keep[row]][None]
        alone = write(source, None, prompt[:1], True)[0]
        assert torch.equal(got[row, : len(alone)], alone)
        assert got[row, len(alone) :].eq(1).all()


# ------------------------------------------------------------------ published sizes

# Of the released files; the paper says 60, 220 and 770 million (section 3.6). Its large model would
# have 770.6 with an output of its own, and is tied. Of version 1.1 no paper gives a number.
PUBLISHED: dict[str, tuple[int, float]] = {
    "small": (60_506_624, 60),
    "base": (222_903_552, 220),
    "large": (737_668_096, 770.6 - 32_128 * 1024 / 1e6),
    "v1_1_base": (247_577_856, 247.6),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_sizes_on_meta(name: str) -> None:
    count, millions = PUBLISHED[name]
    preset = getattr(T5Config, name)()
    with torch.device("meta"):
        model = T5(preset)
    assert sum(p.numel() for p in model.parameters()) == count
    assert count / 1e6 == pytest.approx(millions, rel=0.015)
    text = torch.zeros(2, 3, dtype=torch.int64, device="meta")
    assert model(text, text[:, :2]).shape == (2, 2, preset.vocab_size)


def test_the_presets_are_the_papers() -> None:
    told = {
        name: (c.num_layers, c.d_model, c.num_heads, c.d_ff, c.activation, c.tied_output)
        for name in PUBLISHED
        for c in [getattr(T5Config, name)(77)]
    }
    assert told == {
        "small": (6, 512, 8, 2048, "relu", True),
        "base": (12, 768, 12, 3072, "relu", True),
        "large": (24, 1024, 16, 4096, "relu", True),
        "v1_1_base": (12, 768, 12, 2048, "geglu_tanh", False),
    }
    for name in PUBLISHED:
        c = getattr(T5Config, name)(77)
        assert (c.vocab_size, c.head_dim, c.num_buckets, c.max_distance) == (77, 64, 32, 128)
        assert (c.norm, c.norm_eps, c.norm_first, c.bias) == ("rms", 1e-6, True, False)
        assert c.dropout == c.attention_dropout == c.ff_dropout == 0.1
        assert c.scale_output is c.tied_output


def test_the_weights_begin_as_the_authors_draw_them() -> None:
    wide, heads, head, hidden = 64, 4, 24, 150
    model = T5(config(d_model=wide, num_heads=heads, head_dim=head, d_ff=hidden, vocab_size=200,
                      num_buckets=64, max_distance=99, tied_output=False))  # fmt: skip
    want = {
        "embedding.weight": 1.0,
        "output.weight": wide**-0.5,
        "table.weight": wide**-0.5,
        "query_proj.weight": (wide * head) ** -0.5,
        "key_proj.weight": wide**-0.5,
        "value_proj.weight": wide**-0.5,
        "output_proj.weight": (heads * head) ** -0.5,
        "up_proj.weight": wide**-0.5,
        "down_proj.weight": hidden**-0.5,
    }
    for name, p in model.named_parameters():
        if p.ndim == 1:
            assert p.eq(1.0).all(), name
            continue
        (std,) = (x for ending, x in want.items() if name.endswith(ending))
        assert p.std().item() == pytest.approx(std, rel=0.12), name


# ------------------------------------------------------------------ as a module


@every_choice
def test_every_weight_learns_and_a_state_makes_the_same_model(name: str) -> None:
    model, other, source, target = tiny(name), tiny(name), tokens(B, S), tokens(B, T)
    want = model(source, target)
    want.sin().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in model.parameters())
    assert not torch.allclose(other(source, target), want)
    other.load_state_dict(model.state_dict())
    assert_close(other(source, target), want, **EXACT)


@every_choice
def test_half_precision_and_autocast(name: str) -> None:
    model, batch = T5(config(name, dropout=0.0, attention_dropout=0.0, ff_dropout=0.0)), padded()
    want = model(batch.source, batch.target, **batch.keep)
    got = copy.deepcopy(model).bfloat16()(batch.source, batch.target, **batch.keep)
    assert got.dtype == torch.bfloat16
    real = batch.target_keep
    assert_close(got.float()[real], want[real], rtol=0.05, atol=0.05 * want.abs().max().item())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(batch.source, batch.target, **batch.keep)
    logits.float().sin().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_dropout_only_in_training_and_at_both_stacks_ends() -> None:
    model = tiny(dropout=0.5, attention_dropout=0.25, ff_dropout=0.75)
    source, target = tokens(B, S), tokens(B, T)
    assert_close(model(source, target), model(source, target), **EXACT)
    layer = model.decoder.layers[2]
    assert layer.attention.attend.dropout == layer.cross_attention.attend.dropout == 0.25
    assert (layer.dropout.p, layer.feed_forward.dropout.p, model.dropout.p) == (0.5, 0.75, 0.5)
    untied = tiny(dropout=0.5, tied_output=False)
    for reader in (untied.encoder, untied.decoder, untied.output):  # at each entrance, and the end
        share = share_dropped(untied.dropout, reader, lambda: untied(source, target))
        assert 0.35 < share < 0.65
    model.dropout.train()
    memory = model.encode(source)
    assert 0.35 < memory.eq(0).double().mean() < 0.65


def test_it_computes_where_its_tensors_lie() -> None:
    model, batch = tiny(), padded("left")

    def compute() -> Tensor:
        cache = KVCache()
        kept = {"source_keep": batch.source_keep, "target_keep": batch.target_keep[:, :3]}
        first = model(batch.source, batch.target[:, :3], cache=cache, **kept)
        return torch.cat([first, model(None, batch.target[:, 3:], cache=cache, **batch.keep)], 1)

    want = compute()
    with torch.device("meta"):
        assert torch.equal(compute(), want)


# ------------------------------------------------------------------ compile and export

SHALLOW = {"num_layers": 1, "num_decoder_layers": 1}


@pytest.mark.plain
@pytest.mark.parametrize("name", ["t5", "gated"])
def test_training_compiles_to_one_graph(name: str) -> None:
    torch.compiler.reset()
    model, batch = tiny(name, **SHALLOW), padded("left")
    program: Any = torch.compile(model, fullgraph=True, backend="eager")
    got, want = (run(batch.source, batch.target, **batch.keep) for run in (program, model))
    real, weights = batch.target_keep, tuple(model.parameters())
    assert_close(got[real], want[real], **CLOSE)
    mine, other = (torch.autograd.grad(y[real].sin().sum(), weights) for y in (got, want))
    for a, b in zip(mine, other, strict=True):
        assert_close(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.plain
def test_prefill_and_steps_compile_to_one_graph_each() -> None:
    torch.compiler.reset()
    model, batch, cache = tiny(**SHALLOW), padded("left"), KVCache()
    program: Any = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    real, parts = batch.target_keep, []
    with torch.no_grad():
        want = model(batch.source, batch.target, **batch.keep)
        for start, end in ((0, 3), (3, 4), (4, T)):
            kept = {"source_keep": batch.source_keep, "target_keep": real[:, :end]}
            source = batch.source if start == 0 else None
            parts.append(program(source, batch.target[:, start:end], cache=cache, **kept))
    assert_close(torch.cat(parts, 1)[real], want[real], **CLOSE)


@pytest.mark.plain
@pytest.mark.parametrize("name", ["t5", "gated"])
def test_an_exported_model_takes_any_batch_and_lengths(name: str) -> None:
    from torch.export import Dim  # which imports sympy

    model, batch = tiny(name, **SHALLOW), padded()
    rows = Dim("B", min=2)
    read, written = ({0: rows, 1: Dim(letter, min=2, max=500)} for letter in "ST")
    shapes = {"source": read, "target": written, "source_keep": read, "target_keep": written}
    program = torch.export.export(
        model, (batch.source, batch.target), batch.keep, dynamic_shapes=shapes
    ).module()
    for b, s, t in ((2, 9, 4), (5, 3, 11), (3, 40, 150)):
        keep = {"source_keep": torch.rand(b, s) < 0.7, "target_keep": torch.rand(b, t) < 0.7}
        for mask in keep.values():
            mask[:, 1] = True
        x, y, real = tokens(b, s), tokens(b, t), keep["target_keep"]
        assert_close(program(x, y, **keep)[real], model(x, y, **keep)[real], **CLOSE)


class Step(nn.Module):
    """One step of decoding as a function: the cache goes in, and comes out longer."""

    def __init__(self, model: T5) -> None:
        super().__init__()
        self.model = model

    def forward(self, target: Tensor, cache: KVCache) -> tuple[Tensor, KVCache]:
        return self.model(None, target, cache=cache), cache


@pytest.mark.plain
def test_an_exported_step_takes_the_cache_and_gives_it_back() -> None:
    from torch.export import Dim, ShapesCollection

    model = tiny(**SHALLOW)

    def prefilled(b: int, s: int, t: int) -> tuple[Tensor, Tensor, KVCache]:
        source, target, cache = tokens(b, s), tokens(b, t), KVCache()
        with torch.no_grad():
            model(source, target[:, :-1], cache=cache)
        return source, target, cache

    _, target, cache = prefilled(3, 7, 5)
    last, rows, read, past = target[:, -1:].clone(), *(Dim(n, min=2, max=400) for n in "BSP")
    shapes = ShapesCollection()
    shapes[last] = {0: rows}
    for leaf in pytree.tree_leaves(cache):
        if isinstance(leaf, Tensor):
            shapes[leaf] = {0: rows, 2: read if leaf.shape[-2] == 7 else past}
    program = torch.export.export(Step(model), (last, cache), dynamic_shapes=shapes).module()
    for b, s, t in ((2, 9, 4), (5, 3, 150)):
        source, target, cache = prefilled(b, s, t)
        got, grown = program(target[:, -1:], cache)
        assert_close(got, model(source, target)[:, -1:], **CLOSE)
        assert grown.length == t


# ------------------------------------------------------------------ errors


@pytest.mark.plain
def test_arguments_are_refused_by_name_and_leave_the_cache_alone() -> None:
    model, batch, cache = tiny(), padded(), KVCache()
    source, target = batch.source, batch.target
    given = {"source": source, "target": target, **batch.keep, "cache": cache}
    for wrong, message in (
        ({"source": None}, "^source should be given, or a filled cache; got None"),
        ({"target": target[0]}, r"^target should have shape \(B, T\), got \(5,\)"),
        ({"source": source[0]}, r"^source should have shape \(B, S\)"),
        ({"source": source.double()}, "^tokens should hold int32 or int64 numbers"),
        ({"target": target + V}, rf"^tokens should lie in \[0, vocab_size={V}\)"),
        ({"source_keep": batch.target_keep}, r"^source_keep should .* \(B=3, L=7\), got \(3, 5\)"),
        ({"target_keep": batch.source_keep}, r"^target_keep should .* \(B=3, L=5\), got \(3, 7\)"),
        ({"source_keep": batch.source_keep.long()}, "^source_keep should be a bool tensor"),
        ({"target_keep": batch.target_keep.long()}, "^target_keep should be a bool tensor"),
    ):
        with pytest.raises(ValueError, match=message):
            model(**{**given, **wrong})
        assert not cache.filled


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 0}, "vocab_size should be a positive whole number, got 0"),
        ({"num_decoder_layers": 0}, "num_decoder_layers should be a positive whole number, got 0"),
        ({"num_buckets": 0}, "num_buckets should be a positive whole number, got 0"),
        ({"max_distance": 1.5}, "max_distance should be a positive whole number, got 1.5"),
        ({"head_dim": 0}, "head_dim should be a positive whole number, got 0"),
        ({"head_dim": None, "num_heads": 5}, f"d_model={D} should be a multiple of num_heads=5"),
        ({"num_kv_heads": 2}, "num_heads=3 should be a multiple of num_kv_heads=2"),
        ({"ff_dropout": 1.0}, r"ff_dropout should be a probability in \[0, 1\), got 1.0"),
        ({"activation": "tanh"}, "activation should be one of relu, .*, got 'tanh'"),
    ],
)
def test_a_config_refuses_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        config(**options)
