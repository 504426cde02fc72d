"""The rotary clock: a query and a key as clock hands, which turn as their words move.

Every pair of numbers is a dial of its own, with two hands: the query's and the key's. Moving a word
turns its hand on every dial, on each at another speed. The score is what the hands' lengths and the
angles between them make, so moving both words by the same number of positions changes nothing.
"""

from typing import Any, ClassVar, NamedTuple

import torch
import traitlets
from jaxtyping import Complex, Float
from torch import Tensor

from txlite.viz.widgets.base import Widget

__all__ = ["LAST", "ClockReading", "RotaryClock", "clock_scene"]

LAST = 60
"""The last position on the strip."""

_MOST = 8  # dials


class ClockReading(NamedTuple):
    """What the clock shows, in float64; P dials."""

    query: Float[Tensor, "P 2"]
    key: Float[Tensor, "P 2"]
    products: Float[Tensor, " P"]
    score: float
    curve: Float[Tensor, " N"]


def clock_scene(
    name: str,
    query: Float[Tensor, " E"],
    key: Float[Tensor, " E"],
    base: float = 100.0,
    trained: int = 0,
) -> dict[str, Any]:
    """Make a scene for the clock out of a query and a key, before any turn.

    Parameters
    ----------
    name : str
        What the menu calls it.
    query, key : Tensor, shape (E,)
        At most eight pairs of numbers.
    base : float
        How many times slower the last dial turns than the first, nearly.
    trained : int
        How far back keys stood in training: the curve marks these distances. 0 marks nothing.

    Returns
    -------
    dict
        The scene.

    Raises
    ------
    ValueError
        If the vectors are not one to eight pairs each, equally many.
    """
    if query.shape != key.shape or query.ndim != 1 or query.shape[0] not in range(2, 17, 2):
        raise ValueError(
            f"query and key should hold 1 to {_MOST} pairs each, got shapes {tuple(query.shape)} "
            f"and {tuple(key.shape)}"
        )
    pairs = (x.detach().cpu().double().reshape(-1, 2) for x in (query, key))
    query_pairs, key_pairs = ([[round(a, 4) for a in p] for p in x.tolist()] for x in pairs)
    hands = {"query": query_pairs, "key": key_pairs}
    return {"name": name, **hands, "base": float(base), "trained": trained}


def _speeds(pairs: int, base: float) -> Float[Tensor, " P"]:
    exponents = torch.arange(pairs, dtype=torch.float64) / pairs
    return torch.as_tensor(base, dtype=torch.float64) ** -exponents


def _examples() -> list[dict[str, Any]]:
    """Three situations: alike, three positions back, and any two vectors."""
    same = torch.ones(4, dtype=torch.complex128)
    back = torch.polar(torch.ones(4, dtype=torch.float64), 3 * _speeds(4, 100.0))
    draw = torch.Generator().manual_seed(6)
    any_query, any_key = torch.randn(2, 8, generator=draw, dtype=torch.float64)
    return [
        clock_scene("query and key alike", _flat(same), _flat(same)),
        clock_scene("a head that looks three positions back", _flat(same), _flat(back)),
        clock_scene("any two vectors", any_query, any_key),
    ]


def _flat(z: Complex[Tensor, " P"]) -> Float[Tensor, " E"]:
    return torch.view_as_real(z).flatten()


class RotaryClock(Widget):
    """Two words on a strip, and the hands of their query and key on several dials.

    Attributes
    ----------
    scenes : list of dict
        Pairs of vectors to choose from, made by :func:`clock_scene`.
    scene : int
        Which of them is shown.
    i, j : int
        Positions of the query and of the key, from 0 to :data:`LAST`.
    backwards : bool
        Whether the key is turned the wrong way, to see the theorem break.

    Raises
    ------
    TraitError
        If a trait does not have that form.
    """

    title = traitlets.Unicode("The rotary clock").tag(sync=True)
    scenes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    scene = traitlets.Int(0).tag(sync=True, choice=True)
    i = traitlets.Int(12).tag(sync=True, choice=True)
    j = traitlets.Int(9).tag(sync=True, choice=True)
    backwards = traitlets.Bool(False).tag(sync=True, choice=True)
    last = traitlets.Int(LAST).tag(sync=True)
    uses: ClassVar[tuple[str, ...]] = ("controls", "handle")

    @traitlets.default("scenes")
    def _default_scenes(self) -> list[dict[str, Any]]:
        return _examples()

    @traitlets.validate("i", "j")
    def _on_the_strip(self, proposal: traitlets.Bunch) -> int:
        position: int = proposal["value"]
        if not 0 <= position <= LAST:
            name = proposal["trait"].name
            raise traitlets.TraitError(f"{name} should lie in [0, {LAST}], got {position}")
        return position

    @traitlets.validate("scene")
    def _one_of_the_scenes(self, proposal: traitlets.Bunch) -> int:
        scene: int = proposal["value"]
        if not 0 <= scene < len(self.scenes):
            raise traitlets.TraitError(f"scene should be one of {len(self.scenes)}, got {scene}")
        return scene

    def calculate(self) -> ClockReading:
        """Compute in Python what the browser shows.

        Returns
        -------
        ClockReading
            The turned hands, the product on each dial, the score, and the score for every position
            of the key from ``LAST`` behind the query to ``LAST`` ahead of it.
        """
        scene = self.scenes[self.scene]
        query, key = (
            torch.view_as_complex(torch.tensor(scene[name], dtype=torch.float64))
            for name in ("query", "key")
        )
        speeds = _speeds(len(query), scene["base"])
        turned = self._turn(query, speeds, torch.tensor(float(self.i)))
        sign = -1.0 if self.backwards else 1.0
        positions = self.i + torch.arange(-LAST, LAST + 1, dtype=torch.float64)
        keys = self._turn(key, speeds, sign * positions[:, None])  # (N, P)
        products = (turned * keys.conj()).real
        scores = products.sum(-1) / (2 * len(query)) ** 0.5
        here = LAST + self.j - self.i
        return ClockReading(
            torch.view_as_real(turned),
            torch.view_as_real(keys[here]),
            products[here],
            scores[here].item(),
            scores,
        )

    @staticmethod
    def _turn(
        hands: Complex[Tensor, " P"], speeds: Float[Tensor, " P"], position: Float[Tensor, "..."]
    ) -> Complex[Tensor, "..."]:
        angles = (position * speeds).double()
        return hands * torch.polar(torch.ones_like(angles), angles)
