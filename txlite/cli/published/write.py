"""``txlite generate`` of a published model: a beginning in, what follows it out."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from txlite.cli._console import WrongCall, excerpt, say, warn
from txlite.cli._family import Drawing
from txlite.cli._lines import print_groups, read_batches
from txlite.cli._threads import few_threads
from txlite.cli.published.folder import Writer, load_writer
from txlite.generation import generate, stream_text
from txlite.runtime import device as default_device

__all__ = ["draw_texts"]

TOKENS = 100  # new ones, where the caller does not say
BATCH = 16  # lines that are read before the first answer is printed


def draw_texts(path: Path, texts: Sequence[str] | None, drawing: Drawing) -> None:
    """Write on from texts.

    One text of the command line is printed while it is written; several stand apart from each
    other. Of the lines of the input each is answered by a line.

    Parameters
    ----------
    path : Path
        A folder as Hugging Face writes it, or a GGUF file.
    texts : sequence of str, optional
        Beginnings, or what an encoder is to read; by default the lines of the input.
    drawing : Drawing
        How the texts are drawn.

    Raises
    ------
    WrongCall
        If a decoder without an encoder is given a second beginning.
    ValueError
        If a text has no room for anything new.
    """
    writer = load_writer(path)
    if drawing.prompt and writer.begin is None:
        raise WrongCall("prompt should be empty for a model that goes on from the text itself")
    few_threads(writer.model.config.d_model)  # type: ignore[union-attr,arg-type]
    writer = writer._replace(model=writer.model.to(default_device()))
    options = _options(writer, drawing)
    samples = drawing.samples or 1
    if texts and len(texts) == samples == 1:
        for (text,) in read_batches(texts, 1):
            _print_as_it_comes(writer, text, drawing, options)
        return
    groups = _groups(writer, texts, drawing, {**options, "num_return_sequences": samples})
    if not texts:
        print_groups(groups, apart=samples > 1)
        return
    for number, group in enumerate(groups):
        for text in ["", *group] if number else group:
            say(text)


def _groups(
    writer: Writer, texts: Sequence[str] | None, drawing: Drawing, options: dict[str, Any]
) -> Iterator[list[str]]:
    """Yield what is written for each text; for one that says nothing, an empty one."""
    for batch in read_batches(texts, BATCH):
        for text in batch:
            if not text.strip():
                yield [""]
                continue
            model_input, shown = _prepared(writer, text, drawing, options)
            told = generate(writer.model, details=True, **model_input)
            yield [shown + new for new in told.texts or ()]


def _print_as_it_comes(
    writer: Writer, text: str, drawing: Drawing, options: dict[str, Any]
) -> None:
    if text.strip():
        model_input, shown = _prepared(writer, text, drawing, options)
        sys.stdout.write(shown)
        for piece in stream_text(writer.model, **model_input):
            sys.stdout.write(piece)
            sys.stdout.flush()
    say("")


def _prepared(
    writer: Writer, text: str, drawing: Drawing, options: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Return the keywords of ``generate`` for a text, and what of the answer is known already."""
    ids = writer.tokenizer.encode(text)
    device = next(writer.model.parameters()).device
    if writer.begin is None:
        prompt, shown, rest = ids, text, {}
    else:
        more = writer.tokenizer.encode(drawing.prompt, marks=False) if drawing.prompt else []
        prompt, shown = [writer.begin, *more], drawing.prompt
        rest = {"source": torch.tensor([ids], device=device)}
    wanted = options["max_new_tokens"]
    room = _room(writer, len(prompt), len(ids))
    if room is not None and room < wanted:
        if room < 1:
            raise ValueError(
                f"text should leave room for a token among {writer.model.config.max_len}, got "  # type: ignore[union-attr]
                f"{len(ids)} tokens: “{excerpt(text)}”"
            )
        warn(f"the model has positions for {room} more tokens, and ends there: “{excerpt(text)}”")
        wanted = room
    prompts = torch.tensor([prompt], device=device)
    return {**options, **rest, "prompt": prompts, "max_new_tokens": wanted}, shown


def _room(writer: Writer, written: int, read: int) -> int | None:
    """Return for how many new tokens there are positions; None where there is no limit."""
    config: Any = writer.model.config
    if getattr(config, "positions", None) != "learned":
        return None
    if writer.begin is not None and read > config.max_len:
        return 0
    return int(config.max_len) - written


def _options(writer: Writer, drawing: Drawing) -> dict[str, Any]:
    """Return the keywords of ``generate`` that are the same for all texts.

    What the caller does not say is as the model's authors draw; who says something of it draws in
    a way of their own, at temperature one where that is not said either.
    """
    said = writer.settings if writer.settings.get("do_sample") is True else {}
    own = [drawing.temperature, drawing.top_k, drawing.top_p, drawing.min_p]
    if any(value is not None for value in own):
        said = {"temperature": 1.0}
    usual = {"temperature": float(said.get("temperature", 1.0)) if said else 0.0}
    usual |= {name: said[name] for name in ("top_k", "top_p", "min_p") if said.get(name)}
    mine = {
        "temperature": drawing.temperature,
        "top_k": drawing.top_k,
        "top_p": drawing.top_p,
        "min_p": drawing.min_p,
        "repetition_penalty": drawing.repetition_penalty,
    }
    chosen = usual | {name: value for name, value in mine.items() if value is not None}
    return {
        **chosen,
        "eos_id": writer.ends or None,
        "pad_id": writer.pad,
        "stop": drawing.stop,
        "decode": writer.tokenizer.decode,
        "generator": torch.Generator().manual_seed(drawing.seed),
        "max_new_tokens": drawing.max_tokens or TOKENS,
    }
