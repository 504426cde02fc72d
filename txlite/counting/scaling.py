r"""Scaling laws: how the loss falls with parameters, tokens and arithmetic.

Hoffmann et al. fit one surface to four hundred trainings,

.. math:: L(N, D) = E + \frac{A}{N^\alpha} + \frac{B}{D^\beta}

whose minimum under C = 6ND says how a budget is best divided. Besiroglu et al. read the points off
the figure and fitted them again, since the published numbers did not agree with the paper's own two
other approaches. Kaplan et al. had found before, with small models and no room for a schedule that
ends with the data, that most of a budget should go into parameters.

Sources
    Hoffmann et al. (2022), "Training Compute-Optimal Large Language Models", equations (2), (4) and
    (10), section 3.3. Besiroglu et al. (2024), "Chinchilla Scaling: A Replication Attempt",
    section 3. Kaplan et al. (2020), "Scaling Laws for Neural Language Models", equations (1.1),
    (1.2) and (1.5).
"""

from dataclasses import dataclass

from txlite._checks import check_positive, check_rate

__all__ = ["BESIROGLU", "HOFFMANN", "ScalingFit", "kaplan_loss"]


@dataclass(frozen=True, kw_only=True)
class ScalingFit:
    """A fitted surface of the loss, in nats a token.

    Parameters
    ----------
    E : float
        What no model gets below: the text's own entropy.
    A, B : float
        What a model of one parameter would lose, and one that has read one token.
    alpha, beta : float
        How fast either loss falls.

    Raises
    ------
    ValueError
        If a number is not positive.

    Notes
    -----
    N counts the embeddings here, and not in Kaplan's laws.
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        for name in ("E", "A", "B", "alpha", "beta"):
            object.__setattr__(self, name, check_rate(name, getattr(self, name)))

    def loss(self, num_parameters: int, num_tokens: int) -> float:
        """Return the loss of a model with N parameters after D tokens.

        Parameters
        ----------
        num_parameters, num_tokens : int
            N and D.

        Returns
        -------
        float
            Nats a token.

        Raises
        ------
        ValueError
            If a number is not positive.
        """
        size = check_positive("num_parameters", num_parameters)
        read = check_positive("num_tokens", num_tokens)
        few, little = self.A / size**self.alpha, self.B / read**self.beta
        return float(self.E + few + little)

    def optimal(self, flops: float) -> tuple[float, float]:
        """Return how many parameters and tokens use a budget best.

        Parameters
        ----------
        flops : float
            C, of which each parameter and token takes six.

        Returns
        -------
        num_parameters, num_tokens : float
            N and D with 6ND = C, at the lowest loss (equation (4)).

        Raises
        ------
        ValueError
            If ``flops`` is not positive.

        Examples
        --------
        >>> for fit in (HOFFMANN, BESIROGLU):  # of Chinchilla, which read 20 tokens a parameter
        ...     n, d = fit.optimal(5.76e23)
        ...     print(f"{n:.2g} parameters, {d / n:.0f} tokens for each")
        3.2e+10 parameters, 93 tokens for each
        7.2e+10 parameters, 18 tokens for each
        """
        products = check_rate("flops", flops) / 6.0
        both = self.alpha + self.beta
        factor = (self.alpha * self.A / (self.beta * self.B)) ** (1.0 / both)
        size = factor * products ** (self.beta / both)
        return size, products / size


HOFFMANN = ScalingFit(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
"""Approach 3 of Hoffmann et al. (2022), equation (10), as published."""
BESIROGLU = ScalingFit(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
"""The same surface fitted again by Besiroglu et al. (2024), section 3."""


def kaplan_loss(*, num_parameters: int | None = None, num_tokens: int | None = None) -> float:
    r"""Return the loss that Kaplan et al. expect, limited by parameters, by tokens, or by both.

    Parameters
    ----------
    num_parameters : int, optional
        N, without embeddings.
    num_tokens : int, optional
        D.

    Returns
    -------
    float
        Nats a token: equation (1.1) for parameters alone, (1.2) for tokens alone, and (1.5) for
        both, whose constants are those of table 2.

    Raises
    ------
    ValueError
        If there is neither, or a number is not positive.

    Examples
    --------
    >>> round(kaplan_loss(num_parameters=85_000_000), 2)  # GPT-2 small, with data enough
    2.87
    """
    size = None if num_parameters is None else check_positive("num_parameters", num_parameters)
    read = None if num_tokens is None else check_positive("num_tokens", num_tokens)
    if size is not None and read is not None:
        return float(((6.4e13 / size) ** (0.076 / 0.103) + 1.8e13 / read) ** 0.103)
    if size is not None:
        return float((8.8e13 / size) ** 0.076)
    if read is not None:
        return float((5.4e13 / read) ** 0.095)
    raise ValueError("num_parameters or num_tokens should be given, got neither")
