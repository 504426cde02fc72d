"""What translated before the Transformer: two LSTMs, without and with attention.

The encoder reads the sentence in both directions, the decoder writes the translation. Without
attention, all that the decoder knows of the source is one vector; with it, every step looks at all
the encoder's states. The chapter on translation measures them beside the Transformer.

Sources
    Sutskever, Vinyals and Le (2014), "Sequence to Sequence Learning with Neural Networks".
    Luong, Pham and Manning (2015), "Effective Approaches to Attention-based Neural Machine
    Translation", section 3.1: global attention with the "general" score, equations (5) to (7).
"""

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from txlite._checks import check_bool, check_positive, check_shape
from txlite.nn import scaled_dot_product_attention

__all__ = ["LSTMTranslator"]


class LSTMTranslator(nn.Module):
    """Encoder and decoder from LSTMs, called as :class:`txlite.models.Transformer` is.

    Parameters
    ----------
    vocab_size : int
        Tokens of the target.
    source_vocab_size : int
        Tokens of the source.
    d_model : int
        Width of embeddings and states; even, as the encoder's two directions have half of it each.
    attention : bool
        Whether the decoder looks at all the encoder's states, or at the last ones only.

    Raises
    ------
    ValueError
        If a size is not positive, or ``d_model`` is odd.

    Examples
    --------
    >>> model = LSTMTranslator(50, 40, 16, attention=True)
    >>> model(torch.tensor([[5, 6, 7]]), torch.tensor([[1, 9]])).shape
    torch.Size([1, 2, 50])
    """

    def __init__(
        self, vocab_size: int, source_vocab_size: int, d_model: int, *, attention: bool
    ) -> None:
        super().__init__()
        vocab_size = check_positive("vocab_size", vocab_size)
        source_vocab_size = check_positive("source_vocab_size", source_vocab_size)
        d_model = check_positive("d_model", d_model)
        if d_model % 2:
            raise ValueError(f"d_model should be even, for the encoder's two ways, got {d_model}")
        self.source_embedding = nn.Embedding(source_vocab_size, d_model)
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = nn.LSTM(d_model, d_model // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(d_model, d_model, batch_first=True)
        self.score = nn.Linear(d_model, d_model, bias=False) if attention else None
        self.combine = nn.Linear(2 * d_model, d_model, bias=False) if attention else None
        self.output = nn.Linear(d_model, vocab_size)

    def forward(
        self,
        source: Integer[Tensor, "B S"],
        target: Integer[Tensor, "B T"],
        *,
        source_keep: Bool[Tensor, "B S"] | None = None,
        target_keep: Bool[Tensor, "B T"] | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Score every possible next token after each target position.

        Parameters
        ----------
        source : Tensor of int, shape (B, S)
            Tokens of the sentence to read.
        target : Tensor of int, shape (B, T)
            Tokens of the sentence that is written.
        source_keep : Tensor of bool, shape (B, S), optional
            True for a real source token, False for padding, which is on the right.
        target_keep : Tensor of bool, shape (B, T), optional
            Not looked at: an LSTM that reads from the left never meets padding on the right.

        Returns
        -------
        Tensor, shape (B, T, V)
            One score for each token of the vocabulary, before the softmax.

        Raises
        ------
        ValueError
            If a shape or a mask does not fit, or a row holds nothing, or padding on the left.
        """
        sizes = check_shape("source", source, "B S")
        check_shape("target", target, "B T", B=sizes["B"])
        if source_keep is not None:
            _check_keep(source_keep, sizes)
        memory, state = self._read(source, source_keep)
        hidden, _ = self.decoder(self.embedding(target), state)  # (B, T, D)
        if self.score is not None and self.combine is not None:
            mask = None if source_keep is None else source_keep[:, None, :]
            context = scaled_dot_product_attention(
                self.score(hidden), memory, memory, mask, scale=1.0
            )
            hidden = self.combine(torch.cat([context, hidden], dim=-1)).tanh()
        logits: Tensor = self.output(hidden)
        return logits

    def _read(
        self, source: Integer[Tensor, "B S"], keep: Bool[Tensor, "B S"] | None
    ) -> tuple[Float[Tensor, "B S D"], tuple[Float[Tensor, "1 B D"], Float[Tensor, "1 B D"]]]:
        """Return the encoder's states, and the last ones of both directions side by side."""
        lengths = torch.full(source.shape[:1], source.shape[1]) if keep is None else keep.sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.source_embedding(source), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, (hidden, cell) = self.encoder(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(
            states, batch_first=True, total_length=source.shape[1]
        )
        last = (hidden.transpose(0, 1).flatten(1)[None], cell.transpose(0, 1).flatten(1)[None])
        return memory, last


def _check_keep(keep: Tensor, sizes: dict[str, int]) -> None:
    """Require real tokens first, at least one, and padding after them: an LSTM is told a length."""
    check_bool("source_keep", keep)
    check_shape("source_keep", keep, "B S", **sizes)
    if sizes["S"] == 0 or not bool(keep[:, 0].all()) or bool((keep[:, 1:] > keep[:, :-1]).any()):
        raise ValueError(
            "source_keep should be True first, then False: at least one real token in each row, "
            "and padding on the right only"
        )
