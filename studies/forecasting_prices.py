"""Prices: how much an index moves can be forecast, whether it rises cannot, and what a test hides.

The volatility of the next five sessions is forecast by the last week, exponential weights, HAR and
a Transformer; each chooses among four on the three years before the test. Then the sign of the next
return, and strategies that trade on either, after costs and a session later, beside holding the
index. Last, the best of many rules, and leaks that are planted into a test on noise.
"""

import math
from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

import txlite
from studies._forecasting import Plan, learner
from studies._kept import kept
from studies._prices import (
    BLOCK,
    COST,
    DECAYS,
    LENGTHS,
    PLANS,
    TEST,
    VALID,
    WEEK,
    YEAR,
    bars,
    first_of_test,
    log_volatility,
    quick_returns,
    returns,
    rules,
)
from txlite.forecasting import (
    Forecast,
    Forecaster,
    ForwardWalk,
    Trained,
    block_places,
    mae,
    walk_forward,
)
from txlite.forecasting.leaks import find_leaks
from txlite.forecasting.pipeline import noise_market
from txlite.forecasting.planted import HONEST, PLANTED
from txlite.forecasting.sharpe import (
    bars_per_year,
    deflated_sharpe,
    probabilistic_sharpe,
    return_moments,
    sharpe,
    sharpe_interval,
)
from txlite.forecasting.trading import Backtest, backtest, buy_and_hold, drawdown
from txlite.forecasting.volatility import EWMA, HAR, out_of_sample_r2, qlike

SAMPLES = 2_000
NOISES, MARKETS = 40, 5  # indices that are noise; markets of many shares that are
ONCE = 10**6


# --- volatility -----------------------------------------------------------------------------------


def last_week(past: Float[Tensor, " T"], horizon: int) -> Forecast:
    """Forecast the mean of the last five sessions."""
    return Forecast(past[-WEEK:].mean().repeat(horizon))


def candidates(seed: int) -> dict[str, dict[str, Forecaster | Trained]]:
    """Return the four candidates of each method."""
    return {
        "last week": {"": last_week},
        "EWMA": {str(decay): EWMA(decay) for decay in DECAYS},
        "HAR": {str(lengths): HAR(lengths) for lengths in LENGTHS},
        "Transformer": {
            key: Trained(learner(plan, WEEK, seed), YEAR) for key, plan in PLANS.items()
        },
    }


def week_walk(forecaster: Forecaster | Trained, part: range) -> ForwardWalk:
    """Ask for the next five sessions at each session of a part."""
    return walk_forward(
        log_volatility()[: part.stop], forecaster, context=1, horizon=WEEK, within=part
    )


def valid_part() -> range:
    """Return the sessions to choose by."""
    return range(first_of_test() - VALID, first_of_test())


def test_part() -> range:
    """Return the sessions that are tested."""
    return range(first_of_test(), len(bars()))


@cache
def chosen(method: str) -> str:
    """Return the candidate with the least error before the test; the same for all seeds."""

    def score(key: str, one: Forecaster | Trained) -> dict[str, float]:
        once = Trained(one.trainer, ONCE) if isinstance(one, Trained) else one
        found = week_walk(once, valid_part())
        return {"mae": mae(found.truth.mean(1), found.values.mean(1))}

    scores = {
        key: kept(f"volatility {method} {key}", 0, lambda k=key, o=one: score(k, o))["mae"]  # type: ignore[misc]
        for key, one in candidates(0)[method].items()
    }
    return min(scores, key=lambda key: scores[key])


def forecast_kept(name: str, seed: int, make: Callable[[], Tensor]) -> Float[Tensor, " N"]:
    """Return a row of numbers that is made once."""
    found = kept(name, seed, lambda: {str(i): x for i, x in enumerate(make().tolist())})
    return torch.tensor(list(found.values()), dtype=torch.double)


def weeks(method: str, part: range, seed: int) -> Float[Tensor, " N"]:
    """Return what a method says of the mean of the next five sessions, at each session."""
    one = candidates(seed)[method][chosen(method)]
    where = "test" if part.start == first_of_test() else "valid"
    if where == "valid" and isinstance(one, Trained):
        one = Trained(one.trainer, ONCE)
    said = seed if method == "Transformer" else 0
    return forecast_kept(
        f"volatility {method}, {where}", said, lambda: week_walk(one, part).values.mean(1)
    )


def known_mean(past: Float[Tensor, " T"], horizon: int) -> Forecast:
    """Forecast the mean of all that is known: what R² is counted from."""
    return Forecast(past.mean().repeat(horizon))


