"""A forecaster: an encoder that reads a window of a series, whose words are patches (PatchTST).

A window is brought to a level and scale of its own, cut into patches, read, and one linear map of
all that was read says every value to come at once. Channels are series beside one another: each is
read by itself with the same weights, so that a model knows any number of them.

Source
    Nie et al. (2023), "A Time Series is Worth 64 Words: Long-term Forecasting with Transformers",
    section 3.1 and figure 1. Details that the paper does not tell are those of published models.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_shape
from txlite.models._wiring import draw_normal
from txlite.models.forecaster_config import ForecasterConfig
from txlite.models.forecaster_head import ForecastHead
from txlite.models.forecasts import Forecast
from txlite.nn import (
    BatchNorm,
    EncoderLayer,
    FeedForward,
    Level,
    ReversibleNorm,
    SeriesPatches,
    Stack,
)
from txlite.nn.positions import sinusoidal
from txlite.nn.positions.scheme import PositionScheme

__all__ = ["Forecaster"]

Past = Float[Tensor, "B T C"]
Observed = Bool[Tensor, "B T C"]


class Forecaster(nn.Module):
    """Patches, an encoder, and a head that says every value to come at once.

    Parameters
    ----------
    config : ForecasterConfig
        Sizes and choices.

    Attributes
    ----------
    scale : ReversibleNorm
        A window's level and scale, and the way back.
    patches : SeriesPatches
        The patches' vectors.
    class_token : Parameter or None
        Stands before the patches, and gathers what the head reads.
    positions : PositionScheme
        Where a patch stands: a row each. Sines and cosines are brought to mean 0 and a standard
        deviation of 0.1, stored, and not trained.
    encoder : Stack
        The layers.
    head : ForecastHead
        Says what comes.

    References
    ----------
    Nie et al. (2023), section 3.1.

    Examples
    --------
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2}
    >>> config = ForecasterConfig(context_length=48, horizon=12, head="student_t", **sizes)
    >>> forecast = Forecaster(config).eval()(torch.zeros(2, 48, 3))
    >>> forecast.point.shape, forecast.quantiles([0.1, 0.9]).shape
    (torch.Size([2, 12, 3]), torch.Size([2, 12, 3, 2]))
    """

    def __init__(self, config: ForecasterConfig) -> None:
        super().__init__()
        self.config = c = config
        self.scale = ReversibleNorm(
            c.scaling, eps=c.scale_eps, gaps=c.gaps,
            num_channels=c.num_channels if c.channel_scales else None,
        )  # fmt: skip
        self.patches = SeriesPatches(
            c.d_model, c.patch_length, c.stride, repeat_last=c.stride if c.repeat_last else 0,
            num_channels=c.num_channels if c.channel_maps else None,
        )  # fmt: skip
        token = nn.Parameter(torch.empty(c.d_model).normal_(std=c.init_std))
        self.class_token = token if c.pooling == "class" else None
        length = c.num_patches + (self.class_token is not None)
        scheme: Literal["none", "learned"] = "none" if c.positions == "none" else "learned"
        self.positions = PositionScheme(scheme, c.d_model, c.num_heads, max_len=length)
        self.dropout = nn.Dropout(c.embedding_dropout)
        self.encoder = Stack(_layer(c) for _ in range(c.num_layers))
        self.head_dropout = nn.Dropout(c.head_dropout)
        width = c.d_model * (c.num_patches if c.pooling == "flatten" else 1)
        self.head = ForecastHead(width, c.horizon, c.head, c.levels)
        draw_normal(self, c.init_std)
        if c.positions == "sinusoidal":
            (table,) = self.positions.parameters()
            waves = sinusoidal(torch.arange(length), c.d_model, dtype=torch.float64)
            waves = waves - waves.mean()
            table.requires_grad_(False).copy_(waves / (waves.std() * 10))

    def forward(self, past: Past, observed: Observed | None = None) -> Forecast:
        """Say what comes after a window.

        Parameters
        ----------
        past : Tensor, shape (B, T, C)
            Windows of C series each, the newest value last; T is the config's ``context_length``.
        observed : Tensor of bool, shape (B, T, C), optional
            False for a value that is missing. What stands there does not count, NaN included.

        Returns
        -------
        Forecast
            Of the N = ``horizon`` values after each window, in the units of the series: a
            :class:`PointForecast`, :class:`QuantileForecast`, :class:`NormalForecast` or
            :class:`StudentTForecast`, as the config's ``head`` says.

        Raises
        ------
        ValueError
            If a window has another length, a channel has no weights, or a shape or dtype does not
            fit.
        """
        hidden, level = self.read(past, observed)  # (B, C, P, D)
        pooling = self.config.pooling
        if pooling == "flatten":
            features = hidden.flatten(2)
        elif pooling == "class":
            features = hidden[:, :, 0]
        else:
            features = hidden.mean(2) if pooling == "mean" else hidden.amax(2)
        forecast: Forecast = self.head(self.head_dropout(features), self.scale, level)
        return forecast

    def read(
        self, past: Past, observed: Observed | None = None
    ) -> tuple[Float[Tensor, "B C P D"], Level]:
        """Return the hidden state of each patch of each channel, and where the windows lie.

        Parameters
        ----------
        past, observed : Tensor
            As :meth:`forward` takes them.

        Returns
        -------
        hidden : Tensor, shape (B, C, P, D)
            After the last layer: of the class token, if there is one, then of the patches.
        level : Level
            What was taken out of the windows.

        Raises
        ------
        ValueError
            As :meth:`forward`.
        """
        check_shape("past", past, "B T C", T=self.config.context_length)
        z, level = self.scale(past, observed)
        x = self.patches(z).flatten(0, 1)  # (B·C, P, D): a channel is read by itself
        if self.class_token is not None:
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)
        x, _ = self.positions(x)
        hidden = self.encoder(self.dropout(x))
        return hidden.unflatten(0, (past.shape[0], past.shape[2])), level


def _layer(c: ForecasterConfig) -> EncoderLayer:
    """Return a layer with the norms and the feed-forward layer of the config."""
    width, eps = c.d_model, 1e-5 if c.norm_eps is None else c.norm_eps
    norms = [BatchNorm(width, eps=eps) if c.batch_norm else c._norm(width) for _ in range(2)]
    feed_forward = FeedForward(
        width, c.d_ff, activation=c.activation, bias=c.bias and c.ff_bias, dropout=c.ff_dropout
    )
    return EncoderLayer(
        width, c.num_heads, c.d_ff, feed_forward=feed_forward,
        attention_norm=norms[0], feed_forward_norm=norms[1], options=c.layer_options,
    )  # fmt: skip
