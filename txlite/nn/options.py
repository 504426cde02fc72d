"""The choices that all layers of a stack share, with their defaults, in one place."""

from dataclasses import dataclass, fields, replace
from typing import Any, TypedDict, get_args

from torch import nn

from txlite._checks import check_choice, check_positive, check_probability
from txlite.nn.feedforward import Activation, FeedForward
from txlite.nn.multi_head import MultiHeadAttention
from txlite.nn.norms import NormName, check_eps, make_norm

__all__ = ["LayerOptions"]


class _LayerKeywords(TypedDict, total=False):
    """The fields of :class:`LayerOptions`, as keywords of layers and stacks."""

    dropout: float
    attention_dropout: float
    ff_dropout: float
    norm_first: bool
    activation: Activation
    norm: NormName
    norm_eps: float | None
    bias: bool
    num_kv_heads: int | None
    head_dim: int | None


@dataclass(frozen=True, kw_only=True)
class LayerOptions:
    """Choices that every layer of a stack shares; layers and stacks take each as a keyword too.

    Parameters
    ----------
    dropout : float
        Probability with which an entry of a residual branch is dropped in training, before the
        branch is added (section 5.4 of the paper).
    attention_dropout : float
        Probability with which an attention weight is dropped in training.
    ff_dropout : float
        Probability with which a hidden unit of the feed-forward layer is dropped in training.
    norm_first : bool
        Whether each sublayer's input is normalised (pre-norm), or the sum after it (post-norm,
        the paper's).
    activation : str
        The feed-forward layer's activation, see :class:`txlite.nn.FeedForward`.
    norm : str
        ``"layer"`` or ``"rms"``.
    norm_eps : float, optional
        Added to the variance, or to the mean square. The default is the normalisation's own.
    bias : bool
        Whether projections and normalisations add a bias.
    num_kv_heads, head_dim : int, optional
        Number of key and value heads, and the width of a head: see
        :class:`txlite.nn.MultiHeadAttention`.

    Raises
    ------
    ValueError
        If a number lies outside its range, or a choice does not exist.

    References
    ----------
    Vaswani et al. (2017), sections 3.1 and 5.4. Xiong et al. (2020), section 3.
    """

    dropout: float = 0.0
    attention_dropout: float = 0.0
    ff_dropout: float = 0.0
    norm_first: bool = True
    activation: Activation = "gelu"
    norm: NormName = "layer"
    norm_eps: float | None = None
    bias: bool = True
    num_kv_heads: int | None = None
    head_dim: int | None = None

    def __post_init__(self) -> None:
        for name in ("dropout", "attention_dropout", "ff_dropout"):
            self._keep(name, check_probability(name, getattr(self, name)))
        check_choice("activation", self.activation, get_args(Activation))
        check_choice("norm", self.norm, get_args(NormName))
        if self.norm_eps is not None:
            self._keep("norm_eps", check_eps(self.norm_eps, name="norm_eps"))
        for name in ("num_kv_heads", "head_dim"):
            if getattr(self, name) is not None:
                self._keep(name, check_positive(name, getattr(self, name)))

    def _keep(self, name: str, number: int | float) -> None:
        """Keep a number as its check returned it."""
        object.__setattr__(self, name, number)

    @property
    def layer_options(self) -> "LayerOptions":
        """These choices without what a subclass, a model's config, adds to them."""
        return LayerOptions(**{f.name: getattr(self, f.name) for f in fields(LayerOptions)})

    def _with(self, keywords: Any) -> "LayerOptions":
        """Return these choices with those that a caller has named."""
        return replace(self, **keywords) if keywords else self

    def _norm(self, d_model: int) -> nn.Module:
        return make_norm(self.norm, d_model, eps=self.norm_eps, bias=self.bias)

    def _attention(self, d_model: int, num_heads: int) -> nn.Module:
        return MultiHeadAttention(
            d_model,
            num_heads,
            num_kv_heads=self.num_kv_heads,
            head_dim=self.head_dim,
            bias=self.bias,
            dropout=self.attention_dropout,
        )

    def _feed_forward(self, d_model: int, d_ff: int) -> nn.Module:
        return FeedForward(
            d_model, d_ff, activation=self.activation, bias=self.bias, dropout=self.ff_dropout
        )
