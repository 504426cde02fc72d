"""A voice for sentences of any language: eSpeak NG, asked through ctypes.

``pip install espeakng-loader==0.2.4`` brings it (GPL-3, so txlite neither ships nor imports it). It
builds its sound from rules, with nobody's recordings: plain to understand, and no person.
"""

import ctypes
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from txlite.data.audio import SAMPLE_RATE, resample

_RETRIEVAL = 1  # sound is handed over, not played
_UTF8 = 1
_RATE = 1  # words a minute, among the parameters
_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def say(text: str, voice: str, *, words_per_minute: int = 150) -> Float[Tensor, " T"]:
    """Return a text as a voice says it: ``"fr"``, or ``"fr+f2"`` for another speaker of French."""
    library, rate = _library()
    pieces: list[np.ndarray[Any, Any]] = []

    def keep(samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: int) -> int:
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    handed = _Callback(keep)
    library.espeak_SetSynthCallback(handed)
    if library.espeak_SetVoiceByName(voice.encode()):
        raise ValueError(f"voice should be one that eSpeak NG has, got {voice!r}")
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    told = text.encode()
    library.espeak_Synth(told, len(told) + 1, 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    sound = torch.from_numpy(np.concatenate(pieces)).float() / 2**15
    return resample(sound, rate, SAMPLE_RATE)


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    """Return eSpeak NG, begun, and its samples a second."""
    loader = import_module("espeakng_loader")  # optional, and of another licence
    library = ctypes.CDLL(loader.get_library_path())
    folder = loader.get_data_path().encode()
    rate = library.espeak_Initialize(_RETRIEVAL, 0, folder, 0)
    if rate <= 0:
        raise OSError(f"eSpeak NG should begin with the data in {folder.decode()}, got {rate}")
    return library, rate
