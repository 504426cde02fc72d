"""Switch: a T5 in which every second feed-forward layer is many, and each token passes one.

A router sends each token to one expert, so that parameters grow with the experts and the arithmetic
for a token does not. All else is T5's.

Source
    Fedus et al. (2022), "Switch Transformers: Scaling to Trillion Parameter Models with Simple and
    Efficient Sparsity", section 2, tables 1 and 9. Of the published models, of which the paper's
    tables say nothing, their configurations.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from txlite._checks import check_length, check_positive, check_rate
from txlite.models.t5 import T5, T5Config
from txlite.nn import MixtureOfExperts, Router, RouterOptions

__all__ = ["Switch", "SwitchConfig"]


@dataclass(frozen=True, kw_only=True)
class SwitchConfig(RouterOptions, T5Config):
    """Sizes and choices of a Switch beside T5's and :class:`txlite.nn.RouterOptions`.

    By default the smallest published model: 12 layers on each side, in every second one 8 experts,
    each of which takes 64 tokens of a sequence.

    Raises
    ------
    ValueError
        If a size is not positive, a step is negative, or :class:`T5Config` or
        :class:`txlite.nn.RouterOptions` would refuse.
    """

    num_experts: int = 8  # of each layer that has some
    sparse_step: int = 2  # layers 1, 3, 5 … have experts; 1: all; 0: none
    decoder_sparse_step: int | None = None  # None: as the encoder has
    expert_capacity: int | None = 64  # of each expert, for one sequence
    jitter: float = 0.01
    init_scale: float = 0.1  # of the weights' variance; of a T5 it is 1 (section 2.4)

    def __post_init__(self) -> None:
        T5Config.__post_init__(self)
        RouterOptions.__post_init__(self)
        self._keep("num_experts", check_positive("num_experts", self.num_experts))
        if self.top_k > self.num_experts:
            raise ValueError(
                f"top_k should be at most num_experts={self.num_experts}, got {self.top_k}"
            )
        self._keep("sparse_step", check_length("sparse_step", self.sparse_step))
        if self.decoder_sparse_step is not None:
            step = check_length("decoder_sparse_step", self.decoder_sparse_step)
            self._keep("decoder_sparse_step", step)
        self._keep("init_scale", check_rate("init_scale", self.init_scale))

    def sparse_layers(self, stack: str) -> tuple[int, ...]:
        """Return which layers have experts, counted from 0.

        Parameters
        ----------
        stack : str
            ``"encoder"`` or ``"decoder"``.

        Returns
        -------
        tuple of int
            The second of every ``sparse_step`` layers, or of ``decoder_sparse_step`` in the
            decoder.
        """
        step, count = self.sparse_step, self.num_layers
        if stack == "decoder":
            step = step if self.decoder_sparse_step is None else self.decoder_sparse_step
            count = self.num_decoder_layers or count
        return tuple(range(min(1, step - 1), count, step)) if step else ()

    @classmethod
    def base(cls, vocab_size: int = 32_128, *, num_experts: int = 8) -> "SwitchConfig":
        """Return the published base models, with 8 to 256 experts; with 8, 620 million numbers."""
        return cls(vocab_size=vocab_size, num_experts=num_experts)

    @classmethod
    def large_128(cls, vocab_size: int = 32_128) -> "SwitchConfig":
        """Return the published large model, 26 billion parameters."""
        return cls(
            vocab_size=vocab_size, d_model=1024, num_heads=16, d_ff=4096, num_layers=24,
            num_experts=128,
        )  # fmt: skip

    @classmethod
    def xxl_395b(cls, vocab_size: int = 32_128) -> "SwitchConfig":
        """Return the paper's largest model by arithmetic, 395 billion parameters (table 9)."""
        return cls(
            vocab_size=vocab_size, d_model=4096, num_heads=64, d_ff=10_240, num_layers=24,
            num_experts=128, activation="geglu_tanh", **_PAPER,
        )  # fmt: skip

    @classmethod
    def c_1600b(cls, vocab_size: int = 32_128) -> "SwitchConfig":
        """Return the paper's largest model by parameters, 1.6 trillion (table 9).

        Every layer has 2048 experts, in which all but a thousandth of the parameters lie.
        """
        return cls(
            vocab_size=vocab_size, d_model=2080, num_heads=32, d_ff=6144, num_layers=15,
            num_experts=2048, sparse_step=1, **_PAPER,
        )  # fmt: skip


_PAPER: dict[str, Any] = {"expert_capacity": None, "capacity_factor": 1.25, "group": "batch"}


class Switch(T5):
    """A T5 with experts (section 2.1), from source and target tokens to the next one's scores.

    Parameters
    ----------
    config : SwitchConfig
        Sizes and choices.

    Attributes
    ----------
    embedding, encoder_positions, decoder_positions, encoder, decoder, output : Module
        T5's; a sparse layer's ``feed_forward`` is a :class:`txlite.nn.MixtureOfExperts`.

    Notes
    -----
    Each router keeps its losses of the last call, already weighted:
    :func:`txlite.nn.take_auxiliary_losses` returns them by layer, and their *sum* belongs to the
    loss. With a cache a capacity counts the tokens of one call.

    Examples
    --------
    >>> from txlite.nn import take_auxiliary_losses
    >>> sizes = {"d_model": 16, "num_heads": 2, "head_dim": 4, "d_ff": 32, "num_layers": 2}
    >>> model = Switch(SwitchConfig(vocab_size=50, num_experts=4, **sizes))
    >>> source, target = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[0, 9, 4]])
    >>> model(source, target).shape
    torch.Size([1, 3, 50])
    >>> for path in take_auxiliary_losses(model):
    ...     print(path)
    encoder.layers.1.feed_forward.router
    decoder.layers.1.feed_forward.router
    """

    config: SwitchConfig

    def __init__(self, config: SwitchConfig) -> None:
        super().__init__(config)
        with torch.no_grad():
            for layer in (*self.encoder.layers, *self.decoder.layers):
                for p in layer.parameters():
                    if p.ndim > 1 and not p.is_meta:
                        p.mul_(config.init_scale**0.5)

    def _feed_forward(self, stack: str, layer: int) -> nn.Module | None:
        config = self.config
        if layer not in config.sparse_layers(stack):
            return None
        width, options = config.d_model, config.layer_options
        experts = [options._feed_forward(width, config.d_ff) for _ in range(config.num_experts)]
        router = Router(width, config.num_experts, options=config.router_options)
        return MixtureOfExperts(experts, router)
