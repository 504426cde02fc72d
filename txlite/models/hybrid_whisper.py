"""A small Whisper that learns from few sounds: normed on its way in, and held to its frames.

From half an hour of sound the published wiring learns next to nothing in a few hundred steps. Four
choices of the config depart from it: every band is brought to one mean and spread, the convolutions
are followed by batch norms, the table of positions is made smaller, and a second output says for
each vector of the encoder which token sounds there (connectionist temporal classification, CTC), or
none. Which of them lower the errors is measured by `studies/whisper.py`: not all do.

Sources
    Kim, Hori and Watanabe (2017), "Joint CTC-Attention Based End-to-End Speech Recognition Using
    Multi-Task Learning", section 3. Graves et al. (2006), "Connectionist Temporal Classification".
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from txlite._checks import check_rate, check_shape
from txlite.models.whisper import Whisper, WhisperConfig
from txlite.nn.positions import Positions

__all__ = ["HybridWhisper", "HybridWhisperConfig"]


@dataclass(frozen=True, kw_only=True)
class HybridWhisperConfig(WhisperConfig):
    """Sizes and choices of a Whisper beside :class:`WhisperConfig`.

    Raises
    ------
    ValueError
        As :class:`WhisperConfig`, or if ``position_scale`` is not a positive number.
    """

    band_norm: bool = True  # each band of the spectrogram to mean 0 and variance 1
    stem_norm: bool = True  # a batch norm after each convolution, before the gelu
    position_scale: float = 0.3  # of the encoder's table; 1 as published

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep("position_scale", check_rate("position_scale", self.position_scale))


class HybridWhisper(Whisper):
    """A Whisper with norms on its way in and a second output, one for each vector of the encoder.

    Parameters
    ----------
    config : HybridWhisperConfig
        Sizes and choices.

    Attributes
    ----------
    band_norm, norm1, norm2 : BatchNorm1d or Identity
        Of the bands, and after the two convolutions.
    frame_output : Linear
        From a vector of the encoder to the tokens and, last of all, the blank.

    Examples
    --------
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2, "num_mels": 8}
    >>> model = HybridWhisper(HybridWhisperConfig(vocab_size=12, **sizes))
    >>> memory = model.encode(torch.zeros(1, 8, 30))
    >>> model.frame_scores(memory).shape  # 12 tokens and the blank
    torch.Size([1, 15, 13])
    """

    config: HybridWhisperConfig

    def __init__(self, config: HybridWhisperConfig) -> None:
        super().__init__(config)
        width, stem = config.d_model, config.stem_norm
        bands = nn.BatchNorm1d(config.num_mels, affine=False)
        self.band_norm: nn.Module = bands if config.band_norm else nn.Identity()
        self.norm1: nn.Module = nn.BatchNorm1d(width) if stem else nn.Identity()
        self.norm2: nn.Module = nn.BatchNorm1d(width) if stem else nn.Identity()
        self.frame_output = nn.Linear(width, config.vocab_size + 1)
        with torch.no_grad():
            table = self.encoder_positions.get_parameter("added.table.weight")
            table.mul_(config.position_scale)

    def frame_scores(self, memory: Float[Tensor, "B S D"]) -> Float[Tensor, "B S W"]:
        """Score for each vector of the encoder which token sounds there, or none.

        Parameters
        ----------
        memory : Tensor, shape (B, S, D)
            The vectors of the encoder, as ``encode`` gives them.

        Returns
        -------
        Tensor, shape (B, S, W = V + 1)
            One score for each token; the last is that of the blank.

        Raises
        ------
        ValueError
            If the shape does not fit.
        """
        check_shape("memory", memory, "B S D", D=self.config.d_model)
        scores: Tensor = self.frame_output(memory)
        return scores

    def _enter(self, source: Tensor, keep: Tensor | None) -> tuple[Tensor, Positions]:
        """Hear three frames at a time, each band and each convolution brought to one size."""
        x = gelu(self.norm1(self.conv1(self.band_norm(source))))
        x = gelu(self.norm2(self.conv2(x))).mT  # (B, S, D)
        placed: tuple[Tensor, Positions] = self.encoder_positions(x)
        return placed
