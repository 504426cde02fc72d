"""What every encoder–decoder does when it is called: read a source once, write a target from it.

A system brings the parts: embeddings, positions, two stacks and what scores the next token. The
Transformer, T5 and Whisper differ in those, and in nothing that stands here.

Source
    Vaswani et al. (2017), "Attention Is All You Need", figure 1 and section 3.
"""

from collections.abc import Callable

from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from txlite._checks import check_shape
from txlite.models._wiring import check_keep
from txlite.nn import KVCache, Stack, TokenEmbedding, masks
from txlite.nn.positions import Positions
from txlite.nn.positions.scheme import PositionScheme

__all__ = ["EncoderDecoder"]

Source = Integer[Tensor, "B S"] | Float[Tensor, "B M F"]  # tokens, or what a system reads instead


class EncoderDecoder(nn.Module):
    """Encoder and decoder, from source tokens and target tokens to the next token's scores.

    A system extends it, makes these parts, and says how it scores: ``_scores`` takes what leaves
    the decoder, (B, T, D), and returns (B, T, V). One whose source is no tokens says how many
    vectors it becomes (``_size``), and which (``_enter``).

    Attributes
    ----------
    embedding : TokenEmbedding
        The target's tokens, and the source's where they share a vocabulary.
    source_embedding : TokenEmbedding or None
        The source's tokens, where they have a vocabulary of their own.
    encoder_positions, decoder_positions : PositionScheme
        Where the tokens of either side stand.
    dropout : Dropout
        Of the vectors that enter a stack.
    encoder, decoder : Stack
        The two stacks.
    """

    _scores: Callable[[Tensor], Tensor]
    embedding: TokenEmbedding
    source_embedding: TokenEmbedding | None
    encoder_positions: PositionScheme
    decoder_positions: PositionScheme
    dropout: nn.Dropout
    encoder: Stack
    decoder: Stack

    def forward(
        self,
        source: Source | None,
        target: Integer[Tensor, "B T"],
        *,
        source_keep: Bool[Tensor, "B S"] | None = None,
        target_keep: Bool[Tensor, "B L"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Score every possible next token after each target position.

        Training passes whole targets, decoding passes the newest tokens and a cache.

        Parameters
        ----------
        source : Tensor of int, shape (B, S), optional
            Tokens of the sentence to read; a :class:`Whisper` reads a spectrogram, of shape
            (B, M, F). Not needed, and not read again, once the cache is filled.
        target : Tensor of int, shape (B, T)
            Tokens of the sentence that is written; with a cache the new ones only.
        source_keep : Tensor of bool, shape (B, S), optional
            True for a real source token, False for padding. Needed at every step.
        target_keep : Tensor of bool, shape (B, L), optional
            The same of the target: of the cached positions and the new ones.
        cache : KVCache, optional
            What earlier calls have computed; it grows by T positions.

        Returns
        -------
        Tensor, shape (B, T, V)
            One score for each token of the vocabulary, before the softmax.

        Raises
        ------
        ValueError
            If a shape or a mask does not fit, or there is neither a source nor a filled cache.
        """
        memory = None
        if cache is None or not cache.filled:
            if source is None:
                raise ValueError("source should be given, or a filled cache; got None")
            check_keep("source_keep", source_keep, *self._size(source))
            memory = self.encode(source, source_keep)
        kept = {"source_keep": source_keep, "target_keep": target_keep}
        return self.decode(target, memory, cache=cache, **kept)

    def encode(
        self, source: Source, keep: Bool[Tensor, "B S"] | None = None
    ) -> Float[Tensor, "B S D"]:
        """Read a sentence: one vector for each token, in the light of all others.

        Parameters
        ----------
        source : Tensor of int, shape (B, S)
            Tokens of the sentence; for a :class:`Whisper` a spectrogram, of shape (B, M, F).
        keep : Tensor of bool, shape (B, S), optional
            True for a real token, False for padding.

        Returns
        -------
        Tensor, shape (B, S, D)
            The encoder's output, which the decoder attends to.

        Raises
        ------
        ValueError
            If a shape or the mask does not fit.
        """
        self._size(source)
        x, positions = self._enter(source, keep)
        mask = None if keep is None else masks.padding(keep)
        x = self.encoder(self.dropout(x), mask, positions=positions)
        return self._leave(x)

    def decode(
        self,
        target: Integer[Tensor, "B T"],
        memory: Float[Tensor, "B S D"] | None,
        *,
        source_keep: Bool[Tensor, "B S"] | None = None,
        target_keep: Bool[Tensor, "B L"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Score every possible next token, given what the encoder has read.

        Parameters
        ----------
        target : Tensor of int, shape (B, T)
            Tokens of the sentence that is written; with a cache the new ones only.
        memory : Tensor, shape (B, S, D), optional
            The encoder's output; may be None once the cache is filled.
        source_keep : Tensor of bool, shape (B, S), optional
            True for a real source token, False for padding.
        target_keep : Tensor of bool, shape (B, L), optional
            The same of the target: of the cached positions and the new ones.
        cache : KVCache, optional
            What earlier calls have computed; it grows by T positions.

        Returns
        -------
        Tensor, shape (B, T, V)
            One score for each token of the vocabulary, before the softmax.

        Raises
        ------
        ValueError
            If a shape or a mask does not fit, or there is no memory to attend to.
        """
        batch, length = check_shape("target", target, "B T").values()
        past = 0 if cache is None else cache.length
        check_keep("target_keep", target_keep, batch, past + length)
        x, positions = self.decoder_positions(self.embedding(target), target_keep, past)
        mask = None if target_keep is None else masks.padding(target_keep)
        memory_mask = None if source_keep is None else masks.padding(source_keep)
        x = self.decoder(
            self.dropout(x), memory, mask, memory_mask, positions=positions, cache=cache
        )
        return self._scores(self._leave(x))

    def _size(self, source: Tensor) -> tuple[int, int]:
        """Return the rows of a source that fits, and how many vectors the encoder makes of each."""
        check_shape("source", source, "B S")
        batch, length = source.shape
        return batch, length

    def _enter(self, source: Tensor, keep: Tensor | None) -> tuple[Tensor, Positions]:
        """Return what enters the encoder, (B, S, D), and where it stands."""
        embedding = self.source_embedding or self.embedding
        placed: tuple[Tensor, Positions] = self.encoder_positions(embedding(source), keep)
        return placed

    def _leave(self, x: Tensor) -> Tensor:
        """Return what leaves a stack, (B, T, D)."""
        return x
