"""CLIP: a tower that sees and a tower that reads, and one space in which both say where a thing is.

A picture and its caption point in one direction, and the cosine tells how nearly. The tower that
sees is a ViT with a norm before its stack; the one that reads is a causal stack, whose last real
token has seen the whole text.

Source
    Radford et al. (2021), "Learning Transferable Visual Models From Natural Language Supervision",
    sections 2.3 to 2.5, figure 3 and table 20. Details that the paper does not tell are those of
    the authors' code.
"""

import math

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn
from torch.nn import functional

from txlite._checks import check_shape
from txlite.models._wiring import check_keep, draw_normal
from txlite.models.clip_config import CLIPConfig, CLIPTextConfig
from txlite.models.vit import Pictures, ViT
from txlite.nn import Decoder, TokenEmbedding, masks
from txlite.nn.positions.scheme import PositionScheme

__all__ = ["CLIP"]

Tokens = Integer[Tensor, "N T"]
Keep = Bool[Tensor, "N T"] | None


class _Reader(nn.Module):
    """The tower that reads: a causal stack, and the state of each text's end."""

    def __init__(self, config: CLIPTextConfig) -> None:
        super().__init__()
        self.config = config
        width, heads = config.d_model, config.num_heads
        self.embedding = TokenEmbedding(config.vocab_size, width, scale=False)
        self.positions = PositionScheme("learned", width, heads, max_len=config.max_len)
        self.decoder = Decoder(
            config.num_layers, width, heads, config.d_ff,
            cross_attention=False, options=config.layer_options,
        )  # fmt: skip
        draw_normal(self, config.init_std, writers=2 * config.num_layers)

    def forward(self, tokens: Tensor, keep: Tensor | None) -> Tensor:
        check_keep("keep", keep, *check_shape("tokens", tokens, "N T").values())
        x, positions = self.positions(self.embedding(tokens), keep)
        mask = None if keep is None else masks.padding(keep)
        x = self.decoder(x, mask=mask, positions=positions)
        state: Tensor = x[torch.arange(len(x), device=x.device), self._ends(tokens, keep)]
        return state

    def _ends(self, tokens: Tensor, keep: Tensor | None) -> Tensor:
        """Return where each text ends: at its first end token, or at its highest number."""
        tokens = tokens if keep is None else tokens.masked_fill(~keep, -1)
        if self.config.end_id is None:
            return tokens.argmax(-1)
        ends = tokens == self.config.end_id
        if not (torch.compiler.is_compiling() or tokens.is_meta) and not ends.any(-1).all():
            row = ends.any(-1).int().argmin().item()
            raise ValueError(f"tokens should hold end_id={self.config.end_id}, row {row} has none")
        return ends.int().argmax(-1)


class CLIP(nn.Module):
    """Two towers and two projections, from pictures and texts to how well each fits each.

    Parameters
    ----------
    config : CLIPConfig
        Sizes and choices.
    vision : Module, optional
        A tower in place of the ViT, from pictures to one vector each, of the width
        ``config.vision.d_model``. The paper's other one is a ResNet.

    Attributes
    ----------
    vision : Module
        The tower for pictures: a :class:`ViT`, or the given one.
    text : Module
        The tower that reads.
    vision_projection, text_projection : Linear
        From either tower's width to the space of both.
    log_scale : Parameter
        The logarithm of what cosines are multiplied by: of one over the temperature.

    Examples
    --------
    >>> from txlite.models import CLIPConfig, CLIPTextConfig, ViTConfig
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2}
    >>> vision = ViTConfig(image_size=8, patch_size=4, embedding_norm=True, **sizes)
    >>> words = CLIPTextConfig(vocab_size=50, end_id=49, **sizes)
    >>> model = CLIP(CLIPConfig(vision=vision, text=words))
    >>> texts = torch.tensor([[1, 7, 49], [1, 49, 49]])
    >>> per_picture, per_text = model(torch.randn(3, 3, 8, 8), texts)
    >>> per_picture.shape, per_text.shape
    (torch.Size([3, 2]), torch.Size([2, 3]))
    """

    def __init__(self, config: CLIPConfig, *, vision: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        self.vision = ViT(config.vision) if vision is None else vision
        self.text = _Reader(config.text)
        both = vision is None and config.vision.pooling == "class_and_mean"
        seen = config.vision.d_model * (1 + both)
        self.vision_projection = nn.Linear(seen, config.projection_dim, bias=False)
        self.text_projection = nn.Linear(config.text.d_model, config.projection_dim, bias=False)
        for proj in (self.vision_projection, self.text_projection):
            nn.init.normal_(proj.weight, std=proj.in_features**-0.5)
        self.log_scale = nn.Parameter(torch.tensor(config.log_scale))

    def forward(
        self, pictures: Pictures, tokens: Tokens, *, keep: Keep = None
    ) -> tuple[Float[Tensor, "B N"], Float[Tensor, "N B"]]:
        """Score every text for every picture, and every picture for every text.

        Parameters
        ----------
        pictures : Tensor, shape (B, C, Y, X)
            As for :class:`ViT`.
        tokens : Tensor of int, shape (N, T)
            Texts, each with its end token. What follows the end cannot matter.
        keep : Tensor of bool, shape (N, T), optional
            True for a real token, False for padding.

        Returns
        -------
        per_picture : Tensor, shape (B, N)
            Cosines times the scale: a row for each picture, before the softmax over texts.
        per_text : Tensor, shape (N, B)
            The same numbers, a row for each text.

        Raises
        ------
        ValueError
            If a shape or the mask does not fit, a token has no row, or a text has no end.
        """
        texts = self.encode_texts(tokens, keep=keep)
        per_picture = self.scale() * self.encode_pictures(pictures) @ texts.mT
        return per_picture, per_picture.mT

    def encode_pictures(self, pictures: Pictures) -> Float[Tensor, "B E"]:
        """Return a vector of length one for each picture: see :meth:`forward`."""
        seen = self.vision(pictures)
        if isinstance(self.vision, ViT):
            seen = self.vision.pool(seen)
        else:
            check_shape("the output of vision", seen, "B E", E=self.config.vision.d_model)
        return functional.normalize(self.vision_projection(seen), dim=-1)

    def encode_texts(self, tokens: Tokens, *, keep: Keep = None) -> Float[Tensor, "N E"]:
        """Return a vector of length one for each text: see :meth:`forward`."""
        return functional.normalize(self.text_projection(self.text(tokens, keep)), dim=-1)

    def scale(self) -> Float[Tensor, ""]:
        """Return what cosines are multiplied by, at most ``max_scale``.

        Above it the parameter still has a gradient, so that it finds its way back.
        """
        log_scale: Tensor = self.log_scale
        if self.config.max_scale is not None:
            excess = (log_scale - math.log(self.config.max_scale)).clamp(min=0.0)
            log_scale = log_scale - excess.detach()
        return log_scale.exp()
