"""How well a translator does on sentences that it has never seen."""

import sys
import unicodedata
from collections.abc import Mapping
from typing import Any

from rich.progress import track

from txlite.cli._console import OUT, warn
from txlite.cli.translator.bleu import corpus_bleu
from txlite.cli.translator.corpus import Lesson
from txlite.cli.translator.folder import Translator
from txlite.cli.translator.translate import BATCH, found_for

__all__ = ["in_words", "score"]


def score(translator: Translator, lesson: Lesson) -> dict[str, Any]:
    """Translate what was held out, and compare.

    Parameters
    ----------
    translator : Translator
        What to score.
    lesson : Lesson
        Whose held-out pairs to score it on. A sentence with several translations is asked once,
        and each of them is right.

    Returns
    -------
    dict
        The share that is right to the letter; BLEU, None where it would say nothing, with its
        signature; and the number of sentences.
    """
    wanted: dict[str, list[str]] = {}
    for source, target in lesson.held_out:
        wanted.setdefault(source, []).append(unicodedata.normalize("NFC", target))
    sources = list(wanted)
    batches = [sources[first : first + BATCH] for first in range(0, len(sources), BATCH)]
    OUT.print(f"Scoring {len(sources)} held-out sentences …")
    found = []
    for batch in track(batches, "", console=OUT, transient=True, disable=not sys.stdout.isatty()):
        found += found_for(translator, batch)
    if cut := sum(not one.ended for one in found):
        warn(f"{cut} of {len(found)} translations have no end after {translator.longest} tokens")
    said = [unicodedata.normalize("NFC", one.text) for one in found]
    right = sum(text in wanted[source] for text, source in zip(said, sources, strict=True))
    bleu = corpus_bleu(said, list(wanted.values()))
    return {
        "exact match": round(right / len(sources), 4),
        "BLEU": bleu.bleu,
        "signature": bleu.signature,
        "sentences": len(sources),
        "translations": len(lesson.held_out),
    }


def in_words(scores: Mapping[str, Any]) -> str:
    """Say scores with what they were counted on and how.

    Parameters
    ----------
    scores : mapping
        What :func:`score` returned.

    Returns
    -------
    str
        A sentence.
    """
    sentences, translations, bleu = (scores[k] for k in ("sentences", "translations", "BLEU"))
    several = "" if sentences == translations else f", with {translations} translations,"
    exact = f"{scores['exact match']:.1%} of {sentences} held-out sentences{several} exactly right"
    if bleu is None:
        return f"{exact}, BLEU – (too few runs of four words to count)."
    return f"{exact}, BLEU {bleu:.1f} ({scores['signature']})."
