"""Rotary positions: scores see the difference only, lengths are kept, and nothing runs out."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.testing import assert_close

from tests.nn.tensors import array, distance
from txlite.nn import KVCache, MultiHeadAttention, masks
from txlite.nn.positions import Positions, Rotary, RotaryScaling, Rotation, count_positions

B, H, T, S, E = 2, 3, 5, 7, 6
FAR = 1_000_000


def draw(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=torch.float64).to(dtype)


def turned(x: NDArray[np.float64], positions: NDArray[np.int64], base: float) -> NDArray:
    """Turn x (…, T, E) as complex numbers, one for each pair: another way to say the same."""
    z = x[..., 0::2] + 1j * x[..., 1::2]
    speed = base ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    z = z * np.exp(1j * positions[..., None] * speed)
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape)


# ------------------------------------------------------------------ mathematics


@pytest.mark.kills(
    "rotary: halves paired",
    "nn/positions/rotary.py",
    "reshape(*x.shape[:-1], planes, 2)\n        even, odd = pairs.unbind(-1)",
    "reshape(*x.shape[:-1], 2, planes)\n        even, odd = pairs.unbind(-2)",
)
@pytest.mark.parametrize("base", [10_000.0, 500_000.0, 7.0])
@pytest.mark.parametrize("width", [2, 6, 16])
def test_a_pair_is_a_complex_number_that_turns(width: int, base: float) -> None:
    x, positions = draw(B, H, T, width), torch.tensor([0, 1, 3, 12, 4000])
    got = Rotary(width, base=base)(positions).apply(x)
    assert distance(got, turned(array(x), positions.numpy(), base)) <= 1e-12


@given(
    st.lists(st.integers(-300, FAR), min_size=T, max_size=T),
    st.lists(st.integers(-300, FAR), min_size=S, max_size=S),
    st.integers(-FAR, FAR),
    st.integers(0, 2**32 - 1),
)
def test_a_score_depends_on_the_difference_only(
    i: list[int], j: list[int], shift: int, seed: int
) -> None:
    torch.manual_seed(seed)
    query, key, rotary = draw(B, H, T, E), draw(B, H, S, E), Rotary(E)
    i, j = torch.tensor(i), torch.tensor(j)

    def scores(i: Tensor, j: Tensor) -> Tensor:
        return rotary(i).apply(query) @ rotary(j).apply(key).mT

    assert_close(scores(i + shift, j + shift), scores(i, j), rtol=0, atol=1e-7)
    assert not torch.allclose(scores(i + 1, j), scores(i, j), rtol=0, atol=1e-4)  # it can see


def test_keys_turn_with_queries_and_not_against_them() -> None:
    """A query that equals its key scores highest where both stand at the same place."""
    x, positions = draw(1, E).expand(9, E), torch.arange(9)
    y = Rotary(E)(positions).apply(x)
    scores = y @ y.T
    assert (scores.argmax(-1) == positions).all()
    assert_close(scores.diagonal(), (x * x).sum(-1))
    assert_close(scores, scores.T)


def test_lengths_are_kept_pair_by_pair() -> None:
    x = draw(B, H, T, E)
    y = Rotary(E)(torch.arange(T) * 977).apply(x)
    for one, other in ((x, y),):
        pairs = [z.unflatten(-1, (-1, 2)).norm(dim=-1) for z in (one, other)]
        assert_close(*pairs, rtol=1e-13, atol=1e-13)
    assert not torch.allclose(x[..., 1:, :], y[..., 1:, :])


def test_position_zero_changes_not_a_bit() -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        x = draw(B, H, T, E, dtype=dtype)
        assert torch.equal(Rotary(E)(torch.zeros(T, dtype=torch.long)).apply(x), x)


def test_turns_add_up() -> None:
    x, rotary = draw(B, H, T, E), Rotary(E)
    i, j = torch.randint(90, (2, T))
    assert_close(rotary(j).apply(rotary(i).apply(x)), rotary(i + j).apply(x))
    assert_close(rotary(-i).apply(rotary(i).apply(x)), x)


def test_the_gradient_is_turned_back() -> None:
    x = draw(B, H, T, E).requires_grad_()
    upstream, positions = draw(B, H, T, E), torch.arange(T)
    (got,) = torch.autograd.grad(Rotary(E)(positions).apply(x), x, upstream)
    assert_close(got, Rotary(E)(-positions).apply(upstream))


@pytest.mark.kills(
    "rotary: all planes at one speed",
    "nn/positions/rotary.py",
    "self.base**-exponents",
    "self.base ** -(0 * exponents)",
)
def test_the_first_plane_is_the_fastest() -> None:
    rotation = Rotary(E, base=100.0)(torch.tensor([1]))
    angles = torch.atan2(rotation.sin, rotation.cos)[0]
    assert_close(angles, torch.tensor([1.0, 100 ** (-1 / 3), 100 ** (-2 / 3)]).double())


# ------------------------------------------------------------------ scaling

LLAMA3: dict[str, Any] = {"kind": "llama3", "factor": 8.0, "original_length": 64}


def speeds(rotary: Rotary) -> Tensor:
    """The angle of each plane from one position to the next."""
    rotation = rotary(torch.tensor([0, 1]))
    assert rotation.cos[0].eq(1).all()
    return torch.atan2(rotation.sin, rotation.cos)[1]


def by_cases(speed: float, factor: float, low: float, high: float, length: int) -> float:
    """Llama 3.1's rule as its authors wrote it: three cases of a plane's wavelength."""
    wavelength = 2 * math.pi / speed
    if wavelength < length / high:
        return speed
    if wavelength > length / low:
        return speed / factor
    smooth = (length / wavelength - low) / (high - low)
    return (1 - smooth) * speed / factor + smooth * speed


@pytest.mark.kills(
    "rotary: scaling ignored",
    "nn/positions/rotary.py",
    "if self.scaling is not None:",
    "if self.scaling is None and self.head_dim < 0:",
)
def test_the_planes_of_llama_3_1() -> None:
    """Known numbers: a head of 16, factor 8, from 1 to 4 turns in 64 positions."""
    got = speeds(Rotary(16, scaling=RotaryScaling(**LLAMA3)))
    want = [1, 0.244385, 0.0130423, 0.00395285, 0.00125, 0.000395285, 0.000125, 0.0000395285]
    assert_close(got, torch.tensor(want, dtype=torch.float64), rtol=4e-6, atol=0.0)  # six digits


@given(
    st.floats(1.0, 64.0),
    st.floats(0.25, 4.0),
    st.floats(0.1, 30.0),
    st.integers(1, 9000),
    st.floats(2.0, 1e6),
)
def test_llama_3_scaling_is_its_three_cases(
    factor: float, low: float, gap: float, length: int, base: float
) -> None:
    numbers = {"factor": factor, "low": low, "high": low + gap}
    scaling = RotaryScaling(kind="llama3", original_length=length, **numbers)
    plain = base ** -(torch.arange(0, 12, 2, dtype=torch.float64) / 12)
    got = scaling.apply(plain)
    want = [by_cases(speed, factor, low, low + gap, length) for speed in plain.tolist()]
    assert_close(got, torch.tensor(want, dtype=torch.float64), rtol=1e-9, atol=0.0)
    assert (got.diff() < 0).all()  # no plane overtakes another
    assert (got <= plain).all()
    assert (got >= plain / factor * (1 - 1e-12)).all()


def test_linear_scaling_squeezes_the_positions() -> None:
    x, scaling = draw(B, H, T, E), RotaryScaling(kind="linear", factor=4.0)
    positions = torch.tensor([0, 1, 5, 90, 1000])
    got = Rotary(E, scaling=scaling)(4 * positions).apply(x)
    assert_close(got, Rotary(E)(positions).apply(x), rtol=0, atol=1e-11)
    kind = {"kind": "linear", "low": 0.5, "high": 0.75, "original_length": 3}
    other = RotaryScaling(factor=4.0, **kind)  # its other numbers are not read
    assert torch.equal(Rotary(E, scaling=other)(positions).cos, speeds_at(scaling, positions))


def speeds_at(scaling: RotaryScaling, positions: Tensor) -> Tensor:
    return Rotary(E, scaling=scaling)(positions).cos


def test_a_factor_of_one_changes_nothing() -> None:
    for kind in ("linear", "llama3"):
        same = Rotary(E, scaling=RotaryScaling(**{**LLAMA3, "kind": kind, "factor": 1.0}))
        positions = torch.arange(9)
        assert_close(same(positions).sin, Rotary(E)(positions).sin, rtol=1e-14, atol=1e-14)
    assert "factor=1.0" in repr(same)
    assert "scaling" not in repr(Rotary(E))


@pytest.mark.plain
@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"kind": "yarn"}, "kind should be one of linear, llama3, got 'yarn'"),
        ({"kind": "dynamic"}, "kind should be one of linear, llama3, got 'dynamic'"),
        ({"factor": 0.5}, "factor should be a finite number of at least 1, got 0.5"),
        ({"factor": math.inf}, "factor should be a finite number of at least 1, got inf"),
        ({"low": 0.0}, "low should be a positive number, got 0.0"),
        ({"high": 1.0}, "high should be a finite number above low=1, got 1.0"),
        ({"low": 5.0}, "high should be a finite number above low=5, got 4.0"),
        ({"original_length": 0}, "original_length should be a positive whole number, got 0"),
    ],
)
def test_a_scaling_that_is_not_built_is_refused_by_name(
    numbers: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        RotaryScaling(**{**LLAMA3, **numbers})


# ------------------------------------------------------------------ heads and sequences


@pytest.mark.kills(
    "rotary: the rest of the head dropped",
    "nn/positions/rotary.py",
    "x[..., 2 * planes :]], dim=-1)",
    "x[..., 2 * planes :] * 0], dim=-1)",
)
@pytest.mark.parametrize("width", [2, 4, 6])
def test_the_rest_of_a_head_passes(width: int) -> None:
    x, positions = draw(B, H, T, E), torch.arange(T)
    got = Rotary(width)(positions).apply(x)
    assert torch.equal(got[..., width:], x[..., width:])
    assert_close(got[..., :width], Rotary(width)(positions).apply(x[..., :width]))


def test_every_sequence_may_have_its_own_positions() -> None:
    x, positions = draw(B, H, T, E), torch.randint(90, (B, T))
    got = Rotary(E)(positions).apply(x)
    for b in range(B):
        assert torch.equal(got[b], Rotary(E)(positions[b]).apply(x[b]))


@pytest.mark.parametrize("axes", [(), (4,), (B,), (B, 1), (B, H)])
def test_leading_axes_are_free(axes: tuple[int, ...]) -> None:
    """Queries and grouped keys have different numbers of heads, and a lone head has no axis."""
    x, positions = draw(*axes, T, E), torch.arange(T)
    got = Rotary(E)(positions).apply(x)
    assert distance(got, turned(array(x), positions.numpy(), 10_000.0)) <= 1e-12
    if axes and axes[0] == B:
        each = Rotary(E)(positions.expand(B, T))
        assert torch.equal(each.apply(x), got)


def test_no_positions_are_allowed() -> None:
    rotation = Rotary(E)(torch.arange(0))
    assert rotation.apply(draw(B, H, 0, E)).shape == (B, H, 0, E)


# ------------------------------------------------------------------ precision


@pytest.mark.kills(
    "rotary: arithmetic in the dtype of x",
    "nn/positions/rotary.py",
    "torch.promote_types(x.dtype, torch.float32)",
    "x.dtype",
)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_low_precision_is_lost_in_the_last_rounding_only(dtype: torch.dtype) -> None:
    """Far from the start too, where an angle held in bfloat16 would be wrong by whole turns."""
    x, positions = draw(B, H, T, E, dtype=dtype), torch.tensor([1, 17, 300, 70_001, FAR])
    got = Rotary(E).to(dtype)(positions).apply(x)
    exact = torch.from_numpy(turned(array(x), positions.numpy(), 10_000.0))
    assert got.dtype == dtype
    rounding = torch.finfo(dtype).eps / 2 * exact.abs()  # once, to the nearest
    room = rounding + 4e-7 * x.double().norm(dim=-1, keepdim=True)  # and float32 on the way
    assert ((got.double() - exact).abs() <= room).all()


def test_a_module_has_no_angles_that_a_cast_could_spoil() -> None:
    rotary = Rotary(E)
    assert not list(rotary.parameters())
    assert not list(rotary.buffers())
    assert rotary.bfloat16()(torch.tensor([FAR])).cos.dtype == torch.float64


# ------------------------------------------------------------------ parity


def halves(x: Tensor) -> Tensor:
    """From neighbouring pairs to Hugging Face's half-split: 0, 2, 4, …, 1, 3, 5, …."""
    return torch.cat([x[..., 0::2], x[..., 1::2]], dim=-1)


