"""Who still remembers? Four trained models answer one question, from as far away as you like.

The figure carries the models' weights and runs them in the browser. :func:`answer` is the same
arithmetic in float64, which is what the browser is tested against.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
import traitlets
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import linear, pad

from txlite._checks import check_shape
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["KINDS", "LongMemory", "answer", "attention_to", "place"]

KINDS = ("RNN", "LSTM", "CNN", "attention")
"""The models that the figure knows how to run, in the order in which it shows them."""

Weights = Mapping[str, Tensor]
Floats = Sequence[float] | Tensor


def place(
    names: Int[Tensor, " T"], values: Int[Tensor, " T"], distance: int
) -> tuple[Int[Tensor, " T"], Int[Tensor, " T"]]:
    """Move the note that the last position asks for to ``distance`` positions before it.

    Parameters
    ----------
    names, values : Tensor of int, shape (T,)
        A page. Its last position asks for a name that an earlier one tells.
    distance : int
        From 1 to T − 1.

    Returns
    -------
    names, values : Tensor of int, shape (T,)
        The page with that note moved; all others keep their order.

    Raises
    ------
    ValueError
        If no earlier position tells the last name, or the distance is out of range.
    """
    length = check_shape("names", names, "T")["T"]
    told = (names[:-1] == names[-1]).nonzero()
    if told.numel() != 1:
        raise ValueError(f"names should tell its last name once before, got {told.numel()} times")
    if not 1 <= distance < length:
        raise ValueError(f"distance should be from 1 to {length - 1}, got {distance}")
    order = [i for i in range(length) if i != int(told)]
    order.insert(length - 1 - distance, int(told))
    return names[order], values[order]


def answer(
    kind: str, weights: Weights, names: Int[Tensor, " T"], values: Int[Tensor, " T"]
) -> Float[Tensor, " V"]:
    """Probability that a trained model gives to each value, asked at the last position.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    weights : mapping of str to Tensor
        The model's state dict, with the names of the chapter on long memory.
    names, values : Tensor of int, shape (T,)
        The page, as :func:`txlite.data.recall.sample_recall` draws it.

    Returns
    -------
    Tensor of float64, shape (V,)
        They sum to one.
    """
    w = {name: tensor.detach().cpu().double() for name, tensor in weights.items()}
    x = w["name.weight"][names] + w["value.weight"][values]  # (T, D)
    last = _MEMORIES[kind](w, x)
    return linear(last, w["answer.weight"], w["answer.bias"]).softmax(-1)


def attention_to(
    weights: Weights, names: Int[Tensor, " T"], values: Int[Tensor, " T"]
) -> Float[Tensor, " T"]:
    """How much the last position attends to each position, in the model that has attention.

    Parameters
    ----------
    weights : mapping of str to Tensor
        The state dict of the attention model.
    names, values : Tensor of int, shape (T,)
        The page.

    Returns
    -------
    Tensor of float64, shape (T,)
        They sum to one.
    """
    w = {name: tensor.detach().cpu().double() for name, tensor in weights.items()}
    return _attend(w, w["name.weight"][names] + w["value.weight"][values])[0]


def _gates(w: Weights, x: Tensor, hidden: Tensor) -> Tensor:
    fed = linear(x, w["memory.cell.weight_ih_l0"], w["memory.cell.bias_ih_l0"])
    return fed + linear(hidden, w["memory.cell.weight_hh_l0"], w["memory.cell.bias_hh_l0"])


def _rnn(w: Weights, xs: Tensor) -> Tensor:
    hidden = torch.zeros_like(xs[0])
    for x in xs:
        hidden = _gates(w, x, hidden).tanh()
    return hidden


def _lstm(w: Weights, xs: Tensor) -> Tensor:
    hidden = cell = torch.zeros_like(xs[0])
    for x in xs:
        enter, keep, new, show = _gates(w, x, hidden).chunk(4)
        cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
        hidden = show.sigmoid() * cell.tanh()
    return hidden


def _cnn(w: Weights, x: Tensor) -> Tensor:
    for i in range(_num_layers(w)):
        earlier = pad(x, (0, 0, 2**i, 0))[: len(x)]
        name = f"memory.layers.{i}"
        both = torch.cat([x, earlier], -1)
        x = x + linear(both, w[f"{name}.weight"], w[f"{name}.bias"]).relu()
    return x[-1]


def _num_layers(w: Weights) -> int:
    return sum(name.startswith("memory.layers.") and name.endswith(".weight") for name in w)


def _project(w: Weights, name: str, x: Tensor) -> Tensor:
    return linear(x, w[f"memory.attend.{name}_proj.weight"], w[f"memory.attend.{name}_proj.bias"])


def _attend(w: Weights, x: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and sum of the last position's one head."""
    query, key, value = _project(w, "query", x[-1]), _project(w, "key", x), _project(w, "value", x)
    weights = (key @ query / math.sqrt(len(query))).softmax(0)
    return weights, weights @ value


