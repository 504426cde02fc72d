"""What a CLIP may be: the sizes and choices of both towers, and those of the published ones.

Source
    Radford et al. (2021), "Learning Transferable Visual Models From Natural Language Supervision",
    sections 2.4 and 2.5 and table 20.
"""

import math
from dataclasses import dataclass
from typing import Any

from txlite._checks import check_finite, check_length, check_positive, check_rate
from txlite.models._wiring import check_config
from txlite.models.vit_config import ViTConfig
from txlite.nn import LayerOptions
from txlite.nn.feedforward import Activation

__all__ = ["CLIPConfig", "CLIPTextConfig"]


@dataclass(frozen=True, kw_only=True)
class CLIPTextConfig(LayerOptions):
    """Sizes and choices of the tower that reads, beside :class:`txlite.nn.LayerOptions`.

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, or a choice does not exist.
    """

    vocab_size: int = 49_408
    d_model: int = 512
    num_heads: int = 8
    d_ff: int = 2048
    num_layers: int = 12
    max_len: int = 77
    end_id: int | None = 49_407  # ends every text; None: the highest number in it, as at first
    activation: Activation = "quick_gelu"
    init_std: float = 0.02  # of the weights, before training

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self)
        if self.end_id is not None:
            self._keep("end_id", check_length("end_id", self.end_id))


@dataclass(frozen=True, kw_only=True)
class CLIPConfig:
    """Two towers and what joins them.

    Raises
    ------
    ValueError
        If a size or ``max_scale`` is not positive, or ``log_scale`` is not finite.
    """

    vision: ViTConfig
    text: CLIPTextConfig
    projection_dim: int = 512
    log_scale: float = math.log(1 / 0.07)  # before training; its exponential multiplies cosines
    max_scale: float | None = 100.0  # no cosine is multiplied by more (section 2.5)

    def __post_init__(self) -> None:
        size, log_scale = self.projection_dim, self.log_scale
        object.__setattr__(self, "projection_dim", check_positive("projection_dim", size))
        object.__setattr__(self, "log_scale", check_finite("log_scale", log_scale))
        if self.max_scale is not None:
            object.__setattr__(self, "max_scale", check_rate("max_scale", self.max_scale))

    @classmethod
    def b_32(cls) -> "CLIPConfig":
        """Return CLIP with ViT-B/32 (table 20)."""
        return cls._sized(768, 12, 12, 512, patch_size=32)

    @classmethod
    def b_16(cls) -> "CLIPConfig":
        """Return CLIP with ViT-B/16 (table 20)."""
        return cls._sized(768, 12, 12, 512, patch_size=16)

    @classmethod
    def l_14(cls) -> "CLIPConfig":
        """Return CLIP with ViT-L/14 (table 20)."""
        return cls._sized(1024, 16, 24, 768, patch_size=14)

    @classmethod
    def _sized(cls, width: int, heads: int, layers: int, text: int, **rest: Any) -> "CLIPConfig":
        vision = ViTConfig(
            d_model=width, num_heads=heads, num_layers=layers, d_ff=4 * width, patch_bias=False,
            embedding_norm=True, activation="quick_gelu", norm_eps=1e-5, **rest,
        )  # fmt: skip
        words = CLIPTextConfig(d_model=text, num_heads=text // 64, d_ff=4 * text)
        return cls(vision=vision, text=words, projection_dim=text)
