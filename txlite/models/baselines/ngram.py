r"""The baseline of a language model: counts of n-grams, interpolated by Kneser and Ney's method.

What comes after the last n - 1 tokens? What has come after them, each count made a little smaller;
what is taken off goes to the same question asked of one token less, and so on down to "any token".

.. math:: P_k(w \mid h) = \frac{\max(c(hw) - D, 0) + D\,N(h)\,P_{k-1}(w \mid h')}{\sum_v c(hv)}

N(h) is how many different tokens have come after h, and h' is h without its first token. In the
longest n-grams c counts occurrences; in shorter ones it counts how many different tokens stand
before them: "Francisco" is frequent, but after one word only, and so an unlikely guess elsewhere.
The modified form has three discounts, for what has been counted once, twice, and more often.

Sources
    Chen and Goodman (1998), "An Empirical Study of Smoothing Techniques for Language Modeling":
    interpolated and modified Kneser–Ney smoothing. Kneser and Ney (1995), "Improved backing-off for
    m-gram language modeling". How the discounts are estimated, ``_counts.py`` says.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_positive, check_shape, check_tokens, check_whole, dtype_name
from txlite.models.baselines._counts import count

__all__ = ["NGram"]

LONGEST = 8


class NGram:
    """A language model that has counted which tokens follow which.

    Calling it is calling a language model: from tokens to scores of the next one.

    Parameters
    ----------
    tokens : sequence of int, or Tensor of int, shape (N,)
        What is counted: one text, or several, one after the other, each after a mark.
    vocab_size : int
        How many tokens there are, V.
    order : int
        The n of the n-grams, from 1 to 8: such a model looks at n - 1 tokens.
    modified : bool
        Whether the discount depends on the count, as in the modified form.

    Raises
    ------
    ValueError
        If there is no token or one outside the vocabulary, or ``order`` is not from 1 to 8.

    Examples
    --------
    >>> model = NGram([0, 1, 2, 0, 1, 2, 0, 1], 4, order=3)
    >>> model(torch.tensor([[0, 1]])).argmax(-1)
    tensor([[1, 2]])
    """

    def __init__(
        self,
        tokens: Sequence[int] | Int[Tensor, " N"],
        vocab_size: int,
        *,
        order: int = 5,
        modified: bool = True,
    ) -> None:
        self.vocab_size = check_positive("vocab_size", vocab_size)
        wanted = f"a whole number from 1 to {LONGEST}"
        self.order = check_whole("order", order, wanted, lambda n: 1 <= n <= LONGEST)
        self.modified = bool(modified)
        stream = torch.as_tensor(tokens, device="cpu")
        check_shape("tokens", stream, "N")
        if not stream.numel():
            raise ValueError("tokens should hold at least one, got none")
        self._check(stream)
        self.levels = count(stream.long(), self.vocab_size, self.order, modified=self.modified)

    @property
    def num_ngrams(self) -> int:
        """How many different n-grams are kept, of all lengths together."""
        return sum(len(level.keys) for level in self.levels)

    def __call__(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Return the logarithms of the probabilities of the next token.

        Parameters
        ----------
        tokens : Tensor of int, shape (B, T)
            Texts, or their beginnings.

        Returns
        -------
        Tensor, shape (B, T, V)
            In float64 on the device of ``tokens``; those at a position look at it and at what is
            before it. Each row's probabilities have the sum 1, and none is 0.

        Raises
        ------
        ValueError
            If a token is outside the vocabulary, or the shape is another.
        """
        contexts = self._contexts(tokens)  # (n, B, T)
        found = torch.full(
            (*tokens.shape, self.vocab_size), 1 / self.vocab_size, dtype=torch.double, device="cpu"
        ).flatten(0, -2)
        for level, context in zip(self.levels, contexts.flatten(1), strict=True):
            rows = (context >= 0).nonzero()[:, 0]
            here = context[rows]
            found[rows] *= level.rest[here, None]
            sizes = level.last[here] - level.first[here]
            row = rows.repeat_interleave(sizes)
            begin = (level.first[here] - sizes.cumsum(0) + sizes).repeat_interleave(sizes)
            gram = begin + torch.arange(len(row), device="cpu")
            share = level.counts[gram] / level.total[here].repeat_interleave(sizes)
            found.index_put_((row, level.keys[gram] % self.vocab_size), share, accumulate=True)
        return found.log().view(*tokens.shape, self.vocab_size).to(tokens.device)

    def surprises(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B N"]:
        """Return −log p of every token but the first: what a call says, much sooner.

        Only the tokens that are there are looked up, so that a text of some millions is no matter.

        Parameters
        ----------
        tokens : Tensor of int, shape (B, T)
            Texts.

        Returns
        -------
        Tensor, shape (B, T - 1)
            In nats, in float64, on the device of ``tokens``.

        Raises
        ------
        ValueError
            If a token is outside the vocabulary, or the shape is another.
        """
        contexts = self._contexts(tokens)[:, :, :-1]
        targets = tokens.cpu().long()[:, 1:]
        found = torch.full(targets.shape, 1 / self.vocab_size, dtype=torch.double, device="cpu")
        for level, context in zip(self.levels, contexts, strict=True):
            known = context >= 0
            here = context.clamp(min=0)
            gram = level.find(here, targets, self.vocab_size)
            left = torch.where(gram >= 0, level.counts[gram.clamp(min=0)], 0.0)
            found = torch.where(known, left / level.total[here] + level.rest[here] * found, found)
        return -found.log().to(tokens.device)

    def _contexts(self, tokens: Tensor) -> Int[Tensor, "n B T"]:
        """Return the number of the context of each length that ends here; −1 if never seen."""
        check_shape("tokens", tokens, "B T")
        self._check(tokens)
        here = tokens.cpu().long()
        number = torch.zeros_like(here)
        contexts = [number]
        for level in self.levels[:-1]:
            before = torch.full_like(here, -1)
            before[:, 1:] = contexts[-1][:, :-1]
            if len(contexts) == 1:  # the empty context is before the first token too
                before[:, :1] = 0
            number = level.find(before.clamp(min=0), here, self.vocab_size)
            contexts.append(number.masked_fill(before < 0, -1))
        return torch.stack(contexts)

    def _check(self, tokens: Tensor) -> None:
        if tokens.is_floating_point() or tokens.dtype == torch.bool:
            raise ValueError(f"tokens should hold whole numbers, got {dtype_name(tokens)}")
        check_tokens("tokens", tokens, self.vocab_size, "vocab_size")
