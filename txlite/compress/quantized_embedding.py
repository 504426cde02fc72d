"""The tokens' embedding with vectors of whole numbers: looked up row by row, and scored by.

Sources
    Jacob et al. (2018), section 2.1.
"""

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional

from txlite._checks import check_positive, check_shape, dtype_name
from txlite.compress._matrix import QuantizedMatrix
from txlite.compress.rounding import expand_rows
from txlite.nn import TokenEmbedding

__all__ = ["QuantizedEmbedding"]


class QuantizedEmbedding(QuantizedMatrix, TokenEmbedding):  # type: ignore[misc]
    """The tokens' vectors as codes, in the place of a :class:`txlite.nn.TokenEmbedding`.

    Parameters
    ----------
    vocab_size : int
        Number of tokens.
    d_model : int
        Width of a vector.
    scale : bool
        Whether vectors that enter the model are multiplied by the root of their width.
    bits : int
        8 or 4.
    group_size : int, optional
        How many neighbours in a row share a scale. By default a token has one.

    Raises
    ------
    ValueError
        If a size is not positive, the groups do not divide, or ``bits`` is neither 4 nor 8.

    Examples
    --------
    >>> embedding = TokenEmbedding(100, 16)
    >>> small = QuantizedEmbedding.of(embedding)
    >>> tokens = torch.tensor([[1, 5, 7]])
    >>> bool((small(tokens) - embedding(tokens)).abs().max() < 0.02)
    True
    """

    dtype_like: Tensor

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        *,
        scale: bool = True,
        bits: int = 8,
        group_size: int | None = None,
    ) -> None:
        rows = check_positive("vocab_size", vocab_size)
        width = check_positive("d_model", d_model)
        super().__init__(rows, width, bits, group_size)
        self.vocab_size, self.d_model, self.scale = rows, width, scale
        # Holds nothing, and becomes what the model becomes: the dtype in which vectors go in.
        self.register_buffer("dtype_like", torch.empty(0), persistent=False)

    @classmethod
    def of(
        cls, embedding: TokenEmbedding, *, bits: int = 8, group_size: int | None = None
    ) -> "QuantizedEmbedding":
        """Round an embedding.

        Parameters
        ----------
        embedding : TokenEmbedding
            Stays as it was.
        bits : int
            8 or 4.
        group_size : int, optional
            How many neighbours in a row share a scale.

        Returns
        -------
        QuantizedEmbedding
            On the same device.

        Raises
        ------
        ValueError
            If the weights are not finite, or a choice does not fit.
        """
        made = cls(
            embedding.vocab_size, embedding.d_model,
            scale=embedding.scale, bits=bits, group_size=group_size,
        )  # fmt: skip
        made._round(embedding.weight)
        made.dtype_like = embedding.weight.detach().new_empty(0)
        return made.train(embedding.training)

    def forward(self, tokens: Integer[Tensor, "*B T"]) -> Float[Tensor, "*B T D"]:
        """Look the tokens' vectors up: only their rows are expanded.

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
            vocabulary.
        """
        check_shape("tokens", tokens, "*B T")
        if tokens.dtype not in (torch.int32, torch.int64):
            raise ValueError(f"tokens should hold int32 or int64 numbers, got {dtype_name(tokens)}")
        self._check_range(tokens)
        flat = tokens.reshape(-1)
        rows = expand_rows(self._codes(self.weight[flat]), self.scales[flat])
        x = rows.to(self.dtype_like.dtype).reshape(*tokens.shape, self.d_model)
        return x * self.d_model**0.5 if self.scale else x

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
        return functional.linear(x, self.expanded().to(x.dtype))

    def extra_repr(self) -> str:
        """Return the sizes and choices that ``print(module)`` shows."""
        return f"vocab_size={self.vocab_size}, d_model={self.d_model}, {self._sizes()}"
