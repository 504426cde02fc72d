"""``txlite translate``, and ``txlite generate`` of a translator: sentences in, sentences out."""

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer

from txlite.cli._console import WrongCall, excerpt, report_errors, visible, warn
from txlite.cli._family import Drawing
from txlite.cli._lines import MANY, print_groups, read_batches, text_of
from txlite.cli._threads import few_threads
from txlite.cli.translator.folder import Translator, load_translator
from txlite.data.collate import pad
from txlite.data.corpora import tidy
from txlite.generation import beam_search, generate
from txlite.runtime import device as default_device

__all__ = ["Found", "draw_translations", "found_for", "translate", "translations"]

BATCH = 64  # sentences that are translated together
SAMPLES = 3  # translations that are drawn of each sentence

Folder = Annotated[Path, typer.Argument(help="A folder that txlite train has written.")]
Sentences = Annotated[
    list[str] | None, typer.Argument(help="Sentences; by default the lines of the input.")
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100_000,
        help="Tokens of a translation; by default half as many again as the longest learned.",
    ),
]


class Found(NamedTuple):
    """A translation, and whether the model came to its end."""

    text: str
    ended: bool


@report_errors
def translate(
    folder: Folder,
    sentences: Sentences = None,
    beams: Annotated[int, typer.Option(min=1, max=MANY, help="1 is greedy search.")] = 4,
    alternatives: Annotated[
        int, typer.Option(min=1, max=MANY, help="How many translations of each, the best first.")
    ] = 1,
    length_penalty: Annotated[
        float, typer.Option(help="Above zero favours long translations, below short ones.")
    ] = 1.0,
    max_tokens: MaxTokens = None,
) -> None:
    """Translate sentences."""
    if alternatives > beams:
        raise WrongCall(f"alternatives should be at most the {beams} beams, got {alternatives}")
    if not math.isfinite(length_penalty):
        raise WrongCall(f"length_penalty should be a finite number, got {length_penalty}")
    translator = _load(folder, max_tokens)

    def answer(asked: list[str]) -> Iterable[list[Found]]:
        found = found_for(
            translator,
            asked,
            beams=beams,
            alternatives=alternatives,
            length_penalty=length_penalty,
        )
        return [found[i : i + alternatives] for i in range(0, len(found), alternatives)]

    print_groups(_answers(translator, sentences, answer), apart=alternatives > 1)


def draw_translations(folder: Path, sentences: Sequence[str] | None, drawing: Drawing) -> None:
    """Draw translations by chance instead of searching for the best: three of each sentence.

    Parameters
    ----------
    folder : Path
        A folder that ``txlite train`` has written.
    sentences : sequence of str, optional
        Sentences; by default the lines of the input.
    drawing : Drawing
        How they are drawn.

    Raises
    ------
    WrongCall
        If there is a text at which to stop: a translation ends by itself.
    """
    if drawing.stop:
        raise WrongCall(f"stop should be empty for a translator, got {drawing.stop[0]!r}")
    translator = _load(folder, drawing.max_tokens)
    samples = SAMPLES if drawing.samples is None else drawing.samples
    device = default_device()
    model = translator.model.to(device)
    dice = torch.Generator().manual_seed(drawing.seed)
    begin = [translator.target.bos_id, *translator.target.encode(text_of(drawing.prompt))]

    def answer(sentence: str) -> list[Found]:
        source, keep = _encode(translator, [sentence] * samples)
        tokens = generate(
            model,
            torch.tensor([begin] * samples, device=device),
            source=source.to(device),
            source_keep=keep.to(device),
            max_new_tokens=translator.longest,
            eos_id=translator.target.eos_id,
            temperature=1.0 if drawing.temperature is None else drawing.temperature,
            top_k=drawing.top_k,
            top_p=drawing.top_p,
            min_p=drawing.min_p,
            repetition_penalty=drawing.repetition_penalty,
            generator=dice,
        )
        return [_decode(translator, row) for row in tokens.tolist()]

    groups = _answers(translator, sentences, lambda asked: map(answer, asked))
    print_groups(groups, apart=samples > 1)


