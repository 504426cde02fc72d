"""CartPole in the page: a trained Decision Transformer balances the pole for the return asked.

The figure carries the whole model, weights as float16 in a file of their own, and how some episodes
begin. The page computes what ``txlite.models.DecisionTransformer`` says and what CartPole-v1 of
gymnasium does; the tests compare them. The reader asks for a return, and may push the pole.

Sources
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    algorithm 1. Barto, Sutton and Anderson (1983), "Neuronlike adaptive elements that can solve
    difficult learning control problems", for the cart and its pole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_finite, check_positive, check_rate
from txlite.viz.widgets._weights import CHOICES, TRAINING, Weights
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["PUSH", "CartPole", "Player", "Reading", "Units"]

PUSH = 0.5
"""What a push of the reader adds to the speed of the pole, in radians a second."""
START = 0.05  # at the beginning each number of the state lies between −0.05 and 0.05
WHAT = {"discrete_actions": True, "state_dim": 4, "action_dim": 2}


@runtime_checkable
class Player(Protocol):
    """A trained :class:`txlite.models.DecisionTransformer`, or what looks like one."""

    config: Any

    def state_dict(self) -> Mapping[str, Float[Tensor, "..."]]:
        """Return the weights by name."""


@runtime_checkable
class Units(Protocol):
    """The units of what the model reads, as :class:`txlite.data.EpisodeScale` says them."""

    returns: float
    mean: tuple[float, ...]
    std: tuple[float, ...]


class Reading(NamedTuple):
    """What the model reads at one step: its arguments, as a batch of one."""

    returns: Float[Tensor, "1 T"]
    states: Float[Tensor, "1 T 4"]
    actions: Int[Tensor, "1 T"]
    timesteps: Int[Tensor, "1 T"]


class CartPole(Widget):
    """Ask for a return, and the page's own Decision Transformer balances the pole.

    Parameters
    ----------
    model : Player
        A trained ``DecisionTransformer`` of CartPole: states of four numbers, two actions that are
        counted. Its weights are numbers that float16 holds.
    context : int
        How many steps the model reads, the present one included, as in training.
    scale : Units, optional
        The units of returns and states, as in training. By default they are read as they are.
    limit : int
        Steps after which an episode is cut off.
    beginnings : int
        How many episodes there are to choose from. They begin where gymnasium's
        ``reset(seed=0)``, ``reset(seed=1)`` and so on begin.
    **traits : object
        Where the figure starts: ``asked``, the return; ``seed``, the number of the beginning;
        ``step``, how many steps have been played; ``pushes`` of the reader, for instance
        ``"12r.40l"``: to the right before step 12, to the left before step 40; ``layer`` and
        ``head`` of the attention (−1: averaged over all).

    Raises
    ------
    ValueError
        If the page cannot compute the model as it is, or a number is out of range.

    Examples
    --------
    >>> from txlite.models import DecisionTransformer, DecisionTransformerConfig
    >>> sizes = {"d_model": 8, "num_heads": 2, "d_ff": 16, "num_layers": 1, "max_len": 200}
    >>> world = {"state_dim": 4, "action_dim": 2, "discrete_actions": True}
    >>> model = DecisionTransformer(DecisionTransformerConfig(**sizes, **world)).half()
    >>> CartPole(model, context=20, asked=120)
    CartPole: Ask for a return
    """

    title = traitlets.Unicode("Ask for a return").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    stack = traitlets.Dict().tag(sync=True)
    scale = traitlets.Dict().tag(sync=True)
    weights = traitlets.Instance(Weights).tag(sync=True, **widget_serialization)
    starts = Tensors(torch.float64)
    context = traitlets.Int(20, min=1).tag(sync=True)
    limit = traitlets.Int(200, min=1).tag(sync=True)
    asked = traitlets.Int(120, min=0, max=1000).tag(sync=True, choice=True)
    seed = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    step = traitlets.Int(0, min=0, max=1000).tag(sync=True, choice=True)
    pushes = traitlets.Unicode().tag(sync=True, choice=True)
    layer = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    head = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    parts: ClassVar[tuple[str, ...]] = ("world", "picture")
    uses: ClassVar[tuple[str, ...]] = ("attended", "controls", "decisions", "pictures", "weights")

    def __init__(
        self,
        model: Player,
        *,
        context: int,
        scale: Units | None = None,
        limit: int = 200,
        beginnings: int = 20,
        **traits: Any,
    ) -> None:
        config = asdict(model.config)
        context, limit = check_positive("context", context), check_positive("limit", limit)
        _check(config, limit)
        super().__init__(
            config={name: value for name, value in config.items() if name not in TRAINING},
            stack={name: config[name] for name in CHOICES},
            scale=_units(scale),
            weights=Weights(model.state_dict()),
            starts={"states": _beginnings(check_positive("beginnings", beginnings))},
            context=context,
            limit=limit,
            **traits,
        )

    def reads(
        self, asked: float | int, states: Sequence[Sequence[float]], actions: Sequence[int]
    ) -> Reading:
        """Return what the model reads at a step, as the page computes it.

        Parameters
        ----------
        asked : float
            The return that was asked for in the beginning.
        states : sequence of sequences of float
            All states of the episode until now: where the cart is and its speed, in the units
            of gymnasium, the angle of the pole in radians and its speed.
        actions : sequence of int
            All actions before this step.

        Returns
        -------
        Reading
            Of the last ``context`` steps, in float64. The newest action is not known yet: there
            stands 0, to which no decision attends.

        Raises
        ------
        ValueError
            If ``asked`` is no finite number, there is no state, or there are not as many actions as
            states before the newest one.
        """
        asked = check_finite("asked", asked)
        if len(states) == 0 or len(actions) != len(states) - 1:
            raise ValueError(
                f"actions should be one fewer than the states, got {len(actions)} actions and "
                f"{len(states)} states"
            )
        steps = torch.arange(len(states))[-self.context :]
        seen = _observed(states)[steps]
        if self.scale["mean"]:
            mean, std = (seen.new_tensor(self.scale[name]) for name in ("mean", "std"))
            seen = (seen - mean) / std
        done = torch.tensor([*actions, 0])[steps]
        left = (asked - steps.double()) / self.scale["returns"]
        return Reading(left[None], seen[None], done[None], steps[None])


def _check(config: Mapping[str, Any], limit: int) -> None:
    for name, want in WHAT.items():
        if config[name] != want:
            raise ValueError(f"{name} should be {want} for CartPole, got {config[name]}")
    if config["max_len"] < limit:
        raise ValueError(
            f"limit should be at most the model's max_len={config['max_len']}, got {limit}"
        )


def _units(scale: Units | None) -> dict[str, Any]:
    if scale is None:
        return {"returns": 1.0, "mean": [], "std": []}
    found: dict[str, Any] = {
        "returns": check_rate("scale.returns", scale.returns),
        "mean": [*scale.mean],
        "std": [*scale.std],
    }
    for name in ("mean", "std"):
        if len(found[name]) not in (0, WHAT["state_dim"]):
            raise ValueError(f"scale should have a {name} of 4 numbers, got {len(found[name])}")
    return found


def _beginnings(count: int) -> Float[Tensor, "N 4"]:
    """Return the states in which gymnasium's CartPole begins, by its seed."""
    rows = [np.random.Generator(np.random.PCG64(n)).uniform(-START, START, 4) for n in range(count)]
    return torch.from_numpy(np.stack(rows))


def _observed(states: Sequence[Sequence[float]]) -> Float[Tensor, "N 4"]:
    """Return states as gymnasium shows them, in float32."""
    return torch.tensor([[*state] for state in states], dtype=torch.float32).double()