def _attention(w: Weights, x: Tensor) -> Tensor:
    last = x[-1] + _project(w, "output", _attend(w, x)[1])
    return last + linear(last, w["memory.mix.weight"], w["memory.mix.bias"]).relu()


_MEMORIES: dict[str, Callable[[Weights, Tensor], Tensor]] = {
    "RNN": _rnn,
    "LSTM": _lstm,
    "CNN": _cnn,
    "attention": _attention,
}


class LongMemory(Widget):
    """Drag one note back along a page and watch which model still knows it.

    Parameters
    ----------
    models : mapping of str to state dict
        One for each of :data:`KINDS`.
    names, values : Tensor of int, shape (P, T)
        The pages to choose from; on each, the last position asks for what an earlier one tells.
    accuracy : mapping of str to sequence of float
        For each of :data:`KINDS` its measured accuracy at distance 1, 2, …, T − 1.
    distance : int
        Where the note lies at first.
    **traits : object
        Which ``page`` is shown at first, and which value is ``told`` on it: −1 is the page's own.

    Raises
    ------
    ValueError
        If a model or an accuracy is missing, or a page asks for what it does not tell.
    """

    title = traitlets.Unicode("Who still remembers?").tag(sync=True)
    distance = traitlets.Int(12, min=1).tag(sync=True, choice=True)
    page = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    told = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    pages: traitlets.List[dict[str, list[int]]] = traitlets.List().tag(sync=True)
    accuracy = traitlets.Dict().tag(sync=True)
    weights = Tensors(torch.float32)
    uses: ClassVar[tuple[str, ...]] = ("controls", "pictures", "tensors")

    def __init__(
        self,
        models: Mapping[str, Weights],
        names: Int[Tensor, "P T"],
        values: Int[Tensor, "P T"],
        accuracy: Mapping[str, Floats],
        *,
        distance: int = 12,
        **traits: Any,
    ) -> None:
        for name, given in (("models", models), ("accuracy", accuracy)):
            if set(given) != set(KINDS):
                raise ValueError(f"{name} should have {', '.join(KINDS)}, got {', '.join(given)}")
        steps = check_shape("names", names, "P T")["T"]
        curves = {kind: [float(a) for a in accuracy[kind]] for kind in KINDS}
        if any(len(curve) != steps - 1 for curve in curves.values()):
            raise ValueError(f"accuracy should have T - 1 = {steps - 1} numbers for each model")
        moved = [place(*page, distance) for page in zip(names, values, strict=True)]
        super().__init__(
            pages=[{"names": n.tolist(), "values": v.tolist()} for n, v in moved],
            accuracy=curves,
            weights={
                f"{kind}.{name}": tensor.float()
                for kind in KINDS
                for name, tensor in models[kind].items()
            },
            distance=distance,
            **traits,
        )
