"""The families that can be read and written: by the word in their files, and by our class."""

from typing import Any

from torch import nn

from txlite.interop._albert import ALBERT
from txlite.interop._bert import BERT
from txlite.interop._clip import CLIP
from txlite.interop._decision_transformer import DECISION_TRANSFORMER
from txlite.interop._detr import DETR
from txlite.interop._dinov2 import DINOV2, DINOV2_WITH_REGISTERS
from txlite.interop._family import Family
from txlite.interop._gpt2 import GPT2
from txlite.interop._llama import LLAMA, LLAMA_GGUF
from txlite.interop._marian import MARIAN
from txlite.interop._mistral import MISTRAL
from txlite.interop._patchtst import PATCHTST
from txlite.interop._reformer import REFORMER
from txlite.interop._stored import shown
from txlite.interop._switch import SWITCH
from txlite.interop._t5 import T5
from txlite.interop._vit import DEIT, VIT
from txlite.interop._whisper import WHISPER, WHISPER_CTRANSLATE2

__all__ = ["FAMILIES", "family_in_ctranslate2", "family_in_gguf", "family_named", "family_of"]

_ALL = (
    ALBERT, BERT, CLIP, DECISION_TRANSFORMER, DEIT, DETR, DINOV2, DINOV2_WITH_REGISTERS, GPT2,
    LLAMA, MARIAN, MISTRAL, PATCHTST, REFORMER, SWITCH, T5, VIT, WHISPER,
)  # fmt: skip
FAMILIES = {family.model_type: family for family in _ALL}
"""By the word in their configuration."""
IN_GGUF = {"llama": LLAMA_GGUF}
"""The same in GGUF files."""
IN_CTRANSLATE2 = {"WhisperSpec": WHISPER_CTRANSLATE2}
"""The same in files of CTranslate2."""


def family_named(path: Any, model_type: Any) -> Family:
    """Return the family of a word, or a ValueError that lists what there is."""
    if not isinstance(model_type, str) or model_type not in FAMILIES:
        raise ValueError(
            f"{path}: model_type should be one of {', '.join(FAMILIES)}, got {shown(model_type)}"
        )
    return FAMILIES[model_type]


def family_in_gguf(path: Any, architecture: Any) -> Family:
    """Return the family of a word in a GGUF file, or a ValueError that lists what there is."""
    if not isinstance(architecture, str) or architecture not in IN_GGUF:
        raise ValueError(
            f"{path}: general.architecture should be one of {', '.join(IN_GGUF)}, got "
            f"{shown(architecture)}"
        )
    return IN_GGUF[architecture]


def family_in_ctranslate2(path: Any, specification: Any) -> Family:
    """Return the family of a specification of CTranslate2, or a ValueError that lists what is."""
    if specification not in IN_CTRANSLATE2:
        raise ValueError(
            f"{path}: the specification should be one of {', '.join(IN_CTRANSLATE2)}, got "
            f"{shown(specification)}"
        )
    return IN_CTRANSLATE2[specification]


def family_of(model: Any) -> Family:
    """Return the family of a model of ours, or a ValueError that lists what there is."""
    for family in FAMILIES.values():
        if isinstance(model, nn.Module) and type(model) in family.models and family.owns(model):
            return family
    kinds = dict.fromkeys(kind for family in FAMILIES.values() for kind in family.models)
    known = ", ".join(kind.__name__ for kind in kinds)
    raise ValueError(f"model should be one of {known}, got {type(model).__name__}")
