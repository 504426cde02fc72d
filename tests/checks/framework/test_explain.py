import torch

from txlite.checks.framework._explain import counterexample, difference
from txlite.checks.framework._outcome import Outcome

NAMES = ("x",)


def explain(wanted, got):
    return difference(Outcome(wanted), Outcome(got))


def test_each_kind_of_difference_has_its_sentence():
    x = torch.tensor([1.0, 2.0, 3.0])
    assert explain(x, x[:2]) == "Your result has shape (2,); wanted is (3,)."
    assert explain(x, x > 1) == "Your result holds True and False; wanted are numbers."
    assert explain(x > 1, x) == "Your result holds numbers; wanted are True and False."
    assert explain(x, None) == "Your function returned nothing (None), not a tensor."
    assert explain(x, [x]) == "Your function returned a list, not a tensor."
    assert explain(x, x * torch.tensor([1.0, torch.nan, 1.0])) == (
        "1 of 3 entries is NaN: look for 0/0 or ∞ − ∞."
    )
    assert explain(x, x / torch.tensor([0.0, 0.0, 1.0])) == (
        "2 of 3 entries are infinite: look for 1/0."
    )
    assert explain(x, x + torch.tensor([0.5, 0.0, 0.25])) == (
        "2 of 3 entries differ, the one at [0] most, by 0.5."
    )
    assert explain(x > 1, x > 2) == "1 of 3 entries differs."
    assert explain(torch.tensor(1.0), 1.5) == "The number differs by 0.5."


def test_a_difference_between_texts_has_its_sentence():
    assert explain(["ab", "c"], ["abc"]) == "Your function returned other texts."
    assert explain(["ab", "c"], "ab c") == "Your function returned a text, not a list of texts."
    assert explain(["ab", "c"], [2, 1]) == "Your function returned a list, not a list of texts."
    text = counterexample(NAMES, (["a"],), Outcome(["ab", "c"]), Outcome(["abc"]), lambda x: x)
    assert "wanted  ['ab', 'c']" in text
    assert "got     ['abc']" in text


def test_an_infinity_that_is_wanted_is_no_difference():
    wanted = torch.tensor([torch.inf, 0.0, 1.0])
    got = torch.tensor([torch.inf, 0.0, 2.0])
    assert explain(wanted, got) == "1 of 3 entries differs, the one at [2] most, by 1."


def test_of_a_large_tensor_the_worst_entry_is_shown():
    x = torch.zeros(6, 7)
    got = x.clone()
    got[1, 2], got[4, 5] = 1.0, -3.0
    text = counterexample(NAMES, (x,), Outcome(x), Outcome(got), lambda x: x)
    assert "x       a tensor of shape (6, 7)" in text
    assert "wanted  0 at [4, 5], in a tensor of shape (6, 7)" in text
    assert "got     -3 at [4, 5], in a tensor of shape (6, 7)" in text


def test_the_worst_entry_of_a_large_tensor_may_be_nan_but_not_an_infinity_that_is_right():
    wanted = torch.zeros(6, 7)
    wanted[0, 0] = torch.inf
    got = wanted.clone()
    got[3, 3] = torch.nan
    text = counterexample(NAMES, (wanted,), Outcome(wanted), Outcome(got), lambda x: x)
    assert "got     nan at [3, 3]" in text


def test_a_long_error_is_cut():
    error = RuntimeError("word " * 100)
    text = counterexample(NAMES, (1,), Outcome(1), Outcome(None, error), lambda x: x)
    assert text.endswith("...")
    assert max(map(len, text.splitlines())) < 200


def test_an_answer_without_source_still_gets_its_error():
    text = counterexample(NAMES, (1,), Outcome(1), Outcome(None, ValueError()), torch.neg)
    assert text.endswith("got     ValueError")
