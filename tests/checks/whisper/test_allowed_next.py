import math

import pytest
import torch
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks
from txlite.generation import timestamp_rules

check = checks.allowed_next


def token_by_token(
    *,
    begin=("time",),
    begun=("text", "end"),
    ended=("time", "end"),
    inside=("text", "end", "time"),
    too_early=lambda token, times, ended: token < times[-1] + (not ended),
    weigh=None,
    gone=("text", "end", "none"),
):
    """Build an answer of the kinds of token that may follow, and of which time is too early."""

    def answer(logits, new, end, none):
        kind = dict.fromkeys(range(end), "text") | {end: "end", none: "none"}
        kind |= dict.fromkeys(range(none + 1, len(logits)), "time")
        said = "".join("t" if kind[t] == "time" else "w" for t in new.tolist())
        times = [t for t in new.tolist() if kind[t] == "time"]
        over = said.endswith("wt")
        follow = begin if not said else ended if over else begun if said[-1] == "t" else inside
        may = {t for t in kind if kind[t] in follow}
        if times:
            may -= {t for t in may if kind[t] == "time" and too_early(t, times, over)}
        chance = [math.exp(x) for x in logits.tolist()]
        scale = sum(chance)
        chance = {t: x / scale for t, x in enumerate(chance)}
        if (weigh or usual)(chance, may, kind):
            may -= {t for t in may if kind[t] in gone}
        return torch.tensor([t in may for t in range(len(logits))])

    return answer


def of(chance, tokens):
    return [chance[t] for t in tokens] or [0.0]


def usual(chance, may, kind):
    times = [t for t in may if kind[t] == "time"]
    return sum(of(chance, times)) > max(of(chance, may - set(times)))


def never(chance, may, kind):
    return False


def best_alone(chance, may, kind):
    times = {t for t in may if kind[t] == "time"}
    return max(of(chance, times)) > max(of(chance, may - times))


def all_times(chance, may, kind):
    times = {t for t in kind if kind[t] == "time"}
    return sum(of(chance, times)) > max(of(chance, may - times))


def others_together(chance, may, kind):
    times = {t for t in may if kind[t] == "time"}
    return sum(of(chance, times)) > sum(of(chance, may - times))


def text_alone(chance, may, kind):
    times = {t for t in may if kind[t] == "time"}
    return sum(of(chance, times)) > max(of(chance, {t for t in may if kind[t] == "text"}))


def forbidden_ones(chance, may, kind):
    times = {t for t in may if kind[t] == "time"}
    return sum(of(chance, times)) > max(of(chance, {t for t in kind if kind[t] != "time"}))


EVERYTHING = ("text", "end", "time")

WRITTEN = {
    "no rule of mass": token_by_token(weigh=never),
    "the best time alone": token_by_token(weigh=best_alone),
    "times that may not come": token_by_token(weigh=all_times),
    "all others together": token_by_token(weigh=others_together),
    "the text alone": token_by_token(weigh=text_alone),
    "tokens that may not come": token_by_token(weigh=forbidden_ones),
    "the end stays": token_by_token(gone=("text",)),
    "times run backwards": token_by_token(too_early=lambda *given: False),
    "always later": token_by_token(too_early=lambda t, times, over: t <= times[-1]),
    "a piece of no length": token_by_token(too_early=lambda t, times, over: t < times[-1]),
    "from the first time on": token_by_token(
        too_early=lambda t, times, over: t < times[0] + (not over)
    ),
    "text first": token_by_token(begin=EVERYTHING),
    "a beginning after a beginning": token_by_token(begun=EVERYTHING),
    "text after an end": token_by_token(ended=EVERYTHING),
    "no end after a piece": token_by_token(ended=("time",)),
    "none may come": token_by_token(inside=(*EVERYTHING, "none")),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def packaged(logits, new, end, none):
    scores = timestamp_rules(logits[None], new[None], begin=0, no_timestamps=none, eos_id=end)
    return scores[0] > -math.inf


def test_right_answers_in_other_words_pass():
    check(token_by_token()).require()
    check(packaged).require()


def test_it_is_the_packages_rule_for_whatever_may_be_written():
    """Texts are written token by token, each drawn from what the rule allows."""
    generator = torch.Generator().manual_seed(20)
    kinds = set()
    for _ in range(40):
        new = torch.zeros(0, dtype=torch.long)
        for _ in range(8):
            logits = 2 * torch.randn(11, generator=generator)
            may = check.reference(logits, new, 3, 4)
            assert_close(may, packaged(logits, new, 3, 4))
            choices = (may & (torch.arange(11) != 3)).nonzero()[:, 0]
            if not len(choices):
                break
            drawn = choices[torch.randint(len(choices), (), generator=generator)]
            new = torch.cat([new, drawn[None]])
            kinds.add(tuple((new > 4).tolist()[-2:]))
    assert len(kinds) >= 5  # begun, inside, ended, begun anew


def test_four_tenths_on_times_are_more_than_three_tenths_on_a_word():
    chances = torch.tensor([0.3, 0.1, 0.05, 0.05, 0.1, 0.0, 0.1, 0.1, 0.1, 0.05, 0.05])
    may = check.reference(chances.log(), torch.tensor([5, 0]), 3, 4)
    assert may.nonzero()[:, 0].tolist() == [6, 7, 8, 9, 10]
