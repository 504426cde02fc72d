"""How a training says that it lives where nobody sees its bar: in a log."""

from txlite.cli._console import OUT
from txlite.training import History

__all__ = ["LossLines"]


class LossLines:
    """One line in so many steps: the step, and the mean loss of the tokens since the last line.

    Parameters
    ----------
    done, steps : int
        How many steps are done, and how many there will be.
    every : int
        How many steps lie between two lines; the last step has one, too.
    """

    def __init__(self, done: int, steps: int, every: int) -> None:
        self.done, self.steps, self.every = done, steps, every

    def __call__(self, history: History) -> None:
        """Print a line if it is time, as ``on_step`` of ``fit``."""
        step = len(history.losses)
        if step % self.every and step != self.steps:
            return
        losses, tokens = history.losses[self.done :], history.tokens[self.done :]
        total = sum(loss * count for loss, count in zip(losses, tokens, strict=True))
        OUT.print(f"step {step} of {self.steps}: loss {total / max(1, sum(tokens)):.3f}")
        self.done = step
