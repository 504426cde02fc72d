"""The training explorer: drag the peak of the schedule, and the confidence of a prediction.

Left, the paper's learning rate over the steps. Right, the loss of one prediction: the right token's
logit stands a gap above V − 1 others that are all alike, and label smoothing moves the gap at which
the loss is least.
"""

import math
from typing import ClassVar, NamedTuple

import traitlets

from txlite.viz.widgets.base import Widget

__all__ = ["Prediction", "Rates", "TrainingExplorer"]

WIDTHS = (64, 128, 256, 512, 1024)
VOCABULARIES = (2, 10, 100, 1000, 37_000)


class Rates(NamedTuple):
    """What the left side shows."""

    peak: float
    """The largest rate, at the end of the warm-up."""
    inverse_sqrt: float
    """The paper's rate at the chosen step."""
    cosine: float
    """The rate of a cosine with the same rise, at the chosen step."""


class Prediction(NamedTuple):
    """What the right side shows, in nats."""

    wanted: float
    """What the smoothed target gives the right token."""
    given: float
    """What the model gives it."""
    loss: float
    """The cross-entropy of the two."""
    least: float
    """The least loss that any gap can have."""
    best_gap: float
    """The gap that has it; infinite without smoothing."""
    pull: float
    """The derivative of the loss by the gap."""


class TrainingExplorer(Widget):
    """The schedule and the label smoothing of a training, with every number.

    Attributes
    ----------
    d_model : int
        Model width, one of 64, 128, 256, 512, 1024.
    warmup_steps : int
        Steps of the rise, from 500 to 16 000.
    step : int
        The step at which the rates are read, from 1 to ``total_steps``.
    total_steps : int
        Where the cosine ends.
    epsilon : float
        Label smoothing ε, from 0 to 0.5.
    vocab_size : int
        V, one of 2, 10, 100, 1000, 37 000.
    gap : float
        How far the right token's logit stands above the others, from −4 to 16.

    Raises
    ------
    TraitError
        If a trait is out of its range.
    """

    title = traitlets.Unicode("How fast, and how sure?").tag(sync=True)
    d_model = traitlets.Int(512).tag(sync=True, choice=True, values=list(WIDTHS))
    warmup_steps = traitlets.Int(4000, min=500, max=16_000).tag(sync=True, choice=True)
    step = traitlets.Int(1000, min=1, max=20_000).tag(sync=True, choice=True)
    total_steps = traitlets.Int(20_000, min=20_000, max=20_000).tag(sync=True)
    epsilon = traitlets.Float(0.1, min=0.0, max=0.5).tag(sync=True, choice=True)
    vocab_size = traitlets.Int(1000).tag(sync=True, choice=True, values=list(VOCABULARIES))
    gap = traitlets.Float(4.0, min=-4.0, max=16.0).tag(sync=True, choice=True)
    widths = traitlets.List(default_value=list(WIDTHS)).tag(sync=True)
    vocabularies = traitlets.List(default_value=list(VOCABULARIES)).tag(sync=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "handle")

    @traitlets.validate("d_model", "vocab_size")
    def _known(self, proposal: traitlets.Bunch) -> int:
        name, value = proposal["trait"].name, int(proposal["value"])
        choices = WIDTHS if name == "d_model" else VOCABULARIES
        if value not in choices:
            raise traitlets.TraitError(f"{name} should be one of {choices}, got {value}")
        return value

    def rates(self) -> Rates:
        """Compute in Python what the left side shows.

        Returns
        -------
        Rates
            By equation (3) of the paper, and by half a cosine from the same peak.
        """
        warmup, step = self.warmup_steps, self.step
        peak = (self.d_model * warmup) ** -0.5
        paper = self.d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)
        share = (step - warmup) / (self.total_steps - warmup)
        cosine = peak * (step / warmup if step <= warmup else (1 + math.cos(math.pi * share)) / 2)
        return Rates(peak, paper, cosine)

    def prediction(self) -> Prediction:
        """Compute in Python what the right side shows.

        Returns
        -------
        Prediction
            Of one token among ``vocab_size``.
        """
        epsilon, others = self.epsilon, self.vocab_size - 1
        wanted = 1 - epsilon + epsilon / self.vocab_size
        log_sum = max(self.gap, 0.0) + math.log(
            math.exp(min(self.gap, 0.0)) + others * math.exp(-max(self.gap, 0.0))
        )
        given = math.exp(self.gap - log_sum)
        loss = log_sum - wanted * self.gap
        if epsilon == 0:
            return Prediction(wanted, given, loss, 0.0, math.inf, given - wanted)
        rest = epsilon / self.vocab_size
        least = -wanted * math.log(wanted) - others * rest * math.log(rest)
        return Prediction(wanted, given, loss, least, math.log(wanted / rest), given - wanted)
