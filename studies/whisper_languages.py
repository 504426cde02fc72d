"""Whisper base and three languages: which it takes a sound for, and what it writes.

Five sentences say the same in English, French and Chinese, and a synthesiser (`_synthesiser.py`)
says them, under each seed in another voice. The English ones are the control of the voice: what
goes wrong there as well is not the language. Ten clips of people who speak English are the control
of the synthesiser.

Wanted beside the book's own surroundings: ``pip install espeakng-loader==0.2.4`` and what
:func:`txlite.data.weights.missing_weights` says of ``whisper-base``.
"""

import statistics
from collections.abc import Sequence
from functools import partial
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor

from studies._kept import kept
from studies._synthesiser import say
from studies._whisper_base import language_chances, written
from txlite.data.audio import SAMPLE_RATE, read_wav, resample
from txlite.data.clips import plain_words, speech_clips
from txlite.data.fetched import FETCHED, fetched_file
from txlite.training import WordErrors, word_errors

SENTENCES = MappingProxyType(
    {
        "en": (
            "Will there be a meeting tomorrow?",
            "The train leaves early in the morning.",
            "We bought bread and cheese at the market.",
            "My sister lives in a small house by the sea.",
            "Please close the window before you leave.",
        ),
        "fr": (
            "Y a-t-il une réunion demain ?",
            "Le train part tôt le matin.",
            "Nous avons acheté du pain et du fromage au marché.",
            "Ma sœur habite une petite maison au bord de la mer.",
            "Fermez la fenêtre avant de partir, s'il vous plaît.",
        ),
        "zh": (
            "明天开会吗",
            "火车早上很早就开",
            "我们在市场买了面包和奶酪",
            "我姐姐住在海边的一座小房子里",
            "请你走以前关上窗户",
        ),
    }
)
VOICES = MappingProxyType({"en": "en", "fr": "fr", "zh": "cmn"})  # as the synthesiser has them
SAID = "asterisk-fr"  # of the announcements
SPEAKERS = ("", "+f2", "+m3", "+f4", "+m7")  # by the seed
WORDS_PER_MINUTE, PAUSE = 130, SAMPLE_RATE // 2  # silence before and after
# Both ways to write Chinese count alike; of the characters above these are written in two.
PLAIN = str.maketrans("開會嗎車們場買麵邊請關戶裡裏", "开会吗车们场买面边请关户里里")


def measure(seed: int) -> dict[str, float]:
    """Return the numbers of each language in one voice, and those of the clips."""
    people = {"clips": clips, "announcements": announcements}
    found = {f"{a}: {b}": x for a, make in people.items() for b, x in kept(a, 0, make).items()}
    for language in SENTENCES:
        of = kept(language, seed, partial(synthesised, language, seed))
        found |= {f"{language}: {what}": x for what, x in of.items()}
    return {name: round(value, 4) for name, value in found.items()}


def synthesised(language: str, seed: int) -> dict[str, float]:
    """Let a voice say the sentences of a language, and ask about each."""
    voice = VOICES[language] + SPEAKERS[seed % len(SPEAKERS)]
    texts, calm = SENTENCES[language], torch.zeros(PAUSE)
    sounds = [
        torch.cat([calm, say(text, voice, words_per_minute=WORDS_PER_MINUTE), calm])
        for text in texts
    ]
    return asked(sounds, [units(text, language) for text in texts], language)


def clips() -> dict[str, float]:
    """Ask about ten clips of people who speak English."""
    spoken = speech_clips()
    return asked([clip.samples for clip in spoken], [clip.text for clip in spoken], "en")


def announcements() -> dict[str, float]:
    """Ask which language a person speaks who reads announcements in French."""
    read = [read_wav(fetched_file(SAID, name)) for name in FETCHED[SAID].files]
    return recognised([resample(sound, rate, SAMPLE_RATE) for sound, rate in read], "fr")


def asked(
    sounds: Sequence[Float[Tensor, " T"]], wanted: Sequence[str], language: str
) -> dict[str, float]:
    """Return what :func:`recognised` does, and the errors of what is written."""
    told = [units(written(sound, language), language) for sound in sounds]
    each = word_errors(wanted, told)
    sums = WordErrors(*map(sum, zip(*each, strict=True)))
    about = {"errors": sums.rate, "units": float(sums.words), "first": float(each[0].errors)}
    return recognised(sounds, language) | about


def recognised(sounds: Sequence[Float[Tensor, " T"]], language: str) -> dict[str, float]:
    """Return how often sounds are taken for their language, and how probable it is to the model."""
    chances = [language_chances(sound) for sound in sounds]
    return {
        "sounds": float(len(sounds)),
        "recognised": statistics.mean(max(x, key=x.__getitem__) == language for x in chances),
        "chance": statistics.mean(x[language] for x in chances),
    }


def units(text: str, language: str) -> str:
    """Return a text's words in plain letters, or its Chinese characters, with blanks between."""
    if language == "en":
        return plain_words(text)
    if language == "zh":
        return " ".join(x for x in text.translate(PLAIN) if x.isalnum())
    told = text.casefold().replace("œ", "oe")
    return " ".join("".join(x if x.isalnum() else " " for x in told).split())
