"""The heads of ViT: what answers, from its hidden states, of which kind a picture is.

Sources
    Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words", section 3.1. Touvron et al. (2021),
    "Training data-efficient image transformers" (DeiT), section 4. Oquab et al. (2023), "DINOv2",
    appendix B.3 (the class token's state beside the patches' mean).
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite.models._wiring import draw_normal
from txlite.models.vit import Pictures, ViT
from txlite.models.vit_config import ViTConfig

__all__ = ["ViTForImageClassification", "ViTWithTeacher"]


class ViTForImageClassification(nn.Module):
    """ViT and a classifier of what :meth:`ViT.pool` gathers (section 3.1).

    Parameters
    ----------
    config : ViTConfig
        Sizes and choices; ``num_labels`` says how many labels there are, and ``pooling`` what is
        asked.

    Attributes
    ----------
    vit : ViT
        The body, without a pooler.
    classifier : Linear
        Scores each label.

    Examples
    --------
    >>> import torch
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2}
    >>> config = ViTConfig(image_size=8, patch_size=4, num_labels=3, pooling="mean", **sizes)
    >>> ViTForImageClassification(config)(torch.zeros(1, 3, 8, 8)).shape
    torch.Size([1, 3])
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        self.vit = ViT(config)
        gathered = config.d_model * (1 + (config.pooling == "class_and_mean"))
        self.classifier = draw_normal(nn.Linear(gathered, config.num_labels), config.init_std)

    def forward(
        self, pictures: Pictures, *, masked: Bool[Tensor, "B P"] | None = None
    ) -> Float[Tensor, "B N"]:
        """Score each label; called as :class:`ViT`."""
        scores: Tensor = self.classifier(self.vit.pool(self.vit(pictures, masked=masked)))
        return scores


class ViTWithTeacher(nn.Module):
    """ViT and two classifiers, of which one learns from the labels and one from a teacher (DeiT).

    Called as :class:`ViT`, it returns the scores of both, (B, N) each. The mean of the two is the
    model's answer (Touvron et al., section 4).

    Parameters
    ----------
    config : ViTConfig
        Sizes and choices; it has a distillation token.

    Attributes
    ----------
    vit : ViT
        The body, without a pooler.
    classifier : Linear
        Scores each label from the class token's state.
    teacher_classifier : Linear
        Scores each label from the distillation token's state.

    Raises
    ------
    ValueError
        If the config has no distillation token.

    Examples
    --------
    >>> import torch
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2, "num_labels": 3}
    >>> config = ViTConfig(image_size=8, patch_size=4, distillation_token=True, **sizes)
    >>> labels, teacher = ViTWithTeacher(config)(torch.zeros(1, 3, 8, 8))
    >>> labels.shape, teacher.shape
    (torch.Size([1, 3]), torch.Size([1, 3]))
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        if not config.distillation_token:
            raise ValueError("distillation_token should be True for a teacher, got False")
        self.config = config
        self.vit = ViT(config)
        sizes = (config.d_model, config.num_labels)
        self.classifier = draw_normal(nn.Linear(*sizes), config.init_std)
        self.teacher_classifier = draw_normal(nn.Linear(*sizes), config.init_std)

    def forward(
        self, pictures: Pictures, *, masked: Bool[Tensor, "B P"] | None = None
    ) -> tuple[Float[Tensor, "B N"], Float[Tensor, "B N"]]:
        """Score each label, as the labels and as the teacher have taught it."""
        hidden = self.vit(pictures, masked=masked)
        return self.classifier(hidden[:, 0]), self.teacher_classifier(hidden[:, 1])
