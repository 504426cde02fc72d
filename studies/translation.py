"""Translation: who translates what it has not met, and what becomes of sentences that go deeper.

Every system is trained on the same pairs of `txlite.data.corpora`: a Transformer from each
language, and from French also two translators made of LSTMs, which get about the same seconds of a
quiet machine. Then
come sentences with new pairs of words, and sentences with two and three subordinations where the
training had at most one (`txlite.data.depths`). Then the French Transformer is trained on for a
few more steps, with deeper sentences among the pairs, or, as a control, with longer ones that are
no deeper.

The Chinese Transformer of seed 0 is kept, for a page that has no time to train it.
"""

import json
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from safetensors.torch import save_file
from torch import Tensor, nn

import txlite
from txlite.data.collate import BucketBatches, encode_pairs, pad, pair_batch
from txlite.data.corpora import Pair, ParallelCorpus, chinese_english, french_english
from txlite.data.depths import pairs_of_depth
from txlite.data.tokenizers import BPE, train_bpe
from txlite.generation import generate
from txlite.models import LSTMTranslator, Transformer, TransformerConfig, WordByWord
from txlite.training import TeacherForcing, adamw, fit, paired_bootstrap, warmup_cosine

NUM_TRAIN, VOCABULARY, TOKENS = 35_000, 800, 1_000
STEPS, LSTM_STEPS, LUONG_STEPS = 800, 1_250, 1_150  # about the same seconds of a quiet machine
NUM_DEEP, NUM_CELL = 200, 40
MORE_STEPS, MORE_PAIRS, ADDED_PAIRS = 200, 8_000, 800  # about once through
POOL = 1_500  # sentences of each depth, from which the grid takes its own
DEPTHS, BINS = (0, 1, 2, 3), ((5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16))
ASKED, ADDED = 1, 2  # seeds of the sentences that are asked, and of those that are added
DEEP, LONG = (2, 3), 10
EDGES = (1, 7, 10, 13, 100)
GRIDS = ("French", "pinch", "long")
PAIRS = (
    ("French", "LSTM, attention"),
    ("French", "LSTM"),
    ("pinch", "French"),
    ("pinch", "long"),
    ("long", "French"),
)
KEPT = "Chinese"  # of seed 0, for a page that has no time to train it
FILE = Path(__file__).parents[1] / "book" / "studies" / "15_chinese.safetensors"
EARLY = 3  # so many words are missing when a translation counts as broken off

Translator = Callable[[Sequence[str]], list[str]]


class Language:
    """A language's pairs and tokens, the same for every seed."""

    def __init__(self, key: str) -> None:
        make: Callable[[int], ParallelCorpus] = {"fr": french_english, "zh": chinese_english}[key]
        self.key, self.corpus = key, make(NUM_TRAIN)
        self.source: BPE = train_bpe((pair.source for pair in self.corpus.train), VOCABULARY)
        self.target: BPE = train_bpe((pair.target for pair in self.corpus.train), VOCABULARY)
        self.encoded = self.encode(self.corpus.train)
        taught = {pair.source for pair in self.corpus.train}
        self.pools = {
            depth: [
                pair
                for pair in pairs_of_depth(key, depth, POOL, seed=ASKED)
                if pair.source not in taught
            ]
            for depth in DEPTHS
        }

    def encode(self, pairs: Sequence[Pair]) -> list[tuple[list[int], list[int]]]:
        """Return the pairs as token numbers."""
        return encode_pairs(pairs, self.source, self.target)

    def deep(self, depth: int) -> list[Pair]:
        """Return sentences of a depth, of the lengths that the grammar gives them."""
        return self.pools[depth][:NUM_DEEP]

    def cell(self, depth: int, shortest: int, longest: int) -> list[Pair]:
        """Return sentences of a depth whose translations have so many words."""
        fits = [p for p in self.pools[depth] if shortest <= words(p.target) <= longest]
        return fits[:NUM_CELL]

    def pinch(self, depth: int, shortest: int = 0) -> list[tuple[list[int], list[int]]]:
        """Return pairs to go on with: some of the training's, and one in ten of another form."""
        asked = {pair.source for pool in self.pools.values() for pair in pool}
        added = [
            pair
            for pair in pairs_of_depth(
                self.key, depth, ADDED_PAIRS * (8 if shortest else 2), seed=ADDED
            )
            if pair.source not in asked and words(pair.target) >= shortest
        ]
        if len(added) < ADDED_PAIRS:
            raise ValueError(f"there should be {ADDED_PAIRS} sentences to add, got {len(added)}")
        known = self.encoded[: MORE_PAIRS - ADDED_PAIRS]
        return [*known, *self.encode(added[:ADDED_PAIRS])]


