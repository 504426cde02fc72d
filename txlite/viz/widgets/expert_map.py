"""The map of experts: type a text, and see which expert of a trained model takes each byte.

The figure carries a whole language model with experts: weights as float16 in a file of their own,
and the config. The page computes what ``txlite.models.GPTWithExperts`` computes, with the capacity
that a reader chooses; the tests compare them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_positive
from txlite.viz.widgets._weights import TRAINING, Weights, described
from txlite.viz.widgets.base import Widget

__all__ = ["ExpertMap"]

GATE = "decoder.layers.{}.feed_forward.router.gate.weight"
BYTES = 256
STEP = 0.25  # of the capacity factor, as the slider moves
CAPACITIES = ("expert_capacity", "capacity_factor")


class ExpertMap(Widget):
    """See which expert takes each byte of a text, and which bytes find their expert full.

    Parameters
    ----------
    config : mapping
        The config of a causal model whose tokens are bytes and that sends each to one expert, for
        instance ``dataclasses.asdict`` of a :class:`txlite.models.GPTWithExpertsConfig`.
    weights : mapping of str to Tensor
        The model's ``state_dict()``, of numbers that float16 holds.
    examples : sequence of str
        Texts to start from.
    longest : int
        How many bytes of a text are read; fewer where the config's ``max_len`` is smaller.
    capacity_factor : float, optional
        Where the slider stands: a multiple of 0.25, up to the number of experts, with which each
        has room for the whole text. The default is the config's, or room for all if it has none.
    **traits : object
        Where the figure starts: ``text``, the ``layer`` (counted from 0; one that has experts), and
        the ``byte`` whose probabilities are shown (counted from 0).

    Attributes
    ----------
    layers : list of int
        The layers that have experts.
    experts : int
        How many there are in each.

    Raises
    ------
    ValueError
        If the page cannot compute the model as it is: positions that are added to the scores,
        several experts for a token, tokens that are not bytes, no layer with experts, or weights
        that float16 would change; if there is no example, the layer has no experts, or the
        capacity is no multiple of 0.25.

    Examples
    --------
    >>> from dataclasses import asdict
    >>> from txlite.models import GPTWithExperts, GPTWithExpertsConfig
    >>> sizes = {"d_model": 8, "num_heads": 2, "d_ff": 16, "num_layers": 2, "max_len": 16}
    >>> model = GPTWithExperts(GPTWithExpertsConfig(vocab_size=256, num_experts=4, **sizes)).half()
    >>> figure = ExpertMap(asdict(model.config), model.state_dict(), ["one two"])
    >>> figure.layers, figure.encode("ab")
    ([1], [97, 98])
    """

    title = traitlets.Unicode("Who takes which byte").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    stack = traitlets.Dict().tag(sync=True)
    weights = traitlets.Instance(Weights).tag(sync=True, **widget_serialization)
    examples = traitlets.List(traitlets.Unicode()).tag(sync=True)
    room = traitlets.Int(min=1).tag(sync=True)
    layers = traitlets.List(traitlets.Int()).tag(sync=True)
    experts = traitlets.Int(min=1).tag(sync=True)
    text = traitlets.Unicode().tag(sync=True, choice=True)
    layer = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    byte = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    capacity_factor = traitlets.Float(1.0, min=STEP).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("bars", "controls", "experts", "transformer", "weights")

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Float[Tensor, "..."]],
        examples: Sequence[str],
        *,
        longest: int = 160,
        capacity_factor: float | None = None,
        **traits: Any,
    ) -> None:
        longest = check_positive("longest", longest)
        if not examples:
            raise ValueError("examples should hold at least one text, got none")
        layers = [n for n in range(config["num_layers"]) if GATE.format(n) in weights]
        if not layers:
            raise ValueError("weights should hold a layer with experts, got none")
        if config["vocab_size"] != BYTES:
            raise ValueError(
                f"config should have vocab_size={BYTES}, one token for each byte, got "
                f"{config['vocab_size']}"
            )
        if config["top_k"] != 1:
            raise ValueError(f"config should have top_k=1 in a page, got {config['top_k']}")
        layer = traits.setdefault("layer", layers[0])
        if layer not in layers:
            raise ValueError(f"layer should be one of {layers}, which have experts, got {layer}")
        traits.setdefault("text", examples[0])
        super().__init__(
            config={n: v for n, v in config.items() if n not in (*TRAINING, *CAPACITIES)},
            stack=described(config),
            weights=Weights(weights),
            examples=[*examples],
            room=min(longest, config["max_len"]),
            layers=layers,
            experts=config["num_experts"],
            capacity_factor=_factor(config, capacity_factor),
            **traits,
        )

    def encode(self, text: str) -> list[int]:
        """Turn a text into what the model reads, as the page does.

        Parameters
        ----------
        text : str
            Any text.

        Returns
        -------
        list of int
            The bytes of its UTF-8, as many as are read.
        """
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return [*whole.encode()[: self.room]]


def _factor(config: Mapping[str, Any], asked: float | None) -> float:
    """Return the capacity factor to start with, in steps of the slider."""
    most = config["num_experts"]
    own = config["capacity_factor"]
    factor = float(asked if asked is not None else own if own is not None else most)
    if not STEP <= factor <= most or factor % STEP:
        raise ValueError(
            f"capacity_factor should be a multiple of {STEP} from {STEP} to num_experts={most}, "
            f"got {factor}"
        )
    return factor
