"""Sizes and numbers of steps that were seen to work, for each budget."""

from dataclasses import dataclass

from txlite.models import TransformerConfig
from txlite.runtime import Budget

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a translator is trained; the laptop's is that of the chapter on translation."""

    num_pairs: int = 50_000
    vocab_size: int = 800  # tokens of each language, at most
    d_model: int = 96
    num_heads: int = 4
    d_ff: int = 256
    num_layers: int = 2  # of the encoder, and of the decoder
    dropout: float = 0.0
    steps: int = 1100
    tokens_per_batch: int = 1000
    learning_rate: float = 3e-3  # at the end of the warm-up
    warmup_steps: int = 60
    weight_decay: float = 0.1
    label_smoothing: float = 0.0

    def config(self, source_vocab_size: int, target_vocab_size: int) -> TransformerConfig:
        """Return the model's config: pre-norm and rotary, which learn most in little time."""
        return TransformerConfig(
            vocab_size=target_vocab_size,
            source_vocab_size=source_vocab_size,
            d_model=self.d_model,
            num_heads=self.num_heads,
            d_ff=self.d_ff,
            num_layers=self.num_layers,
            dropout=self.dropout,
            norm_first=True,
            positions="rotary",
        )


RECIPES: dict[Budget, Recipe] = {
    "smoke": Recipe(num_pairs=300, vocab_size=200, d_model=16, num_heads=2, d_ff=32, steps=3),
    "laptop": Recipe(),
    "full": Recipe(num_pairs=100_000, steps=6000),
}