def test_equals_llama_after_the_permutation() -> None:
    """Forward and backward, of two tensors at once, with the tables in Llama's layout."""
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    q, k = draw(B, H, T, E).requires_grad_(), draw(B, 1, T, E).requires_grad_()
    rotation = Rotary(E)(torch.randint(FAR, (B, T)))
    cos, sin = (torch.cat([x, x], dim=-1) for x in (rotation.cos, rotation.sin))
    theirs = apply_rotary_pos_emb(halves(q), halves(k), cos, sin)
    for x, want in zip((q, k), theirs, strict=True):
        got, upstream = halves(rotation.apply(x)), draw(*want.shape)
        assert_close(got, want, rtol=0, atol=1e-12)
        mine, other = (torch.autograd.grad(y, x, upstream, retain_graph=True) for y in (got, want))
        assert_close(mine, other, rtol=0, atol=1e-12)
    assert not torch.allclose(rotation.apply(q), theirs[0])  # without it, another rotation


def test_the_tables_are_llamas() -> None:
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    config = LlamaConfig(hidden_size=48, num_attention_heads=3, rope_theta=500_000.0)
    positions = torch.randint(500, (B, T))
    cos, sin = LlamaRotaryEmbedding(config)(draw(B, T, 48, dtype=torch.float32), positions)
    ours = Rotary(16, base=config.rope_parameters["rope_theta"])(positions)
    assert_close(ours.cos.float(), cos[..., :8], rtol=0, atol=1e-4)  # theirs are float32
    assert_close(ours.sin.float(), sin[..., :8], rtol=0, atol=1e-4)


