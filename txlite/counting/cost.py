"""Time and money: what arithmetic costs on given machines.

A machine's sheet names a peak. No training reaches it; the share that is reached is the utilisation
(Chowdhery et al. 2022, section 4.1), between 0.2 and 0.5 for large models on many machines.

Source
    Chowdhery et al. (2022), "PaLM: Scaling Language Modeling with Pathways", section 4.1, table 3.
"""

from txlite._checks import check_number, check_positive, check_rate

__all__ = ["training_cost", "training_days", "training_seconds"]

DAY = 86_400.0
HOUR = 3600.0


def training_seconds(
    flops: float, *, peak_flops_per_second: float, utilisation: float, num_devices: int = 1
) -> float:
    """Return how long a training takes.

    Parameters
    ----------
    flops : float
        All of its operations, for instance :func:`training_flops`.
    peak_flops_per_second : float
        Of one device, in the precision that is used.
    utilisation : float
        The share of the peak that is reached, in (0, 1].
    num_devices : int
        How many work at once; what they tell each other is in the utilisation.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    ValueError
        If a number is not positive, or the utilisation is above 1.

    Examples
    --------
    >>> training_seconds(1e15, peak_flops_per_second=1e12, utilisation=0.5)
    2000.0
    """
    share = check_number("utilisation", utilisation, "in (0, 1]", lambda x: 0.0 < x <= 1.0)
    peak = check_rate("peak_flops_per_second", peak_flops_per_second)
    speed = peak * share * check_positive("num_devices", num_devices)
    return check_rate("flops", flops) / speed


def training_days(
    flops: float, *, peak_flops_per_second: float, utilisation: float, num_devices: int = 1
) -> float:
    """Return how many days a training takes.

    Parameters
    ----------
    flops, peak_flops_per_second, utilisation : float
        As for :func:`training_seconds`.
    num_devices : int
        As for :func:`training_seconds`.

    Returns
    -------
    float
        Days.

    Raises
    ------
    ValueError
        As :func:`training_seconds`.

    Examples
    --------
    >>> days = training_days(  # GPT-3 on a thousand A100 at 312 · 10¹² in 16 bits
    ...     3.14e23, peak_flops_per_second=312e12, utilisation=0.4, num_devices=1000
    ... )
    >>> round(days)
    29
    """
    seconds = training_seconds(
        flops, peak_flops_per_second=peak_flops_per_second, utilisation=utilisation,
        num_devices=num_devices,
    )  # fmt: skip
    return seconds / DAY


def training_cost(
    flops: float,
    *,
    peak_flops_per_second: float,
    utilisation: float,
    price_per_device_hour: float,
) -> float:
    """Return what a training costs where machines are rented by the hour.

    Parameters
    ----------
    flops, peak_flops_per_second, utilisation : float
        As for :func:`training_seconds`.
    price_per_device_hour : float
        In any currency. How many devices there are does not matter: twice as many are paid for
        half as long.

    Returns
    -------
    float
        In that currency.

    Raises
    ------
    ValueError
        As :func:`training_seconds`, or if the price is not positive.

    Examples
    --------
    >>> round(training_cost(
    ...     3.14e23, peak_flops_per_second=312e12, utilisation=0.4, price_per_device_hour=2.0
    ... ))
    1397792
    """
    price = check_rate("price_per_device_hour", price_per_device_hour)
    seconds = training_seconds(
        flops, peak_flops_per_second=peak_flops_per_second, utilisation=utilisation
    )
    return price * seconds / HOUR
