"""``txlite generate``: a text goes in, and the model of a folder or file writes."""

from pathlib import Path
from typing import Annotated

import typer

from txlite.cli._console import report_errors
from txlite.cli._family import Drawing, Family
from txlite.cli._files import family_of
from txlite.cli._lines import MANY

__all__ = ["generate"]


@report_errors
def generate(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(
            help="A folder that txlite train or Hugging Face has written, or a GGUF file."
        ),
    ],
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="Sentences or beginnings; by default the lines of the input."),
    ] = None,
    prompt: Annotated[str, typer.Option(help="How every translation begins.")] = "",
    samples: Annotated[
        int | None,
        typer.Option(min=1, max=MANY, help="How many of each: 3 translations, or 1 text."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="0 always takes the most probable token. A translator has 1, others what their "
            "folder says, or 0.",
        ),
    ] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Only the k most probable.")] = None,
    top_p: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Only the smallest set with this probability."),
    ] = None,
    min_p: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Only those with this share of the highest probability."
        ),
    ] = None,
    repetition_penalty: Annotated[
        float | None,
        typer.Option(min=0.0, help="Above 1 makes what has occurred less probable."),
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option(help="A text at which to end; may be said several times.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Decides what is drawn.")] = 0,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            help="New tokens at most; by default 100, or half as many again as a translator's "
            "longest.",
        ),
    ] = None,
) -> None:
    """Write on from a text, or draw translations of a sentence by chance."""
    families: tuple[Family, ...] = context.obj
    family = family_of(model, families)
    if family.draw is None:
        raise ValueError(f"{model} holds a model that writes nothing")
    drawing = Drawing(
        prompt=prompt,
        samples=samples,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        stop=tuple(stop or ()),
        seed=seed,
        max_tokens=max_tokens,
    )
    family.draw(model, texts, drawing)
