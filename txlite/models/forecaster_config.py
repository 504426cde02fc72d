"""What a forecaster may be: its sizes and choices, and those of the published ones.

Source
    Nie et al. (2023), "A Time Series is Worth 64 Words: Long-term Forecasting with Transformers",
    section 4 and appendix A.1.4.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from txlite._checks import check_choice, check_probability
from txlite.models._wiring import check_config
from txlite.models.forecaster_head import Head
from txlite.models.forecasts import check_levels
from txlite.nn import LayerOptions
from txlite.nn.instance_norm import Gaps, Scaling, check_scale_eps, usual_eps

__all__ = ["ForecasterConfig"]

Places = Literal["sinusoidal", "learned", "none"]
Pooling = Literal["flatten", "mean", "max", "class"]


@dataclass(frozen=True, kw_only=True)
class ForecasterConfig(LayerOptions):
    """Sizes and choices beside :class:`txlite.nn.LayerOptions`; by default PatchTST/42.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, a window is no longer than a patch, the
        levels do not rise in (0, 1), or a choice does not exist.
    """

    context_length: int = 336  # values of a window
    horizon: int = 96  # values that are forecast
    patch_length: int = 16
    stride: int = 8
    repeat_last: bool = True  # a stride more of the last value, before a window is cut
    d_model: int = 128
    num_heads: int = 16
    d_ff: int = 256
    num_layers: int = 3
    dropout: float = 0.2
    ff_dropout: float = 0.2
    embedding_dropout: float = 0.0
    head_dropout: float = 0.0
    norm_first: bool = False
    batch_norm: bool = True  # in the place of norm
    ff_bias: bool = True
    positions: Places = "learned"
    pooling: Pooling = "flatten"  # what the head reads: all states, their mean, or one token's
    scaling: Scaling = "std"  # of a window: see ReversibleNorm
    scale_eps: float | None = None
    gaps: Gaps = "level"
    num_channels: int | None = None  # only where channels have weights of their own
    channel_maps: bool = False  # a map from patches to vectors for each
    channel_scales: bool = False  # a learned scale and shift for each
    head: Head = "point"
    levels: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 0.9)  # of a head with quantiles
    init_std: float = 0.02  # of the weights, before training

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("positions", self.positions, get_args(Places))
        sizes = ("context_length", "horizon", "patch_length", "stride")
        check_config(self, *sizes, optional=("num_channels",))
        for name in ("embedding_dropout", "head_dropout"):
            self._keep(name, check_probability(name, getattr(self, name)))
        for name, kinds in (("pooling", Pooling), ("scaling", Scaling), ("gaps", Gaps)):
            check_choice(name, getattr(self, name), get_args(kinds))
        check_choice("head", self.head, get_args(Head))
        object.__setattr__(self, "levels", check_levels(self.levels, rising=True))
        eps = usual_eps(self.scaling) if self.scale_eps is None else self.scale_eps
        self._keep("scale_eps", check_scale_eps("scale_eps", eps))
        if self.context_length <= self.patch_length:
            raise ValueError(
                f"context_length={self.context_length} should be more than "
                f"patch_length={self.patch_length}"
            )
        if (self.channel_maps or self.channel_scales) and self.num_channels is None:
            raise ValueError("num_channels should be given for channels with weights of their own")

    @property
    def num_patches(self) -> int:
        """How many patches a window has."""
        length = self.context_length + self.stride * self.repeat_last
        return (length - self.patch_length) // self.stride + 1

    @classmethod
    def patchtst_42(cls, horizon: int = 96) -> "ForecasterConfig":
        """Return PatchTST/42: 42 patches of 336 values (appendix A.1.4)."""
        return cls(horizon=horizon)

    @classmethod
    def patchtst_64(cls, horizon: int = 96) -> "ForecasterConfig":
        """Return PatchTST/64: 64 patches of 512 values."""
        return cls(context_length=512, horizon=horizon)
