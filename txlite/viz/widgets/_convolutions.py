"""Layers over pictures on their way to the page: what they are, in order, and their weights.

The page does what each of them says (``common/conv.js``); :func:`rebuilt` makes modules of it
again, for whoever goes on in Python from what a figure carries.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["convolutional", "rebuilt"]

Layer = dict[str, Any]
Weights = dict[str, Float[Tensor, "..."]]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
}
NORMS = ("batch_norm", "group_norm", "layer_norm")


def convolutional(module: nn.Module) -> tuple[list[Layer], Weights]:
    """Return what the layers of a module are, and their weights.

    Parameters
    ----------
    module : Module
        Convolutions, norms, activations, poolings, linear maps, and sequences of such. A module of
        another type is taken apart by its parts: ``conv`` and ``norm``, one after the other, or
        ``layers`` with a ReLU between and after them, to which ``shortcut`` adds what was there, as
        in the blocks of :class:`txlite.models.ResNet`.

    Returns
    -------
    layers : list of dict
        Of each its ``kind``, its ``name`` where it has weights, and its choices.
    weights : dict of str to Tensor
        Under the names of the layers.

    Raises
    ------
    ValueError
        If the page cannot compute one of the layers.

    Examples
    --------
    >>> layers, weights = convolutional(nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.GELU()))
    >>> [layer["kind"] for layer in layers], list(weights)
    (['conv', 'activation'], ['0.weight', '0.bias'])
    """
    layers = list(_told(module, ""))
    weights: Weights = {}
    for layer in _flat(layers):
        if "name" in layer:
            own = module.get_submodule(layer["name"]).state_dict()
            prefix = f"{layer['name']}." if layer["name"] else "."
            for name, tensor in own.items():
                if tensor.is_floating_point():  # a batch norm counts batches too
                    weights[prefix + _RENAMED.get(name, name)] = tensor
    return layers, weights


def rebuilt(layers: Sequence[Layer], weights: Mapping[str, Float[Tensor, "..."]]) -> nn.Sequential:
    """Return modules that compute what the page computes.

    Parameters
    ----------
    layers : sequence of dict
        What :func:`convolutional` has told.
    weights : mapping of str to Tensor
        The weights, as it named them.

    Returns
    -------
    Sequential
        A module for each layer, in evaluation mode, of the type of the weights.
    """
    return nn.Sequential(*(_made(layer, weights) for layer in layers)).eval()


_RENAMED = {"running_mean": "mean", "running_var": "variance"}  # of torch's batch norms


def _told(module: nn.Module, name: str) -> Iterator[Layer]:
    """Yield the layers of a module in the order in which it computes them."""
    inside = f"{name}." if name else ""
    for kind, tell in _TELL.items():
        if isinstance(module, kind):
            yield from tell(module, name)
            return
    parts = dict(module.named_children())
    if {"conv", "norm"} <= set(parts):
        for part in ("conv", "norm"):
            yield from _told(parts[part], inside + part)
    elif "layers" in parts and hasattr(module, "shortcut"):
        branch: list[Layer] = []
        for key, layer in parts["layers"].named_children():
            branch += [{"kind": "activation", "of": "relu"}] if branch else []
            branch += _told(layer, f"{inside}layers.{key}")
        shortcut = parts.get("shortcut", nn.Identity())
        added = [*_told(shortcut, f"{inside}shortcut")]
        yield {"kind": "residual", "branch": branch, "shortcut": added}
        yield {"kind": "activation", "of": "relu"}
    elif all(hasattr(module, part) for part in ("weight", "bias", "mean", "variance")):
        yield {"kind": "batch_norm", "name": name, "eps": module.eps}  # one that is frozen
    else:
        where = f"layer {name}" if name else "the outermost layer"
        raise ValueError(f"the page cannot compute {type(module).__name__}, {where}")


def _sequence(module: nn.Sequential, name: str) -> Iterator[Layer]:
    for key, child in module.named_children():
        yield from _told(child, f"{name}.{key}" if name else key)


def _conv(conv: nn.Conv2d, name: str) -> Iterator[Layer]:
    found = {"stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation}
    sides = {key: _side(name, key, value) for key, value in found.items()}
    if sides.pop("dilation") != 1 or conv.padding_mode != "zeros":
        raise ValueError(f"{name} should have dilation 1 and zeros around it, got {conv}")
    yield {"kind": "conv", "name": name, **sides, "groups": conv.groups}


def _pool(pool: nn.MaxPool2d | nn.AvgPool2d, name: str) -> Iterator[Layer]:
    sizes = {"size": pool.kernel_size, "stride": pool.stride, "padding": pool.padding}
    kind = "max_pool" if isinstance(pool, nn.MaxPool2d) else "mean_pool"
    if pool.ceil_mode:
        raise ValueError(f"{name} should have ceil_mode=False, got {pool}")
    yield {"kind": kind, **{key: _side(name, key, value) for key, value in sizes.items()}}


def _mean(pool: nn.AdaptiveAvgPool2d, name: str) -> Iterator[Layer]:
    if pool.output_size not in (1, (1, 1)):
        raise ValueError(f"{name} should leave one point, got {pool}")
    yield {"kind": "mean_pool"}


def _gelu(gelu: nn.GELU, name: str) -> Iterator[Layer]:
    yield {"kind": "activation", "of": "gelu" if gelu.approximate == "none" else "gelu_tanh"}


def _side(name: str, key: str, value: Any) -> int:
    """Return a size that is the same down and across."""
    both = set(value if isinstance(value, tuple) else (value,))
    if len(both) != 1 or not isinstance(value if isinstance(value, int) else value[0], int):
        raise ValueError(f"{key} of {name} should be one whole number, got {value!r}")
    return int(both.pop())


def _named(kind: str, **choices: str) -> Callable[[Any, str], Iterator[Layer]]:
    """Return what tells of a layer with weights: its choices by the attributes that hold them."""

    def tell(module: nn.Module, name: str) -> Iterator[Layer]:
        if module.weight is None:
            raise ValueError(f"{name} should have weights, got {module}")
        told = {key: getattr(module, attribute) for key, attribute in choices.items()}
        yield {"kind": kind, "name": name, **told}

    return tell


def _plain(*layers: Layer) -> Callable[[Any, str], Iterator[Layer]]:
    return lambda module, name: iter(layers)


_TELL: dict[type[nn.Module], Callable[[Any, str], Iterator[Layer]]] = {
    nn.Sequential: _sequence,
    nn.Conv2d: _conv,
    nn.BatchNorm2d: _named("batch_norm", eps="eps"),
    nn.GroupNorm: _named("group_norm", groups="num_groups", eps="eps"),
    nn.LayerNorm: _named("layer_norm", eps="eps"),
    nn.Linear: _named("linear"),
    nn.GELU: _gelu,
    nn.ReLU: _plain({"kind": "activation", "of": "relu"}),
    nn.SiLU: _plain({"kind": "activation", "of": "silu"}),
    nn.MaxPool2d: _pool,
    nn.AvgPool2d: _pool,
    nn.AdaptiveAvgPool2d: _mean,
    nn.Flatten: _plain({"kind": "flatten"}),
    nn.Dropout: _plain(),
    nn.Dropout2d: _plain(),
    nn.Identity: _plain(),
}


def _flat(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        for part in ("branch", "shortcut"):
            yield from _flat(layer.get(part, []))


class _Residual(nn.Module):
    """What a branch makes of x, added to x or to what a map makes of it."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.branch(x) + self.shortcut(x)
        return total


