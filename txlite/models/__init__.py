"""Published systems: one file each, a frozen config and the wiring of parts from ``txlite.nn``."""

from txlite.models.bert import BERT, BERTConfig
from txlite.models.bert_heads import (
    BERTForMaskedLM,
    BERTForPreTraining,
    BERTForSequenceClassification,
    BERTForTokenClassification,
)
from txlite.models.gpt import GPT, GPTConfig
from txlite.models.llama import Llama, LlamaConfig
from txlite.models.ngram import NGram
from txlite.models.seq2seq import LSTMTranslator
from txlite.models.t5 import T5, T5Config
from txlite.models.transformer import Transformer, TransformerConfig
from txlite.models.translation_memory import TranslationMemory
from txlite.models.word_by_word import WordByWord

__all__ = [
    "BERT",
    "GPT",
    "T5",
    "BERTConfig",
    "BERTForMaskedLM",
    "BERTForPreTraining",
    "BERTForSequenceClassification",
    "BERTForTokenClassification",
    "GPTConfig",
    "LSTMTranslator",
    "Llama",
    "LlamaConfig",
    "NGram",
    "T5Config",
    "Transformer",
    "TransformerConfig",
    "TranslationMemory",
    "WordByWord",
]
