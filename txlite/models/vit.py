"""ViT: an encoder that reads a picture, whose words are patches; what answers is in ``vit_heads``.

What it adds to an encoder of words stands before its first layer: a map from patches to vectors, a
token that gathers what answers, and places on a grid that can be stretched.

Sources
    Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words", section 3. Touvron et al. (2021),
    "Training data-efficient image transformers" (DeiT), section 4. Darcet et al. (2024), "Vision
    Transformers Need Registers", section 2.2.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_bool, check_shape
from txlite.models._wiring import draw_normal
from txlite.models.vit_config import ViTConfig
from txlite.nn import EncoderLayer, LayerScale, MultiHeadAttention, PatchEmbedding, Stack
from txlite.nn.positions import LearnedGrid

__all__ = ["ViT"]

Pictures = Float[Tensor, "B C Y X"]


class ViT(nn.Module):
    """Patches and an encoder: a hidden state for each patch, after those of the tokens before them.

    Parameters
    ----------
    config : ViTConfig
        Sizes and choices.
    pooler : bool
        Whether there is a map in :meth:`pool`.

    Attributes
    ----------
    patches : PatchEmbedding
        The patches' vectors.
    class_token, distillation_token : Parameter or None
        They stand before the patches: one gathers what answers, the other learns from a teacher.
    registers : Parameter or None
        Tokens between these and the patches, a row each.
    mask_token : Parameter or None
        Stands in the place of a patch that is hidden.
    positions : LearnedGrid or None
        Where patches and tokens stand.
    embedding_norm : LayerNorm or None
        Applied to the sum of both.
    encoder : Stack
        The layers, and a norm at their end.
    pooler : Linear or None
        Makes the picture's vector of what :meth:`pool` gathers.

    References
    ----------
    Dosovitskiy et al. (2021), equations (1) to (4).

    Examples
    --------
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2}
    >>> model = ViT(ViTConfig(image_size=8, patch_size=4, **sizes))
    >>> hidden = model(torch.zeros(1, 3, 8, 12))  # wider than it has learned: 1 + 2 · 3 states
    >>> hidden.shape, model.pool(hidden).shape
    (torch.Size([1, 7, 16]), torch.Size([1, 16]))
    """

    def __init__(self, config: ViTConfig, *, pooler: bool = False) -> None:
        super().__init__()
        self.config = config
        width, std = config.d_model, config.init_std
        self.patches = PatchEmbedding(
            width, config.patch_size, num_channels=config.num_channels, bias=config.patch_bias
        )
        tokens = [nn.Parameter(torch.empty(width).normal_(std=std)) for _ in range(2)]
        self.class_token = tokens[0] if config.class_token else None
        self.distillation_token = tokens[1] if config.distillation_token else None
        registers = torch.empty(config.num_registers, width)
        self.registers = nn.Parameter(registers) if config.num_registers else None
        self.mask_token = nn.Parameter(torch.zeros(width)) if config.mask_token else None
        before = config.class_token + config.distillation_token
        self.num_before = before + config.num_registers
        learned = config.positions == "learned"
        grid = LearnedGrid(*config.grid, width, num_before=before, antialias=config.antialias)
        self.positions = grid if learned else None
        self.dropout = nn.Dropout(config.dropout)
        self.embedding_norm = config._norm(width) if config.embedding_norm else None
        layers = [_layer(config) for _ in range(config.num_layers)]
        self.encoder = Stack(layers, config._norm(width) if config.norm_first else None)
        gathered = width * (1 + (config.pooling == "class_and_mean"))
        self.pooler = nn.Linear(gathered, width) if pooler else None
        draw_normal(self, std)

    def forward(
        self, pictures: Pictures, *, masked: Bool[Tensor, "B P"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """Look at pictures: one vector for each patch, in the light of all others.

        Parameters
        ----------
        pictures : Tensor, shape (B, C, Y, X)
            Height before width. Both are multiples of the patch and need not be those that the
            places were learned for.
        masked : Tensor of bool, shape (B, P), optional
            True for a patch that is hidden: the mask token stands in its place.

        Returns
        -------
        Tensor, shape (B, T, D)
            The hidden states after the last layer: of the class token, the distillation token and
            the registers, as far as there are any, then of the P patches row by row.

        Raises
        ------
        ValueError
            If the pictures have another number of channels or a side that is no multiple of the
            patch, or the mask does not fit or has no token.
        """
        x = self.patches(pictures)  # (B, P, D)
        if masked is not None:
            check_bool("masked", masked)
            check_shape("masked", masked, "B P", B=x.shape[0], P=x.shape[1])
            if self.mask_token is None:
                raise ValueError("masked should be None for a model with mask_token=False")
            x = torch.where(masked[..., None], self.mask_token, x)
        tokens = [t for t in (self.class_token, self.distillation_token) if t is not None]
        x = torch.cat([*(t.expand(len(x), 1, -1) for t in tokens), x], dim=1)
        if self.positions is not None:
            x = x + self.positions(*self.patches.grid(pictures))
        if self.registers is not None:  # they stand nowhere
            first, patches = x.tensor_split([len(tokens)], dim=1)
            x = torch.cat([first, self.registers.expand(len(x), -1, -1), patches], dim=1)
        x = self.dropout(x)
        x = x if self.embedding_norm is None else self.embedding_norm(x)
        hidden: Tensor = self.encoder(x)
        return hidden

    def pool(self, hidden: Float[Tensor, "B T D"]) -> Float[Tensor, "B E"]:
        """Return one vector for each picture, as the config's ``pooling`` says.

        Parameters
        ----------
        hidden : Tensor, shape (B, T, D)
            What :meth:`forward` returned.

        Returns
        -------
        Tensor, shape (B, E)
            The class token's state, the mean of the patches', or one beside the other: E is D, or
            twice as much. With a pooler it is mapped to D numbers between −1 and 1.

        Raises
        ------
        ValueError
            If the shape does not fit, or holds no patch.
        """
        length = check_shape("hidden", hidden, "B T D", D=self.config.d_model)["T"]
        if length <= self.num_before:
            raise ValueError(f"hidden should hold more than {self.num_before} states, got {length}")
        patches = hidden[:, self.num_before :].mean(1)
        kinds = {"class": [hidden[:, 0]], "mean": [patches]}
        gathered = torch.cat(kinds.get(self.config.pooling, [hidden[:, 0], patches]), dim=-1)
        return gathered if self.pooler is None else torch.tanh(self.pooler(gathered))


def _layer(config: ViTConfig) -> EncoderLayer:
    """Return a layer, its parts scaled and without the biases of queries, keys and values."""
    width = config.d_model
    attention = MultiHeadAttention(
        width, config.num_heads,
        num_kv_heads=config.num_kv_heads, head_dim=config.head_dim, bias=config.bias,
        dropout=config.attention_dropout,
    )  # fmt: skip
    if not config.qkv_bias:
        for proj in (attention.query_proj, attention.key_proj, attention.value_proj):
            proj.register_parameter("bias", None)
    parts: list[nn.Module] = [attention, config._feed_forward(width, config.d_ff)]
    if config.layer_scale is not None:
        parts = [LayerScale(part, width, start=config.layer_scale) for part in parts]
    return EncoderLayer(
        width, config.num_heads, config.d_ff,
        attention=parts[0], feed_forward=parts[1], options=config.layer_options,
    )  # fmt: skip