language = cache(Language)


def words(sentence: str) -> int:
    """Return how many words a sentence has."""
    return len(sentence.split())


def transformer(data: Language, positions: Any = "rotary") -> Transformer:
    """Return the page's Transformer, untrained."""
    config = TransformerConfig(
        vocab_size=data.target.vocab_size,
        source_vocab_size=data.source.vocab_size,
        d_model=96,
        num_heads=4,
        d_ff=256,
        num_layers=2,
        dropout=0.0,
        norm_first=True,
        positions=positions,
    )
    return Transformer(config).to(txlite.device())


def lstm(data: Language, *, attention: bool) -> LSTMTranslator:
    """Return one of the older translators, untrained."""
    sizes = data.target.vocab_size, data.source.vocab_size
    return LSTMTranslator(*sizes, 128, attention=attention).to(txlite.device())


def train(
    model: nn.Module, encoded: Sequence[Any], order: int, steps: int, rate: float = 3e-3
) -> float:
    """Train, round the weights to sixteen bits as the page does, and return the seconds."""
    begin = time.process_time()
    fit(
        model,
        BucketBatches(encoded, TOKENS, seed=order),
        TeacherForcing(),
        steps=steps,
        optimizer=adamw(model, rate, weight_decay=0.1, fused=True),
        schedule=warmup_cosine(rate, min(60, steps // 2), steps),
        clip_norm=1.0,
        progress=False,
    )
    seconds = time.process_time() - begin
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half().float())
    return seconds


def translate(
    model: nn.Module, data: Language, sentences: Sequence[str], lengths: Sequence[int] | None = None
) -> list[str]:
    """Translate greedily; with ``lengths`` the end is banned until so many tokens are written."""
    found: list[str] = [""] * len(sentences)
    order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
    for part in (order[i : i + 100] for i in range(0, len(order), 100)):
        rows = [[*data.source.encode(sentences[i]), data.source.eos_id] for i in part]
        tokens, keep = (x.to(txlite.device()) for x in pad(rows))
        told = generate(
            Endless(model, data.target.eos_id) if lengths else model,
            torch.full((len(part), 1), data.target.bos_id, device=tokens.device),
            source=tokens,
            source_keep=keep,
            max_new_tokens=max(lengths[i] for i in part) if lengths else 60,
            eos_id=None if lengths else data.target.eos_id,
            use_cache=isinstance(model, Transformer),
        )
        for i, row in zip(part, told.tolist(), strict=True):
            found[i] = data.target.decode(row[: 1 + lengths[i]] if lengths else row)
    return found


class Endless(nn.Module):
    """A model without its end token."""

    def __init__(self, model: nn.Module, eos_id: int) -> None:
        super().__init__()
        self.model, self.eos_id = model, eos_id

    def forward(self, source: Tensor | None, target: Tensor, **more: Any) -> Tensor:
        """Return the model's scores, of the end minus infinity."""
        logits: Tensor = self.model(source, target, **more).clone()
        logits[..., self.eos_id] = -torch.inf
        return logits


def right(said: Sequence[str], pairs: Sequence[Pair]) -> list[float]:
    """Return 100 for each right translation and 0 for each other."""
    return [100.0 * (a == pair.target) for a, pair in zip(said, pairs, strict=True)]


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return sum(values) / len(values)


def scores(said: Sequence[str], pairs: Sequence[Pair]) -> dict[str, float]:
    """Return the share of right translations, BLEU and chrF."""
    wanted = [pair.target for pair in pairs]
    return {
        "right": mean(right(said, pairs)),
        "BLEU": BLEU(tokenize="none").corpus_score(said, [wanted]).score,
        "chrF": CHRF().corpus_score(said, [wanted]).score,
    }


def ends(said: Sequence[str], pairs: Sequence[Pair]) -> dict[str, float]:
    """Return how long the translations are, how many stop early, and how many wrong ones end right.

    A wrong translation that ends on the wanted word has come to the end of its sentence: what it
    lacks, it lacks before.
    """
    lengths = [(words(a), words(pair.target)) for a, pair in zip(said, pairs, strict=True)]
    wrong = [(a, p.target) for a, p in zip(said, pairs, strict=True) if a != p.target]
    last = [float(a.split()[-1:] == b.split()[-1:]) for a, b in wrong]
    return {
        "length": sum(a for a, _ in lengths) / sum(b for _, b in lengths),
        "stop early": 100 * mean([float(a <= b - EARLY) for a, b in lengths]),
        "last word": 100 * mean(last) if last else 100.0,
    }


@torch.no_grad()
def forced(model: nn.Module, data: Language, pairs: Sequence[Pair]) -> dict[str, float]:
    """Return what the model makes of right beginnings: its accuracy, and where it would end."""
    batch = pair_batch(data.encode(pairs)).to(txlite.device())
    logits = model(batch.source, batch.target[:, :-1], source_keep=batch.source_keep)
    said, wanted = logits.argmax(-1), batch.target[:, 1:]
    keep = batch.target_keep[:, 1:]
    inside = keep & (wanted != data.target.eos_id)
    ended = (said == data.target.eos_id) & inside
    return {
        "forced": 100 * float((said == wanted)[keep].double().mean()),
        "forced end": 100 * float(ended.any(1).double().mean()),
    }


def grid(model: nn.Module, data: Language) -> dict[str, float]:
    """Return the share of right translations by depth and by the length of the translation."""
    found = {}
    for depth in DEPTHS:
        for shortest, longest in BINS:
            pairs = data.cell(depth, shortest, longest)
            if len(pairs) == NUM_CELL:
                said = translate(model, data, [pair.source for pair in pairs])
                name = f"depth {depth}, {shortest}-{longest} words"
                found[name] = mean(right(said, pairs))
    return found


def by_length(said: Sequence[str], data: Language, pairs: Sequence[Pair]) -> dict[str, float]:
    """Return the share of right translations by the number of tokens that are read."""
    marks, found = right(said, pairs), {}
    lengths = [len(data.source.encode(pair.source)) for pair in pairs]
    for shortest, beyond in pairwise(EDGES):
        inside = [m for m, n in zip(marks, lengths, strict=True) if shortest <= n < beyond]
        found[f"{shortest}-{beyond - 1} tokens"] = mean(inside)
    return found


class Examined(NamedTuple):
    """What a system answers: its numbers, and its marks by exam."""

    numbers: dict[str, float]
    marks: dict[str, list[float]]


def examine(system: nn.Module | Translator, data: Language) -> Examined:
    """Ask a system everything that it can be asked."""
    numbers: dict[str, float] = {}
    marks: dict[str, list[float]] = {}
    model = system if isinstance(system, nn.Module) else None
    answer = (lambda sources: translate(model, data, sources)) if model else system
    exams = {"combination": data.corpus.test_combination}
    exams |= {f"depth {depth}": data.deep(depth) for depth in DEEP}
    for exam, pairs in exams.items():
        said = answer([pair.source for pair in pairs])
        marks[exam] = right(said, pairs)
        found = {**scores(said, pairs), **ends(said, pairs)}
        if exam == "combination":
            found |= by_length(said, data, pairs)
        elif model is not None:
            found |= forced(model, data, pairs)
            lengths = [len(data.target.encode(pair.target)) for pair in pairs]
            banned = translate(model, data, [pair.source for pair in pairs], lengths)
            found["end banned"] = mean(right(banned, pairs))
        numbers |= {f"{exam}, {name}": value for name, value in found.items()}
    return Examined(numbers, marks)


def compare(first: Examined, second: Examined) -> dict[str, float]:
    """Return how much more often the first is right, with an interval, exam by exam."""
    found = {}
    for exam in first.marks:
        dice = torch.Generator().manual_seed(0)
        three = paired_bootstrap(first.marks[exam], second.marks[exam], generator=dice)
        for name, value in zip(("difference", "low", "high"), three, strict=True):
            found[f"{exam}, {name}"] = value
    return found


def keep(model: Transformer, data: Language, file: Path) -> None:
    """Write a trained model and its tokenizers: what the page needs in order to translate."""
    tensors = {
        name: tensor.half().contiguous().cpu() for name, tensor in model.state_dict().items()
    }
    about = {
        "config": json.dumps(asdict(model.config)),
        "source": data.source.to_json(),
        "target": data.target.to_json(),
    }
    save_file(tensors, file, metadata=about)


class Kind(NamedTuple):
    """How a system comes about: its language, what is built, what it is taught, and how long.

    With ``after`` it is not built: it is the system of that name, which is trained on.
    """

    language: str
    build: Callable[[Language], nn.Module]
    taught: Callable[[Language], Any]
    steps: int
    rate: float = 3e-3
    after: str = ""


KINDS = {
    "French": Kind("fr", transformer, lambda data: data.encoded, STEPS),
    "pinch": Kind("fr", transformer, lambda data: data.pinch(2), MORE_STEPS, 1e-3, "French"),
    "long": Kind("fr", transformer, lambda data: data.pinch(1, LONG), MORE_STEPS, 1e-3, "French"),
    "LSTM, attention": Kind(
        "fr", partial(lstm, attention=True), lambda data: data.encoded, LUONG_STEPS, 8e-3
    ),
    "LSTM": Kind("fr", partial(lstm, attention=False), lambda data: data.encoded, LSTM_STEPS, 8e-3),
    "Chinese": Kind("zh", transformer, lambda data: data.encoded, STEPS),
}


def taught(name: str, known: dict[str, nn.Module]) -> tuple[Examined, nn.Module]:
    """Train one system and ask it everything; return what it answers, and the system."""
    kind = KINDS[name]
    data = language(kind.language)
    order = txlite.seed(0).initial_seed()
    model = deepcopy(known[kind.after]) if kind.after else kind.build(data)
    seconds = train(model, kind.taught(data), order, kind.steps, kind.rate)
    found = examine(model, data)
    found.numbers["seconds"] = seconds
    if name in GRIDS:
        found.numbers.update(grid(model, data))
    return found, model


def measure() -> dict[str, float]:
    """Train all systems, and return what they translate.

    The page under the same ``TXLITE_SEED`` trains the same.
    """
    own = txlite.seed(0).initial_seed() == 0  # nothing is shifted
    examined: dict[str, Examined] = {}
    known: dict[str, nn.Module] = {}
    for name in KINDS:
        examined[name], known[name] = taught(name, known)
        model = known[name]
        if name == KEPT and own and isinstance(model, Transformer):
            keep(model, language(KINDS[name].language), FILE)
    return together(examined)


def together(examined: dict[str, Examined]) -> dict[str, float]:
    """Return the numbers of all systems, and their comparisons on the same sentences."""
    dictionary = {"word by word": examine(word_by_word(language("fr")), language("fr"))}
    numbers: dict[str, float] = {}
    for name, result in (examined | dictionary).items():
        numbers |= {f"{name}, {what}": value for what, value in result.numbers.items()}
    for first, second in PAIRS:
        found = compare(examined[first], examined[second])
        numbers |= {f"{first} - {second}, {what}": value for what, value in found.items()}
    return {name: round(value, 4) for name, value in numbers.items()}


def word_by_word(data: Language) -> Translator:
    """Return the dictionary that is learned from the same pairs."""
    sizes = data.source.vocab_size, data.target.vocab_size
    dictionary = WordByWord([(a[:-1], b[1:-1]) for a, b in data.encoded], *sizes)

    def answer(sentences: Sequence[str]) -> list[str]:
        return [data.target.decode(dictionary(data.source.encode(s))) for s in sentences]

    return answer
