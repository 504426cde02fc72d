"""The heads of BERT: what answers, from its hidden states, about a token or about the whole text.

Sources
    Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", sections 3.1, 4.1 and 5.3. Lan et al. (2020), "ALBERT: A Lite BERT".
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from txlite.models._wiring import draw_normal
from txlite.models.bert import BERT, BERTConfig, Hidden, Keep, Segments, Tokens
from txlite.nn import TokenEmbedding
from txlite.nn.feedforward import ACTIVATIONS

__all__ = [
    "BERTForMaskedLM",
    "BERTForPreTraining",
    "BERTForSequenceClassification",
    "BERTForTokenClassification",
]


class _MaskedLMHead(nn.Module):
    """Scores every token of the vocabulary at a position, by the embedding's own rows."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        narrow = config.embedding_dim or config.d_model
        self.activation = ACTIVATIONS[config.activation]
        self.dense = nn.Linear(config.d_model, narrow)
        self.norm = config._norm(narrow)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        draw_normal(self, config.init_std)

    def forward(self, hidden: Tensor, embedding: TokenEmbedding) -> Tensor:
        return embedding.logits(self.norm(self.activation(self.dense(hidden)))) + self.bias


class _Headed(nn.Module):
    """A body and what answers from its hidden states; called as the body."""

    _answer: Callable[..., Any]

    def __init__(self, config: BERTConfig, *, pooler: bool) -> None:
        super().__init__()
        self.config = config
        self.bert = BERT(config, pooler=pooler)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tokens, *, segments: Segments = None, keep: Keep = None) -> Any:
        """Read as :class:`BERT` does, and answer."""
        return self._answer(self.bert(tokens, segments=segments, keep=keep), keep)


class BERTForMaskedLM(_Headed):
    """BERT and a head that names the tokens that were hidden (section 3.1, task 1).

    Called as :class:`BERT`, it returns a score for every token at each position: (B, T, V).

    Parameters
    ----------
    config : BERTConfig
        Sizes and choices.

    Attributes
    ----------
    bert : BERT
        The body, without a pooler.
    head : Module
        A map, a norm and a bias; called with hidden states of any leading axes and the embedding,
        it scores those positions only.

    Examples
    --------
    >>> config = BERTConfig(vocab_size=50, d_model=16, num_heads=2, d_ff=32, num_layers=2)
    >>> BERTForMaskedLM(config)(torch.tensor([[2, 6, 7, 3]])).shape
    torch.Size([1, 4, 50])
    """

    def __init__(self, config: BERTConfig) -> None:
        super().__init__(config, pooler=False)
        self.head = _MaskedLMHead(config)

    def _answer(self, hidden: Hidden, keep: Keep) -> Float[Tensor, "B T V"]:
        logits: Tensor = self.head(hidden, self.bert.embedding)
        return logits


class BERTForPreTraining(_Headed):
    """BERT and the two heads of its pre-training (section 3.1).

    Called as :class:`BERT`, it returns the scores of :class:`BERTForMaskedLM`, and two for each
    pair of segments, of shape (B, 2): that the second follows the first, and that it does not.
    ALBERT asks instead whether the two have been swapped (Lan et al., section 3.1).

    Parameters
    ----------
    config : BERTConfig
        Sizes and choices.

    Attributes
    ----------
    bert : BERT
        The body.
    head : Module
        As that of :class:`BERTForMaskedLM`.
    next_sentence : Linear
        Makes two scores of the pooled vector.

    Examples
    --------
    >>> config = BERTConfig(vocab_size=50, d_model=16, num_heads=2, d_ff=32, num_layers=2)
    >>> tokens, follows = BERTForPreTraining(config)(torch.tensor([[2, 6, 7, 3]]))
    >>> tokens.shape, follows.shape
    (torch.Size([1, 4, 50]), torch.Size([1, 2]))
    """

    def __init__(self, config: BERTConfig) -> None:
        super().__init__(config, pooler=True)
        self.head = _MaskedLMHead(config)
        self.next_sentence = draw_normal(nn.Linear(config.d_model, 2), config.init_std)

    def _answer(
        self, hidden: Hidden, keep: Keep
    ) -> tuple[Float[Tensor, "B T V"], Float[Tensor, "B 2"]]:
        order = self.next_sentence(self.bert.pool(hidden, keep))
        return self.head(hidden, self.bert.embedding), order


class BERTForSequenceClassification(_Headed):
    """BERT and a classifier of whole texts (section 4.1).

    Called as :class:`BERT`, it returns a score for each label, of shape (B, N).

    Parameters
    ----------
    config : BERTConfig
        Sizes and choices; ``num_labels`` says how many labels there are.

    Attributes
    ----------
    bert : BERT
        The body.
    classifier : Linear
        Scores each label from the pooled vector.

    Examples
    --------
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2}
    >>> config = BERTConfig(vocab_size=50, num_labels=3, **sizes)
    >>> BERTForSequenceClassification(config)(torch.tensor([[2, 6, 7, 3]])).shape
    torch.Size([1, 3])
    """

    def __init__(self, config: BERTConfig) -> None:
        super().__init__(config, pooler=True)
        self.classifier = draw_normal(nn.Linear(config.d_model, config.num_labels), config.init_std)

    def _answer(self, hidden: Hidden, keep: Keep) -> Float[Tensor, "B N"]:
        scores: Tensor = self.classifier(self.dropout(self.bert.pool(hidden, keep)))
        return scores


class BERTForTokenClassification(_Headed):
    """BERT and a classifier of every token (section 5.3).

    Called as :class:`BERT`, it returns a score for each label at each position, of shape (B, T, N).

    Parameters
    ----------
    config : BERTConfig
        Sizes and choices; ``num_labels`` says how many labels there are.

    Attributes
    ----------
    bert : BERT
        The body, without a pooler.
    classifier : Linear
        Scores each label from a hidden state.

    Examples
    --------
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2}
    >>> config = BERTConfig(vocab_size=50, num_labels=3, **sizes)
    >>> BERTForTokenClassification(config)(torch.tensor([[2, 6, 7, 3]])).shape
    torch.Size([1, 4, 3])
    """

    def __init__(self, config: BERTConfig) -> None:
        super().__init__(config, pooler=False)
        self.classifier = draw_normal(nn.Linear(config.d_model, config.num_labels), config.init_std)

    def _answer(self, hidden: Hidden, keep: Keep) -> Float[Tensor, "B T N"]:
        scores: Tensor = self.classifier(self.dropout(hidden))
        return scores