def translations(
    translator: Translator,
    sentences: Sequence[str],
    *,
    beams: int = 1,
    alternatives: int = 1,
    length_penalty: float = 1.0,
) -> list[str]:
    """Translate sentences, the best translations of each one after the other.

    Parameters
    ----------
    translator : Translator
        Its model is moved to ``txlite.device()``.
    sentences : sequence of str
        What to translate.
    beams : int
        How many beginnings are followed at once; 1 is greedy search.
    alternatives : int
        How many translations of each sentence, at most ``beams``.
    length_penalty : float
        See :func:`txlite.generation.beam_search`.

    Returns
    -------
    list of str
        ``alternatives`` for each sentence.
    """
    found = found_for(
        translator,
        sentences,
        beams=beams,
        alternatives=alternatives,
        length_penalty=length_penalty,
    )
    return [one.text for one in found]


def found_for(
    translator: Translator,
    sentences: Sequence[str],
    *,
    beams: int = 1,
    alternatives: int = 1,
    length_penalty: float = 1.0,
) -> list[Found]:
    """Translate as :func:`translations` does; say of each whether it has an end."""
    device = default_device()
    model = translator.model.to(device).eval()
    found = []
    for first in range(0, len(sentences), BATCH):
        source, keep = _encode(translator, sentences[first : first + BATCH])
        result = beam_search(
            model,
            torch.full((len(source), 1), translator.target.bos_id, device=device),
            source=source.to(device),
            source_keep=keep.to(device),
            num_beams=beams,
            max_new_tokens=translator.longest,
            eos_id=translator.target.eos_id,
            length_penalty=length_penalty,
            num_return_sequences=alternatives,
        )
        found += [_decode(translator, row) for row in result.tokens.tolist()]
    return found


def _load(folder: Path, max_tokens: int | None) -> Translator:
    translator = load_translator(folder)
    few_threads(translator.model.config.d_model)
    return translator._replace(longest=max_tokens or translator.longest)


def _answers(
    translator: Translator,
    sentences: Sequence[str] | None,
    answer: Callable[[list[str]], Iterable[list[Found]]],
) -> Iterator[list[str]]:
    """Yield the lines for each sentence; for one that says nothing, an empty line."""
    for batch in read_batches(sentences, BATCH):
        asked = [sentence for sentence in batch if tidy(sentence)]
        for sentence in asked:
            _warn_of_unknown(translator, sentence)
        answers = iter(answer(asked) if asked else [])
        for sentence in batch:
            found = next(answers) if tidy(sentence) else [Found("", ended=True)]
            if not all(one.ended for one in found):
                _warn_of_no_end(translator, sentence)
            yield [one.text for one in found]


def _warn_of_no_end(translator: Translator, sentence: str) -> None:
    warn(
        f"the translation of “{excerpt(sentence)}” has no end after {translator.longest} tokens "
        "and was cut there; --max-tokens allows more"
    )


def _warn_of_unknown(translator: Translator, sentence: str) -> None:
    """Say which characters no sentence of the training had: the model reads one sign for all."""
    encode, unknown = translator.source.encode, translator.source.unk_id
    text = unicodedata.normalize("NFC", tidy(sentence))
    if unknown in encode(text):
        strange = dict.fromkeys(c for c in text if unknown in encode(c))
        told = " ".join(map(visible, strange))
        warn(f"this translator has never seen {told} (in “{excerpt(sentence)}”)")


def _encode(translator: Translator, sentences: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    eos = translator.source.eos_id
    return pad([[*translator.source.encode(tidy(sentence)), eos] for sentence in sentences])


def _decode(translator: Translator, row: Sequence[int]) -> Found:
    """Return a sentence up to its end."""
    target = translator.target
    ended = target.eos_id in row
    return Found(target.decode(row[: row.index(target.eos_id)] if ended else row), ended)
