"""Real text: the same Transformer on a thousand messages that people wrote.

Pairs from the catalogues of Sphinx and Django, French and Chinese, some held out. The model of the
chapter's page is trained on the others: plain, with dropout, with label smoothing, and with both,
in the amounts of Vaswani et al. (2017), which were not tuned here; the same steps each. While it
trains, the loss is taken on pairs that it learns from and on those that are held out. Beside it
stand a dictionary, a translation memory, and the source as it is.

With ``TXLITE_SEED`` unset or 0 a few translations are kept, for the page to show.
"""

import json
import time
from collections.abc import Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

import txlite
from txlite.data.catalogues import catalogue_text
from txlite.data.collate import BucketBatches, encode_pairs, pad
from txlite.data.pairs import Pair
from txlite.data.real_text import RealText
from txlite.data.tokenizers import BPE, train_bpe
from txlite.generation import generate
from txlite.models import Transformer, TransformerConfig, TranslationMemory, WordByWord
from txlite.training import TeacherForcing, adamw, fit, mean_loss, warmup_cosine
from txlite.training.corpus_scores import corpus_bootstrap

VOCABULARY, TOKENS, STEPS, EVERY = 1_000, 1_000, 600, 50
RATE, WARM_UP = 3e-3, 60
ASKED = 300  # pairs of the training on which the loss is taken
LANGUAGES = ("fr", "zh")
SETTINGS = {  # dropout, label smoothing
    "plain": (0.0, 0.0),
    "dropout": (0.1, 0.0),
    "smoothing": (0.0, 0.1),
    "both": (0.1, 0.1),
}
OTHERS = ("memory", "dictionary", "copy")
FILE = Path(__file__).parents[1] / "book" / "studies" / "15_real_text.txt"
SHOWN = 24  # translations that are kept, in each language


class Language:
    """A language's pairs and tokens, the same for every seed."""

    def __init__(self, key: str) -> None:
        self.key, self.text = key, catalogue_text(key)
        self.source: BPE = train_bpe((p.source for p in self.text.train), VOCABULARY)
        self.target: BPE = train_bpe((p.target for p in self.text.train), VOCABULARY)
        self.train = encode_pairs(self.text.train, self.source, self.target)
        self.held_out = encode_pairs(self.text.held_out, self.source, self.target)
        self.sources = [pair.source for pair in self.text.held_out]
        self.wanted = [pair.target for pair in self.text.held_out]


language = cache(Language)


class Result(NamedTuple):
    """What a system says, and its numbers."""

    said: list[str]
    numbers: dict[str, float]


def transformer(data: Language, dropout: float) -> Transformer:
    """Return the page's Transformer, untrained."""
    config = TransformerConfig(
        vocab_size=data.target.vocab_size,
        source_vocab_size=data.source.vocab_size,
        d_model=96,
        num_heads=4,
        d_ff=256,
        num_layers=2,
        dropout=dropout,
        norm_first=True,
        positions="rotary",
    )
    return Transformer(config).to(txlite.device())


