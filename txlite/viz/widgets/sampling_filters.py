"""The live sampling filters: what temperature, top-k, top-p and min-p leave of a distribution."""

from typing import Any, ClassVar

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from txlite.viz.widgets.base import Widget

__all__ = ["SamplingFilters"]


class SamplingFilters(Widget):
    """A real distribution over a vocabulary, four sliders, and what survives.

    Attributes
    ----------
    scenes : list of dict
        ``name``, and ``words`` and ``logits``, one for each token of the vocabulary.
    scene : int
        Which of them is shown.
    temperature : float
        By which the logits are divided; above zero.
    top_k : int
        How many tokens to keep; zero keeps all.
    top_p, min_p : float
        In [0, 1]; one and zero keep all.

    Raises
    ------
    TraitError
        If there is no scene, or a number is out of range.
    """

    title = traitlets.Unicode("What may be said next").tag(sync=True)
    scenes: traitlets.List[Any] = traitlets.List(minlen=1).tag(sync=True)
    scene = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    temperature = traitlets.Float(1.0, min=0.05).tag(sync=True, choice=True)
    top_k = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    top_p = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True, choice=True)
    min_p = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("bars", "controls", "sampling")

    def filtered(self) -> Float[Tensor, " V"]:
        """Compute in Python what the browser shows.

        Returns
        -------
        Tensor, shape (V,)
            The probabilities from which a token is drawn: temperature first, then top-k, top-p
            and min-p, as in :func:`txlite.generation.generate`.
        """
        logits = torch.tensor(self.scenes[self.scene]["logits"], dtype=torch.float64)
        logits = logits / self.temperature
        if self.top_k:
            smallest = logits.topk(min(self.top_k, len(logits))).values[-1]
            logits = logits.masked_fill(logits < smallest, -torch.inf)
        ascending, order = logits.sort(stable=True)
        drop = ascending.softmax(-1).cumsum(-1) <= 1 - self.top_p
        drop[-1] = False
        logits = logits.masked_fill(torch.zeros_like(drop).scatter(-1, order, drop), -torch.inf)
        probabilities = logits.softmax(-1)
        few = probabilities < self.min_p * probabilities.amax()
        return logits.masked_fill(few, -torch.inf).softmax(-1)
