"""``txlite train``: from pairs of sentences to a translator in a folder."""

import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.markup import escape

from txlite._checks import check_positive, check_rate
from txlite.cli._begun import begin, check_place, writing
from txlite.cli._console import OUT, WrongCall, report_errors
from txlite.cli._files import CHECKPOINTS, steps_done
from txlite.cli._progress import LossLines
from txlite.cli._signals import Ear, Stopped, patient
from txlite.cli._threads import few_threads
from txlite.cli.translator.begun import describe, name_sentences
from txlite.cli.translator.corpus import CORPORA, Lesson, check_corpus, read_lesson
from txlite.cli.translator.folder import FILES, FORMAT, Translator, save_translator
from txlite.cli.translator.recipe import RECIPES, Recipe
from txlite.cli.translator.room import check_room
from txlite.cli.translator.score import in_words, score
from txlite.data.collate import BucketBatches, encode_pairs
from txlite.data.tokenizers import train_bpe
from txlite.models import Transformer
from txlite.runtime import budget
from txlite.runtime import seed as set_seed
from txlite.training import History, TeacherForcing, adamw, fit, warmup_cosine
from txlite.training.checkpoint import Progress, save_checkpoint
from txlite.training.distributed import Team, processes

__all__ = ["train"]

FEW = 1_000  # tokens: a vocabulary that any sentences may have


