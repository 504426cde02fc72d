"""What happened in a training, step by step, and its picture."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["History"]


@dataclass
class History:
    """One entry for each step of a training.

    Attributes
    ----------
    losses : list of float
        Mean loss of the tokens of each step, before the step.
    learning_rates : list of float
        The learning rate of each step.
    gradient_norms : list of float
        Length of the gradient of each step, before clipping.
    tokens : list of int
        How many tokens each step learned from.
    scores : dict of str to list of (int, float)
        What the evaluations said: for each score, the steps after which it was taken, and its
        values.
    precision : str
        ``"float32"``, or ``"bfloat16"`` where autocast was on.
    """

    losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    scores: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    precision: str = "float32"

    @property
    def steps(self) -> list[int]:
        """Numbers of the steps, from 1."""
        return list(range(1, len(self.losses) + 1))

    def add(self, loss: float, rate: float, norm: float, tokens: int) -> None:
        """Append a step.

        Parameters
        ----------
        loss, rate, norm : float
            Its loss, its learning rate and the length of its gradient.
        tokens : int
            How many tokens it learned from.
        """
        self.losses.append(loss)
        self.learning_rates.append(rate)
        self.gradient_norms.append(norm)
        self.tokens.append(tokens)

    def note(self, scores: Mapping[str, float]) -> None:
        """Append the scores of an evaluation after the newest step.

        Parameters
        ----------
        scores : mapping of str to float
            Each score's value.
        """
        for name, value in scores.items():
            self.scores.setdefault(name, []).append((len(self.losses), float(value)))

    def state_dict(self) -> dict[str, Any]:
        """Return everything as lists and numbers.

        Returns
        -------
        dict
            What :meth:`from_state_dict` reads.
        """
        return asdict(self)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> "History":
        """Rebuild a history.

        Parameters
        ----------
        state : mapping
            As :meth:`state_dict` returned it, also through JSON.

        Returns
        -------
        History
            An equal one.

        Raises
        ------
        ValueError
            If an entry is missing or unknown.
        """
        names = [f.name for f in fields(cls)]
        if sorted(state) != sorted(names):
            got = ", ".join(state) or "none"
            raise ValueError(f"history should have the entries {', '.join(names)}, got {got}")
        scores = {k: [(int(s), float(v)) for s, v in row] for k, row in state["scores"].items()}
        return cls(**{**state, "scores": scores})

    def plot(self) -> "Figure":
        """Draw the loss, the length of the gradient, the learning rate, and the scores.

        Returns
        -------
        matplotlib.figure.Figure
            For ``txlite.viz.show(figure, alt=…)``.

        Raises
        ------
        ValueError
            If there is no step.
        """
        if not self.losses:
            raise ValueError("a history should have at least one step to be drawn, got none")
        from txlite import viz

        curves: list[tuple[str, list[int], list[float]]] = [
            ("training loss", self.steps, self.losses),
            ("length of the gradient", self.steps, self.gradient_norms),
            ("learning rate", self.steps, self.learning_rates),
        ]
        for name, row in self.scores.items():  # a score may be called like one of those
            curves.append((name, [step for step, _ in row], [value for _, value in row]))
        figure, axes = viz.panels(len(curves), columns=3, height=2.3 * -(-len(curves) // 3))
        for ax, (name, steps, values) in zip(axes, curves, strict=True):
            with viz.style():
                ax.plot(steps, values, linewidth=1.4, marker="o" if len(steps) < 12 else None)
            ax.set(title=name, xlabel="step")
        return figure
