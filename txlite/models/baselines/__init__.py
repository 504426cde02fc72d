"""What stands beside the models: translators, language models and a recogniser without one."""

from txlite.models.baselines.ngram import NGram
from txlite.models.baselines.seq2seq import LSTMTranslator
from txlite.models.baselines.template_matcher import TemplateMatcher
from txlite.models.baselines.translation_memory import TranslationMemory
from txlite.models.baselines.word_by_word import WordByWord

__all__ = ["LSTMTranslator", "NGram", "TemplateMatcher", "TranslationMemory", "WordByWord"]
