"""Device, seed and budget: what the machine has, unless the environment says otherwise."""

import random
import sys
from unittest import mock

import numpy as np
import pytest
import torch

import txlite
from txlite import budget, device, seed


def machine(monkeypatch: pytest.MonkeyPatch, *, cuda: int = 0, mps: bool = False) -> None:
    """Pretend to be another machine."""
    monkeypatch.delenv("TXLITE_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "want"),
    [(2, True, "cuda"), (1, False, "cuda"), (0, True, "mps"), (0, False, "cpu")],
)
def test_the_fastest_device_is_chosen(
    monkeypatch: pytest.MonkeyPatch, cuda: int, mps: bool, want: str
) -> None:
    machine(monkeypatch, cuda=cuda, mps=mps)
    assert device() == torch.device(want)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("cpu", "cpu"),
        ("cpu:0", "cpu:0"),
        ("cuda", "cuda"),
        ("cuda:1", "cuda:1"),
        ("cuda:01", "cuda:1"),
        ("mps", "mps"),
    ],
)
def test_the_environment_overrides(monkeypatch: pytest.MonkeyPatch, name: str, want: str) -> None:
    machine(monkeypatch, cuda=2, mps=True)
    monkeypatch.setenv("TXLITE_DEVICE", name)
    assert device() == torch.device(want)


def test_an_empty_name_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, mps=True)
    monkeypatch.setenv("TXLITE_DEVICE", "")
    assert device() == torch.device("mps")


def test_the_device_exists() -> None:
    assert torch.ones(2, device=device()).sum().item() == 2


def test_a_seed_makes_every_source_repeat() -> None:
    def draw() -> tuple[object, ...]:
        own = seed(5)
        return (
            torch.rand(3).tolist(),
            random.random(),
            float(np.random.rand()),  # noqa: NPY002 - the legacy generator is what is seeded
            torch.rand(3, generator=own).tolist(),
        )

    first, second = draw(), draw()
    assert first == second
    seed(6)
    assert torch.rand(3).tolist() != first[0]
    assert random.random() != first[1]
    assert float(np.random.rand()) != first[2]  # noqa: NPY002


@pytest.mark.kills(
    "the shared generator handed out",
    "runtime.py",
    "return torch.Generator().manual_seed(n)",
    "return torch.manual_seed(n)",
)
def test_the_generator_is_fresh_on_the_cpu_and_apart() -> None:
    own = seed(5)
    assert own.device == torch.device("cpu")
    before = torch.random.get_rng_state()
    torch.rand(3, generator=own)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(torch.rand(3, generator=seed(5)), torch.rand(3, generator=seed(5)))


def test_the_default_seed_is_zero() -> None:
    assert torch.equal(torch.rand(3, generator=seed()), torch.rand(3, generator=seed(0)))


def test_other_dice_for_the_same_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TXLITE_SEED", raising=False)
    own = seed(5).initial_seed(), seed(6).initial_seed()
    assert own == (5, 6)
    drawn = {torch.rand(3).tolist()[0] for _ in [seed(5)]}
    for shift in ("0", "1", "2"):
        monkeypatch.setenv("TXLITE_SEED", shift)
        moved = seed(5)
        assert moved.initial_seed() == 5 + int(shift) * 1_000_003
        drawn.add(torch.rand(3).tolist()[0])
        assert seed(2**32 - 1).initial_seed() < 2**32
    assert len(drawn) == 3  # the page's own dice, once, and two others


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "٣"])
def test_a_shift_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TXLITE_SEED", text)
    with pytest.raises(ValueError, match="TXLITE_SEED should be a whole number of at least 0"):
        seed(5)


@pytest.mark.parametrize("n", [0, 2**32 - 1])
def test_the_ends_of_the_range_are_seeds(n: int) -> None:
    assert seed(n).initial_seed() == n


def test_numpy_is_not_imported_to_be_seeded() -> None:
    with mock.patch.dict(sys.modules):
        del sys.modules["numpy"]
        seed(5)
        assert "numpy" not in sys.modules


@pytest.mark.parametrize("name", ["smoke", "laptop", "full"])
def test_the_budget_is_the_environment_s(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TXLITE_BUDGET", name)
    assert budget() == name


def test_the_budget_of_the_book_is_a_laptop_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TXLITE_BUDGET", raising=False)
    assert budget() == "laptop"
    monkeypatch.setenv("TXLITE_BUDGET", "")
    assert budget() == "laptop"


def test_the_version_is_one() -> None:
    assert all(part.isdecimal() for part in txlite.__version__.split("."))
