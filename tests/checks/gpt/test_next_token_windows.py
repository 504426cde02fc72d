import pytest
import torch
from torch.nn.functional import pad

from tests.checks.written import earns
from txlite import checks

check = checks.next_token_windows


def windows(stream, size, step=None, start=0):
    """Inputs and targets, one window after the other, while there are enough tokens."""
    pairs = [
        (stream[at : at + size], stream[at + 1 : at + size + 1])
        for at in range(start, len(stream) - size, step or size)
    ]
    return torch.stack([torch.stack(side) for side in zip(*pairs, strict=True)])


def test_right_answers_in_other_words_pass():
    check(windows).require()

    def by_numbers(stream, size):
        at = torch.arange((len(stream) - 1) // size * size).view(-1, size)
        return stream[torch.stack([at, at + 1])]

    check(by_numbers).require()


def twice(stream, size):
    read = windows(stream, size)[0]
    return torch.stack([read, stream[2 : 2 + read.numel()].reshape(read.shape)])


def inside(stream, size):
    read = windows(stream, size)[0]
    return torch.stack([read, torch.cat([read[:, 1:], read[:, :1]], dim=1)])


def inside_each(stream, size):
    rows = torch.stack([part for part in stream.split(size) if len(part) == size])
    return torch.stack([rows, torch.cat([rows[:, 1:], rows[:, :1]], dim=1)])


def round_the_text(stream, size):
    return windows(torch.cat([stream, stream[:1]]), size)


def cut_first(stream, size):
    rows = torch.stack([part for part in stream.split(size) if len(part) == size])
    return torch.stack([rows[:, : size - 1], rows[:, 1:size]])


def filled(stream, size):
    return windows(pad(stream, (0, size)), size)[:, : -(-(len(stream) - 1) // size)]


def across(stream, size):
    many = (len(stream) - 1) // size
    at = torch.arange(size) * many + torch.arange(many)[:, None]
    return torch.stack([stream[at], stream[at + 1]])


WRITTEN = {
    "no shift": lambda stream, size: windows(stream, size)[0].expand(2, -1, -1),
    "shifted twice": twice,
    "read and predicted exchanged": lambda stream, size: windows(stream, size)[[1, 0]],
    "rolled inside the window": inside,
    "as many windows as fit, rolled inside": inside_each,
    "window by window": lambda stream, size: windows(stream, size).permute(1, 0, 2),
    "rolled round the text": round_the_text,
    "cut, then shifted": cut_first,
    "a gap between windows": lambda stream, size: windows(stream, size, size + 1),
    "every start": lambda stream, size: windows(stream, size, 1),
    "filled up": filled,
    "a window too few": lambda stream, size: windows(stream, size)[:, :-1],
    "every other token": across,
    "the first token left out": lambda stream, size: windows(stream, size, start=1),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize("length", range(4, 30))
def test_every_token_but_the_first_is_predicted_once_as_far_as_windows_go(length):
    stream = torch.arange(100, 100 + length)
    read, target = check.reference(stream, 3)
    assert target.flatten().tolist() == [x + 1 for x in read.flatten().tolist()]
    assert target.flatten().tolist() == stream[1 : 1 + target.numel()].tolist()
    assert 0 <= length - 1 - target.numel() < 3
