import math

import torch

from txlite.checks.framework._show import WIDTH, fill, show_call, show_value


def test_numbers_are_short():
    assert show_value(0.5) == "0.5"
    assert show_value(1 / 3) == "0.3333"
    assert show_value(2.0) == "2"
    assert show_value(1e-33) == "1.0e-33"
    assert show_value(math.nan) == "nan"
    assert show_value(7) == "7"
    assert show_value(None) == "None"


def test_columns_are_aligned():
    assert show_value(torch.tensor([[1.0, -0.25], [10.0, 2.0]])) == (
        "[[    1, -0.25],\n [   10,     2]]"
    )


def test_truth_is_written_out():
    assert show_value(torch.tensor([[True, False]])) == "[[ True, False]]"


def test_large_and_empty_tensors_are_described():
    assert show_value(torch.zeros(5, 7)) == "a tensor of shape (5, 7)"
    assert show_value(torch.zeros(0, 2)) == "a tensor of shape (0, 2)"
    assert show_value([torch.zeros(2)]) == "a list of 1"


def test_short_lists_of_lists_are_written_out():
    assert show_value([[4, 5, 6], [7]]) == "[[4, 5, 6], [7]]"
    assert show_value([([0, 1], [2]), ([], [0.25])]) == "[([0, 1], [2]), ([], [0.25])]"
    assert show_value([[1, 2], None]) == "a list of 2"
    assert show_value([("a", "b"), ("ab", "c")]) == "[('a', 'b'), ('ab', 'c')]"


def test_lists_of_lists_longer_than_a_line_are_described():
    sixty = "[[10, " + ", ".join("0" * 18) + "]]"
    assert len(sixty) == 60
    assert show_value([[10] + [0] * 18]) == sixty
    assert show_value([[100] + [0] * 18]) == "a list of 1"
    assert show_value(([0] * 10, [1] * 11)) == "a tuple of 2"


def test_the_lines_of_a_call_stand_under_each_other():
    text = show_call(("query", "n"), (torch.tensor([[1.0], [2.0]]), 3), "yes", "no")
    assert text.splitlines() == [
        "    query   [[1],",
        "             [2]]",
        "    n       3",
        "    wanted  yes",
        "    got     no",
    ]


def test_a_line_that_is_wider_than_the_page_goes_on_below_itself():
    text = show_call(("query", "n"), (torch.arange(30.0)[None] / 7, 3), "yes", "no")
    lines = text.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert [line[:12].strip() for line in lines if line[4] != " "] == [
        "query",
        "n",
        "wanted",
        "got",
    ]
    assert lines[1].startswith(" " * 13)
    assert " ".join(text.split()).count("4.1429") == 1


def test_a_line_breaks_at_the_width_and_not_before():
    words = "ab " * 25 + "c"
    assert len(words) == WIDTH == 76
    assert fill(words) == words
    assert fill(words + "d").splitlines() == [("ab " * 25).rstrip(), "cd"]
    assert fill("  [1, 2,", 8) == "  [1, 2,"
    assert fill("  [1, 2,", 7, hang=" ") == "  [1,\n   2,"
