"""Where a model's experts got their tokens from, call by call, and how even that was.

A router hands its choice to the mixture of experts around it and to nobody else. A hook on each
router keeps it, only while somebody is recording.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn
from torch.nn import functional

from txlite._checks import check_bool, check_shape
from txlite.inspect._hooks import refuse_compiled
from txlite.nn import MixtureOfExperts, Router, Routing

__all__ = ["ExpertLoad", "expert_load", "record_routing"]


class ExpertLoad(NamedTuple):
    """What each expert was asked for, and what it did.

    Parameters
    ----------
    shares : Tensor, shape (N,)
        The share of all choices that fall on each expert, whether or not it has room: f of the
        balance loss. They sum to one; without a token all are zero.
    rows : Tensor of int, shape (N,)
        How many tokens each expert computes.
    dropped : int
        How many choices are not carried out, because their expert is full.
    """

    shares: Float[Tensor, "N"]
    rows: Integer[Tensor, "N"]
    dropped: int


def expert_load(routing: Routing, keep: Bool[Tensor, "B T"] | None = None) -> ExpertLoad:
    """Count what a routing asks of each expert.

    Parameters
    ----------
    routing : Routing
        As a router returns it.
    keep : Tensor of bool, shape (B, T), optional
        True for a real token. Padding is not counted: it is not sent, and so not dropped either.

    Returns
    -------
    ExpertLoad
        Shares of the choices, tokens that are computed, and how many choices are dropped.

    Raises
    ------
    ValueError
        If ``keep`` does not fit.

    References
    ----------
    Fedus et al. (2022), "Switch Transformers", section 2.2, equation (5) (the shares).

    Examples
    --------
    >>> from txlite.nn import Router
    >>> expert_load(Router(8, 4, expert_capacity=2)(torch.zeros(1, 5, 8)))
    ExpertLoad(shares=tensor([1., 0., 0., 0.]), rows=tensor([2, 0, 0, 0]), dropped=3)
    """
    experts, num_experts = routing.experts, routing.logits.shape[-1]
    real = torch.ones_like(routing.placed)
    if keep is not None:
        check_bool("keep", keep)
        check_shape("keep", keep, "B T", B=experts.shape[0], T=experts.shape[1])
        real = keep[..., None].expand_as(real)
    chosen = functional.one_hot(experts, num_experts)  # (B, T, K, N)
    asked = (chosen * real[..., None]).sum((0, 1, 2))
    rows = (chosen * (real & routing.placed)[..., None]).sum((0, 1, 2))
    shares = asked.to(routing.probabilities.dtype) / asked.sum().clamp_min(1)
    return ExpertLoad(shares, rows, int(asked.sum() - rows.sum()))


@contextmanager
def record_routing(model: nn.Module) -> Iterator[dict[str, Routing]]:
    """Record where every mixture of experts that runs inside the ``with`` block sends its tokens.

    The model computes what it always computes, and nothing remains of the recording afterwards.

    Parameters
    ----------
    model : Module
        A mixture of experts, or anything that holds some.

    Yields
    ------
    dict of str to Routing
        The path of each mixture in the model (``"decoder.layers.1.feed_forward"``, and ``""`` for
        a lone one), with the routing of its last call, without gradients. One that stands in
        several places has a routing for each, in the order of its calls. One that has not run is
        missing, and the error for it says which ones have.

    Raises
    ------
    ValueError
        If the model holds no mixture of experts, or is compiled: a compiled program cannot be
        listened to. Record on the model that was compiled, which shares its weights.

    Notes
    -----
    A model that reads with a cache routes the new tokens only. In training, jitter shakes what the
    router reads; record under ``model.eval()`` for what the model does when it is used.

    Examples
    --------
    >>> from txlite.nn import FeedForward
    >>> experts = [FeedForward(8, 16) for _ in range(4)]
    >>> part = MixtureOfExperts(experts, Router(8, 4, expert_capacity=2))
    >>> with record_routing(part) as routings:
    ...     _ = part(torch.zeros(1, 5, 8))
    >>> expert_load(routings[""]).dropped
    3
    """
    refuse_compiled(model)
    routers: dict[Router, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, MixtureOfExperts):
            routers.setdefault(module.router, []).append(path)
    if not routers:
        raise ValueError(
            f"model should hold a txlite.nn.MixtureOfExperts, got a {type(model).__name__} "
            "without any"
        )
    routings = _Routings()
    listeners = [_Listener(routings, paths) for paths in routers.values()]

    def begin(*_: Any) -> None:
        for listener in listeners:
            listener.calls = 0

    handles = [model.register_forward_pre_hook(begin)] + [
        router.register_forward_hook(listener)
        for router, listener in zip(routers, listeners, strict=True)
    ]
    try:
        yield routings
    finally:
        for handle in handles:
            handle.remove()


class _Routings(dict[str, Routing]):
    """Routings by path; a path without one says why."""

    def __missing__(self, path: str) -> Routing:
        raise KeyError(
            f"no routing of {path!r}: recorded are {sorted(self)}. A routing is there once its "
            "mixture of experts has run inside the with block, uncompiled"
        )


class _Listener:
    """A hook that writes the routings of one router under its paths, one after the other."""

    def __init__(self, routings: dict[str, Routing], paths: list[str]) -> None:
        self.routings, self.paths, self.calls = routings, paths, 0

    def __call__(self, router: nn.Module, args: tuple[Any, ...], routing: Routing) -> None:
        path = self.paths[self.calls % len(self.paths)]
        self.routings[path] = Routing(*(tensor.detach() for tensor in routing))
        self.calls += 1
