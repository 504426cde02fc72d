"""Pages of notes: what a page is, where the distance lies, and that chance is chance."""

import pytest
import torch
from torch.testing import assert_close

from txlite.data.recall import NOT_ASKED, Recall, sample_recall

B, T, NOTES, NAMES, VALUES = 200, 17, 3, 5, 4  # all different


def pages(seed: int = 0, **sizes: int) -> Recall:
    wanted = {"length": T, "num_notes": NOTES, "num_names": NAMES, "num_values": VALUES}
    return sample_recall(B, torch.Generator().manual_seed(seed), **(wanted | sizes))


@pytest.mark.parametrize("distance", [None, 1, 6, T - 1])
def test_every_question_has_its_one_answer_at_its_distance(distance: int | None) -> None:
    sizes = {} if distance is None else {"distance": distance}
    page = pages(**sizes)
    row, ask = page.asked.nonzero(as_tuple=True)
    tell = ask - page.distances[row, ask]
    assert (tell >= 0).all()
    assert_close(page.names[row, tell], page.names[row, ask])
    assert_close(page.values[row, tell], page.targets[row, ask])
    assert (page.values[row, ask] == VALUES).all()  # a question does not give itself away


def test_a_page_holds_each_note_twice_and_is_blank_elsewhere() -> None:
    page = pages()
    assert (page.asked.sum(1) == NOTES).all()
    assert ((page.values < VALUES).sum(1) == NOTES).all()
    assert ((page.names < NAMES).sum(1) == 2 * NOTES).all()
    counts = torch.nn.functional.one_hot(page.names, NAMES + 1)[..., :NAMES].sum(1)
    assert set(counts.flatten().tolist()) == {0, 2}  # one name, one note
    assert_close(page.targets == NOT_ASKED, ~page.asked)


def test_far_questions_are_as_frequent_as_the_definition_says() -> None:
    generator = torch.Generator().manual_seed(1)
    page = sample_recall(20_000, generator, length=T, num_notes=NOTES, num_names=NAMES)
    share = torch.bincount(page.distances[page.asked], minlength=T) / page.asked.sum()
    wanted = (T - torch.arange(T)) / (T * (T - 1) / 2)
    assert_close(share[1:], wanted[1:], rtol=0, atol=0.004)
    values = torch.bincount(page.targets[page.asked]) / page.asked.sum()
    assert_close(values, torch.full((VALUES,), 1 / VALUES), rtol=0, atol=0.01)


def test_the_dial_moves_one_note_and_nothing_else() -> None:
    near, far = pages(distance=2), pages(distance=11)
    assert (near.distances[:, -1] == 2).all()
    assert (far.distances[:, -1] == 11).all()
    assert_close(near.targets[:, -1], far.targets[:, -1])
    for row in range(B):
        stay_near = torch.arange(T) != T - 1 - 2
        stay_far = torch.arange(T) != T - 1 - 11
        assert_close(near.names[row, stay_near], far.names[row, stay_far])
        assert_close(near.values[row, stay_near], far.values[row, stay_far])


def test_one_seed_gives_one_set_of_pages_and_another_seed_another() -> None:
    assert_close(pages(3).names, pages(3).names)
    assert not torch.equal(pages(3).names, pages(4).names)


def test_a_page_can_be_read() -> None:
    page = Recall(
        names=torch.tensor([[1, 5, 0, 1, 0]]),
        values=torch.tensor([[2, 4, 2, 4, 4]]),
        targets=torch.tensor([[NOT_ASKED, NOT_ASKED, NOT_ASKED, 2, 2]]),
        distances=torch.tensor([[0, 0, 0, 3, 2]]),
    )
    assert page.spell(0) == "B=2 · A=2 B? A?"
    assert page.to(torch.device("cpu")).spell(0) == page.spell(0)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"length": 5}, r"length should be at least 2 \* num_notes = 6, got 5"),
        ({"num_names": 2}, "num_names should be at least num_notes=3, got 2"),
        ({"distance": 0}, "distance should be from 1 to length - 1 = 16, got 0"),
        ({"distance": T}, "distance should be from 1 to length - 1 = 16, got 17"),
        ({"num_values": 0}, "num_values should be a positive whole number, got 0"),
    ],
)
def test_impossible_pages_are_refused_by_name(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pages(**sizes)
