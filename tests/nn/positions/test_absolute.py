"""Absolute positions: the rotation, the norms, other layouts, and padding wherever it stands."""

import math
import re
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.testing import assert_close

from txlite.nn import KVCache, MultiHeadAttention, TokenEmbedding, masks, positions
from txlite.nn.positions import Learned, Sinusoidal, count_positions, sinusoidal

B, T, D = 3, 7, 10
WIDTHS = [1, 2, 5, 10, 64]
exact = {"rtol": 0, "atol": 1e-12}


def table(length: int, d_model: int, **options: float) -> Tensor:
    return sinusoidal(torch.arange(length), d_model, dtype=torch.float64, **options)


def rotation(k: int, d_model: int, base: float = 10_000.0) -> Tensor:
    """The matrix R_k that moves every position of an even width on by k places."""
    blocks = []
    for i in range(d_model // 2):
        angle = k / base ** (2 * i / d_model)
        c, s = math.cos(angle), math.sin(angle)
        blocks.append(torch.tensor([[c, s], [-s, c]], dtype=torch.float64))
    return torch.block_diag(*blocks)


# ------------------------------------------------------------------ sinusoidal: the formula


def test_by_hand() -> None:
    """Four numbers with base 100: one hand turns by a radian a place, one by a tenth."""
    got = table(3, 4, base=100.0)
    want = [[math.sin(p), math.cos(p), math.sin(p / 10), math.cos(p / 10)] for p in range(3)]
    assert_close(got, torch.tensor(want, dtype=torch.float64), **exact)


@pytest.mark.parametrize("d_model", WIDTHS)
@pytest.mark.parametrize("base", [10_000.0, 7.0])
def test_is_the_papers_formula_for_every_width(d_model: int, base: float) -> None:
    places = torch.tensor([[0, 1, 2, 19], [-4, 700, 3, 3]])
    got = sinusoidal(places, d_model, base, dtype=torch.float64)
    assert got.shape == (2, 4, d_model)
    for at, row in zip(places.flatten().tolist(), got.flatten(0, 1), strict=True):
        for j, x in enumerate(row.tolist()):
            wave = math.cos if j % 2 else math.sin
            assert x == pytest.approx(wave(at / base ** (2 * (j // 2) / d_model)), abs=1e-12)


def test_a_vector_of_positions_is_a_row_of_a_batch() -> None:
    places = torch.randint(99, (B, T))
    batch = sinusoidal(places, D)
    assert batch.shape == (B, T, D)
    for row, one in zip(places, batch, strict=True):
        assert torch.equal(sinusoidal(row, D), one)


@pytest.mark.parametrize("d_model", [2, 10, 64])
@pytest.mark.parametrize("k", [0, 1, 6, -3, 1000])
def test_a_shift_is_a_rotation_that_does_not_depend_on_the_place(d_model: int, k: int) -> None:
    """Vaswani et al., section 3.5: PE(p + k) is a linear function of PE(p)."""
    turn = rotation(k, d_model)
    assert_close(turn @ turn.T, torch.eye(d_model, dtype=torch.float64), **exact)
    places = torch.tensor([0, 1, 5, 40, 2000])
    before, after = (sinusoidal(p, d_model, dtype=torch.float64) for p in (places, places + k))
    assert_close(before @ turn.T, after, rtol=0, atol=1e-11)
    if k:
        assert not torch.allclose(before, after)


def test_shifts_add_up() -> None:
    assert_close(rotation(3, D) @ rotation(4, D), rotation(7, D), **exact)


@pytest.mark.parametrize("d_model", [2, 10, 64])
def test_every_vector_has_the_same_length(d_model: int) -> None:
    norms = table(300, d_model).norm(dim=-1)
    assert_close(norms, torch.full_like(norms, math.sqrt(d_model / 2)), **exact)


def test_products_depend_on_the_distance_alone() -> None:
    places = table(60, 64)
    products = places @ places.T
    for k in range(60):
        along = products.diagonal(k)
        assert_close(along, along[:1].expand_as(along), **exact)
    wanted = sum(math.cos(5 / 10_000 ** (i / 32)) for i in range(32))
    assert products[0, 5].item() == pytest.approx(wanted, abs=1e-12)
    assert (products[0, 1:] < products[0, 0] - 0.1).all()  # nobody is as near as oneself
    assert all(near > far for near, far in pairwise(products[0, :4].tolist()))


def test_no_two_places_are_alike() -> None:
    gaps = torch.cdist(table(2000, 64), table(2000, 64)).fill_diagonal_(9.0)
    assert gaps.min() > 0.5


def test_hands_turn_slower_and_slower_in_equal_ratios() -> None:
    """Wavelengths are a geometric progression from 2π towards base · 2π."""
    first = table(2, 64)[1]
    speeds = torch.atan2(first[0::2], first[1::2])
    assert speeds[0].item() == pytest.approx(1.0)
    ratios = speeds[1:] / speeds[:-1]
    assert_close(ratios, torch.full_like(ratios, 10_000 ** (-2 / 64)))


@pytest.mark.kills(
    "odd width shares the even width's speeds",
    "nn/positions/absolute.py",
    "(pairs * (-2.0 / d_model))",
    "(pairs * (-2.0 / (d_model + d_model % 2)))",
)
def test_an_odd_width_is_a_place_short_of_a_cosine() -> None:
    """Its frequencies are its own, and its last entry a sine."""
    got = table(9, 5, base=32.0)
    speeds = [32.0 ** (-2 * i / 5) for i in range(3)]  # 1, 1/4, 1/16
    want = [[f(p * s) for s in speeds for f in (math.sin, math.cos)][:5] for p in range(9)]
    assert_close(got, torch.tensor(want, dtype=torch.float64), **exact)


# ------------------------------------------------------------------ sinusoidal: far, and rounded


@pytest.mark.parametrize("far", [100_000, 10_000_000])
def test_far_places_are_as_exact_as_near_ones(far: int) -> None:
    mp = pytest.importorskip("mpmath")
    with mp.workdps(40):
        angles = [mp.mpf(far) / mp.power(10_000, mp.mpf(2 * i) / 64) for i in range(32)]
        want = [float(wave(a)) for a in angles for wave in (mp.sin, mp.cos)]
    got = sinusoidal(torch.tensor([far]), 64)[0]
    assert got.dtype == torch.float32
    assert_close(got.double(), torch.tensor(want, dtype=torch.float64), rtol=0, atol=6e-8)
    hasty = (far / 10_000 ** (torch.arange(32) / 32)).float().sin()  # a float32 angle
    assert (hasty - torch.tensor(want[::2])).abs().max() > 1e-4


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_a_module_in_another_dtype_rounds_the_sines_and_not_the_angles(dtype: torch.dtype) -> None:
    places = torch.tensor([0, 3, 900, 5000])
    module = Sinusoidal(D).to(dtype)
    assert module(places).dtype == dtype
    assert torch.equal(module(places), sinusoidal(places, D, dtype=torch.float64).to(dtype))


def test_it_follows_torchs_default_dtype_when_nothing_is_said() -> None:
    assert sinusoidal(torch.arange(2), 4).dtype == torch.float32
    torch.set_default_dtype(torch.float64)
    try:
        assert sinusoidal(torch.arange(2), 4).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_module_is_the_function_and_holds_nothing() -> None:
    module = Sinusoidal(5, base=300.0)
    places = torch.randint(500, (B, T), dtype=torch.int32)
    assert torch.equal(module(places), sinusoidal(places, 5, 300.0))
    assert not list(module.parameters())
    assert not module.state_dict()
    assert repr(module) == "Sinusoidal(d_model=5, base=300)"


# ------------------------------------------------------------------ learned


def test_learned_rows_are_looked_up() -> None:
    module = Learned(9, D).double()
    places = torch.randint(9, (B, T))
    assert torch.equal(module(places), module.table.weight[places])
    assert torch.equal(module(torch.arange(9)), module.table.weight)
    assert repr(module).startswith("Learned(\n  max_len=9, d_model=10\n")


def test_learned_rows_learn_only_where_they_were() -> None:
    module = Learned(9, D)
    module(torch.tensor([[2, 5, 2]])).sum().backward()
    reached = module.table.weight.grad.abs().sum(-1)
    assert reached.nonzero().flatten().tolist() == [2, 5]
    assert reached[2] == 2 * reached[5]


def test_learned_rows_begin_as_large_as_sines_and_cosines() -> None:
    torch.manual_seed(0)
    weight = Learned(512, 256).table.weight
    assert weight.mean().abs() < 0.01
    assert weight.square().mean().item() == pytest.approx(0.5, rel=0.02)
    assert table(512, 256).square().mean().item() == pytest.approx(0.5)


def test_scaled_words_and_their_places_are_of_the_same_size() -> None:
    """Section 3.4 multiplies words by the root of the width; without it places drown them."""
    torch.manual_seed(0)
    tokens, width = torch.arange(900), 512
    place = sinusoidal(tokens, width).square().mean()
    for scale, ratio in ((True, 2.0), (False, 2.0 / width)):
        words = TokenEmbedding(900, width, scale=scale)(tokens)
        assert (words.square().mean() / place).item() == pytest.approx(ratio, rel=0.02)


# ------------------------------------------------------------------ positions from the mask


def paddings(length: int, room: int) -> dict[str, Tensor]:
    """One sentence of ``length`` words in ``room`` places, padded in every way."""
    keep = torch.zeros(3, room, dtype=torch.bool)
    keep[0, :length] = True
    keep[1, room - length :] = True
    keep[2, [0, *range(room - length + 1, room)]] = True
    return dict(zip(("right", "left", "middle"), keep[:, None], strict=True))


@pytest.mark.kills(
    "positions count the padding",
    "nn/positions/absolute.py",
    "(keep.cumsum(-1) - 1)",
    "(keep.new_ones(keep.shape).cumsum(-1) - 1)",
)
@pytest.mark.parametrize("side", ["right", "left", "middle"])
def test_real_tokens_count_from_zero_wherever_the_padding_stands(side: str) -> None:
    keep = paddings(4, 9)[side]
    assert count_positions(keep)[keep].tolist() == [0, 1, 2, 3]


def test_each_sequence_counts_for_itself() -> None:
    torch.manual_seed(1)
    keep = torch.rand(B, 11) < 0.6
    got = count_positions(keep)
    assert got.dtype == torch.int64
    for row, counted in zip(keep, got, strict=True):
        assert counted[row].tolist() == list(range(int(row.sum())))
        assert counted.min() >= 0  # a legal row of any table, also where nothing is real
    assert torch.equal(
        count_positions(torch.zeros(2, 3, dtype=torch.bool)), torch.zeros(2, 3).long()
    )


@pytest.mark.kills(
    "newest places are the first",
    "nn/positions/absolute.py",
    "torch.arange(-num_queries, 0, device=keep.device)",
    "torch.arange(num_queries, device=keep.device)",
)
def test_the_newest_places_are_the_last() -> None:
    torch.manual_seed(2)
    keep = torch.rand(B, 11) < 0.6
    for new in (0, 1, 4, 11):
        got = count_positions(keep, new)
        assert got.shape == (B, new)
        assert torch.equal(got, count_positions(keep)[:, 11 - new :])


def schemes(d_model: int) -> dict[str, nn.Module]:
    return {"sinusoidal": Sinusoidal(d_model).double(), "learned": Learned(16, d_model).double()}


@pytest.mark.parametrize("scheme", ["sinusoidal", "learned"])
@pytest.mark.parametrize("side", ["left", "middle"])
def test_attention_reads_a_sentence_alike_wherever_its_padding_stands(
    scheme: str, side: str
) -> None:
    torch.manual_seed(3)
    attention, words = MultiHeadAttention(12, 2).double(), torch.randn(4, 12, dtype=torch.float64)
    place = schemes(12)[scheme]

    def read(keep: Tensor, at: Tensor) -> Tensor:
        x = torch.randn(1, 9, 12, dtype=torch.float64)  # noise where nothing stands
        x[keep] = words
        out: Tensor = attention(x + place(at), mask=masks.padding(keep))[keep]
        return out

    right, other = paddings(4, 9)["right"], paddings(4, 9)[side]
    want = read(right, count_positions(right))
    assert_close(read(other, count_positions(other)), want, **exact)
    naive = read(other, torch.arange(9)[None])
    assert not torch.allclose(naive, want, atol=1e-3)


@pytest.mark.parametrize("scheme", ["sinusoidal", "learned"])
def test_reading_in_pieces_with_a_cache_equals_reading_at_once(scheme: str) -> None:
    torch.manual_seed(4)
    attention, place = MultiHeadAttention(12, 2).double(), schemes(12)[scheme]
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    keep = torch.tensor([[False, False, *[True] * 5], [True] * 7])
    rule = masks.causal() & masks.padding(keep)
    whole = attention(x + place(count_positions(keep)), mask=rule)
    cache, pieces, end = KVCache(), [], 0
    for piece in x.split([3, 1, 3], dim=1):
        end, new = end + piece.shape[1], piece.shape[1]
        seen = keep[:, :end]
        rule = masks.causal() & masks.padding(seen)
        at = count_positions(seen, new)
        pieces.append(attention(piece + place(at), mask=rule, cache=cache))
    assert_close(torch.cat(pieces, dim=1)[keep], whole[keep], **exact)


# ------------------------------------------------------------------ why positions are needed


def test_without_positions_attention_is_permutation_equivariant_and_with_them_not() -> None:
    """The theorem of positional encoding, and its cure."""
    torch.manual_seed(5)
    attention, place = MultiHeadAttention(12, 2).double(), Sinusoidal(12).double()
    x, order = torch.randn(2, 6, 12, dtype=torch.float64), torch.tensor([3, 1, 5, 0, 4, 2])
    shuffled = x[:, order]
    assert_close(attention(shuffled), attention(x)[:, order], **exact)
    assert_close(attention(shuffled).mean(1), attention(x).mean(1), **exact)
    at = place(torch.arange(6))
    placed, moved = attention(x + at), attention(shuffled + at)
    assert not torch.allclose(moved, placed[:, order], atol=1e-2)
    assert not torch.allclose(moved.mean(1), placed.mean(1), atol=1e-3)


# ------------------------------------------------------------------ parity


@pytest.mark.parametrize("d_model", [2, 6, 7, 64])
def test_marian_has_all_sines_before_all_cosines(d_model: int) -> None:
    """Hugging Face's table is ours with the columns 0, 2, 4, … , 1, 3, 5, …"""
    from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding

    theirs = MarianSinusoidalPositionalEmbedding(30, d_model)
    theirs.weight = nn.Parameter(theirs.create_weight(), requires_grad=False)
    columns = [*range(0, d_model, 2), *range(1, d_model, 2)]
    ours = Sinusoidal(d_model)(torch.arange(4, 11))[:, columns]
    got = theirs(torch.Size([1, 7]), 4)
    assert_close(got.reshape(7, d_model), ours, rtol=0, atol=1e-6)
    if d_model > 2:
        assert not torch.allclose(got.reshape(7, d_model), sinusoidal(torch.arange(4, 11), d_model))


def test_learned_positions_are_berts() -> None:
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertEmbeddings

    config = BertConfig(vocab_size=11, hidden_size=D, max_position_embeddings=9)
    theirs = BertEmbeddings(config).eval().double()
    ours = Learned(9, D).double()
    ours.table.load_state_dict(theirs.position_embeddings.state_dict())
    tokens, places = torch.randint(11, (B, T)), torch.randint(9, (B, T))
    words = theirs.word_embeddings(tokens) + theirs.token_type_embeddings.weight[0]
    want = theirs(tokens, position_ids=places)
    assert_close(theirs.LayerNorm(words + ours(places)), want, **exact)


def test_counting_is_opts() -> None:
    """OPT counts real tokens too; its table has two rows in front that nobody uses."""
    from transformers.models.opt.modeling_opt import OPTLearnedPositionalEmbedding

    theirs, ours = OPTLearnedPositionalEmbedding(9, D), Learned(9, D)
    ours.table.weight.data.copy_(theirs.weight[theirs.offset :])
    keep = torch.tensor([[False, True, True, True], [True, True, True, False]])
    assert_close(ours(count_positions(keep))[keep], theirs(keep.long())[keep])
    tail = theirs(keep.long(), 3)
    assert_close(ours(count_positions(keep, 1))[keep[:, 3:]], tail[keep[:, 3:]])


# ------------------------------------------------------------------ compiled and exported


class Reader(nn.Module):
    """Words and places, in either scheme."""

    def __init__(self, place: nn.Module) -> None:
        super().__init__()
        self.place = place

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        out: Tensor = x + self.place(count_positions(keep, x.shape[1]))
        return out


@pytest.mark.plain
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("scheme", ["sinusoidal", "learned"])
def test_one_whole_graph(scheme: str) -> None:
    torch._dynamo.reset()
    model = Reader(schemes(D)[scheme])
    compiled = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    for new, seen in ((7, 7), (5, 12), (1, 13)):
        x, keep = torch.randn(B, new, D, dtype=torch.float64), torch.rand(B, seen) < 0.7
        assert_close(compiled(x, keep), model(x, keep), **exact)


@pytest.mark.plain
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("scheme", ["sinusoidal", "learned"])
@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_program_takes_any_batch_and_length(scheme: str, strict: bool) -> None:
    model = Reader(schemes(D)[scheme])
    batch, new, seen = Dim("batch", min=2, max=64), Dim("T", min=2, max=99), Dim("S", min=2, max=99)
    shapes = ({0: batch, 1: new}, {0: batch, 1: seen})
    example = torch.randn(B, T, D, dtype=torch.float64), torch.rand(B, 11) < 0.7
    program = torch.export.export(model, example, dynamic_shapes=shapes, strict=strict).module()
    for b, t, s in ((2, 5, 9), (4, 12, 12)):
        x, keep = torch.randn(b, t, D, dtype=torch.float64), torch.rand(b, s) < 0.7
        assert_close(program(x, keep), model(x, keep), **exact)


def test_a_shape_can_be_traced_without_memory() -> None:
    places = torch.arange(T, device="meta")
    with torch.device("meta"):
        assert Learned(9, D)(places).shape == (T, D)
        assert Sinusoidal(D)(places).shape == (T, D)


# ------------------------------------------------------------------ errors


REFUSED = {
    "positions of floats": (
        lambda: sinusoidal(torch.arange(3.0), D),
        "positions should hold int32 or int64 numbers, got float32",
    ),
    "positions of bools": (
        lambda: Learned(4, D)(torch.tensor([True])),
        "positions should hold int32 or int64 numbers, got bool",
    ),
    "positions of a number": (
        lambda: sinusoidal(3, D),  # type: ignore[arg-type]
        "positions should be a tensor of shape (T), got int",
    ),
    "positions without axes": (lambda: sinusoidal(torch.tensor(3), D), "positions should have"),
    "width of zero": (
        lambda: Sinusoidal(0),
        "d_model should be a positive whole number, got 0",
    ),
    "width of the function": (
        lambda: sinusoidal(torch.arange(3), -2),
        "d_model should be a positive whole number, got -2",
    ),
    "base of one": (
        lambda: Sinusoidal(D, base=1.0),
        "base should be a finite number above 1, got 1.0",
    ),
    "base of the function": (
        lambda: sinusoidal(torch.arange(3), D, math.inf),
        "base should be a finite number above 1, got inf",
    ),
    "base not a number": (
        lambda: Sinusoidal(D, base=math.nan),
        "base should be a finite number above 1, got nan",
    ),
    "table without rows": (
        lambda: Learned(0, D),
        "max_len should be a positive whole number, got 0",
    ),
    "table without columns": (
        lambda: Learned(4, 0),
        "d_model should be a positive whole number, got 0",
    ),
    "beyond the table": (
        lambda: Learned(4, D)(torch.tensor([[1, 3], [2, 4]])),
        "positions should lie in [0, max_len=4), got 1 to 4",
    ),
    "before the table": (
        lambda: Learned(4, D)(torch.tensor([2, -1])),
        "positions should lie in [0, max_len=4), got -1 to 2",
    ),
    "keep of ones and zeros": (
        lambda: count_positions(torch.ones(2, 3, dtype=torch.long)),
        "keep should be a bool tensor (True = may attend), got int64",
    ),
    "keep without a batch": (
        lambda: count_positions(torch.ones(3, dtype=torch.bool)),
        "keep should have shape (B, S), got (3,)",
    ),
    "more queries than keys": (
        lambda: count_positions(torch.ones(2, 3, dtype=torch.bool), 4),
        "num_queries should be at most S=3, got 4",
    ),
    "fewer queries than none": (
        lambda: count_positions(torch.ones(2, 3, dtype=torch.bool), -1),
        "num_queries should be a whole number of at least zero, got -1",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_what_was_wanted_and_what_came(name: str) -> None:
    ask, message = REFUSED[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()


def test_no_places_at_all_are_no_error() -> None:
    nowhere = torch.zeros(B, 0, dtype=torch.long)
    assert Learned(4, D)(nowhere).shape == (B, 0, D)
    assert Sinusoidal(D)(nowhere).shape == (B, 0, D)


def test_the_package_offers_them_by_name() -> None:
    assert {"Learned", "Sinusoidal", "count_positions", "sinusoidal"} <= set(positions.__all__)
