r"""The router: which experts a token goes to, and how much of their answers it takes.

One linear map scores the experts, a softmax makes probabilities of it, and the token goes to the
best. What the expert returns is multiplied by its probability. The choice itself has no gradient:
it is through this factor, the gate, that the loss reaches the router.

Sources
    Fedus et al. (2022), "Switch Transformers", sections 2.1, 2.2 and 2.4, equations (1) to (6).
    Zoph et al. (2022), "ST-MoE", equation (5).
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypedDict, Unpack, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from txlite._checks import (
    check_bool,
    check_choice,
    check_dtype,
    check_number,
    check_positive,
    check_probability,
    check_rate,
    check_shape,
)
from txlite.nn._edge import checked_once
from txlite.nn.routing import (
    Routing,
    balance_loss,
    capacity_ratio,
    placed_choices,
    router_z_loss,
)

__all__ = ["Router", "RouterOptions"]

Group = Literal["sequence", "batch"]


class _RouterKeywords(TypedDict, total=False):
    """The fields of :class:`RouterOptions`, as keywords of a router."""

    top_k: int
    renormalise: bool
    expert_capacity: int | None
    capacity_factor: float | None
    group: Group
    jitter: float
    router_bias: bool
    balance_weight: float
    z_weight: float
    ignore_padding: bool


@dataclass(frozen=True, kw_only=True)
class RouterOptions:
    """How tokens are sent to experts; a :class:`Router` takes each choice as a keyword too.

    Parameters
    ----------
    top_k : int
        How many experts a token goes to.
    renormalise : bool
        Whether the gates of a token are divided by their sum. With one expert that sum is the gate,
        and no gradient would reach the router.
    expert_capacity : int, optional
        How many choices *each* expert takes of a group. The default, without a factor, takes all.
    capacity_factor : float, optional
        The same as a multiple of an even spread: see :func:`txlite.nn.expert_capacity`.
    group : str
        What capacity and balance are counted in: ``"sequence"``, where no sequence's result depends
        on the others of its batch, or ``"batch"`` (the paper's).
    jitter : float
        In training every number of the router's input is multiplied by another from [1 − jitter,
        1 + jitter], so that near ties are tried both ways.
    router_bias : bool
        Whether the router's map adds a bias.
    balance_weight, z_weight : float
        Weights of the two losses in the router's ``auxiliary_loss``: :func:`txlite.nn.balance_loss`
        and :func:`txlite.nn.router_z_loss`.
    ignore_padding : bool
        Whether padding takes no place at any expert, and counts in no loss.

    Raises
    ------
    ValueError
        If a number lies outside its range, a choice does not exist, there are two capacities, or
        one gate is to be divided by itself.

    References
    ----------
    Fedus et al. (2022), sections 2.2 and 2.4. Zoph et al. (2022), section 3.
    """

    top_k: int = 1
    renormalise: bool = False
    expert_capacity: int | None = None
    capacity_factor: float | None = None
    group: Group = "sequence"
    jitter: float = 0.0
    router_bias: bool = False
    balance_weight: float = 0.01
    z_weight: float = 0.001
    ignore_padding: bool = True

    def __post_init__(self) -> None:
        kept: dict[str, Any] = {"top_k": check_positive("top_k", self.top_k)}
        if self.expert_capacity is not None:
            kept["expert_capacity"] = check_positive("expert_capacity", self.expert_capacity)
        if self.capacity_factor is not None:
            kept["capacity_factor"] = check_rate("capacity_factor", self.capacity_factor)
        kept["jitter"] = check_probability("jitter", self.jitter)
        for name in ("balance_weight", "z_weight"):
            wanted = "a number of at least zero"
            kept[name] = check_number(
                name, getattr(self, name), wanted, lambda x: 0 <= x < float("inf")
            )
        for name, number in kept.items():
            object.__setattr__(self, name, number)
        check_choice("group", self.group, get_args(Group))
        if self.expert_capacity is not None and self.capacity_factor is not None:
            raise ValueError(
                f"capacity_factor should be None beside expert_capacity={self.expert_capacity}, "
                f"got {self.capacity_factor}"
            )
        if self.renormalise and self.top_k == 1:
            raise ValueError(
                "renormalise should be False with top_k=1: a gate divided by itself is one, and "
                "the router would learn nothing; got True"
            )

    @property
    def router_options(self) -> "RouterOptions":
        """These choices without what a subclass, a model's config, adds to them."""
        return RouterOptions(**{f.name: getattr(self, f.name) for f in fields(RouterOptions)})


