"""Published systems: one file each, a frozen config and the wiring of parts from ``txlite.nn``.

What stands beside them, without a Transformer, is in :mod:`txlite.models.baselines`.
"""

from txlite.models.baselines import (
    CenterMaps,
    CenterNet,
    ConvTrunk,
    LinearForecaster,
    LSTMTranslator,
    NGram,
    SmallCNN,
    TemplateMatcher,
    TranslationMemory,
    WordByWord,
)
from txlite.models.bert import BERT, BERTConfig
from txlite.models.bert_heads import (
    BERTForMaskedLM,
    BERTForPreTraining,
    BERTForSequenceClassification,
    BERTForTokenClassification,
)
from txlite.models.clip import CLIP
from txlite.models.clip_config import CLIPConfig, CLIPTextConfig
from txlite.models.decision_transformer import Decisions, DecisionTransformer
from txlite.models.decision_transformer_config import DecisionTransformerConfig
from txlite.models.detr import DETR, Detections, DETRConfig
from txlite.models.encoder_decoder import EncoderDecoder
from txlite.models.forecaster import Forecaster
from txlite.models.forecaster_config import ForecasterConfig
from txlite.models.forecaster_head import ForecastHead
from txlite.models.forecasts import (
    NormalForecast,
    PointForecast,
    QuantileForecast,
    StudentTForecast,
)
from txlite.models.gpt import GPT, GPTConfig
from txlite.models.gpt_with_experts import GPTWithExperts, GPTWithExpertsConfig
from txlite.models.hybrid_whisper import HybridWhisper, HybridWhisperConfig
from txlite.models.llama import Llama, LlamaConfig
from txlite.models.reformer import Reformer
from txlite.models.reformer_config import ReformerConfig
from txlite.models.resnet import FrozenBatchNorm, ResNet, ResNetConfig
from txlite.models.switch import Switch, SwitchConfig
from txlite.models.t5 import T5, T5Config
from txlite.models.transformer import Transformer, TransformerConfig
from txlite.models.vit import ViT
from txlite.models.vit_config import ViTConfig
from txlite.models.vit_heads import ViTForImageClassification, ViTWithTeacher
from txlite.models.whisper import Whisper, WhisperConfig

__all__ = [
    "BERT",
    "CLIP",
    "DETR",
    "GPT",
    "T5",
    "BERTConfig",
    "BERTForMaskedLM",
    "BERTForPreTraining",
    "BERTForSequenceClassification",
    "BERTForTokenClassification",
    "CLIPConfig",
    "CLIPTextConfig",
    "CenterMaps",
    "CenterNet",
    "ConvTrunk",
    "DETRConfig",
    "DecisionTransformer",
    "DecisionTransformerConfig",
    "Decisions",
    "Detections",
    "EncoderDecoder",
    "ForecastHead",
    "Forecaster",
    "ForecasterConfig",
    "FrozenBatchNorm",
    "GPTConfig",
    "GPTWithExperts",
    "GPTWithExpertsConfig",
    "HybridWhisper",
    "HybridWhisperConfig",
    "LSTMTranslator",
    "LinearForecaster",
    "Llama",
    "LlamaConfig",
    "NGram",
    "NormalForecast",
    "PointForecast",
    "QuantileForecast",
    "Reformer",
    "ReformerConfig",
    "ResNet",
    "ResNetConfig",
    "SmallCNN",
    "StudentTForecast",
    "Switch",
    "SwitchConfig",
    "T5Config",
    "TemplateMatcher",
    "Transformer",
    "TransformerConfig",
    "TranslationMemory",
    "ViT",
    "ViTConfig",
    "ViTForImageClassification",
    "ViTWithTeacher",
    "Whisper",
    "WhisperConfig",
    "WordByWord",
]
