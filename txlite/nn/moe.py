"""A mixture of experts: many feed-forward layers, of which each token passes one or a few.

It stands in the place of a layer's feed-forward. Parameters grow with the number of experts, the
arithmetic for a token does not: an expert computes for the tokens that are sent to it and no
others. A token for which its expert has no room comes out as exact zeros, so that a layer hands it
on by its residual connection alone.

Sources
    Fedus et al. (2022), "Switch Transformers", section 2.1 and figure 2. Shazeer et al. (2017),
    "Outrageously Large Neural Networks", equation (1).
"""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from txlite._checks import check_module, check_shape
from txlite.nn._edge import checked_once
from txlite.nn.router import Router
from txlite.nn.routing import Routing

__all__ = ["MixtureOfExperts"]


class MixtureOfExperts(nn.Module):
    r"""Experts, and a router that sends each token to the best of them.

    .. math:: y = \sum_{i \in e(x)} p_i(x)\, E_i(x)

    Parameters
    ----------
    experts : iterable of Module
        What the tokens are sent to, such as :class:`txlite.nn.FeedForward`: each is called with the
        hidden states of its tokens, (n, D), and returns as many. There may be none, n = 0.
    router : Router
        Chooses among them.

    Attributes
    ----------
    experts : ModuleList
        The experts.
    router : Router
        The router, which keeps the ``auxiliary_loss`` of the last call.

    Raises
    ------
    ValueError
        If there are more or fewer experts than the router chooses among, or one has another width.

    Notes
    -----
    A layer tells it which tokens are padding, as far as its mask says so:
    :func:`txlite.nn.masks.padding`, alone or joined to others by ``&``. On the meta device, where
    nothing can be chosen, each expert has an even share of the tokens. How many tokens an expert
    has is read off the GPU once in a call; torch.compile takes it into one graph if
    ``torch._dynamo.config.capture_scalar_outputs`` is set.

    References
    ----------
    Fedus et al. (2022), equations (1) and (2), figure 2.

    Examples
    --------
    >>> from txlite.nn import EncoderLayer, FeedForward
    >>> experts = [FeedForward(8, 16) for _ in range(4)]
    >>> part = MixtureOfExperts(experts, Router(8, 4, capacity_factor=1.25))
    >>> EncoderLayer(8, 2, 16, feed_forward=part)(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """

    takes_keep = True  # a layer tells it which tokens are padding

    def __init__(self, experts: Iterable[nn.Module], router: Router) -> None:
        super().__init__()
        if not isinstance(router, Router):
            raise ValueError(f"router should be a txlite.nn.Router, got {router!r}")
        self.router, self.experts = router, nn.ModuleList()
        for i, expert in enumerate(experts):
            check_module(f"experts[{i}]", expert)
            width = getattr(expert, "d_model", router.d_model)
            if width != router.d_model:
                raise ValueError(
                    f"experts[{i}] should have d_model={router.d_model}, got a part with "
                    f"d_model={width}"
                )
            self.experts.append(expert)
        if len(self.experts) != router.num_experts:
            raise ValueError(
                f"experts should hold as many as the router chooses among, "
                f"num_experts={router.num_experts}, got {len(self.experts)}"
            )
        self.d_model = router.d_model
        self.d_ff: int | None = getattr(self.experts[0], "d_ff", None)

    @checked_once
    def forward(
        self, x: Float[Tensor, "B T D"], keep: Bool[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """Send each token to its experts, and weigh what they return.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Hidden states.
        keep : Tensor of bool, shape (B, T), optional
            True for a real token, False for padding.

        Returns
        -------
        Tensor, shape (B, T, D)
            The sum of its experts' answers, each times its gate; zeros for a token that is dropped,
            and for padding that is not sent.

        Raises
        ------
        ValueError
            If a shape or a dtype does not fit.
        """
        routing = self.router(x, keep)
        tokens, gates = x.flatten(0, 1), routing.gates.flatten()
        out = torch.zeros_like(tokens)
        for expert, sent in zip(self.experts, self._sent(routing), strict=True):
            own = sent.div(routing.gates.shape[-1], rounding_mode="floor")  # their rows
            answers = expert(tokens[own]) * gates[sent, None]
            out.index_add_(0, own, answers.to(out.dtype))
        return out.view_as(x)

    def _sent(self, routing: Routing) -> list[Tensor]:
        """Return which choices, of B · T · K in order, each expert carries out."""
        count = len(self.experts)
        if routing.experts.is_meta:
            choices = torch.arange(routing.experts.numel(), device="meta")
            return list(choices.tensor_split(count))
        chosen = torch.where(routing.placed, routing.experts, count).flatten()
        sizes = functional.one_hot(chosen, count + 1).sum(0).tolist()
        return list(torch.split(chosen.argsort(stable=True), sizes)[:count])

    def _check(self, x: Tensor, keep: Tensor | None = None) -> None:
        self.router._check(x, keep)
        check_shape("x", x, "B T D", D=self.d_model)
