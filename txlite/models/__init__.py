"""Published systems: one file each, a frozen config and the wiring of parts from ``txlite.nn``."""

from txlite.models.ngram import NGram
from txlite.models.seq2seq import LSTMTranslator
from txlite.models.transformer import Transformer, TransformerConfig
from txlite.models.translation_memory import TranslationMemory
from txlite.models.word_by_word import WordByWord

__all__ = [
    "LSTMTranslator",
    "NGram",
    "Transformer",
    "TransformerConfig",
    "TranslationMemory",
    "WordByWord",
]
