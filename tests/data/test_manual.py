"""The manual is long, real, and written in the characters that it promises."""

from txlite.data.manual import ALPHABET, python_manual


def test_only_the_characters_of_the_alphabet_occur_and_each_once_in_it() -> None:
    assert set(python_manual()) <= set(ALPHABET)
    assert len(set(ALPHABET)) == len(ALPHABET) == 96


def test_it_is_the_manual() -> None:
    text = python_manual()
    assert len(text) > 300_000
    assert "yield" in text
    assert "Assert statements" in text
    assert "def " in text


def test_blanks_are_single_and_lines_begin_with_a_letter() -> None:
    text = python_manual()
    assert "  " not in text
    assert "\n " not in text
    assert " \n" not in text
    assert "\n\n" not in text


def test_it_is_the_same_every_time() -> None:
    assert python_manual() == python_manual()
