"""How a training says that it lives where nobody sees its bar: in a log."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from txlite.cli._say import OUT

__all__ = ["Diary"]


class Diary:
    """One line in so many steps: the step, and the mean loss of the tokens since the last line.

    Parameters
    ----------
    loss : callable
        What ``fit`` would get; :meth:`loss` is given to it instead.
    done, steps : int
        How many steps are done, and how many there will be.
    every : int
        After how many steps ``fit`` calls :meth:`evaluate`.
    """

    def __init__(
        self, loss: Callable[[Any, Any], tuple[Tensor, Tensor]], done: int, steps: int, every: int
    ) -> None:
        self._loss, self.step, self.steps, self.every = loss, done, steps, every
        self.total, self.tokens = 0.0, 0

    def loss(self, model: Any, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch, and remember it."""
        total, tokens = self._loss(model, batch)
        self.total += float(total.detach())
        self.tokens += int(tokens)
        return total, tokens

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Print a line; there are no scores."""
        self.step = min(self.steps, (self.step // self.every + 1) * self.every)
        OUT.print(f"step {self.step} of {self.steps}: loss {self.total / max(1, self.tokens):.3f}")
        self.total, self.tokens = 0.0, 0
        return {}