def test_equals_gptj_as_it_stands_in_a_part_of_the_head() -> None:
    """GPT-J pairs neighbours too, and turns only the first entries of a head."""
    from transformers.models.gptj import modeling_gptj as gptj

    width, x = 4, draw(B, H, T, E)
    rotation = Rotary(width)(torch.arange(T).expand(B, T))
    part = x[..., :width].transpose(1, 2)  # theirs is (B, T, H, E)
    want = gptj.apply_rotary_pos_emb(part, rotation.sin, rotation.cos).transpose(1, 2)
    assert_close(rotation.apply(x)[..., :width], want, rtol=0, atol=1e-14)
    table = gptj.create_sinusoidal_positions(T, width)  # (T, E): sines, then cosines, in float32
    both = torch.cat([rotation.sin[0], rotation.cos[0]], dim=-1)
    assert_close(both.float(), table, rtol=0, atol=1e-6)


# ------------------------------------------------------------------ in attention


def attention(num_kv_heads: int = 3) -> MultiHeadAttention:
    module = MultiHeadAttention(10, 6, num_kv_heads=num_kv_heads, head_dim=E).double()
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return module


@pytest.mark.parametrize("num_kv_heads", [6, 3, 1])
def test_attention_turns_queries_and_keys_and_never_values(num_kv_heads: int) -> None:
    module, x, rotation = attention(num_kv_heads), draw(B, T, 10), Rotary(E)(torch.arange(T))
    shape = lambda y, n: y.reshape(B, T, n, E).transpose(1, 2)  # noqa: E731
    groups = 6 // num_kv_heads
    q = array(rotation.apply(shape(module.query_proj(x), 6)))
    k = array(rotation.apply(shape(module.key_proj(x), num_kv_heads))).repeat(groups, axis=1)
    v = array(shape(module.value_proj(x), num_kv_heads)).repeat(groups, axis=1)
    scores = q @ k.swapaxes(-1, -2) / E**0.5
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    z = torch.from_numpy((weights @ v).swapaxes(1, 2).reshape(B, T, 36))
    assert_close(
        module(x, positions=Positions(rotation=rotation)), module.output_proj(z), rtol=0, atol=1e-11
    )


