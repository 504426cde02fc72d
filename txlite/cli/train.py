"""``txlite train``: from pairs of sentences to a translator in a folder."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.markup import escape

from txlite.cli._say import OUT, clearly
from txlite.cli.corpus import Lesson, read_lesson
from txlite.cli.folder import Translator, save_translator
from txlite.cli.recipe import RECIPES, Recipe
from txlite.cli.speak import translations
from txlite.data.collate import BucketBatches, encode_pairs
from txlite.data.tokenizers import train_bpe
from txlite.models import Transformer
from txlite.runtime import budget
from txlite.runtime import seed as set_seed
from txlite.training import TeacherForcing, adamw, fit, warmup_cosine
from txlite.training.distributed import processes

__all__ = ["train"]

CHECKPOINTS = "checkpoints"


@clearly
def train(
    corpus: Annotated[
        str,
        typer.Argument(
            help="french-english, chinese-english, or a text file: a sentence, a tab, its "
            "translation in every line."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder for the translator.")],
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the optimiser.")] = None,
    num_pairs: Annotated[int | None, typer.Option(min=2, help="Pairs to learn from.")] = None,
    vocab_size: Annotated[int | None, typer.Option(help="Tokens of each language.")] = None,
    d_model: Annotated[int | None, typer.Option(help="Width of the model.")] = None,
    num_heads: Annotated[int | None, typer.Option(help="Attention heads.")] = None,
    d_ff: Annotated[int | None, typer.Option(help="Width of the feed-forward layers.")] = None,
    num_layers: Annotated[int | None, typer.Option(help="Layers of encoder and decoder.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Probability, in [0, 1).")] = None,
    tokens_per_batch: Annotated[int | None, typer.Option(help="Tokens in a batch.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its highest.")] = None,
    seed: Annotated[int, typer.Option(help="Decides everything that is drawn.")] = 0,
) -> None:
    """Train a translator. Stopped or killed, the same command goes on where it was.

    What is not said is taken from the budget: TXLITE_BUDGET=smoke, laptop (the default) or full.
    Several processes: torchrun --nproc-per-node 2 -m txlite train …
    """
    chosen = {name: value for name, value in locals().items() if name in Recipe.__annotations__}
    recipe = replace(RECIPES[budget()], **{k: v for k, v in chosen.items() if v is not None})
    recipe = replace(recipe, warmup_steps=min(recipe.warmup_steps, recipe.steps // 4))
    with processes() as (crew, device):
        if crew.rank == 0:
            OUT.print(f"Reading {escape(corpus)} and learning its words …")
        lesson = read_lesson(corpus, recipe.num_pairs)
        translator = _train(lesson, recipe, out, seed, device)
        if crew.rank == 0:
            _finish(translator, lesson, out)


def _train(
    lesson: Lesson, recipe: Recipe, out: Path, seed: int, device: torch.device
) -> Translator:
    """Train a model, or go on with the one in the folder's checkpoints."""
    source = train_bpe([pair[0] for pair in lesson.train], recipe.vocab_size)
    target = train_bpe([pair[1] for pair in lesson.train], recipe.vocab_size)
    batches = BucketBatches(
        encode_pairs(lesson.train, source, target), recipe.tokens_per_batch, seed=seed
    )
    set_seed(seed)
    model = Transformer(recipe.config(source.vocab_size, target.vocab_size)).to(device)
    rate = recipe.learning_rate
    history = fit(
        model,
        batches,
        TeacherForcing(label_smoothing=recipe.label_smoothing),
        steps=recipe.steps,
        optimizer=adamw(model, rate, weight_decay=recipe.weight_decay, fused=True),
        schedule=warmup_cosine(rate, recipe.warmup_steps, recipe.steps),
        clip_norm=1.0,
        amp=device.type == "cuda",
        checkpoint=out / CHECKPOINTS,
        checkpoint_every=max(1, recipe.steps // 10),
    )
    about: dict[str, Any] = {
        "direction": lesson.direction,
        "pairs": len(lesson.train),
        "steps": recipe.steps,
        "loss": history.losses[-1],
    }
    return Translator(model, source, target, about)


def _finish(translator: Translator, lesson: Lesson, out: Path) -> None:
    """Score what was never seen, keep the translator, say how it went."""
    from sacrebleu.metrics.bleu import BLEU

    found = translations(translator, [source for source, _ in lesson.held_out])
    wanted = [target for _, target in lesson.held_out]
    right = sum(f == w for f, w in zip(found, wanted, strict=True)) / len(wanted)
    bleu = BLEU().corpus_score(found, [wanted]).score
    scores = {"exact match": round(right, 4), "BLEU": round(bleu, 2), "sentences": len(wanted)}
    save_translator(translator._replace(about={**translator.about, "scores": scores}), out)
    example = shlex.quote(lesson.held_out[0][0])
    OUT.print(
        f"{escape(lesson.direction)}: {right:.1%} of {len(wanted)} held-out sentences exactly "
        f"right, BLEU {bleu:.1f}."
    )
    OUT.print(f"Now try: txlite translate {shlex.quote(str(out))} {example}", markup=False)