def trained(
    data: Language, dropout: float, smoothing: float
) -> tuple[Transformer, dict[str, float]]:
    """Train one model; return it and what happened, the losses without smoothing or dropout."""
    order = txlite.seed(0).initial_seed()  # the same first weights and batches for each setting
    model = transformer(data, dropout)
    asked = {
        "train": list(BucketBatches(data.train[:ASKED], 3 * TOKENS, shuffle=False)),
        "held out": list(BucketBatches(data.held_out, 3 * TOKENS, shuffle=False)),
    }
    begin = time.process_time()
    history = fit(
        model,
        BucketBatches(data.train, TOKENS, seed=order),
        TeacherForcing(label_smoothing=smoothing),
        steps=STEPS,
        optimizer=adamw(model, RATE, weight_decay=0.1, fused=True),
        schedule=warmup_cosine(RATE, min(WARM_UP, STEPS // 2), STEPS),
        clip_norm=1.0,
        progress=False,
        evaluate=lambda m: {k: mean_loss(m, v, TeacherForcing()) for k, v in asked.items()},
        evaluate_every=EVERY,
    )
    numbers = {"seconds": time.process_time() - begin, "tokens": float(sum(history.tokens))}
    for name, curve in history.scores.items():
        numbers |= {f"{name} loss, step {step}": loss for step, loss in curve}
    return model, numbers


def translate(model: Transformer, data: Language, sentences: Sequence[str]) -> list[str]:
    """Translate greedily."""
    found: list[str] = [""] * len(sentences)
    order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
    for part in (order[i : i + 100] for i in range(0, len(order), 100)):
        rows = [[*data.source.encode(sentences[i]), data.source.eos_id] for i in part]
        tokens, keep = (x.to(txlite.device()) for x in pad(rows))
        told = generate(
            model,
            torch.full((len(part), 1), data.target.bos_id, device=tokens.device),
            source=tokens,
            source_keep=keep,
            max_new_tokens=60,
            eos_id=data.target.eos_id,
        )
        for i, row in zip(part, told.tolist(), strict=True):
            found[i] = data.target.decode(row)
    return found


def baselines(data: Language) -> dict[str, list[str]]:
    """Return what those say that are not trained by gradient; they know the same pairs."""
    sizes = data.source.vocab_size, data.target.vocab_size
    dictionary = WordByWord([(a[:-1], b[1:-1]) for a, b in data.train], *sizes)
    memory = TranslationMemory(data.text.train)
    return {
        "memory": [memory(source) for source in data.sources],
        "dictionary": [
            data.target.decode(dictionary(data.source.encode(source))) for source in data.sources
        ],
        "copy": data.sources,
    }


def counts(said: Sequence[str], wanted: Sequence[str]) -> list[list[float]]:
    """Return what BLEU counts in each sentence."""
    found = (BLEU().corpus_score([a], [[b]]) for a, b in zip(said, wanted, strict=True))
    return [[f.sys_len, f.ref_len, *f.counts, *f.totals] for f in found]


def bleu(sums: list[float]) -> float:
    """Return BLEU of what was counted."""
    said, wanted, *rest = (round(x) for x in sums)
    found = BLEU.compute_bleu(rest[:4], rest[4:], said, wanted, smooth_method="exp")
    return float(found.score)


def scores(said: Sequence[str], wanted: Sequence[str]) -> dict[str, float]:
    """Return BLEU with an interval over the sentences, chrF, how many are right, the length."""
    table = counts(said, wanted)
    held_out_draws = torch.Generator().manual_seed(0)
    value, low, high = corpus_bootstrap(table, score=bleu, generator=held_out_draws)
    return {
        "BLEU": value,
        "BLEU low": low,
        "BLEU high": high,
        "chrF": float(CHRF().corpus_score(said, [wanted]).score),
        "right": 100 * sum(a == b for a, b in zip(said, wanted, strict=True)) / len(wanted),
        "length": sum(row[0] for row in table) / sum(row[1] for row in table),
    }


def duel(first: Sequence[str], second: Sequence[str], wanted: Sequence[str]) -> dict[str, float]:
    """Return by how much BLEU is higher for the first, with an interval."""
    held_out_draws = torch.Generator().manual_seed(0)
    tables = (counts(said, wanted) for said in (first, second))
    three = corpus_bootstrap(*tables, score=bleu, generator=held_out_draws)
    return dict(zip(("difference", "low", "high"), three, strict=True))


def of_language(data: Language) -> tuple[dict[str, float], dict[str, list[str]]]:
    """Train all settings; return the numbers, and what every system says."""
    numbers: dict[str, float] = {
        "pairs": float(len(data.text.train)),
        "held out": float(len(data.text.held_out)),
    }
    said: dict[str, list[str]] = {}
    for name, (dropout, smoothing) in SETTINGS.items():
        model, found = trained(data, dropout, smoothing)
        said[name] = translate(model, data, data.sources)
        numbers |= {f"{name}, {what}": value for what, value in found.items()}
    said |= baselines(data)
    for name, lines in said.items():
        found = scores(lines, data.wanted)
        numbers |= {f"{name}, {what}": value for what, value in found.items()}
    pairs = [*combinations(SETTINGS, 2), *((a, b) for a in SETTINGS for b in OTHERS)]
    for first, second in pairs:
        found = duel(said[second], said[first], data.wanted)
        numbers |= {f"{second} - {first}, {what}": value for what, value in found.items()}
    return numbers, said


def kept(text: RealText, said: dict[str, list[str]]) -> list[dict[str, str]]:
    """Return translations to look at: one in so many of the held-out sentences."""
    step = max(1, len(text.held_out) // SHOWN)
    rows: list[dict[str, str]] = []
    for at in range(0, len(text.held_out), step):
        pair: Pair = text.held_out[at]
        systems = {name: lines[at] for name, lines in said.items() if name != "copy"}
        rows.append({"source": pair.source, "wanted": pair.target, **systems})
    return rows


def measure() -> dict[str, float]:
    """Train each setting from each language, and return how it translates."""
    own = txlite.seed(0).initial_seed() == 0  # nothing is shifted
    numbers: dict[str, float] = {}
    shown: dict[str, list[dict[str, str]]] = {}
    for key in LANGUAGES:
        found, said = of_language(language(key))
        numbers |= {f"{key}, {name}": value for name, value in found.items()}
        shown[key] = kept(language(key).text, said)
    if own:
        FILE.write_text(json.dumps(shown, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return {name: round(value, 4) for name, value in numbers.items()}
