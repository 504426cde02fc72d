r"""Token embeddings: a vector for each token on the way in, a score for each on the way out.

The chapter on the 6+6 Transformer ties both ends together: one matrix looks tokens up and scores
the next one.

Sources
    Vaswani et al. (2017), section 3.4. Press and Wolf (2017), "Using the Output Embedding to
    Improve Language Models", section 3 (one matrix for both ends).
"""

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.nn import functional

from txlite._checks import check_positive, check_shape, check_tokens, dtype_name

__all__ = ["TokenEmbedding"]


class TokenEmbedding(nn.Module):
    r"""One vector for each token of the vocabulary, used at both ends of a model.

    Parameters
    ----------
    vocab_size : int
        Number of tokens.
    d_model : int
        Width of a vector.
    scale : bool
        Whether vectors that enter the model are multiplied by :math:`\sqrt{D}`. The entries are
        drawn with variance 1/D, so that they enter with variance one, as large as the position
        encoding that is added to them, and score with unit variance on the way out.

    Raises
    ------
    ValueError
        If a size is not positive.

    References
    ----------
    Vaswani et al. (2017), section 3.4. Press and Wolf (2017), section 3.

    Examples
    --------
    >>> embedding = TokenEmbedding(100, 16)
    >>> x = embedding(torch.tensor([[1, 5, 7]]))
    >>> x.shape, embedding.logits(x).shape
    (torch.Size([1, 3, 16]), torch.Size([1, 3, 100]))
    """

    def __init__(self, vocab_size: int, d_model: int, *, scale: bool = True) -> None:
        super().__init__()
        self.vocab_size = vocab_size = check_positive("vocab_size", vocab_size)
        self.d_model = d_model = check_positive("d_model", d_model)
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(vocab_size, d_model))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the vectors anew: normal, with variance 1/D."""
        nn.init.normal_(self.weight, std=self.d_model**-0.5)

    def forward(self, tokens: Integer[Tensor, "*B T"]) -> Float[Tensor, "*B T D"]:
        """Look the tokens' vectors up.

        Parameters
        ----------
        tokens : Tensor of int, shape (..., T)
            Token numbers in [0, vocab_size).

        Returns
        -------
        Tensor, shape (..., T, D)
            One vector for each token.

        Raises
        ------
        ValueError
            If ``tokens`` holds anything but whole numbers of 32 or 64 bits, or a number outside the
            vocabulary. A compiled program does not ask.
        """
        check_shape("tokens", tokens, "*B T")
        if tokens.dtype not in (torch.int32, torch.int64):
            raise ValueError(f"tokens should hold int32 or int64 numbers, got {dtype_name(tokens)}")
        if not _is_asked_by_the_lookup(tokens):
            self._check_range(tokens)
        try:
            x = functional.embedding(tokens, self.weight)
        except IndexError:
            self._check_range(tokens)
            raise
        return x * self.d_model**0.5 if self.scale else x

    def _check_range(self, tokens: Tensor) -> None:
        check_tokens("tokens", tokens, self.vocab_size, "vocab_size")

    def logits(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B V"]:
        """Score every token of the vocabulary: the dot product with its vector.

        Parameters
        ----------
        x : Tensor, shape (..., D)
            What a model says of the next token.

        Returns
        -------
        Tensor, shape (..., V)
            One score for each token, before the softmax.

        Raises
        ------
        ValueError
            If the last axis of ``x`` is not the model's width.
        """
        check_shape("x", x, "*B D", D=self.d_model)
        return functional.linear(x, self.weight)

    def extra_repr(self) -> str:
        """Return the sizes that ``print(module)`` shows."""
        return f"vocab_size={self.vocab_size}, d_model={self.d_model}, scale={self.scale}"


def _is_asked_by_the_lookup(tokens: Tensor) -> bool:
    """Whether the lookup itself refuses a token that is not there; a GPU's ends the process."""
    return tokens.device.type == "cpu"
