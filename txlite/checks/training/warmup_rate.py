"""Exercise: the paper's schedule, equation (3)."""

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["warmup_rate"]


def _fall(step: int, warmup: int) -> float:
    return float(step**-0.5)


def _rise(step: int, warmup: int) -> float:
    return float(step * warmup**-1.5)


def _width(d_model: int) -> float:
    return float(d_model**-0.5)


def _rate_recipe(
    step: int,
    d_model: int,
    warmup_steps: int,
    width: Step = _width,
    rise: Step = _rise,
    fall: Step = _fall,
    choose: Step = min,
) -> object:
    return width(d_model) * choose(rise(step, warmup_steps), fall(step, warmup_steps))


warmup_rate = Exercise(
    name="warmup_rate",
    signature="f(step: int, d_model: int, warmup_steps: int) -> float",
    task=(
        "The learning rate of a step, counted from 1, by equation (3) of the paper: a straight "
        "rise until warmup_steps, then the inverse root of the step, all times 1/√d_model."
    ),
    inputs=("step", "d_model", "warmup_steps"),
    reference=_rate_recipe,
    cases=((1, 1, 1), (1, 4, 4), (4, 4, 4), (9, 4, 4), (2, 1, 9), (50, 16, 9), (3, 9, 16)),
    bank=(
        swapped(
            _rate_recipe,
            "no warm-up",
            "The rise is missing: the rate falls from the first step on, where it is largest.",
            rise=_fall,
        ),
        swapped(
            _rate_recipe,
            "never falls",
            "The fall is missing: the rate never stops rising.",
            fall=_rise,
        ),
        swapped(
            _rate_recipe,
            "max instead of min",
            "The larger of the two is taken. The rise is small at first and the fall is small "
            "later: it is the smaller that counts.",
            choose=max,
        ),
        swapped(
            _rate_recipe,
            "sum instead of min",
            "Rise and fall are added. At each step only the smaller of them counts.",
            choose=lambda a, b: a + b,
        ),
        swapped(
            _rate_recipe,
            "the width is left out",
            "The factor 1/√d_model is missing. Wider models need smaller steps.",
            width=lambda d: 1.0,
        ),
        swapped(
            _rate_recipe,
            "divides by d_model",
            "It is divided by d_model, not by its root.",
            width=lambda d: 1 / d,
        ),
        swapped(
            _rate_recipe,
            "multiplies by √d_model",
            "It is multiplied by √d_model where it should be divided.",
            width=lambda d: float(d**0.5),
        ),
        swapped(
            _rate_recipe,
            "rises to one",
            "The rise is step/warmup_steps, which reaches 1. It must meet the fall, which has come "
            "down to 1/√warmup_steps by then: step · warmup_steps^−1.5.",
            rise=lambda s, w: s / w,
        ),
        swapped(
            _rate_recipe,
            "rises with the root of the warm-up",
            "The rise is step/√warmup_steps. The exponent of warmup_steps is −1.5.",
            rise=lambda s, w: float(s * w**-0.5),
        ),
        swapped(
            _rate_recipe,
            "falls with the step",
            "The fall is 1/step, the paper's is 1/√step.",
            fall=lambda s, w: 1 / s,
        ),
        swapped(
            _rate_recipe,
            "the fall begins at one again",
            "After the warm-up the steps are counted from zero again. The fall counts all steps "
            "from the first, so that it meets the rise at the top.",
            fall=lambda s, w: float(max(s - w, 1) ** -0.5),
        ),
        swapped(
            _rate_recipe,
            "counts from zero",
            "The step is counted one too low: 0 for the first. Then the first step learns nothing.",
            rise=lambda s, w: _rise(s - 1, w),
            fall=lambda s, w: float(max(s - 1, 1) ** -0.5),
        ),
        swapped(
            _rate_recipe,
            "counts one too far",
            "The step is counted one too high. The first step is number 1 already.",
            rise=lambda s, w: _rise(s + 1, w),
            fall=lambda s, w: float((s + 1) ** -0.5),
        ),
    ),
    praise="Up in a straight line, down with the root.",
)
