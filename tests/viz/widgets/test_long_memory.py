"""Long memory, its Python side: the reference runs torch's own modules' arithmetic."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.data.recall import sample_recall
from txlite.nn import MultiHeadAttention, masks
from txlite.viz.widgets.long_memory import KINDS, LongMemory, answer, attention_to, place
from txlite.viz.widgets.tensors import Tensors

WIDTH, LENGTH, NAMES, VALUES, DISTANCE = 6, 19, 5, 3, 7  # all different
SIZES = {"length": LENGTH, "num_notes": 4, "num_names": NAMES, "num_values": VALUES}


class Recurrent(nn.Module):
    def __init__(self, cell: type[nn.Module]) -> None:
        super().__init__()
        self.cell = cell(WIDTH, WIDTH, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)[0]


class Convolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2 * WIDTH, WIDTH) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):  # by torch's own convolution
            weight = layer.weight.view(WIDTH, 2, WIDTH).flip(1).mT
            padded = nn.functional.pad(x.mT, (2**i, 0))
            seen = nn.functional.conv1d(padded, weight, layer.bias, dilation=2**i)
            x = x + seen.mT.relu()
        return x


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attend = MultiHeadAttention(WIDTH, 1)
        self.mix = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(x, mask=masks.causal())
        return x + self.mix(x).relu()


class Reader(nn.Module):
    def __init__(self, memory: nn.Module) -> None:
        super().__init__()
        self.name = nn.Embedding(NAMES + 1, WIDTH)
        self.value = nn.Embedding(VALUES + 1, WIDTH)
        self.memory = memory
        self.answer = nn.Linear(WIDTH, VALUES)

    def forward(self, names: Tensor, values: Tensor) -> Tensor:
        return self.answer(self.memory(self.name(names) + self.value(values)))


@pytest.fixture
def readers() -> dict[str, Reader]:
    torch.manual_seed(0)
    memories = (Recurrent(nn.RNN), Recurrent(nn.LSTM), Convolution(), Attention())
    readers = {k: Reader(m).double() for k, m in zip(KINDS, memories, strict=True)}
    for parameter in nn.ModuleDict(readers).parameters():
        nn.init.normal_(parameter, std=0.8)  # far from linear, so that no mistake can hide
    return readers


@pytest.fixture
def page() -> tuple[Tensor, Tensor]:
    drawn = sample_recall(1, torch.Generator().manual_seed(1), distance=DISTANCE, **SIZES)
    return drawn.names[0], drawn.values[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_is_the_model(
    kind: str, readers: dict[str, Reader], page: tuple[Tensor, Tensor]
) -> None:
    wanted = readers[kind](page[0][None], page[1][None])[0, -1].softmax(-1)
    got = answer(kind, readers[kind].state_dict(), *page)
    assert_close(got, wanted, rtol=0, atol=1e-12)
    others = [answer(kind, readers[kind].state_dict(), *place(*page, d)) for d in (1, 3)]
    assert torch.allclose(*others) == (kind == "attention")  # which alone is blind to order


def test_the_looks_are_the_attention_of_the_last_step(
    readers: dict[str, Reader], page: tuple[Tensor, Tensor]
) -> None:
    from txlite.inspect import record_attention

    with record_attention(readers["attention"]) as maps:
        readers["attention"](page[0][None], page[1][None])
    got = attention_to(readers["attention"].state_dict(), *page)
    assert_close(got, maps["memory.attend"][0, 0, -1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("distance", [1, 4, LENGTH - 1])
def test_a_note_is_moved_as_the_generator_would_have(
    page: tuple[Tensor, Tensor], distance: int
) -> None:
    drawn = sample_recall(1, torch.Generator().manual_seed(1), distance=distance, **SIZES)
    names, values = place(*page, distance)
    assert_close(names, drawn.names[0])
    assert_close(values, drawn.values[0])


def test_the_figure_carries_weights_pages_and_curves(readers: dict[str, Reader]) -> None:
    drawn = sample_recall(2, torch.Generator().manual_seed(2), distance=3, **SIZES)
    states = {kind: reader.state_dict() for kind, reader in readers.items()}
    curves = {kind: torch.linspace(1, 0, LENGTH - 1) for kind in KINDS}
    widget = LongMemory(states, drawn.names, drawn.values, curves, distance=DISTANCE)
    assert sum(tensor.nbytes for tensor in widget.weights.values()) == 4 * sum(
        p.numel() for r in readers.values() for p in r.parameters()
    )
    for kind, state in states.items():
        carried = Tensors.part(widget.weights, f"{kind}.")
        assert list(carried) == list(state)
        for name, want in state.items():
            assert_close(carried[name], want.float(), rtol=0, atol=0)
    assert widget.accuracy["CNN"][-1] == 0.0
    moved = torch.tensor(widget.pages[1]["names"])
    assert moved[-1 - DISTANCE] == moved[-1]
    assert repr(widget) == "LongMemory: Who still remembers?"


def test_what_does_not_fit_is_refused_by_name(
    readers: dict[str, Reader], page: tuple[Tensor, Tensor]
) -> None:
    states = {kind: reader.state_dict() for kind, reader in readers.items()}
    curves = {kind: torch.zeros(LENGTH - 1) for kind in KINDS}
    names, values = page[0][None], page[1][None]
    with pytest.raises(ValueError, match="models should have RNN, LSTM, CNN, attention, got RNN"):
        LongMemory({"RNN": states["RNN"]}, names, values, curves)
    with pytest.raises(ValueError, match=f"accuracy should have T - 1 = {LENGTH - 1} numbers"):
        LongMemory(states, names, values, curves | {"CNN": [0.5]})
    with pytest.raises(ValueError, match=f"distance should be from 1 to {LENGTH - 1}, got 0"):
        place(*page, 0)
    with pytest.raises(ValueError, match="names should tell its last name once before, got 0"):
        place(torch.arange(4), torch.zeros(4, dtype=torch.long), 2)