def volatility(seed: int) -> dict[str, float]:
    """Return how well each method forecasts the volatility of the next five sessions."""
    walk = week_walk(known_mean, test_part())
    before = week_walk(known_mean, valid_part())
    truth, reference = walk.truth.mean(1), walk.values.mean(1)
    variance = (2 * walk.truth).exp().mean(1)
    found, errors = {}, {}
    for method in candidates(seed):
        told = weeks(method, test_part(), seed)
        errors[method] = (truth - told).square()
        # What a logarithm says of a mean has a bias, whose size is taken from the years before.
        early = (2 * weeks(method, valid_part(), seed)).exp()
        bias = float(((2 * before.truth).exp().mean(1) / early).mean())
        found[f"{method}: R2"] = out_of_sample_r2(truth, told, reference)
        found[f"{method}: QLIKE"] = qlike(variance, bias * (2 * told).exp())
        found[f"{method}: chosen"] = float(list(candidates(0)[method]).index(chosen(method)))
    total = (truth - reference).square()
    places = block_places(len(truth), block=BLOCK, generator=txlite.seed(seed), samples=SAMPLES)
    for other in ("last week", "EWMA", "HAR"):
        gap = (errors[other] - errors["Transformer"])[places].mean(1) / total[places].mean(1)
        low, high = ends(gap)
        found |= {f"Transformer less {other}: low": low, f"Transformer less {other}: high": high}
    return found


def ends(samples: Float[Tensor, " S"]) -> tuple[float, float]:
    """Return the middle 95 per cent."""
    low, high = torch.quantile(samples, torch.tensor([0.025, 0.975], dtype=torch.double)).tolist()
    return low, high


# --- direction ------------------------------------------------------------------------------------


def next_day(plan: Plan, part: range, every: int, seed: int) -> Float[Tensor, " N"]:
    """Return the median that a Transformer tells of each next return."""
    trained = Trained(learner(plan, 1, seed), every)
    return walk_forward(
        returns()[: part.stop], trained, context=1, horizon=1, within=part
    ).values[:, 0]  # fmt: skip


@cache
def direction_plan() -> Plan:
    """Return the plan whose signs are right most often before the test."""
    truth = returns()[valid_part().start : valid_part().stop]
    rights = {
        key: kept(
            f"direction {key}", 0,
            lambda p=plan: {"right": right(next_day(p, valid_part(), ONCE, 0), truth)},  # type: ignore[misc]
        )["right"]
        for key, plan in PLANS.items()
    }  # fmt: skip
    return PLANS[max(rights, key=lambda key: rights[key])]


def right(told: Float[Tensor, " N"], truth: Float[Tensor, " N"]) -> float:
    """Return the share of signs that are right; a session that does not move counts as no rise."""
    return float(((told > 0) == (truth > 0)).double().mean())


def tomorrow(seed: int) -> Float[Tensor, " N"]:
    """Return the median of each next return of the test."""
    return forecast_kept(
        "direction, test", seed, lambda: next_day(direction_plan(), test_part(), YEAR, seed)
    )


def direction(seed: int) -> dict[str, float]:
    """Return how often the sign of the next return is right, beside simple answers."""
    part = test_part()
    truth = returns()[part.start : part.stop]
    before = returns()[part.start - 1 : part.stop - 1]
    month = returns().unfold(0, 20, 1).sum(1)[part.start - 20 : part.stop - 20]
    answers = {
        "always up": torch.ones_like(truth), "as yesterday": before, "against yesterday": -before,
        "as last month": month, "Transformer": tomorrow(seed),
    }  # fmt: skip
    hits = {name: ((told > 0) == (truth > 0)).double() for name, told in answers.items()}
    places = block_places(len(truth), block=BLOCK, generator=txlite.seed(seed), samples=SAMPLES)
    found = {f"{name}: right": float(hit.mean()) for name, hit in hits.items()}
    found["Transformer: says up"] = float((answers["Transformer"] > 0).double().mean())
    for name, hit in hits.items():
        if name != "always up":
            low, high = ends((hit - hits["always up"])[places].mean(1))
            found |= {f"{name} less always up: low": low, f"{name} less always up: high": high}
    return found | {"sessions": float(len(truth))}


# --- strategies -----------------------------------------------------------------------------------


def wanted(seed: int) -> dict[str, Float[Tensor, " N"]]:
    """Return what each strategy wants to hold at the end of each session of the test but the last.

    The forecast at origin t is made from the sessions before t. So it is known at the end of
    session t − 1, and the backtest trades it a session later.
    """
    part = test_part()
    calm = float(log_volatility()[: part.start].median())
    count = TEST - WEEK + 1

    def steady(method: str) -> Tensor:
        """Hold less when it is to move more, and never more than all."""
        told = weeks(method, part, seed)[:count]
        share = (calm - told).exp().clamp(max=1)
        return torch.cat([share, share[-1:].repeat(TEST - count)])

    momentum = (returns().unfold(0, 20, 1).sum(1)[part.start - 20 : part.stop - 20] > 0).double()
    return {
        "steady HAR": steady("HAR"), "steady Transformer": steady("Transformer"),
        "momentum": momentum, "direction": (tomorrow(seed) > 0).double(),
    }  # fmt: skip


def traded(positions: Float[Tensor, " N"], *, cost: float = COST, delay: int = 1) -> Backtest:
    """Trade on the closing prices from the session before the test on."""
    prices = bars().close[first_of_test() - 1 :]
    return backtest(torch.cat([positions, positions[-1:]]), prices, cost=cost, delay=delay)


