"""BLEU with all that one has to know to compare it: its words, its sample, what counts as right.

Sources
    Post (2018), "A Call for Clarity in Reporting BLEU Scores": the signature.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = ["Score", "corpus_bleu", "words_as"]

HAN = re.compile(
    r"[\u2e80-\u2fdf\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
UNPARTED = re.compile(  # kana, Thai, Lao, Tibetan, Burmese, Khmer: words without blanks between
    r"[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff]"
)
ORDER = 4  # words in the longest run that counts


class Score(NamedTuple):
    """A score, or None where it would say nothing, and what it was counted with."""

    bleu: float | None
    signature: str


def words_as(references: Sequence[str]) -> str:
    """Choose how sentences are cut into words: the name that sacrebleu has for it.

    Parameters
    ----------
    references : sequence of str
        Right translations.

    Returns
    -------
    str
        ``"char"`` for scripts that part no words, ``"zh"`` where there are Chinese characters,
        else ``"13a"``, at blanks and marks.
    """
    if any(map(UNPARTED.search, references)):
        return "char"
    return "zh" if any(map(HAN.search, references)) else "13a"


def corpus_bleu(found: Sequence[str], wanted: Sequence[Sequence[str]]) -> Score:
    """Score translations, each against its right ones.

    Parameters
    ----------
    found : sequence of str
        The translations.
    wanted : sequence of sequence of str
        As many: the right translations of each, at least one.

    Returns
    -------
    Score
        From 0 to 100. None where the right translations have fewer runs of four words than there
        are sentences: most of them would be wrong whatever they said.
    """
    from sacrebleu.metrics.bleu import BLEU

    references = [text for texts in wanted for text in texts]
    words = words_as(references)
    metric = BLEU(tokenize=words, force=True)  # its advice about full stops would go to the user
    most = max(map(len, wanted))
    streams: list[Any] = [
        [texts[i] if i < len(texts) else None for texts in wanted] for i in range(most)
    ]
    score = metric.corpus_score(found, streams).score
    signature = str(metric.get_signature())
    itself = BLEU(tokenize=words, force=True).corpus_score(references, [references])
    enough = itself.totals[ORDER - 1] >= len(references)
    return Score(round(score, 2) if enough else None, signature)
