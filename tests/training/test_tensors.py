"""The tensors of a batch are found whatever the batch is."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from txlite.training._tensors import device_of, mapped, marked, moved, tensors_in

ONE, TWO = torch.arange(2), torch.arange(3)


@dataclass
class Named:
    one: Tensor
    word: str
    two: list[Tensor]
    count: int = field(init=False, default=7)


class Tuple(NamedTuple):
    one: Tensor
    two: Tensor


BATCHES = [
    (ONE, [TWO]),
    {"a": ONE, "b": "word", "c": (TWO,)},
    Tuple(ONE, TWO),
    Named(ONE, "w", [TWO]),
]


@pytest.mark.parametrize("batch", BATCHES, ids=["tuple", "dict", "named tuple", "dataclass"])
def test_every_tensor_is_found_and_mapped_in_order(batch: Any) -> None:
    found = tensors_in(batch)
    assert [x is y for x, y in zip(found, [ONE, TWO], strict=True)] == [True, True]
    doubled = mapped(lambda x: 2 * x, batch)
    assert type(doubled) is type(batch)
    assert [x.tolist() for x in tensors_in(doubled)] == [[0, 2], [0, 2, 4]]
    assert [x.device.type for x in tensors_in(moved(batch, torch.device("meta")))] == ["meta"] * 2


def test_what_is_no_tensor_stays_as_it_is() -> None:
    doubled = mapped(lambda x: 2 * x, Named(ONE, "word", []))
    assert (doubled.word, doubled.two, doubled.count) == ("word", [], 7)
    assert tensors_in(Named) == tensors_in("word") == []  # a class is no batch
    assert mapped(lambda x: 2 * x, Named) is Named


def test_a_model_lies_where_its_first_parameter_lies() -> None:
    assert device_of(nn.Linear(2, 2, device="meta")).type == "meta"
    assert device_of(nn.ReLU()).type == "cpu"


DIFFERENT = [
    torch.arange(6),
    torch.arange(6).flip(0),
    torch.arange(6).view(2, 3),
    torch.arange(6).view(3, 2),
    torch.arange(6).view(2, 3).T,
    torch.arange(6).int(),
    torch.arange(6).float(),
    torch.arange(6).bfloat16(),
    torch.arange(6) > 2,
    torch.tensor(6),
    torch.zeros(0),
    (torch.arange(3), torch.arange(3)),
    (torch.arange(2), torch.arange(4)),
]


def test_batches_are_told_apart_by_their_tensors_shapes_and_order() -> None:
    marks = [marked(batch) for batch in DIFFERENT]
    assert len(set(marks)) == len(marks)
    assert all(0 <= mark < 2**32 for mark in marks)
    assert [marked(batch) for batch in DIFFERENT] == marks
    assert marked(DIFFERENT[0], marks[1]) != marked(DIFFERENT[1], marks[0])
    assert marked("no tensor", 7) == 7
    assert marked(torch.arange(12)[::2]) == marked(torch.arange(12)[::2].clone())


def test_a_mark_is_made_on_the_cpu_wherever_the_batch_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []
    real = Tensor.cpu
    monkeypatch.setattr(Tensor, "cpu", lambda x: (fetched.append(x.shape), real(x))[1])
    marked((ONE, [TWO]))
    assert fetched == [ONE.shape, TWO.shape]
    wanting = torch.ones(2, requires_grad=True)
    assert marked(wanting) == marked(torch.ones(2))
