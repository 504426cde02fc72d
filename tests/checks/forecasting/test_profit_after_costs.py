import pytest
import torch

from tests.checks.written import earns
from txlite import checks

check = checks.profit_after_costs


def ledger(fee=None, late=1, last=True, worth=None, held_fee=None):
    """Build an answer that keeps a ledger of money and shares, from open to open."""

    def answer(wanted, opens, cost):
        wanted, opens = wanted.tolist(), opens.tolist()
        money = shares = gained = 0.0
        end = len(opens) - 1
        for t, price in enumerate(opens):
            goal = 0.0 if t == end or t < late else wanted[t - late]
            money -= (goal - shares) * price
            if held_fee:
                money -= cost * held_fee(goal) * price
            elif t < end or last:
                paid = fee(shares, goal, price, opens) if fee else abs(goal - shares) * price
                money -= cost * paid
            if worth and t < end:
                gained += worth(goal, price, opens[t + 1]) - goal * (opens[t + 1] - price)
            shares = goal
        return money + gained

    return answer


def once_when_it_flips(before, after, price, opens):
    opposite = before * after < 0
    return price * (max(abs(before), abs(after)) if opposite else abs(after - before))


WRITTEN = {
    "traded in the same bar": ledger(late=0),
    "two bars later": ledger(late=2),
    "costs forgotten": lambda wanted, opens, cost: ledger()(wanted, opens, 0.0),
    "the end is not charged": ledger(last=False),
    "selling is free": ledger(lambda a, b, price, opens: max(b - a, 0) * price),
    "buying is free": ledger(lambda a, b, price, opens: max(a - b, 0) * price),
    "sales give costs back": ledger(lambda a, b, price, opens: (b - a) * price),
    "turnover counted once": ledger(once_when_it_flips),
    "every trade the same": ledger(lambda a, b, price, opens: price * (a != b)),
    "charged for holding": ledger(held_fee=abs),
    "a share of a share": ledger(lambda a, b, price, opens: abs(a - b)),
    "at the first price": ledger(lambda a, b, price, opens: abs(a - b) * opens[0]),
    "twice": lambda wanted, opens, cost: ledger()(wanted, opens, 2 * cost),
    "relative returns added": ledger(worth=lambda held, a, b: held * (b - a) / a),
    "debts taken for shares": ledger(worth=lambda held, a, b: abs(held) * (b - a)),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(ledger()).require()


def test_bought_at_100_and_sold_at_110_leaves_7_90():
    """One per cent of 100 and one per cent of 110; where the exit is free it would be 9."""
    given = torch.tensor([1.0, 0, 0]), torch.tensor([90.0, 100, 110]), 0.01
    assert float(check.reference(*given)) == pytest.approx(7.9, abs=1e-5)
    forgotten = ledger(lambda a, b, price, opens: max(b - a, 0) * price)
    assert forgotten(*given) == pytest.approx(9.0)


def test_random_rules_on_random_prices_keep_the_ledger():
    draw = torch.Generator().manual_seed(8)
    for length in range(3, 40):
        wanted = torch.randint(-3, 4, (length,), generator=draw).double()
        opens = 50 * torch.rand(length, generator=draw).double() + 1
        found = float(check.reference(wanted, opens, 0.013))
        assert found == pytest.approx(ledger()(wanted, opens, 0.013))
