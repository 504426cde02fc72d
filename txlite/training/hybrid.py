r"""Two losses of one encoder: what the decoder writes, and which token sounds at each vector.

Connectionist temporal classification (CTC) asks for a token or a blank at every vector of the
encoder. It does not say where a token sounds: all ways of spreading the text over the vectors
count, and their probabilities are added up. But they are all in order. So it tells the encoder,
from the first step on, that the text runs through the sound from left to right, which an attention
has to find out.

.. math:: \mathcal L = (1 - \lambda)\,\mathcal L_{\text{decoder}} + \lambda\,\mathcal L_{\text{CTC}}

Sources
    Kim, Hori and Watanabe (2017), "Joint CTC-Attention Based End-to-End Speech Recognition Using
    Multi-Task Learning", equation 9. Graves et al. (2006), "Connectionist Temporal
    Classification", section 4.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import ctc_loss

from txlite._checks import check_probability
from txlite.training.losses import summed

__all__ = ["HybridLoss", "SpokenText"]


@runtime_checkable
class SpokenText(Protocol):
    """A batch of sounds with their texts, padded."""

    @property
    def source(self) -> Float[Tensor, "B M F"]:
        """What the encoder reads."""
        ...

    @property
    def vectors(self) -> Int[Tensor, " B"]:
        """How many of the encoder's vectors hold sound."""
        ...

    @property
    def target(self) -> Int[Tensor, "B T"]:
        """The texts, from the sign that begins one to the sign that ends it."""
        ...

    @property
    def target_keep(self) -> Bool[Tensor, "B T"]:
        """True where the text is real."""
        ...


@dataclass(frozen=True, kw_only=True)
class HybridLoss:
    """The loss of an encoder–decoder that has a second output at the encoder.

    Parameters
    ----------
    ctc_weight : float
        How much the encoder's own output counts, λ in [0, 1): at 0 it is not computed.
    label_smoothing : float
        Of the decoder's targets, as in :class:`TeacherForcing`.
    """

    ctc_weight: float = 0.3
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        for name in ("ctc_weight", "label_smoothing"):
            object.__setattr__(self, name, check_probability(name, getattr(self, name)))

    def __call__(
        self, model: nn.Module, batch: SpokenText
    ) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """Run the model on a batch.

        Parameters
        ----------
        model : Module
            With ``encode(source)``, ``decode(target, memory)`` for logits (B, T, V), and
            ``frame_scores(memory)`` for (B, S, V + 1), the blank last.
        batch : SpokenText
            For instance a ``txlite.data.spoken_batches.SpeechBatch``.

        Returns
        -------
        total : Tensor, shape ()
            The weighted sum of both losses of all texts.
        count : Tensor of int, shape ()
            How many tokens the decoder was asked for.
        """
        memory = model.encode(batch.source)  # type: ignore[operator]
        keep = batch.target_keep[:, 1:]
        logits = model.decode(batch.target[:, :-1], memory)  # type: ignore[operator]
        total, count = summed(logits, batch.target[:, 1:], keep, self.label_smoothing)
        if not self.ctc_weight:
            return total, count
        scores = model.frame_scores(memory)  # type: ignore[operator]
        lengths = batch.target_keep.sum(1) - 2  # without the two signs
        frames = ctc_loss(
            scores.float().log_softmax(-1).transpose(0, 1),
            batch.target[:, 1:],
            batch.vectors,
            lengths,
            blank=scores.shape[-1] - 1,
            reduction="sum",
            zero_infinity=True,
        )
        return (1 - self.ctc_weight) * total + self.ctc_weight * frames, count