def padded(x: Tensor, before: int, after: int) -> tuple[Tensor, Tensor]:
    """Put loud padding around a sequence, and say what is real."""
    sides = [1e3 * draw(B, n, x.shape[-1]) for n in (before, after)]
    keep = torch.zeros(B, before + x.shape[1] + after, dtype=torch.bool)
    keep[:, before : before + x.shape[1]] = True
    return torch.cat([sides[0], x, sides[1]], dim=1), keep


@pytest.mark.parametrize("pads", [(3, 0), (0, 4), (2, 5)])
def test_padding_moves_no_position(pads: tuple[int, int]) -> None:
    """Positions counted from the mask are those of the bare sequence; even without them …"""
    module, x, rotary = attention(), draw(B, T, 10), Rotary(E)
    bare = module(x, mask=masks.causal(), positions=Positions(rotation=rotary(torch.arange(T))))
    long, keep = padded(x, *pads)
    mask = masks.causal() & masks.padding(keep)
    got = module(long, mask=mask, positions=Positions(rotation=rotary(count_positions(keep))))
    assert_close(got[:, pads[0] : pads[0] + T], bare, rtol=0, atol=1e-10)
    # … counting the padding too gives the same scores here, as they see differences only.
    shifted = module(
        long, mask=mask, positions=Positions(rotation=rotary(torch.arange(long.shape[1])))
    )
    assert_close(shifted[:, pads[0] : pads[0] + T], bare, rtol=0, atol=1e-10)