def scores(found: Backtest, seed: int) -> dict[str, float]:
    """Return what is told of a backtest."""
    year = bars_per_year(stamps())
    spread = sharpe_interval(
        found.returns, block=BLOCK, generator=txlite.seed(seed), per_year=year, samples=SAMPLES
    )
    return {
        "Sharpe": spread.value, "low": spread.low, "high": spread.high,
        "drawdown": drawdown(found.wealth),
        "turnover": float(found.turnover.sum()) * year / len(found.returns),
        "wealth": float(found.wealth[-1]),
        "probabilistic": probabilistic_sharpe(return_moments(found.returns)),
    }  # fmt: skip


def stamps() -> Int[Tensor, " N"]:
    """Return when the sessions of the test were."""
    return bars().stamps[first_of_test() - 1 :]


def strategies(seed: int) -> dict[str, float]:
    """Return every strategy's backtest, beside holding the index all the time."""
    year = math.sqrt(bars_per_year(stamps()))
    held = buy_and_hold(bars().close[first_of_test() - 1 :], cost=COST)
    tests: dict[str, Backtest] = {"hold": held}
    tests |= {name: traded(shares) for name, shares in wanted(seed).items()}
    places = block_places(
        len(held.returns), block=BLOCK, generator=txlite.seed(seed), samples=SAMPLES
    )
    ratio = {name: drawn_ratio(one.returns[places]) * year for name, one in tests.items()}
    found: dict[str, float] = {}
    for name, one in tests.items():
        found |= {f"{name}: {what}": x for what, x in scores(one, seed).items()}
        if name != "hold":
            low, high = ends(ratio[name] - ratio["hold"])
            found |= {f"{name} less hold: low": low, f"{name} less hold: high": high}
    for name in ("momentum", "direction"):
        positions = wanted(seed)[name]
        free = traded(positions, cost=0.0)
        found[f"{name}, free: Sharpe"] = sharpe(free.returns, per_year=year**2)
    return found


def drawn_ratio(samples: Float[Tensor, "S N"]) -> Float[Tensor, " S"]:
    """Return each sample's Sharpe ratio, for a session."""
    return samples.mean(1) / samples.std(1)


# --- the best of many, and leaks ------------------------------------------------------------------


def many_rules(prices: Float[Tensor, " T"], test: int, year: float) -> dict[str, float]:
    """Return the best of many rules on the last prices, and what is left of it."""
    wanted = torch.stack([rule(prices)[-test - 1 :] for rule in rules()])
    nets = quick_returns(wanted, prices[-test - 1 :])
    moments = [return_moments(net) for net in nets if net.min() < net.max()]
    ratios = torch.tensor([one.sharpe for one in moments], dtype=torch.double)
    best = int(ratios.argmax())
    deflated = deflated_sharpe(moments[best], trials=len(moments), variance=float(ratios.var()))
    return {
        "tried": float(len(moments)), "best": float(ratios[best]) * math.sqrt(year),
        "median": float(ratios.median()) * math.sqrt(year),
        "alone": probabilistic_sharpe(moments[best]), "deflated": deflated,
    }  # fmt: skip


def rule_numbers() -> dict[str, float]:
    """Return the best rule for the index, and for markets that are noise."""
    year = bars_per_year(stamps())
    found = {f"rules: {what}": x for what, x in many_rules(bars().close, TEST, year).items()}
    noises = []
    spread = float(returns().std()) / 100
    for number in range(NOISES):
        held_out = torch.Generator().manual_seed(number)
        steps = spread * torch.randn(TEST + 251, generator=held_out, dtype=torch.double)
        noises.append(many_rules(steps.cumsum(0).exp(), TEST, year))
    for what in ("best", "alone", "deflated"):
        some = torch.tensor([noise[what] for noise in noises], dtype=torch.double)
        found[f"rules on noise: {what}"] = float(some.median())
        found[f"rules on noise: {what}, above 95 %"] = float((some > 0.95).double().mean())
    return found


def leak_numbers() -> dict[str, float]:
    """Return what each planted leak makes of noise, and how often it alone is found and named."""
    found: dict[str, float] = {}
    for name, pipeline in {"honest": HONEST, **PLANTED}.items():
        ratios, named = [], 0
        for number in range(MARKETS):
            held_out = torch.Generator().manual_seed(number)
            market = noise_market(held_out)
            ratios.append(pipeline.run(market).sharpe())
            names = [leak.name for leak in find_leaks(pipeline, market)]
            named += names == ([] if name == "honest" else [name])
        some = torch.tensor(ratios, dtype=torch.double)
        found[f"{name}: Sharpe"] = float(some.median())
        found[f"{name}: least"], found[f"{name}: most"] = float(some.min()), float(some.max())
        found[f"{name}: named"] = float(named)
    return found | {"markets": float(MARKETS)}


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's tables for one seed."""
    found = {f"volatility, {what}": x for what, x in volatility(seed).items()}
    found |= {f"direction, {what}": x for what, x in direction(seed).items()}
    found |= strategies(seed)
    found |= kept("rules", 0, rule_numbers)
    leaks = kept("leaks", 0, leak_numbers)
    found |= {f"leaks, {what}": x for what, x in leaks.items()}
    return {name: round(value, 5) for name, value in found.items() if math.isfinite(value)}
