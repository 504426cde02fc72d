"""Schedules: pure functions from the number of a step, counted from 1, to its learning rate.

Nothing here remembers anything, so there is nothing to save and nothing to restore.

Sources
    Vaswani et al. (2017), section 5.3, equation (3).
    Loshchilov and Hutter (2017), "SGDR", equation (5), without restarts.
"""

import math
from collections.abc import Callable
from functools import partial

from txlite._checks import check_length, check_number, check_positive, check_rate

__all__ = ["Schedule", "constant", "warmup_cosine", "warmup_inverse_sqrt"]

Schedule = Callable[[int], float]
"""From the number of a step, 1 for the first, to its learning rate."""


def warmup_inverse_sqrt(d_model: int, warmup_steps: int, factor: float = 1.0) -> Schedule:
    r"""Return the paper's schedule: up in a straight line, then down with the root of the step.

    .. math:: \text{rate} = \text{factor} \cdot D^{-1/2} \cdot
              \min\left(\text{step}^{-1/2},\; \text{step} \cdot \text{warmup}^{-3/2}\right)

    The two meet at ``step = warmup_steps``, at the peak :math:`\text{factor} / \sqrt{D \cdot
    \text{warmup}}`.

    Parameters
    ----------
    d_model : int
        Model width D. A wider model gets smaller steps.
    warmup_steps : int
        Steps of the rise. The paper takes 4000.
    factor : float
        Positive; 1 in the paper.

    Returns
    -------
    callable
        From the step, at least 1, to the learning rate.

    Raises
    ------
    ValueError
        If a size or the factor is not positive, or later the step is not.

    References
    ----------
    Vaswani et al. (2017), equation (3).

    Examples
    --------
    >>> rate = warmup_inverse_sqrt(512, 4000)
    >>> f"{rate(1):.1e} {rate(4000):.1e} {rate(100_000):.1e}"
    '1.7e-07 7.0e-04 1.4e-04'
    """
    d_model = check_positive("d_model", d_model)
    warmup_steps = check_positive("warmup_steps", warmup_steps)
    factor = check_rate("factor", factor)
    return partial(_inverse_sqrt, d_model, warmup_steps, factor)


def warmup_cosine(
    peak: float, warmup_steps: int, total_steps: int, *, floor: float = 0.0
) -> Schedule:
    r"""Return a schedule that rises in a straight line and falls along half a cosine.

    .. math:: \begin{aligned} \text{rate} &= \text{floor} + \tfrac{1}{2}(\text{peak} - \text{floor})
              (1 + \cos \pi r) \\
              r &= \frac{\text{step} - \text{warmup}}{\text{total} - \text{warmup}} \end{aligned}

    Parameters
    ----------
    peak : float
        The largest rate, positive, reached at ``warmup_steps``.
    warmup_steps : int
        Steps of the rise, fewer than ``total_steps``; 0 for none.
    total_steps : int
        The step at which ``floor`` is reached, and kept from then on.
    floor : float
        The last rate, from 0 to ``peak``.

    Returns
    -------
    callable
        From the step, at least 1, to the learning rate.

    Raises
    ------
    ValueError
        If the steps or the rates are out of order, or later the step is not positive.

    References
    ----------
    Loshchilov and Hutter (2017), equation (5).
    """
    peak = check_rate("peak", peak)
    warmup_steps = check_length("warmup_steps", warmup_steps)
    total_steps = check_positive("total_steps", total_steps)
    floor = check_number("floor", floor, f"a number in [0, peak={peak}]", lambda x: 0 <= x <= peak)
    if warmup_steps >= total_steps:
        raise ValueError(
            f"warmup_steps should be from 0 to total_steps - 1 = {total_steps - 1}, "
            f"got {warmup_steps}"
        )
    return partial(_cosine, peak, warmup_steps, total_steps, floor)


def constant(rate: float) -> Schedule:
    """Return a schedule that never changes.

    Parameters
    ----------
    rate : float
        The learning rate, positive.

    Returns
    -------
    callable
        From the step to that rate.

    Raises
    ------
    ValueError
        If the rate is not positive, or later the step is not.
    """
    return partial(_constant, check_rate("rate", rate))


def _inverse_sqrt(d_model: int, warmup_steps: int, factor: float, step: int) -> float:
    step = check_positive("step", step)
    return float(factor * d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5))


def _cosine(peak: float, warmup_steps: int, total_steps: int, floor: float, step: int) -> float:
    step = check_positive("step", step)
    if step <= warmup_steps:
        return peak * step / warmup_steps
    share = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return floor + 0.5 * (peak - floor) * (1 + math.cos(math.pi * share))


def _constant(rate: float, step: int) -> float:
    check_positive("step", step)
    return rate
