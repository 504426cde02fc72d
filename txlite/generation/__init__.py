"""From logits to text: choosing the next token, and searching for the best sequence."""

from txlite.generation.acting import Played, play
from txlite.generation.alignment import TimedWord, cheapest_path, token_times, word_times
from txlite.generation.beam import BeamResult, BeamStep, beam_search
from txlite.generation.best_path import best_path
from txlite.generation.decode import generate
from txlite.generation.processors import force, no_repeat_ngram, suppress
from txlite.generation.prompts import Prompts, pad_left
from txlite.generation.result import GenerateResult
from txlite.generation.sampling import (
    min_p,
    repetition_penalty,
    sample,
    temperature,
    top_k,
    top_p,
)
from txlite.generation.silence import Doubt, compression_ratio, no_speech_probability
from txlite.generation.speculative import verify
from txlite.generation.stream import stream, stream_text
from txlite.generation.text import TextStream
from txlite.generation.timestamps import timestamp_rules

__all__ = [
    "BeamResult",
    "BeamStep",
    "Doubt",
    "GenerateResult",
    "Played",
    "Prompts",
    "TextStream",
    "TimedWord",
    "beam_search",
    "best_path",
    "cheapest_path",
    "compression_ratio",
    "force",
    "generate",
    "min_p",
    "no_repeat_ngram",
    "no_speech_probability",
    "pad_left",
    "play",
    "repetition_penalty",
    "sample",
    "stream",
    "stream_text",
    "suppress",
    "temperature",
    "timestamp_rules",
    "token_times",
    "top_k",
    "top_p",
    "verify",
    "word_times",
]
