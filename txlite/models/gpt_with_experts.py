"""A GPT in which every second feed-forward layer is many, and each token passes one or a few.

The chapter on experts trains it beside a GPT of the same arithmetic. All that is not in the sparse
layers is GPT's: its parameters grow with the experts, the arithmetic for a token does not.

Sources
    Fedus et al. (2022), "Switch Transformers", section 2: the router. Du et al. (2022), "GLaM:
    Efficient Scaling of Language Models with Mixture-of-Experts", section 4 and figure 2: in the
    layers of a decoder alone.
"""

from dataclasses import dataclass

from txlite._checks import check_length, check_positive
from txlite.models._wiring import draw_normal
from txlite.models.gpt import GPT, GPTConfig
from txlite.nn import MixtureOfExperts, Router, RouterOptions

__all__ = ["GPTWithExperts", "GPTWithExpertsConfig"]


@dataclass(frozen=True, kw_only=True)
class GPTWithExpertsConfig(RouterOptions, GPTConfig):
    """Sizes and choices beside those of :class:`GPTConfig` and :class:`txlite.nn.RouterOptions`.

    Raises
    ------
    ValueError
        If the experts are none or fewer than ``top_k``, the step is negative, or one of the two
        would refuse.
    """

    num_experts: int = 8  # of each layer that has some
    sparse_step: int = 2  # layers 1, 3, 5 … have experts; 1: all; 0: none

    def __post_init__(self) -> None:
        GPTConfig.__post_init__(self)
        RouterOptions.__post_init__(self)
        self._keep("num_experts", check_positive("num_experts", self.num_experts))
        if self.top_k > self.num_experts:
            raise ValueError(
                f"top_k should be at most num_experts={self.num_experts}, got {self.top_k}"
            )
        self._keep("sparse_step", check_length("sparse_step", self.sparse_step))

    @property
    def sparse_layers(self) -> tuple[int, ...]:
        """Which layers have experts, counted from 0: the second of every ``sparse_step``."""
        step = self.sparse_step
        return tuple(range(min(1, step - 1), self.num_layers, step)) if step else ()


class GPTWithExperts(GPT):
    """A causal stack with experts, from tokens to the next token's scores.

    Parameters
    ----------
    config : GPTWithExpertsConfig
        Sizes and choices.

    Attributes
    ----------
    embedding, positions, decoder, output : Module
        GPT's; a sparse layer's ``feed_forward`` is a :class:`txlite.nn.MixtureOfExperts`.

    Notes
    -----
    Each router keeps its losses of the last call, already weighted:
    :func:`txlite.nn.take_auxiliary_losses` returns them by layer, and their *sum* belongs to the
    loss. With a cache a capacity counts the tokens of one call.

    A capacity can look ahead. All first choices have their places before the second ones, those of
    later tokens too; and a ``capacity_factor`` gives more room to a longer text. With ``top_k=1``
    and room for all, as here without a limit, what is said of a token depends on none after it.

    References
    ----------
    Fedus et al. (2022), section 2. Du et al. (2022), section 4.

    Examples
    --------
    >>> import torch
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 4}
    >>> model = GPTWithExperts(GPTWithExpertsConfig(vocab_size=50, num_experts=4, **sizes))
    >>> model(torch.tensor([[5, 6, 7, 8]])).shape, model.config.sparse_layers
    (torch.Size([1, 4, 50]), (1, 3))
    """

    config: GPTWithExpertsConfig

    def __init__(self, config: GPTWithExpertsConfig) -> None:
        super().__init__(config)
        width, options = config.d_model, config.layer_options
        for i in config.sparse_layers:
            experts = [options._feed_forward(width, config.d_ff) for _ in range(config.num_experts)]
            router = Router(width, config.num_experts, options=config.router_options)
            part = draw_normal(
                MixtureOfExperts(experts, router),
                config.init_std,
                writers=2 * config.num_layers if config.norm_first else 1,
            )
            self.decoder.layers[i].feed_forward = part
