"""Tensors of every type and shape come back from their bytes; what cannot travel is refused."""

import pytest
import torch
import traitlets

from txlite.viz.widgets.tensors import ALIGNMENT, DTYPES, Tensors, in_bytes, pack, unpack


class Carrier(traitlets.HasTraits):
    any = Tensors()
    half = Tensors(torch.float16)


def some(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    draw = 40 * torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))
    return draw.to(dtype)


SHAPES = [(), (0,), (3, 0, 2), (1,), (5, 7), (2, 3, 4, 5)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_and_shape_comes_back_as_it_was(dtype: torch.dtype) -> None:
    given = {f"x{i}": some(dtype, *shape) for i, shape in enumerate(SHAPES)}
    given["turned"] = some(dtype, 5, 7).T
    given["stepped"] = some(dtype, 9, 8)[::2, 1::3]
    given["wide"] = some(dtype, 1).expand(3, 4)
    back = unpack(pack(given))
    assert list(back) == list(given)
    for name, want in given.items():
        assert back[name].dtype == dtype
        assert torch.equal(back[name], want), name


def test_infinities_and_more_than_a_megabyte_come_back() -> None:
    large = torch.rand(600, 601)
    large[0, :3] = torch.tensor([torch.inf, -torch.inf, torch.nan])
    packed = pack({"large": large})
    assert len(packed["data"]) == 4 * 600 * 601 > 2**20
    assert torch.equal(unpack(packed)["large"].nan_to_num(7.0), large.nan_to_num(7.0))


def test_the_bytes_are_little_endian_and_every_array_is_aligned() -> None:
    packed = pack({"a": torch.tensor([True]), "b": torch.tensor([258, -1], dtype=torch.int16)})
    assert packed["layout"] == [["a", "bool", [1], 0], ["b", "int16", [2], ALIGNMENT]]
    assert packed["data"] == b"\x01" + bytes(ALIGNMENT - 1) + b"\x02\x01\xff\xff"


def test_a_trait_keeps_numbers_only() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 3))
    carrier = Carrier(any={"w": weight})
    assert not carrier.any["w"].requires_grad
    assert Carrier().any == {} == Carrier().half
    assert list(Tensors.part({"0.a": weight, "1.a": weight, "0.b.c": weight}, "0.")) == ["a", "b.c"]


def test_a_wrong_type_is_refused_by_name() -> None:
    wanted = "bool, uint8, int8, int16, int32, float16, float32, float64"
    for dtype in (torch.int64, torch.bfloat16, torch.complex64):
        name = str(dtype).removeprefix("torch.")
        with pytest.raises(ValueError, match=f"^x should be a tensor of {wanted}, got {name}$"):
            Carrier(any={"x": torch.zeros(2, dtype=dtype)})
        with pytest.raises(ValueError, match=f"^x should be a tensor of {wanted}, got {name}$"):
            pack({"x": torch.zeros(2, dtype=dtype)})
    with pytest.raises(ValueError, match=r"^w should be a tensor of float16, got float32$"):
        Carrier(half={"w": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"^w should be a tensor of float16, got list$"):
        Carrier(half={"w": [1.0]})
    with pytest.raises(ValueError, match=r"^half should be named tensors, got Tensor$"):
        Carrier(half=torch.zeros(2))
    with pytest.raises(ValueError, match=r"^dtypes should be among bool.*got torch\.int64$"):
        Tensors(torch.int64)


def test_a_layout_that_does_not_fit_is_refused() -> None:
    packed = pack({"x": torch.zeros(4)})
    with pytest.raises(ValueError, match="x should lie within 16 bytes, got 20 at 0"):
        unpack({**packed, "layout": [["x", "float32", [5], 0]]})
    with pytest.raises(ValueError, match=r"x should be one of bool, .*, got int64"):
        unpack({**packed, "layout": [["x", "int64", [2], 0]]})


def test_bytes_are_at_most_half_a_step_away_and_their_ends_exact() -> None:
    torch.manual_seed(0)
    for low, high in ((-3.0, 5.0), (0.0, 1e-6), (-1e4, -1e3)):
        x = low + (high - low) * torch.rand(7, 9, dtype=torch.float64)
        x[0, 0], x[1, 1] = low, high
        found = in_bytes(x)
        assert found.codes.dtype == torch.uint8
        assert (int(found.codes.min()), int(found.codes.max())) == (0, 255)
        assert found.scale == pytest.approx((high - low) / 255)
        assert float((found.numbers() - x).abs().max()) <= found.scale / 2 * (1 + 1e-9)
        assert float(found.numbers()[0, 0]) == low
        assert float(found.numbers()[1, 1]) == pytest.approx(high, rel=1e-12)


def test_a_constant_is_kept_and_what_is_not_finite_refused() -> None:
    found = in_bytes(torch.full((2, 2), 3.25))
    assert found.numbers().tolist() == [[3.25, 3.25], [3.25, 3.25]]
    for bad in (torch.tensor([1.0, float("nan")]), torch.tensor([float("inf")]), torch.zeros(0)):
        with pytest.raises(ValueError, match="tensor should hold finite numbers, got"):
            in_bytes(bad)