class Router(nn.Module):
    r"""Scores experts for each token, and says which of them it goes to.

    .. math:: p(x) = \operatorname{softmax}(x W),\qquad e(x) = \arg\max_i p_i(x)

    Parameters
    ----------
    d_model : int
        Width of the tokens.
    num_experts : int
        How many experts there are.
    options : RouterOptions, optional
        The choices, with their defaults.
    **keywords
        The fields of :class:`RouterOptions`, one by one: they win over ``options``.

    Attributes
    ----------
    gate : Linear
        The scores.
    auxiliary_loss : Tensor or None
        Of the last call, until :func:`txlite.nn.take_auxiliary_losses` takes it: balance and
        z-loss, each times its weight. Every layer has its own.

    Raises
    ------
    ValueError
        If a size is not positive, a choice does not exist, or a token should go to more experts
        than there are.

    Notes
    -----
    The map, the softmax and the losses are computed in at least float32, whatever the tokens are
    and also under autocast (section 2.4, selective precision). A forward hook of this module sees
    each call's :class:`Routing`.

    References
    ----------
    Fedus et al. (2022), equations (1) to (6).

    Examples
    --------
    >>> routing = Router(8, 4, expert_capacity=2)(torch.zeros(1, 5, 8))
    >>> routing.experts[0, :, 0], routing.placed[0, :, 0]  # a tie goes to the first
    (tensor([0, 0, 0, 0, 0]), tensor([ True,  True, False, False, False]))
    """

    def __init__(
        self,
        d_model: int,
        num_experts: int,
        *,
        options: RouterOptions | None = None,
        **keywords: Unpack[_RouterKeywords],
    ) -> None:
        super().__init__()
        self.d_model = check_positive("d_model", d_model)
        self.num_experts = check_positive("num_experts", num_experts)
        options = options or RouterOptions()
        self.options = replace(options, **keywords) if keywords else options
        if self.options.top_k > self.num_experts:
            raise ValueError(
                f"top_k should be at most num_experts={self.num_experts}, got {self.options.top_k}"
            )
        self.gate = nn.Linear(self.d_model, self.num_experts, bias=self.options.router_bias)
        self.auxiliary_loss: Tensor | None = None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew, with variance 1/D; the bias is zero."""
        nn.init.normal_(self.gate.weight, std=self.d_model**-0.5)
        if self.options.router_bias:
            nn.init.zeros_(self.gate.bias)

    @checked_once
    def forward(
        self, x: Float[Tensor, "B T D"], keep: Bool[Tensor, "B T"] | None = None
    ) -> Routing:
        """Say where each token goes, and keep what that costs.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            The tokens' hidden states.
        keep : Tensor of bool, shape (B, T), optional
            True for a real token, False for padding.

        Returns
        -------
        Routing
            Probabilities, choices, gates, and which choices have a place.

        Raises
        ------
        ValueError
            If a shape or a dtype does not fit.
        """
        o, batch, length = self.options, x.shape[0], x.shape[1]
        keep = keep if o.ignore_padding else None
        with _full_precision(x):
            logits = self._logits(x)  # (B, T, N)
            probabilities = logits.softmax(-1)
            best, order = probabilities.sort(dim=-1, descending=True, stable=True)
            gates, experts = best[..., : o.top_k], order[..., : o.top_k]
            if o.renormalise:
                gates = gates / gates.sum(-1, keepdim=True)
            groups = (1, batch * length) if o.group == "batch" else (batch, length)
            own = None if keep is None else keep.reshape(groups)
            grouped = experts.reshape(*groups, o.top_k)
            capacity = self._capacity(groups, own)
            placed = placed_choices(grouped, self.num_experts, capacity, own)
            self._keep_losses(
                logits.reshape(*groups, self.num_experts), probabilities, grouped, own
            )
        return Routing(logits, probabilities, experts, gates, placed.reshape(experts.shape))

    def _logits(self, x: Tensor) -> Tensor:
        dtype = torch.promote_types(x.dtype, torch.float32)
        x, j = x.to(dtype), self.options.jitter
        if self.training and j > 0:
            x = x * torch.empty_like(x).uniform_(1.0 - j, 1.0 + j)
        bias = self.gate.bias.to(dtype) if self.options.router_bias else None
        return functional.linear(x, self.gate.weight.to(dtype), bias)

    def _capacity(self, groups: tuple[int, int], keep: Tensor | None) -> int | Tensor | None:
        """Return how many tokens each expert takes of a group, from how many real ones it has."""
        if self.options.capacity_factor is None:
            return self.options.expert_capacity
        above, below = capacity_ratio(self.num_experts, self.options.capacity_factor)
        tokens: Any = groups[1] if keep is None else keep.sum(1)
        capacity: int | Tensor = -(-tokens * above // below)
        return capacity

    def _keep_losses(
        self, logits: Tensor, probabilities: Tensor, experts: Tensor, keep: Tensor | None
    ) -> None:
        losses = []
        if self.options.balance_weight:
            balance = balance_loss(probabilities.reshape(logits.shape), experts, keep)
            losses.append(self.options.balance_weight * balance)
        if self.options.z_weight:
            losses.append(self.options.z_weight * router_z_loss(logits, keep))
        self.auxiliary_loss = torch.stack(losses).sum() if losses else None

    def _check(self, x: Tensor, keep: Tensor | None = None) -> None:
        check_shape("x", x, "B T D", D=self.d_model)
        if x.dtype in (torch.float32, torch.float64):  # half precision is made whole here
            check_dtype("x", x, "the weights", self.gate.weight)
        if keep is not None:
            check_bool("keep", keep)
            check_shape("keep", keep, "B T", B=x.shape[0], T=x.shape[1])

    def __getstate__(self) -> dict[str, Any]:
        """Leave the last call's loss behind in copies and files, which take no graph with them."""
        return {**self.__dict__, "auxiliary_loss": None}

    def extra_repr(self) -> str:
        """Return the choices that ``print(module)`` shows."""
        o = self.options
        limit = (
            f"expert_capacity={o.expert_capacity}"
            if o.capacity_factor is None
            else f"capacity_factor={o.capacity_factor:g}"
        )
        return f"top_k={o.top_k}, {limit}, group={o.group!r}"


def _full_precision(x: Tensor) -> AbstractContextManager[Any]:
    """Keep autocast away; it knows no meta device."""
    return nullcontext() if x.is_meta else torch.autocast(x.device.type, enabled=False)
