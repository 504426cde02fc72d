"""The optimiser is torch's; what is ours is who decays, and the paper's constants."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from txlite.nn import MultiHeadAttention
from txlite.nn.embeddings import TokenEmbedding
from txlite.training import adamw, clip_gradients


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.place = TokenEmbedding(7, 6), nn.Embedding(5, 6)
        self.attention, self.norm = MultiHeadAttention(6, 2), nn.LayerNorm(6)
        self.frozen = nn.Linear(6, 6).requires_grad_(False)


def test_matrices_decay_and_nothing_else():
    model = Small()
    decaying, spared = adamw(model, 0.1, weight_decay=0.3).param_groups
    assert (decaying["weight_decay"], spared["weight_decay"]) == (0.3, 0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    assert {names[id(p)] for p in decaying["params"]} == {
        f"attention.{part}_proj.weight" for part in ("query", "key", "value", "output")
    }
    assert {names[id(p)] for p in spared["params"]} == {
        "token.weight",
        "place.weight",
        "norm.weight",
        "norm.bias",
        *(f"attention.{part}_proj.bias" for part in ("query", "key", "value", "output")),
    }


def test_a_tied_matrix_is_trained_once_and_does_not_decay():
    model = nn.Sequential(nn.Embedding(7, 6), nn.Linear(6, 7, bias=False))
    model[1].weight = model[0].weight
    (only,) = adamw(model, 0.1, weight_decay=0.3).param_groups
    assert len(only["params"]) == 1
    assert only["weight_decay"] == 0


def test_the_papers_constants_make_adam():
    ours, theirs = nn.Linear(3, 4), nn.Linear(3, 4)
    theirs.load_state_dict(ours.state_dict())
    both = [
        (ours, adamw(ours, 0.01)),
        (theirs, torch.optim.Adam(theirs.parameters(), 0.01, betas=(0.9, 0.98), eps=1e-9)),
    ]
    for _ in range(20):
        x = torch.randn(5, 3)
        for model, optimizer in both:
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    assert_close(ours.weight, theirs.weight, rtol=0, atol=0)


def test_one_kernel_makes_the_same_steps():
    trained = []
    for fused in (False, True):
        torch.manual_seed(2)
        model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)).double()
        optimizer = adamw(model, 0.02, weight_decay=0.1, fused=fused)
        for _ in range(7):
            optimizer.zero_grad()
            model(torch.randn(4, 5, dtype=torch.float64)).square().sum().backward()
            optimizer.step()
        trained.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert_close(trained[1], trained[0], rtol=0, atol=1e-12)


@given(st.integers(0, 99), st.floats(0.1, 20.0))
def test_clipping_bounds_the_length_and_keeps_the_direction(seed, limit):
    draw = torch.Generator().manual_seed(seed)
    parameters = [nn.Parameter(torch.zeros(n, 3, dtype=torch.float64)) for n in (2, 5)]
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=draw, dtype=torch.float64)
    before = torch.cat([p.grad.flatten() for p in parameters])
    length = clip_gradients([*parameters, nn.Parameter(torch.ones(1))], limit)
    after = torch.cat([p.grad.flatten() for p in parameters])
    assert length == pytest.approx(before.norm().item())
    assert after.norm().item() == pytest.approx(min(limit, length), rel=1e-5)
    assert_close(after * (length / after.norm()), before, rtol=1e-6, atol=1e-9)


def test_a_factor_that_float32_cannot_hold_is_applied_all_the_same():
    p = nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([3e37, 4e37])
    assert clip_gradients([p], 1e-6) == pytest.approx(5e37)
    assert_close(p.grad / 1e-6, torch.tensor([0.6, 0.8]), rtol=1e-5, atol=0.0)


@pytest.mark.plain
def test_gradients_in_pieces_stand_beside_whole_ones():
    """A team of one: of several processes tests/distributed asks."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        piece = nn.Parameter(distribute_tensor(torch.zeros(2), mesh, [Shard(0)]))
        piece.grad = distribute_tensor(torch.tensor([3.0, 4.0]), mesh, [Shard(0)])
        whole = with_gradient([12.0])
        assert clip_gradients([piece, whole], 6.5) == pytest.approx(13.0)
        assert whole.grad.tolist() == [6.0]
        assert piece.grad.to_local().tolist() == [1.5, 2.0]
        piece.grad.zero_()
        for bad in (math.inf, math.nan):
            whole.grad = torch.tensor([bad])
            found = clip_gradients([piece, whole], 1.0)
            assert not math.isfinite(found)
    finally:
        dist.destroy_process_group()


def test_without_a_limit_it_only_measures():
    p = nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([3.0, 4.0])
    assert clip_gradients([p]) == 5
    assert p.grad.tolist() == [3, 4]
    p.grad = torch.tensor([math.inf, 0.0])
    assert clip_gradients([p]) == math.inf