def test_padding_in_the_middle_needs_positions_from_the_mask() -> None:
    module, x, rotary = attention(), draw(B, T, 10), Rotary(E)
    bare = module(x, mask=masks.causal(), positions=Positions(rotation=rotary(torch.arange(T))))
    keep = torch.tensor([True, True, False, False, True, True, True]).expand(B, -1)
    long = 1e3 * draw(B, 7, 10)
    long[keep] = x.flatten(0, 1)
    mask = masks.causal() & masks.padding(keep)
    got = module(long, mask=mask, positions=Positions(rotation=rotary(count_positions(keep))))
    assert_close(got[keep].reshape(B, T, 10), bare, rtol=0, atol=1e-10)
    naive = module(long, mask=mask, positions=Positions(rotation=rotary(torch.arange(7))))
    assert not torch.allclose(naive[keep].reshape(B, T, 10), bare, atol=1e-3)


@pytest.mark.parametrize("steps", [[4, 1, 1, 1], [1] * 7, [2, 5], [7]])
@pytest.mark.parametrize("num_kv_heads", [6, 2])
def test_cached_equals_uncached(steps: list[int], num_kv_heads: int) -> None:
    """With padding on the left of one sequence and on the right of the other."""
    module, x, rotary = attention(num_kv_heads), draw(B, S, 10), Rotary(E)
    keep = torch.tensor([[False, False, True, True, True, True, True], [True] * 5 + [False] * 2])
    mask = masks.causal() & masks.padding(keep)
    whole = module(x, mask=mask, positions=Positions(rotation=rotary(count_positions(keep))))
    cache, outs, done = KVCache(), [], 0
    for step in steps:
        new, done = x[:, done : done + step], done + step
        seen = keep[:, :done]
        positions = count_positions(seen, num_queries=step)
        mask = masks.causal() & masks.padding(seen)
        outs.append(
            module(new, mask=mask, positions=Positions(rotation=rotary(positions)), cache=cache)
        )
    assert_close(torch.cat(outs, dim=1), whole, rtol=0, atol=1e-12)


# ------------------------------------------------------------------ as a user runs it


@pytest.mark.plain
@pytest.mark.parametrize("shape", [(T,), (B, T)])
def test_compiles_into_one_graph(shape: tuple[int, ...]) -> None:
    rotary = Rotary(4)

    def turn(x: Tensor, positions: Tensor) -> Tensor:
        return rotary(positions).apply(x)

    compiled = torch.compile(turn, fullgraph=True, backend="aot_eager", dynamic=True)
    for length in (T, 9, 12):
        positions = torch.randint(90, (*shape[:-1], length))
        x = draw(B, H, length, E).requires_grad_()
        got, want = compiled(x, positions), turn(x, positions)
        assert_close(got, want, rtol=0, atol=1e-14)
        mine, other = (torch.autograd.grad(y.square().sum(), x)[0] for y in (got, want))
        assert_close(mine, other, rtol=0, atol=1e-13)