@report_errors
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
    vocab_size: Annotated[int | None, typer.Option(min=5, help="Tokens of each language.")] = None,
    d_model: Annotated[int | None, typer.Option(help="Width of the model.")] = None,
    num_heads: Annotated[int | None, typer.Option(help="Attention heads.")] = None,
    d_ff: Annotated[int | None, typer.Option(help="Width of the feed-forward layers.")] = None,
    num_layers: Annotated[int | None, typer.Option(help="Layers of encoder and decoder.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Probability, in [0, 1).")] = None,
    tokens_per_batch: Annotated[int | None, typer.Option(help="Tokens in a batch.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its highest.")] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Decides everything that is drawn.")
    ] = 0,
) -> None:
    """Train a translator. Stopped or killed, the same command goes on where it was.

    What is not said is taken from the budget: TXLITE_BUDGET=smoke, laptop (the default) or full.
    Several processes: torchrun --nproc-per-node 2 -m txlite train …
    """
    chosen = {name: value for name, value in locals().items() if name in Recipe.__annotations__}
    recipe = replace(RECIPES[budget()], **{k: v for k, v in chosen.items() if v is not None})
    recipe = replace(recipe, warmup_steps=min(recipe.warmup_steps, recipe.steps // 4))
    _check(recipe)
    check_corpus(corpus)
    check_place(out, FORMAT, FILES)
    few_threads(recipe.d_model)
    with processes() as (crew, device):
        if crew.rank == 0:
            OUT.print(f"Reading {escape(corpus)} and learning its words …")
        lesson = read_lesson(corpus, recipe.num_pairs if corpus in CORPORA else num_pairs)
        mine = describe(lesson, recipe, seed)
        with writing(out) if crew.rank == 0 else nullcontext():
            begin(out, mine, name_data=name_sentences, write=crew.rank == 0)
            translator = _train(lesson, recipe, out, seed, device, crew)
            if crew.rank == 0:
                _finish(translator, lesson, out)


def _check(recipe: Recipe) -> None:
    """Refuse a recipe of which there is no model, before anything is read."""
    try:
        check_rate("learning_rate", recipe.learning_rate)
        check_positive("tokens_per_batch", recipe.tokens_per_batch)
        few = min(recipe.vocab_size, FEW)  # how many there will be, the sentences tell
        check_room(recipe, few, few)
    except ValueError as error:
        raise WrongCall(str(error)) from None


def _train(
    lesson: Lesson, recipe: Recipe, out: Path, seed: int, device: torch.device, crew: Team
) -> Translator:
    """Train a model, or go on with the one in the folder's checkpoints."""
    source = train_bpe([pair[0] for pair in lesson.train], recipe.vocab_size)
    target = train_bpe([pair[1] for pair in lesson.train], recipe.vocab_size)
    check_room(recipe, source.vocab_size, target.vocab_size)
    encoded = encode_pairs(lesson.train, source, target)
    batches = BucketBatches(encoded, recipe.tokens_per_batch, seed=seed)
    set_seed(seed)
    model = Transformer(recipe.config(source.vocab_size, target.vocab_size)).to(device)
    if crew.rank == 0:
        _announce(model, lesson, recipe, out)
    try:
        last = _fit(model, batches, recipe, out, crew)
    except FloatingPointError as error:
        raise FloatingPointError(
            f"{error}; {out} leads no further: name another folder and a smaller --learning-rate"
        ) from None
    about: dict[str, Any] = {
        "direction": lesson.direction,
        "pairs": len(lesson.train),
        "steps": recipe.steps,
        "loss": last,
    }
    return Translator(model, source, target, about, _longest(encoded))


def _longest(encoded: Sequence[tuple[Sequence[int], Sequence[int]]]) -> int:
    """Return how many tokens a translation may have: as many as the longest learned, and more."""
    longest = max(len(target) for _, target in encoded) - 1  # the begin mark is given
    return 10 + 3 * longest // 2


def _shows_a_bar() -> bool:
    """Whether ``fit`` draws its bar; else lines of a log say that it lives."""
    return sys.stdout.isatty()


def _fit(
    model: Transformer, batches: BucketBatches, recipe: Recipe, out: Path, crew: Team
) -> float:
    """Train for all steps that are not done yet; return the last one's loss."""
    rate, every = recipe.learning_rate, max(1, recipe.steps // 10)
    optimizer = adamw(model, rate, weight_decay=recipe.weight_decay, fused=True)
    lines = LossLines(steps_done(out), recipe.steps, every)
    quiet = crew.rank > 0 or _shows_a_bar()

    def after_a_step(history: History) -> None:
        if not quiet:
            lines(history)
        if (number := _told_to_stop(ear, crew)) is None:
            return
        step = len(history.losses)
        if step % every and step != recipe.steps:  # else it is saved already
            progress = Progress(
                step=step, batches=batches.state_dict(), history=history.state_dict()
            )
            save_checkpoint(out / CHECKPOINTS, progress, model=model, optimizer=optimizer)
        raise Stopped(number, f" after step {step}, which is kept: the same command goes on there")

    with patient() as ear:
        history = fit(
            model,
            batches,
            TeacherForcing(label_smoothing=recipe.label_smoothing),
            steps=recipe.steps,
            optimizer=optimizer,
            schedule=warmup_cosine(rate, recipe.warmup_steps, recipe.steps),
            clip_norm=1.0,
            amp=next(model.parameters()).is_cuda,
            checkpoint=out / CHECKPOINTS,
            checkpoint_every=every,
            on_step=after_a_step,
        )
    return history.losses[-1]


def _told_to_stop(ear: Ear, crew: Team) -> int | None:
    """Return the signal that one of the processes has heard: all stop after the same step."""
    if crew.size == 1:
        return ear.heard
    return next((number for number in crew.gathered(ear.heard) if number is not None), None)


def _announce(model: Transformer, lesson: Lesson, recipe: Recipe, out: Path) -> None:
    """Say what is trained, and where it goes on."""
    config, done = model.config, steps_done(out)
    OUT.print(
        f"{len(lesson.train)} pairs, vocabularies of {config.source_vocab_size} and "
        f"{config.vocab_size} tokens, d_model {config.d_model}, {config.num_layers} + "
        f"{config.num_layers} layers, {recipe.steps} steps."
    )
    if done == recipe.steps:
        OUT.print(f"{escape(str(out))} is already trained for {done} steps; scored again.")
    elif 0 < done < recipe.steps:
        OUT.print(f"Going on after step {done}.")


def _finish(translator: Translator, lesson: Lesson, out: Path) -> None:
    """Score what was never seen, keep the translator, say how it went."""
    scores = score(translator, lesson)
    save_translator(translator._replace(about={**translator.about, "scores": scores}), out)
    OUT.print(f"{escape(lesson.direction)}: {in_words(scores)}")
    sources = [source for source, _ in lesson.held_out]
    example = next((source for source in sources if "'" not in source), sources[0])
    call = f"txlite translate {shlex.quote(str(out))} {shlex.quote(example)}"
    OUT.print(f"Now try: {call}", markup=False)
