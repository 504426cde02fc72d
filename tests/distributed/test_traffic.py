"""The formulas of bytes: a ring played by hand, and what DDP and FSDP are counted to send."""

from typing import Any

import pytest

from tests.distributed import jobs
from txlite.distributed import (
    bytes_sent,
    data_parallel_bytes,
    pipeline_bytes,
    sharded_bytes,
    tensor_parallel_bytes,
    vocabulary_bytes,
)
from txlite.models import GPT, GPTConfig

ITEM = 8


def ring(ranks: int, pieces: int, rounds: int) -> list[int]:
    """Pass pieces of 1 byte around a ring, and count what each process sends."""
    sent = [0] * ranks
    for _ in range(rounds):  # once to sum, once to hand the sums on
        for _ in range(ranks - 1):
            for rank in range(ranks):
                sent[rank] += pieces // ranks
    return sent


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("kind", "rounds"), [("all_gather", 1), ("reduce_scatter", 1), ("all_reduce", 2)]
)
def test_a_ring_by_hand(kind: str, rounds: int, ranks: int) -> None:
    assert ring(ranks, 60, rounds) == [bytes_sent(kind, 60, ranks)] * ranks


@pytest.mark.kills(
    "bytes: a gather is divided among the processes twice",
    "distributed/traffic.py",
    "return _ROUNDS[kind] * message * (ranks - 1) / ranks",
    "return _ROUNDS[kind] * message * (ranks - 1) / ranks**2",
)
def test_a_gather_is_divided_once() -> None:
    piece, ranks = 100, 4  # each process begins with 100 bytes, and ends with 400
    assert bytes_sent("all_gather", piece * ranks, ranks) == piece * (ranks - 1)


def test_a_message_that_is_passed_on_goes_whole() -> None:
    assert bytes_sent("send", 60, 4) == 60.0


@pytest.mark.plain
@pytest.mark.slow
def test_copies_exchange_every_gradient(found: list[Any]) -> None:
    said = found[0]["copied"]
    model = jobs.MODELS["gpt"]()
    size = sum(p.numel() for p in model.parameters())
    assert {kind for kind, _, _ in said} == {"all_reduce"}
    assert sum(x for _, x, _ in said) == data_parallel_bytes(size, itemsize=ITEM)


@pytest.mark.plain
@pytest.mark.slow
def test_weights_in_pieces_are_gathered_twice(found: list[Any]) -> None:
    said = found[0]["pieces"]
    model = GPT(GPTConfig(**jobs.SIZES, **jobs.DRY, max_len=8))
    whole = sum(p.numel() for p in model.parameters())
    layers = sum(p.numel() for p in model.decoder.layers.parameters())
    for kind, size in sharded_bytes(layers, outside=whole - layers, itemsize=ITEM).items():
        assert sum(x for name, x, _ in said if name == kind) == size
    assert {name for name, _, _ in said} == {"all_gather", "reduce_scatter"}


def test_sharding_sends_half_as_much_again() -> None:
    pieces = sharded_bytes(1000)
    sent = sum(bytes_sent(kind, x, 8) for kind, x in pieces.items())
    assert sent == pytest.approx(1.5 * bytes_sent("all_reduce", data_parallel_bytes(1000), 8))


def test_a_layer_by_hand() -> None:
    assert tensor_parallel_bytes(16, 10) == {"forward": 1280, "backward": 1280}
    assert tensor_parallel_bytes(16, 10, itemsize=2, memory_tokens=7) == {
        "forward": 3 * 320, "backward": 3 * 320 + 224,
    }  # fmt: skip
    assert vocabulary_bytes(16, 10) == {"forward": 640 + 120, "backward": 640}
    assert pipeline_bytes(16, 12, 3) == {"forward": 768, "backward": 768, "one": 256}


@pytest.mark.plain
def test_what_is_no_message_is_refused() -> None:
    for ask, message in (
        (lambda: bytes_sent("shout", 1, 2), "kind should be one of all_reduce"),
        (lambda: bytes_sent("send", -1, 2), "message should be a whole number of at least zero"),
        (lambda: bytes_sent("send", 1, 0), "ranks should be a positive whole number, got 0"),
        (lambda: tensor_parallel_bytes(0, 1), "d_model should be a positive"),
        (lambda: tensor_parallel_bytes(1, 0), "tokens should be a positive"),
        (lambda: tensor_parallel_bytes(1, 1, memory_tokens=0), "memory_tokens should be a posi"),
        (lambda: vocabulary_bytes(1, 1, itemsize=0), "itemsize should be a positive"),
        (lambda: data_parallel_bytes(0), "parameters should be a positive"),
        (lambda: sharded_bytes(1, outside=-1), "outside should be a whole number of at least"),
        (lambda: pipeline_bytes(1, 5, 2), "tokens=5 should be a multiple of micro_batches=2"),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            ask()
