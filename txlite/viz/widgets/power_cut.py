"""The power cut: a training is cut, and goes on from a checkpoint of which parts are missing.

The figure carries the losses of real trainings: one that was never cut, and for each step of the
cut and each choice of parts one that was cut there and went on with these parts. It shows the two
curves and where they part.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import traitlets

from txlite.viz.widgets.base import Widget

__all__ = ["PARTS", "Parting", "PowerCut", "name_of"]

PARTS = ("weights", "optimizer", "data", "chance")
"""What the checkpoint may hold: the weights, the optimiser's means, the position in the data, the
states of the random generators."""


class Parting(NamedTuple):
    """How the training that went on differs from the one that was never cut."""

    first: int
    """The first step whose loss differs; 0 if none does."""
    largest: float
    """The largest difference of two losses of the same step."""
    last: float
    """The difference at the last step, positive where the training that was cut is worse."""


def name_of(cut: int, kept: Iterable[str]) -> str:
    """Return the name of a training among the figure's: the step of the cut, and what was kept.

    Parameters
    ----------
    cut : int
        After this step.
    kept : iterable of str
        Some of :data:`PARTS`.

    Returns
    -------
    str
        The step, and for each part 1 if it was kept.

    Raises
    ------
    ValueError
        If a part is none of :data:`PARTS`.

    Examples
    --------
    >>> name_of(20, ["weights", "data"])
    '20 1010'
    """
    kept = set(kept)
    if unknown := kept - set(PARTS):
        raise ValueError(f"kept should hold parts of {PARTS}, got {sorted(unknown)}")
    return f"{cut} " + "".join(str(int(part in kept)) for part in PARTS)


class PowerCut(Widget):
    """A training that was cut, and went on with what the checkpoint holds.

    Attributes
    ----------
    whole : list of float
        The loss of every step of the training that was never cut.
    resumed : dict of str to list of float
        For each cut and each choice of parts, by :func:`name_of`, the losses of the steps after the
        cut.
    cuts : list of int
        After which steps the training was cut.
    cut : int
        Which of the cuts is shown, counted from 0.
    weights, optimizer, data, chance : bool
        Whether the checkpoint holds that part.

    Raises
    ------
    TraitError
        If a training is missing or has not as many steps as the whole one.
    """

    title = traitlets.Unicode("Cut the power, and go on").tag(sync=True)
    whole: traitlets.List[Any] = traitlets.List(traitlets.Float(), minlen=2).tag(sync=True)
    cuts: traitlets.List[Any] = traitlets.List(traitlets.Int(), minlen=1).tag(sync=True)
    resumed = traitlets.Dict().tag(sync=True)
    cut = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    weights = traitlets.Bool(True).tag(sync=True, choice=True)
    optimizer = traitlets.Bool(True).tag(sync=True, choice=True)
    data = traitlets.Bool(True).tag(sync=True, choice=True)
    chance = traitlets.Bool(True).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "pictures")

    def __init__(
        self,
        whole: Sequence[float] = (),
        cuts: Sequence[int] = (),
        resumed: dict[str, Sequence[float]] | None = None,
        **traits: Any,
    ) -> None:
        resumed = {name: list(losses) for name, losses in (resumed or {}).items()}
        for step in cuts:
            for bits in range(2 ** len(PARTS)):
                name = name_of(step, [p for i, p in enumerate(PARTS) if bits >> i & 1])
                found = len(resumed.get(name, ()))
                if found != len(whole) - step:
                    raise traitlets.TraitError(
                        f"resumed should hold {len(whole) - step} losses of {name!r}, got {found}"
                    )
        super().__init__(whole=list(whole), cuts=list(cuts), resumed=resumed, **traits)

    def parting(self) -> Parting:
        """Compute in Python what the browser shows.

        Returns
        -------
        Parting
            Of the chosen cut and the chosen parts.
        """
        step = self.cuts[min(self.cut, len(self.cuts) - 1)]
        losses = self.resumed[name_of(step, [part for part in PARTS if getattr(self, part)])]
        apart = [b - a for a, b in zip(self.whole[step:], losses, strict=True)]
        first = next((step + n for n, d in enumerate(apart, start=1) if d != 0), 0)
        return Parting(first, max(abs(d) for d in apart), apart[-1])
