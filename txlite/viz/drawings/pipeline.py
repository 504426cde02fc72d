"""From a sentence to a score: everything a translation passes."""

from txlite.viz.schematic import Arrow, Box, Column, Either, Row, Schematic, chain

__all__ = ["sentence_to_score"]


def sentence_to_score() -> Schematic:
    """Draw what happens between a sentence that somebody wrote and the score of its translation.

    Returns
    -------
    Schematic
        Eight parts in a row that turns once.
    """
    boxes = [
        Box("sentence", "as it was typed", name="sentence", look="data"),
        Box("normalise", "one form of each letter", name="normalise"),
        Box("tokens", "ids of the vocabulary", name="tokens", color="ochre"),
        Box("encoder", "(S, D)", name="encoder", color="blue", wide=84),
        Box("beam search", "decoder, cache", name="search", color="rust"),
        Box("words", "ids become text", name="words", color="ochre"),
        Box("translation", "", name="translation", look="data"),
        Box("BLEU", "all sentences at once", name="bleu", color="violet"),
    ]
    reference = Box("references", "held out", name="references", look="data")
    wide = Column(
        Row(*boxes[:4], gap=28), Row(*boxes[:3:-1], gap=28), reference, gap=34, align="start"
    )
    tall = Column(*boxes, reference, gap=20)
    arrows = [*chain(*(box.called for box in boxes)), Arrow("references", "bleu")]
    return Schematic(
        Either(wide, tall),
        arrows,
        "From a sentence to a score. The text is normalised and becomes tokens; the encoder reads "
        "them; beam search writes tokens with the decoder; they become text again. BLEU compares "
        "all translations with their references at once, not one sentence with another.",
    )
