"""Numbers in words: what is said, what is held out, and what the dictionary gets wrong."""

import pytest

from txlite.data.number_words import dictionary_words, number_task, number_words


@pytest.mark.parametrize(
    ("number", "french", "english"),
    [
        (16, "seize", "sixteen"),
        (21, "vingt un", "twenty one"),
        (71, "soixante onze", "seventy one"),
        (97, "quatre vingt dix sept", "ninety seven"),
        (1080, "mille quatre vingts", "one thousand eighty"),
    ],
)
def test_a_number_in_words(number: int, french: str, english: str) -> None:
    assert number_words(number, "fr") == french.split()
    assert number_words(number, "en") == english.split()


def test_the_task_is_the_same_in_every_run_and_holds_numbers_out() -> None:
    task = number_task(300, 50)
    assert task == number_task(300, 50)
    assert len(task.train) == 300
    assert len(task.held_out) == len(task.held_out_texts) == 50
    sources = [tuple(source) for source, _ in task.train + task.held_out]
    assert len(set(sources)) == 350  # no number twice


def test_an_encoded_pair_is_its_words_between_begin_and_end() -> None:
    task = number_task(300, 50)
    for (source, target), (a, b) in zip(task.held_out, task.held_out_texts, strict=True):
        assert source == [*(task.french[w] for w in a), 2]
        assert target == [1, *(task.english[w] for w in b), 2]
    for words in (task.french, task.english):
        assert sorted(words.values()) == list(range(4, len(words) + 4))


def test_the_dictionary_knows_words_and_no_numbers() -> None:
    assert dictionary_words(number_words(16, "fr")) == ["sixteen"]
    assert dictionary_words(number_words(2300, "fr")) == ["two", "thousand", "three", "cents"]
    assert dictionary_words(["soixante", "onze"]) == ["sixty", "eleven"]


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="num_train should be"):
        number_task(0)
    with pytest.raises(ValueError, match="num_held_out should be"):
        number_task(5, 0)
    with pytest.raises(ValueError, match=r"at most 10000 together, got 10001"):
        number_task(10_000, 1)
