"""What stands beside the models, without a Transformer: for text, pictures, sound and series."""

from txlite.models.baselines.centers import CenterMaps, CenterNet
from txlite.models.baselines.cnn import SmallCNN
from txlite.models.baselines.linear_forecaster import LinearForecaster
from txlite.models.baselines.ngram import NGram
from txlite.models.baselines.seq2seq import LSTMTranslator
from txlite.models.baselines.template_matcher import TemplateMatcher
from txlite.models.baselines.translation_memory import TranslationMemory
from txlite.models.baselines.trunk import ConvTrunk
from txlite.models.baselines.word_by_word import WordByWord

__all__ = [
    "CenterMaps",
    "CenterNet",
    "ConvTrunk",
    "LSTMTranslator",
    "LinearForecaster",
    "NGram",
    "SmallCNN",
    "TemplateMatcher",
    "TranslationMemory",
    "WordByWord",
]
