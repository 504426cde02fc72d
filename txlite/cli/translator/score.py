"""How well a translator does on sentences that it has never seen."""

import sys
from typing import Any

from rich.progress import track

from txlite.cli._console import OUT
from txlite.cli.translator.corpus import Lesson
from txlite.cli.translator.folder import Translator
from txlite.cli.translator.translate import BATCH, translations

__all__ = ["score"]


def score(translator: Translator, lesson: Lesson) -> dict[str, Any]:
    """Translate what was held out, and compare.

    Parameters
    ----------
    translator : Translator
        What to score.
    lesson : Lesson
        Whose held-out pairs to score it on.

    Returns
    -------
    dict
        The share that is right to the letter, BLEU, and the number of sentences.
    """
    from sacrebleu.metrics.bleu import BLEU

    sources, wanted = zip(*lesson.held_out, strict=True)
    batches = [sources[first : first + BATCH] for first in range(0, len(sources), BATCH)]
    OUT.print(f"Scoring {len(sources)} held-out sentences …")
    found = []
    for batch in track(batches, "", console=OUT, transient=True, disable=not sys.stdout.isatty()):
        found += translations(translator, batch)
    right = sum(f == w for f, w in zip(found, wanted, strict=True)) / len(wanted)
    bleu = BLEU().corpus_score(found, [wanted]).score
    return {"exact match": round(right, 4), "BLEU": round(bleu, 2), "sentences": len(wanted)}
