"""The switch of schemes: each hands over what its own class computes, wherever padding stands."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.nn.positions import ALiBi, Learned, RelativeBias, Rotary, Sinusoidal, count_positions
from txlite.nn.positions.scheme import NAMES, PositionScheme

B, S, D, H = 3, 7, 12, 2
EXACT = {"rtol": 0.0, "atol": 0.0}
KEEP = torch.arange(S) >= torch.tensor([0, 3, 5])[:, None]  # padded on the left


def scheme(name: str, **options: bool) -> PositionScheme:
    module = PositionScheme(name, D, H, **options)
    for p in module.parameters():
        torch.nn.init.normal_(p)
    return module


def vectors(length: int = S) -> Tensor:
    return torch.randn(B, length, D)


def handed_over(name: str, x: Tensor, *args: object) -> tuple[Tensor, Tensor | None, object]:
    torch.manual_seed(1)
    added, positions = scheme(name)(x, *args)
    bias, rotation = positions.bias, positions.rotation
    turned = None if rotation is None else torch.stack([rotation.cos, rotation.sin], -3)
    return added - x, bias, turned


@pytest.mark.kills(
    "scheme: slots counted, not words",
    "nn/positions/scheme.py",
    "keys = count_positions(keep)",
    "keys = torch.arange(total, device=x.device).expand(keep.shape)",
)
@pytest.mark.parametrize(
    ("name", "kind"),
    [("sinusoidal", Sinusoidal), ("learned", Learned), ("rotary", Rotary),
     ("alibi", ALiBi), ("relative", RelativeBias)],
)  # fmt: skip
def test_each_name_is_its_class(name: str, kind: type) -> None:
    module, x = scheme(name), vectors()
    part = module.added or module.biased or module.turned
    assert type(part) is kind
    added, positions = module(x, KEEP)
    bias, rotation = positions.bias, positions.rotation
    places = count_positions(KEEP)
    if module.added is not None:
        assert_close(added, x + part(places), **EXACT)
        assert (bias, rotation) == (None, None)
    elif module.biased is not None:
        assert_close(bias, part(places, places), **EXACT)
        assert_close(added, x, **EXACT)
    else:
        assert_close(rotation.cos, part(places).cos, **EXACT)
        assert_close(rotation.sin, part(places).sin, **EXACT)
        assert bias is None


PARTS = {
    "sinusoidal": Sinusoidal(D, base=50.0),
    "learned": Learned(9, D),
    "rotary": Rotary(4, base=50.0),
    "alibi": ALiBi(H),
    "relative": RelativeBias(H, num_buckets=6, max_distance=5),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_given_stands_in_the_place_of_the_usual_one(name: str) -> None:
    part, x = PARTS[name], vectors()
    module = PositionScheme(name, D, H, part=part)  # type: ignore[arg-type]
    assert [p for p in (module.added, module.biased, module.turned) if p is not None] == [part]
    assert [n for n, _ in module.named_modules()].count("") == 1
    added, positions = module(x, KEEP)
    places = count_positions(KEEP)
    if module.added is not None:
        assert_close(added, x + part(places), **EXACT)
    elif module.biased is not None:
        assert_close(positions.bias, part(places, places), **EXACT)
    else:
        assert_close(positions.rotation.cos, part(places).cos, **EXACT)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        ("rotary", "alibi", "part should be a Rotary for positions='rotary', got ALiBi"),
        ("learned", "sinusoidal", "part should be a Learned for positions='learned', got Sin"),
        ("none", "rotary", "part should be None for positions='none', got Rotary"),
    ],
)
def test_a_part_of_another_scheme_is_refused(name: str, part: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        PositionScheme(name, D, H, part=PARTS[part])  # type: ignore[arg-type]


def test_none_does_nothing() -> None:
    x = vectors()
    added, positions = scheme("none")(x, KEEP)
    assert added is x
    assert (positions.bias, positions.rotation) == (None, None)
    assert not list(scheme("none").parameters())


@pytest.mark.parametrize("name", NAMES[1:])
def test_without_a_mask_positions_are_counted_from_zero(name: str) -> None:
    x = vectors()
    everything = torch.ones(B, S, dtype=torch.bool)
    for plain, masked in zip(handed_over(name, x), handed_over(name, x, everything), strict=True):
        assert (plain is None) == (masked is None)
        if plain is not None:
            assert_close(torch.broadcast_to(plain, masked.shape), masked, rtol=0, atol=1e-6)


@pytest.mark.kills(
    "scheme: queries counted from zero in every step",
    "nn/positions/scheme.py",
    "queries = keys[..., past:]",
    "queries = keys[..., : sizes['T']]",
)
@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize("mask", [None, KEEP])
def test_steps_get_what_the_whole_gets(name: str, mask: Tensor | None) -> None:
    """The last two positions, after five in a cache, against the last two of seven."""
    x = vectors()
    added, bias, turned = handed_over(name, x, mask)
    late, late_bias, late_turned = handed_over(name, x[:, 5:], mask, 5)
    assert_close(late, added[:, 5:], rtol=0, atol=1e-6)
    if bias is not None:
        assert late_bias.shape[-2:] == (2, S)
        assert_close(late_bias, bias[..., 5:, :], **EXACT)
    if turned is not None:
        assert_close(late_turned, turned[..., 5:, :], **EXACT)


@pytest.mark.parametrize("name", NAMES[1:])
def test_left_padding_moves_nothing(name: str) -> None:
    x = vectors()
    added, bias, turned = handed_over(name, x, KEEP)
    alone, alone_bias, alone_turned = handed_over(name, x[1:2, 3:])
    assert_close(added[1:2, 3:], alone, rtol=0, atol=1e-6)
    if bias is not None:
        assert_close(bias[1, :, 3:, 3:], torch.broadcast_to(alone_bias, (H, 4, 4)), **EXACT)
    if turned is not None:
        assert_close(turned[1, :, 3:], alone_turned, **EXACT)


def test_a_decoder_does_not_tell_what_is_ahead_from_itself() -> None:
    ahead = torch.ones(S, S, dtype=torch.bool).triu(1)
    both = scheme("relative")(vectors())[1].bias
    back = scheme("relative", bidirectional=False)(vectors())[1].bias
    own = back.diagonal(0, -2, -1)[:, :1, None].expand(-1, S, S)
    assert_close(back[:, ahead], own[:, ahead], **EXACT)
    assert not torch.allclose(both[:, ahead], both.diagonal(0, -2, -1)[:, :1].expand(-1, 21))


def test_the_vectors_keep_their_dtype() -> None:
    for name in NAMES:
        added, *_ = scheme(name)(vectors().bfloat16())
        assert added.dtype == torch.bfloat16


@pytest.mark.plain
def test_errors_name_the_argument() -> None:
    with pytest.raises(ValueError, match=r"positions should be one of none, .*, got 'polar'"):
        PositionScheme("polar", D, H)
    with pytest.raises(ValueError, match="d_model=12 should be a multiple of num_heads=5"):
        PositionScheme("rotary", D, 5)
    with pytest.raises(ValueError, match=r"keep should have shape \(B=3, S=7\), got \(3, 5\)"):
        scheme("alibi")(vectors(), KEEP[:, :5])
    with pytest.raises(ValueError, match=r"keep should have shape \(B=3, S=9\), got \(3, 7\)"):
        scheme("alibi")(vectors(), KEEP, 2)
    with pytest.raises(ValueError, match=r"x should have shape \(B, T, D\)"):
        scheme("alibi")(vectors()[0])
    with pytest.raises(ValueError, match=r"max_len=4"):
        PositionScheme("learned", D, H, max_len=4)(vectors())
