"""Exercise: the origins of a walk-forward test.

Sources
    Tashman (2000), "Out-of-Sample Tests of Forecasting Accuracy: an Analysis and Review", section
    4: rolling origins, each with a whole horizon behind it.
"""

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["forecast_origins"]


def _first(start: int, context: int, horizon: int) -> int:
    return max(start, context)


def _last(length: int, horizon: int) -> int:
    return length - horizon


def _stride(step: int, horizon: int) -> int:
    return step


def _back(first: int, last: int, step: int) -> list[int]:
    return [*range(last, first - 1, -step)][::-1]


def _origins_recipe(
    length: int,
    start: int,
    context: int,
    horizon: int,
    step: int,
    first: Step = _first,
    last: Step = _last,
    stride: Step = _stride,
    count: Step = _back,
) -> object:
    return count(first(start, context, horizon), last(length, horizon), stride(step, horizon))


def _beginnings(length: int, start: int, context: int, horizon: int, step: int) -> object:
    found = _origins_recipe(length, start, context, horizon, step)
    return [at - context for at in found]  # type: ignore[attr-defined]


forecast_origins = Exercise(
    name="forecast_origins",
    signature=("f(length: int, start: int, context: int, horizon: int, step: int) -> list of int"),
    task=(
        "A series has values 0 to length - 1; those from start on were kept for the test. A "
        "forecast with origin t reads the context values before t and tells the horizon values "
        "from t on. Return the origins of the test in rising order: the last one tells the last "
        "value, and from there back it is every step, as long as the context is whole and every "
        "told value was kept for the test. The context may reach back before start."
    ),
    inputs=("length", "start", "context", "horizon", "step"),
    reference=_origins_recipe,
    cases=(
        (6, 3, 2, 2, 1),
        (20, 10, 4, 3, 3),
        (31, 18, 6, 4, 2),
        (40, 3, 9, 5, 4),
        (27, 12, 7, 6, 3),
        (100, 24, 24, 12, 1),
    ),
    bank=(
        swapped(
            _origins_recipe,
            "the last window is missing",
            "The newest value is told by no forecast: length - horizon is an origin, and Python's "
            "range ends before its end.",
            last=lambda length, horizon: length - horizon - 1,
        ),
        swapped(
            _origins_recipe,
            "one too many",
            "The last window is a value short: its forecast reaches past the end of the series.",
            last=lambda length, horizon: length - horizon + 1,
        ),
        swapped(
            _origins_recipe,
            "to the end of the series",
            "The origins run to the last value. Their windows grow shorter and shorter, and the "
            "score is that of another horizon.",
            last=lambda length, horizon: length - 1,
        ),
        swapped(
            _origins_recipe,
            "a horizon lost at the end",
            "The last whole horizon is left out: its origin is length - horizon.",
            last=lambda length, horizon: length - 2 * horizon,
        ),
        swapped(
            _origins_recipe,
            "test and training overlap",
            "The first windows tell values from before start: they were trained on, and count in "
            "the test.",
            first=lambda start, context, horizon: max(start - horizon + 1, context),
        ),
        swapped(
            _origins_recipe,
            "the context kept inside the test",
            "The first origin comes context values after start. The past may be read whatever it "
            "was used for; what is lost here is the beginning of the test.",
            first=lambda start, context, horizon: start + context,
        ),
        swapped(
            _origins_recipe,
            "start is not looked at",
            "The origins begin as soon as the context is whole, in the part that was trained on.",
            first=lambda start, context, horizon: context,
        ),
        swapped(
            _origins_recipe,
            "the context is not whole",
            "The first origin is start, though there are fewer values before it than the model "
            "reads.",
            first=lambda start, context, horizon: start,
        ),
        swapped(
            _origins_recipe,
            "one later",
            "The first origin is one too late: with a step of one, the value at start is told by "
            "no forecast.",
            first=lambda start, context, horizon: max(start, context) + 1,
        ),
        swapped(
            _origins_recipe,
            "a horizon for a step",
            "The origins lie a horizon apart. What was asked is every step.",
            stride=lambda step, horizon: horizon,
        ),
        swapped(
            _origins_recipe,
            "every origin",
            "The step is not looked at.",
            stride=lambda step, horizon: 1,
        ),
        swapped(
            _origins_recipe,
            "counted from the beginning",
            "The first origin is fixed, and steps are counted from it. What they leave over is "
            "then the newest part of the series, the one that matters most.",
            count=lambda first, last, step: [*range(first, last + 1, step)],
        ),
        Mistake(
            "where the contexts begin",
            "These are the places where the contexts begin. The origin is the first value that is "
            "told.",
            _beginnings,
        ),
        Mistake(
            "the last value read",
            "These are the last values that are read. The origin is the one after it.",
            lambda *given: [at - 1 for at in _origins_recipe(*given)],  # type: ignore[attr-defined]
        ),
        Mistake(
            "one forecast",
            "This is the last origin alone. One window decides nothing: the one before it may say "
            "the opposite.",
            lambda *given: _origins_recipe(*given)[-1:],  # type: ignore[index]
        ),
    ),
    praise="Every window whole, none of them trained on, and none left out.",
    differentiable=False,
)
