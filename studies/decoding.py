"""Decoding: five ways to get sentences out of one model, compared in pairs on the same sentences.

The model, the data, the training and the held-out sentences are the chapter's, and ``TXLITE_SEED``
shifts the seeds as it does there. For clean sources and for sources with ink on every
tenth word, the values are for each way: the share of translations that are right word for word, the
mean log-probability that the model gives them, their mean length; and for each pair of ways how
often only the first, and only the second, was right.
"""

from collections.abc import Callable
from functools import partial
from itertools import combinations

import torch
from torch import Tensor

import txlite
from txlite.data.collate import pair_batch
from txlite.data.corpora import Pair, french_english
from txlite.data.pairs import PairBatch
from txlite.generation import beam_search, generate
from txlite.models import Transformer, TransformerConfig
from txlite.training import Batches, TeacherForcing, adamw, fit, sign_test, warmup_cosine

PAD, BOS, EOS, BLOT = range(4)
SENTENCES, TESTED, STEPS, RATE, INK = 12_000, 400, 400, 5e-3, 0.1
LONGEST = 12


def french(pair: Pair) -> list[str]:
    """Return the source's words."""
    return pair.source.replace("'", "' ").split()


def english(pair: Pair) -> list[str]:
    """Return the target's words."""
    return pair.target.split()


def short(pairs: list[Pair]) -> list[Pair]:
    """Return the short pairs."""
    return [p for p in pairs if len(english(p)) <= 6 and len(french(p)) <= 8]


def spill(batch: PairBatch, ink: torch.Generator) -> PairBatch:
    """Put ink on a share of the French words."""
    hit = (torch.rand(batch.source.shape, generator=ink) < INK) & (batch.source > EOS)
    return batch._replace(source=batch.source.masked_fill(hit, BLOT))


class Translator:
    """The chapter's model, its two vocabularies, and what is measured of its sentences."""

    def __init__(self, train: list[Pair], layers: int = 1) -> None:
        signs = ["·", "⊢", "∎", "▇"]
        self.fr = signs + sorted({word for p in train for word in french(p)})
        self.en = signs + sorted({word for p in train for word in english(p)})
        self.fr_ids = {word: i for i, word in enumerate(self.fr)}
        self.en_ids = {word: i for i, word in enumerate(self.en)}
        self.device = txlite.device()
        config = TransformerConfig(
            vocab_size=len(self.en),
            source_vocab_size=len(self.fr),
            d_model=64,
            num_heads=4,
            d_ff=128,
            num_layers=layers,
            dropout=0.0,
            norm_first=True,
        )
        ink = txlite.seed(1)
        self.model = Transformer(config).to(self.device)
        batches = Batches(
            train,
            lambda p: spill(self.encode(p), ink),
            batch_size=64,
            seed=ink.initial_seed(),
        )
        fit(
            self.model,
            batches,
            TeacherForcing(),
            steps=STEPS,
            optimizer=adamw(self.model, RATE),
            clip_norm=1.0,
            schedule=warmup_cosine(RATE, STEPS // 10, STEPS),
            progress=False,
        )
        self.model.eval()

    def encode(self, pairs: list[Pair]) -> PairBatch:
        """Write pairs as numbers."""
        return pair_batch(
            [
                (
                    [self.fr_ids.get(w, BLOT) for w in french(p)] + [EOS],
                    [BOS] + [self.en_ids.get(w, BLOT) for w in english(p)] + [EOS],
                )
                for p in pairs
            ]
        )

    def text(self, row: Tensor) -> str:
        """Write numbers as a sentence, up to the end sign."""
        words = row.tolist()[1:]
        return " ".join(self.en[i] for i in (words[: words.index(EOS)] if EOS in words else words))

    @torch.no_grad()
    def log_prob(self, batch: PairBatch, target: Tensor) -> Tensor:
        """Return the log-probability of whole sentences, down to their end signs."""
        logits = self.model(batch.source, target[:, :-1], source_keep=batch.source_keep)
        new = target[:, 1:]
        real = (new == EOS).long().cumsum(1) - (new == EOS).long() == 0
        each = logits.log_softmax(-1).gather(-1, new[..., None])[..., 0]
        total: Tensor = (each * real).sum(1)
        return total


def ways(translator: Translator, batch: PairBatch) -> dict[str, Callable[[], Tensor]]:
    """Return the ways to decode a batch."""
    begin = torch.full((len(batch.source), 1), BOS, device=translator.device)
    one = partial(
        generate,
        translator.model,
        begin,
        source=batch.source,
        source_keep=batch.source_keep,
        max_new_tokens=LONGEST,
        eos_id=EOS,
    )
    several = partial(
        beam_search,
        translator.model,
        begin,
        num_beams=4,
        source=batch.source,
        source_keep=batch.source_keep,
        max_new_tokens=LONGEST,
        eos_id=EOS,
        early_stopping="never",
    )

    def drawn(top_p: float | None = None) -> Tensor:
        return one(temperature=1.0, generator=txlite.seed(5), top_p=top_p)

    return {
        "draw": drawn,
        "top-p 0.8": lambda: drawn(0.8),
        "greedy": one,
        "beams, α = 0": lambda: several(length_penalty=0.0).tokens,
        "beams, α = 1": lambda: several(length_penalty=1.0).tokens,
    }


def measure() -> dict[str, float]:
    """Train, decode in each way, and compare the ways in pairs."""
    corpus = french_english(SENTENCES)
    test = short(corpus.test_combination)[:TESTED]
    translator = Translator(short(corpus.train))
    clean = translator.encode(test)
    inked = spill(clean, torch.Generator().manual_seed(7))
    found = {}
    for state, batch in (("clean", clean), ("blots", inked)):
        here = batch.to(translator.device)
        right = {}
        for name, way in ways(translator, here).items():
            rows = way()
            texts = [translator.text(row) for row in rows]
            right[name] = [said == p.target for said, p in zip(texts, test, strict=True)]
            found[f"{name}, {state}: right"] = sum(right[name]) / len(test)
            found[f"{name}, {state}: log p"] = translator.log_prob(here, rows).mean().item()
            found[f"{name}, {state}: words"] = sum(len(t.split()) for t in texts) / len(test)
        for a, b in combinations(right, 2):
            wins, losses, _ = sign_test(right[a], right[b])
            found[f"{a} against {b}, {state}: only the first right"] = wins
            found[f"{a} against {b}, {state}: only the second right"] = losses
    found["words of the truth"] = sum(len(english(p)) for p in test) / len(test)
    return found