def with_gradient(values, dtype=torch.float32):
    p = nn.Parameter(torch.zeros(len(values), dtype=dtype))
    p.grad = torch.tensor(values, dtype=dtype)
    return p


EXTREME = [  # gradients whose squares their dtype, or float32, does not hold
    ([1e20, 0.0, 0.0], torch.float32, 1e20),
    ([3e38, 3e38, 3e38], torch.float32, 3e38 * 3**0.5),
    ([3e-25, 4e-25], torch.float32, 5e-25),
    ([3e-10, 4e-10], torch.float32, 5e-10),
    ([3e-42, 4e-42], torch.float32, 5e-42),
    ([6e4, 6e4], torch.float16, 6e4 * 2**0.5),
    ([6e-8, 0.0], torch.float16, 6e-8),
    ([3e38, 0.0], torch.bfloat16, 3e38),
    ([1e300, 0.0], torch.float64, 1e300),
    ([3e-300, 4e-300], torch.float64, 5e-300),
]


@pytest.mark.parametrize(("values", "dtype", "length"), EXTREME)
def test_extreme_gradients_are_measured_and_left_alone(values, dtype, length):
    p = with_gradient(values, dtype)
    before = p.grad.clone()
    rel = {torch.float32: 1e-3, torch.float64: 1e-12}.get(dtype, 1e-2)
    assert clip_gradients([p]) == pytest.approx(length, rel=rel, abs=0.0)
    assert torch.equal(p.grad, before)


@pytest.mark.parametrize(("values", "dtype", "length"), EXTREME)
def test_extreme_gradients_are_shortened_and_keep_their_direction(values, dtype, length):
    p = with_gradient(values, dtype)
    limit = 0.5 if length > 1 else length / 2
    clip_gradients([p, with_gradient([0.0], dtype)], limit)
    want = [x * (limit / length) for x in values]
    smallest = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    assert p.grad.tolist() == pytest.approx(want, rel=1e-2, abs=smallest)


def test_one_and_nothing_else():
    p = with_gradient([1e20, 0.0, 0.0])
    clip_gradients([p], 1.0)
    assert p.grad.tolist() == [1.0, 0.0, 0.0]


def test_a_tiny_limit_is_kept_to():
    p = with_gradient([3e-7, 4e-7])
    assert clip_gradients([p], 1e-8) == pytest.approx(5e-7)
    assert p.grad.norm().item() == pytest.approx(1e-8)


def test_gradients_of_several_dtypes_are_one_vector():
    parts = [with_gradient([2.0], d) for d in (torch.float32, torch.float16, torch.float64)]
    assert clip_gradients([*parts, with_gradient([2.0], torch.bfloat16)], 1.0) == 4.0
    assert [p.grad.item() for p in parts] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_what_has_no_direction_is_left_as_it_is(bad, dtype):
    p = with_gradient([1.0, bad], dtype)
    length = clip_gradients([p], 1.0)
    assert length == abs(bad) or math.isnan(length)
    assert p.grad[0] == 1.0


def test_nothing_has_the_length_zero():
    assert clip_gradients([], 1.0) == clip_gradients([nn.Parameter(torch.ones(2))]) == 0.0
    p = with_gradient([0.0, 0.0])
    assert clip_gradients([p, with_gradient([])], 1.0) == 0.0
    assert p.grad.tolist() == [0.0, 0.0]


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -0.1}, r"^lr should be finite and at least zero, got -0\.1"),
        ({"lr": math.nan}, r"^lr should be finite"),
        ({"lr": math.inf}, r"^lr should be finite"),
        ({"eps": 0.0}, r"^eps should be a positive number, got 0\.0"),
        ({"weight_decay": -1e-9}, r"^weight_decay should be finite and at least zero, got -1e-09"),
        ({"betas": (0.9, 1.0)}, r"^betas\[1\] should be a number in \[0, 1\), got 1\.0"),
        ({"betas": (-0.1, 0.9)}, r"^betas\[0\] should be a number in \[0, 1\), got -0\.1"),
        ({"betas": (0.9,)}, r"^betas should be two numbers in \[0, 1\), got \(0\.9,\)"),
        ({"betas": 0.9}, r"^betas should be two numbers in \[0, 1\), got 0\.9"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        adamw(nn.Linear(2, 2), **{"lr": 0.1, **options})


def test_settings_at_the_ends_of_their_ranges_are_taken():
    group = adamw(nn.Linear(2, 2), 0.0, betas=(0.0, 0.0), eps=1e-30).param_groups[0]
    assert (group["lr"], group["betas"], group["eps"]) == (0.0, (0.0, 0.0), 1e-30)


@pytest.mark.plain
def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"^max_norm should be positive, got 0"):
        clip_gradients([], 0)
    with pytest.raises(ValueError, match=r"^model should have parameters .* got none"):
        adamw(nn.ReLU(), 0.1)
