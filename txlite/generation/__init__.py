"""From logits to text: choosing the next token, and searching for the best sequence."""

from txlite.generation.beam import BeamResult, BeamStep, beam_search
from txlite.generation.decode import generate
from txlite.generation.sampling import (
    min_p,
    repetition_penalty,
    sample,
    temperature,
    top_k,
    top_p,
)

__all__ = [
    "BeamResult",
    "BeamStep",
    "beam_search",
    "generate",
    "min_p",
    "repetition_penalty",
    "sample",
    "temperature",
    "top_k",
    "top_p",
]