class Model(torch.nn.Module):
    """Attention whose rotation is an input."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = attention()

    def forward(self, x: Tensor, rotation: Rotation) -> Tensor:
        return self.attention(x, mask=masks.causal(), positions=Positions(rotation=rotation))


@pytest.mark.plain
def test_exports_with_any_batch_and_length_and_survives_the_disk(tmp_path) -> None:
    from torch.export import Dim

    model, rotary = Model(), Rotary(E)
    batch, length = Dim("batch", min=2), Dim("length", min=3)
    axes = {0: batch, 1: length}
    example = draw(3, 8, 10), rotary(torch.randint(90, (3, 8)))
    program = torch.export.export(model, example, dynamic_shapes=(axes, [axes, axes]))
    torch.export.save(program, tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2")
    for b, n in ((2, 5), (4, 60)):
        args = draw(b, n, 10), rotary(torch.randint(FAR, (b, n)))
        assert_close(program.module()(*args), model(*args))


def test_a_rotation_goes_through_a_file(tmp_path) -> None:
    rotation = Rotary(E)(torch.arange(T))
    torch.save(rotation, tmp_path / "rotation.pt")
    again = torch.load(tmp_path / "rotation.pt")  # weights_only, the default
    assert torch.equal(again.cos, rotation.cos)
    assert torch.equal(again.sin, rotation.sin)


ROTATION = Rotary(E)(torch.arange(T))
OWN = Rotary(E)(torch.arange(T).expand(B, T))
REFUSED = {
    "no width": (lambda: Rotary(0), "head_dim should be a positive whole number, got 0"),
    "odd width": (lambda: Rotary(5), "head_dim should be even, a number of pairs, got 5"),
    "no base": (lambda: Rotary(4, base=0), "base should be a positive number, got 0"),
    "no tensor": (
        lambda: Rotary(4)([0, 1]),
        "positions should be a tensor of shape (T), got list",
    ),
    "a number": (
        lambda: Rotary(4)(torch.tensor(3)),
        "positions should have shape (T), got ()",
    ),
    "three axes": (
        lambda: Rotary(4)(torch.ones(2, 3, 5).long()),
        "positions should have shape (B, T), got (2, 3, 5)",
    ),
    "fractions": (
        lambda: Rotary(4)(torch.ones(3)),
        "positions should hold int32 or int64 numbers, got float32",
    ),
    "a mask": (
        lambda: Rotary(4)(torch.ones(2, 3, dtype=torch.bool)),
        "positions should hold int32 or int64 numbers, got bool",
    ),
    "another length": (
        lambda: ROTATION.apply(torch.ones(B, H, S, E)),
        "x should have shape (*B, T=5, E), got (2, 3, 7, 6); axis T disagrees",
    ),
    "one query, many positions": (
        lambda: ROTATION.apply(torch.ones(B, H, 1, E)),
        "x should have shape (*B, T=5, E), got (2, 3, 1, 6); axis T disagrees",
    ),
    "another batch": (
        lambda: OWN.apply(torch.ones(3, H, T, E)),
        "x should have shape (B=2, H, T=5, E), got (3, 3, 5, 6); axis B disagrees",
    ),
    "no batch": (
        lambda: OWN.apply(torch.ones(T, E)),
        "x should have shape (B=2, T=5, E), got (5, 6)",
    ),
    "narrow": (
        lambda: ROTATION.apply(torch.ones(B, H, T, 4)),
        "x should be at least as wide as the rotation, 6, got shape (2, 3, 5, 4)",
    ),
    "whole numbers": (
        lambda: ROTATION.apply(torch.ones(B, H, T, E).long()),
        "x should hold floating-point numbers, got int64",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", list(REFUSED))
def test_refusals_name_the_argument(name: str) -> None:
    ask, message = REFUSED[name]
    with pytest.raises(ValueError) as error:  # noqa: PT011 - compared in full below
        ask()
    assert str(error.value) == message