def _made(layer: Layer, weights: Mapping[str, Tensor]) -> nn.Module:
    """Return one layer with its weights."""
    kind = layer["kind"]
    if kind == "residual":
        return _Residual(*(rebuilt(layer[part], weights) for part in ("branch", "shortcut")))
    if kind == "activation":
        return ACTIVATIONS[layer["of"]]()
    sizes = [layer[key] for key in ("size", "stride", "padding") if key in layer]
    if kind == "max_pool":
        return nn.MaxPool2d(*sizes)
    if kind == "mean_pool":
        return nn.AvgPool2d(*sizes) if "size" in layer else nn.AdaptiveAvgPool2d(1)
    if kind == "flatten":
        return nn.Flatten()
    return _filled(layer, weights)


def _filled(layer: Layer, weights: Mapping[str, Tensor]) -> nn.Module:
    """Return a layer that has weights, with them."""
    prefix, kind = f"{layer['name']}.", layer["kind"]
    own = {n.removeprefix(prefix): t for n, t in weights.items() if n.startswith(prefix)}
    weight, bias = own["weight"], "bias" in own
    module: nn.Module
    if kind == "conv":
        outputs, inputs, tall, wide = weight.shape
        groups, sizes = layer["groups"], (layer["stride"], layer["padding"])
        module = nn.Conv2d(inputs * groups, outputs, (tall, wide), *sizes, groups=groups, bias=bias)
    elif kind == "linear":
        module = nn.Linear(weight.shape[1], weight.shape[0], bias=bias)
    elif kind == "batch_norm":
        module = nn.BatchNorm2d(len(weight), layer["eps"])
        names = {new: old for old, new in _RENAMED.items()}
        own = {names.get(name, name): tensor for name, tensor in own.items()}
    elif kind == "group_norm":
        module = nn.GroupNorm(layer["groups"], len(weight), layer["eps"])
    else:
        module = nn.LayerNorm(len(weight), layer["eps"], bias=bias)
    module.to(weight.dtype).load_state_dict(own, strict=False)  # how many batches, no one asks
    return module
