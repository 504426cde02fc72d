"""What a ViT may be: its sizes and choices, and those of the published ones.

DeiT and DINOv2 are choices of it: a second token that learns from a teacher, a scale on every
branch, registers. So is the half of CLIP that sees.

Sources
    Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words", table 1. Touvron et al. (2021),
    "Training data-efficient image transformers" (DeiT), section 4 and table 1. Oquab et al. (2023),
    "DINOv2", table 17. Darcet et al. (2024), "Vision Transformers Need Registers", section 2.2.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from txlite._checks import check_choice, check_length, check_positive, check_rate
from txlite.models._wiring import check_config
from txlite.nn import LayerOptions

__all__ = ["ViTConfig"]

Pooling = Literal["class", "mean", "class_and_mean"]
Places = Literal["learned", "none"]


@dataclass(frozen=True, kw_only=True)
class ViTConfig(LayerOptions):
    """Sizes and choices of a ViT beside :class:`txlite.nn.LayerOptions`; by default ViT-B/16.

    Raises
    ------
    ValueError
        If a size is not positive, a side is no multiple of the patch, the heads do not divide, or
        a choice does not exist or asks for a class token that is not there.
    """

    d_model: int = 768
    num_heads: int = 12
    d_ff: int = 3072
    num_layers: int = 12
    image_size: int | tuple[int, int] = 224  # height and width of the learned places, in pixels
    patch_size: int = 16
    num_channels: int = 3
    num_labels: int = 1000  # of a classifier
    class_token: bool = True  # gathers what answers
    distillation_token: bool = False  # a second one, which learns from a teacher: DeiT
    num_registers: int = 0  # tokens without a place, where the model may write what it likes
    mask_token: bool = False  # stands where a patch is hidden
    pooling: Pooling = "class"  # or the patches' mean, or both side by side: DINOv2's classifier
    positions: Places = "learned"  # where a patch stands
    antialias: bool = False  # of the places' interpolation: DINOv2 with registers
    qkv_bias: bool = True  # beside the other maps' bias
    patch_bias: bool = True
    embedding_norm: bool = False  # before the stack: CLIP
    layer_scale: float | None = None  # of every branch, at the start: DINOv2
    norm_eps: float | None = 1e-6
    init_std: float = 0.02  # of the weights, before training

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("positions", self.positions, get_args(Places))
        check_config(self, "patch_size", "num_channels", "num_labels")
        self._keep("num_registers", check_length("num_registers", self.num_registers))
        object.__setattr__(self, "image_size", _sides(self.image_size, self.patch_size))
        if self.layer_scale is not None:
            self._keep("layer_scale", check_rate("layer_scale", self.layer_scale))
        check_choice("pooling", self.pooling, get_args(Pooling))
        if not self.class_token and (self.pooling != "mean" or self.distillation_token):
            raise ValueError(f"class_token should be True for {self.pooling!r} or a teacher")

    @property
    def grid(self) -> tuple[int, int]:
        """How many rows and columns of patches have a learned place."""
        height, width = self.image_size  # type: ignore[misc]  # __post_init__ has made it a pair
        return height // self.patch_size, width // self.patch_size

    @classmethod
    def b_16(cls, num_labels: int = 1000) -> "ViTConfig":
        """Return ViT-B/16 (table 1)."""
        return cls(num_labels=num_labels)

    @classmethod
    def l_16(cls, num_labels: int = 1000) -> "ViTConfig":
        """Return ViT-L/16 (table 1)."""
        return cls._sized(1024, 16, 24, num_labels=num_labels)

    @classmethod
    def h_14(cls, num_labels: int = 1000) -> "ViTConfig":
        """Return ViT-H/14 (table 1)."""
        return cls._sized(1280, 16, 32, patch_size=14, num_labels=num_labels)

    @classmethod
    def deit_s(cls, num_labels: int = 1000) -> "ViTConfig":
        """Return DeiT-S with its distillation token (Touvron et al., table 1 and section 4)."""
        return cls._sized(384, 6, 12, distillation_token=True, num_labels=num_labels)

    @classmethod
    def dinov2_s_14(cls, num_labels: int = 1000) -> "ViTConfig":
        """Return DINOv2's ViT-S/14 (Oquab et al., table 17), whose places are those of 518 px."""
        return cls._dinov2(384, 6, 12, num_labels=num_labels)

    @classmethod
    def dinov2_b_14(cls, num_labels: int = 1000) -> "ViTConfig":
        """Return DINOv2's ViT-B/14 (Oquab et al., table 17)."""
        return cls._dinov2(768, 12, 12, num_labels=num_labels)

    @classmethod
    def _sized(cls, width: int, heads: int, layers: int, **rest: Any) -> "ViTConfig":
        """Return a config whose hidden layers are four times as wide as the model."""
        return cls(d_model=width, num_heads=heads, d_ff=4 * width, num_layers=layers, **rest)

    @classmethod
    def _dinov2(cls, *sizes: int, num_labels: int) -> "ViTConfig":
        rest: dict[str, Any] = {"image_size": 518, "patch_size": 14, "mask_token": True}
        return cls._sized(*sizes, layer_scale=1e-5, num_labels=num_labels, **rest)


def _sides(image_size: Any, patch_size: int) -> tuple[int, int]:
    """Return the height and the width that were given, or one side twice."""
    pair = tuple(image_size) if isinstance(image_size, tuple | list) else (image_size,) * 2
    if len(pair) != 2:
        raise ValueError(f"image_size should be a side, or height and width, got {image_size!r}")
    height, width = (check_positive("image_size", side) for side in pair)
    if height % patch_size or width % patch_size:
        raise ValueError(
            f"image_size={(height, width)} should be multiples of patch_size={patch_size}"
        )
    return height, width
