"""BERT: what its recipe of masking does, and when pre-training pays.

**The recipe.** A small BERT learns the names of Unicode's characters. Of the words that are chosen
80 % are hidden, 10 % replaced and 10 % left; each other row of the table changes these shares, or
asks for every word, and nothing else. All sit the same exams, on names that nobody was trained on:
a word is hidden; nothing is hidden; a word is replaced by a wrong one. A probe asks what the state
of a name's first word, which is not hidden, knows of the others. An untrained model is the control.

**Fine-tuning.** The names have categories, and a BERT that has practised on hidden words for longer
and longer is trained on few of them. Sentences of the standard library's docstrings belong to six
fields. There a BERT is trained on few of them or on all, from nothing and after more and more steps
of pre-training on sentences without labels, none of which is in an exam. Beside both stands TF-IDF
with a logistic regression, and beside the second the same regression on the embeddings of MiniLM,
which others have pre-trained.

How long a fine-tuning lasts, and how strong a regression is held back, is decided on ``valid`` in
every run. Learning rates and the spread of the first weights were compared on ``valid`` before the
study, with another seed, and are the same for all. That the sentences' BERT has rotary positions
and the norm first was decided in such a trial too, by hidden pieces of the test's sentences; their
fields were not looked at.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

import txlite
from txlite.data.collate import pad
from txlite.data.library import FIELDS, LabelledSentence, library_sentences, library_text
from txlite.data.masking import mask_tokens
from txlite.data.real_text import letters
from txlite.data.tokenizers import BOS_ID, BPE, EOS_ID, PAD_ID, UNK_ID, train_bpe
from txlite.data.unicode_names import CATEGORIES, NamedCharacter, unicode_names
from txlite.data.weights import weights_folder
from txlite.interop import load, load_tokenizer
from txlite.models import BERTConfig, BERTForMaskedLM, BERTForSequenceClassification
from txlite.training import Batches, adamw, cross_entropy, fit, warmup_cosine

SPECIAL = (PAD_ID, BOS_ID, EOS_ID, UNK_ID)  # bos is [CLS], eos is [SEP]; [MASK] is the last token

# ------------------------------------------------------------------ the recipe

RECIPES: dict[str, dict[str, Any]] = {
    "80/10/10": {"masked": 0.8, "random": 0.1},
    "100/0/0": {"masked": 1.0, "random": 0.0},
    "80/20/0": {"masked": 0.8, "random": 0.2},
    "80/0/20": {"masked": 0.8, "random": 0.0},
}
EVERY = "every word asked"  # 80/10/10, and the loss counts everywhere
SHARE, NAME_STEPS, NAME_RATE, NAME_ROWS = 0.3, 600, 5e-3, 96
NAME_BUDGETS = (150, 600)  # steps, after which a copy is fine-tuned
KIND_LABELS, KIND_STEPS, KIND_RATE = (4, 16, 40), 120, 1e-3  # labels of each category
MASK_WORD = 4  # after the four special tokens of every vocabulary here
FIRST_WORD = MASK_WORD + 1


class Names:
    """The names as token numbers, a word a token; the same for every seed."""

    def __init__(self) -> None:
        self.parts = unicode_names()
        counts = Counter(word for one in self.parts.train for word in words(one.name))
        known = sorted(word for word, count in counts.items() if count > 1)
        self.tokens = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", *known]
        self.numbers = {word: number for number, word in enumerate(self.tokens)}
        self.train = [self.encode(one.name) for one in self.parts.train]
        self.test = [self.encode(one.name) for one in self.parts.test]

    def encode(self, name: str) -> list[int]:
        """Return the numbers of a name's words between ``[CLS]`` and ``[SEP]``."""
        return [BOS_ID, *(self.numbers.get(w, UNK_ID) for w in words(name)), EOS_ID]


names = cache(Names)


def words(name: str) -> list[str]:
    """Return the words of a name; a hyphen parts them as a space does."""
    return name.replace("-", " ").split()


def small(vocab_size: int, width: int, longest: int, **more: Any) -> BERTConfig:
    """Return the sizes of the models here: two layers, without dropout."""
    return BERTConfig(
        vocab_size=vocab_size,
        d_model=width,
        num_heads=4,
        d_ff=4 * width,
        num_layers=2,
        max_len=longest,
        **{"dropout": 0.0, "attention_dropout": 0.0, **more},
    )


class Asked(NamedTuple):
    """A batch with hidden words."""

    tokens: Tensor
    keep: Tensor
    targets: Tensor
    chosen: Tensor


def masked_loss(model: BERTForMaskedLM, batch: Asked) -> tuple[Tensor, int]:
    """Return the loss of the chosen words; only their positions are scored."""
    hidden = model.bert(batch.tokens, keep=batch.keep)[batch.chosen]
    wanted = batch.targets[batch.chosen]
    logits = model.head(hidden, model.bert.embedding)
    return cross_entropy(logits, wanted) * len(wanted), len(wanted)


def name_batches(recipe: str) -> Batches:
    """Return batches of names, hidden anew each time by a recipe."""
    data, dice = names(), txlite.seed(1)
    shares = RECIPES["80/10/10" if recipe == EVERY else recipe]

    def collate(rows: list[list[int]]) -> Asked:
        tokens, keep = pad(rows)
        hidden = mask_tokens(
            tokens, vocab_size=len(data.tokens), mask_id=MASK_WORD, special_ids=SPECIAL,
            generator=dice, share=SHARE, **shares,
        )  # fmt: skip
        ordinary = tokens >= FIRST_WORD
        return Asked(hidden.tokens, keep, tokens, ordinary if recipe == EVERY else hidden.chosen)

    return Batches(data.train, collate, batch_size=NAME_ROWS, seed=dice.initial_seed())


def new_namer() -> BERTForMaskedLM:
    """Return the model of names, untrained."""
    txlite.seed(0)
    return BERTForMaskedLM(small(len(names().tokens), 64, 16, init_std=0.1)).to(txlite.device())


def train_namer(recipe: str, steps: int = NAME_STEPS) -> dict[int, BERTForMaskedLM]:
    """Train the model of names by a recipe; return copies of it, by their steps."""
    model = new_namer()
    known = {0: deepcopy(model).eval()}

    def look(history: Any) -> None:
        if len(history.losses) in NAME_BUDGETS:
            known[len(history.losses)] = deepcopy(model).eval()

    fit(
        model,
        name_batches(recipe),
        masked_loss,
        steps=steps,
        optimizer=adamw(model, NAME_RATE, fused=True),
        schedule=warmup_cosine(NAME_RATE, max(1, steps // 10), steps),
        clip_norm=1.0,
        on_step=look,
        progress=False,
    )
    return known


class NameExam(NamedTuple):
    """Names of which one word is asked for, one row for each word that is asked."""

    tokens: Tensor
    keep: Tensor
    places: Tensor
    wanted: Tensor


def name_exam(kind: str) -> NameExam:
    """Ask for every word of the test's names: hidden, as it stands, or with a wrong one there."""
    data = names()
    rows = [(row, at) for row in data.test for at in range(1, len(row) - 1)]
    tokens, keep = pad([row for row, _ in rows])
    places = torch.tensor([at for _, at in rows])
    here = torch.arange(len(rows))
    wanted = tokens[here, places].clone()
    if kind == "hidden":
        tokens[here, places] = MASK_WORD
    elif kind == "wrong":
        dice = torch.Generator().manual_seed(0)
        ordinary = len(data.tokens) - FIRST_WORD
        drawn = torch.randint(ordinary - 1, (len(rows),), generator=dice) + FIRST_WORD
        tokens[here, places] = drawn + (drawn >= wanted)  # any other word, all alike
    return NameExam(tokens, keep, places, wanted)


@torch.no_grad()
def said(model: BERTForMaskedLM, exam: NameExam) -> Tensor:
    """Return what a model says at the asked places."""
    found, device = [], txlite.device()
    for part in torch.split(torch.arange(len(exam.places)), 512):
        hidden = model.bert(exam.tokens[part].to(device), keep=exam.keep[part].to(device))
        asked = hidden[torch.arange(len(part)), exam.places[part].to(device)]
        found.append(model.head(asked, model.bert.embedding).argmax(-1).cpu())
    return torch.cat(found)


def percent(marks: Tensor) -> float:
    """Return the share of true marks, in percent."""
    return 100 * float(marks.double().mean())


def sit(model: BERTForMaskedLM) -> dict[str, float]:
    """Return how often a model is right in each exam; an unknown word is always wrong."""
    found = {}
    for kind in ("hidden", "as it stands", "wrong"):
        exam = name_exam(kind)
        answer = said(model, exam)
        right = (answer == exam.wanted) & (exam.wanted != UNK_ID)
        found[kind] = percent(right)
        if kind == "wrong":
            there = exam.tokens[torch.arange(len(exam.places)), exam.places]
            found["wrong believed"] = percent(answer == there)
    return found


def neighbours() -> dict[str, float]:
    """Return what counting gives: the most frequent word, and the one between two neighbours.

    Where two neighbours were never seen, the one on the left decides, or else the frequency.
    """
    data = names()
    between: dict[Any, Counter[str]] = {}
    after: dict[str, Counter[str]] = {}
    every: Counter[str] = Counter()
    for one in data.parts.train:
        row = ["", *words(one.name), ""]
        for left, word, right in zip(row, row[1:-1], row[2:], strict=False):
            between.setdefault((left, right), Counter())[word] += 1
            after.setdefault(left, Counter())[word] += 1
            every[word] += 1
    marks: dict[str, list[bool]] = {"frequency": [], "two neighbours": [], "or one": []}
    for one in data.parts.test:
        row = ["", *words(one.name), ""]
        for left, word, right in zip(row, row[1:-1], row[2:], strict=False):
            both = between.get((left, right))
            marks["frequency"].append(word == most(every))
            marks["two neighbours"].append(both is not None and word == most(both))
            marks["or one"].append(word == most(both or after.get(left) or every))
    return {name: percent(torch.tensor(right)) for name, right in marks.items()}


def most(counts: Counter[str]) -> str:
    """Return what was counted most often."""
    return counts.most_common(1)[0][0]


@torch.no_grad()
def first_states(model: BERTForMaskedLM, rows: Sequence[list[int]]) -> Any:
    """Return the last hidden state of each name's first word, with nothing hidden."""
    found = []
    for begin in range(0, len(rows), 512):
        tokens, keep = pad(rows[begin : begin + 512])
        hidden = model.bert(tokens.to(txlite.device()), keep=keep.to(txlite.device()))
        found.append(hidden[:, 1].cpu())
    return torch.cat(found).numpy()


def probe(model: BERTForMaskedLM) -> float:
    """Return how often the last word of a name can be read off the state of its first, linearly.

    Only last words that stand there often are asked for.
    """
    data = names()
    lasts = Counter(row[-2] for row in data.train)
    asked = {word for word, _ in lasts.most_common(40) if word >= FIRST_WORD}
    parts = [[row for row in part if row[-2] in asked] for part in (data.train, data.test)]
    states = [first_states(model, part) for part in parts]
    wanted = [[row[-2] for row in part] for part in parts]
    return 100 * float(regression(states[0], wanted[0], 1.0).score(states[1], wanted[1]))


class Kinds(NamedTuple):
    """Names with the numbers of their general categories."""

    rows: list[list[int]]
    texts: list[str]
    kinds: list[int]


def kinds(part: Sequence[NamedCharacter], count: int | None = None) -> Kinds:
    """Return the names of a part whose category has enough, or so many of each category."""
    order = torch.randperm(len(part), generator=txlite.seed(2)).tolist() if count else None
    found = [part[i] for i in order] if order else list(part)
    chosen = [
        one for kind in CATEGORIES for one in [one for one in found if one.category == kind][:count]
    ]
    numbers = {kind: number for number, kind in enumerate(CATEGORIES)}
    rows = [names().encode(one.name) for one in chosen]
    return Kinds(rows, [one.name for one in chosen], [numbers[one.category] for one in chosen])


def kind_batch(rows: Sequence[tuple[list[int], int]]) -> "Labelled":
    """Make a batch."""
    tokens, keep = pad([row for row, _ in rows])
    return Labelled(tokens, keep, torch.tensor([kind for _, kind in rows]))


def tune_namer(body: BERTForMaskedLM, train: Kinds) -> dict[str, float]:
    """Fine-tune a copy on categories; return its accuracies where valid was best."""
    dice, config = txlite.seed(4), body.config
    config = replace(config, num_labels=len(CATEGORIES), dropout=0.1)
    model = BERTForSequenceClassification(config).to(txlite.device())
    model.bert.load_state_dict(body.bert.state_dict(), strict=False)  # the pooler is new
    examples = list(zip(train.rows, train.kinds, strict=True))
    exams = {"valid": kinds(names().parts.valid), "test": kinds(names().parts.test)}
    best = {"valid": -1.0}

    @torch.no_grad()
    def share(part: str) -> float:
        batch = kind_batch(list(zip(exams[part].rows, exams[part].kinds, strict=True)))
        scores = model(batch.tokens.to(txlite.device()), keep=batch.keep.to(txlite.device()))
        return percent(scores.argmax(-1).cpu() == batch.labels)

    def look(_: nn.Module) -> dict[str, float]:
        nonlocal best
        found = {"valid": share("valid")}
        if found["valid"] > best["valid"]:
            best = found | {"test": share("test")}
        return found

    fit(
        model,
        Batches(examples, kind_batch, batch_size=32, seed=dice.initial_seed()),
        field_loss,
        steps=KIND_STEPS,
        optimizer=adamw(model, KIND_RATE, fused=True),
        schedule=warmup_cosine(KIND_RATE, KIND_STEPS // 10, KIND_STEPS),
        clip_norm=1.0,
        evaluate=look,
        evaluate_every=KIND_STEPS // LOOKS,
        progress=False,
    )
    return best


def categories(bodies: dict[int, BERTForMaskedLM]) -> dict[str, float]:
    """Fine-tune on the names' categories, with few labels and with more."""
    found: dict[str, float] = {}
    for count in KIND_LABELS:
        parts = [kinds(names().parts.train, count)]
        parts += [kinds(part) for part in (names().parts.valid, names().parts.test)]
        vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
        x = [vectors.fit_transform(parts[0].texts)]
        x += [vectors.transform(part.texts) for part in parts[1:]]
        systems = {"TF-IDF": best_regression(x, [part.kinds for part in parts])}
        for steps, body in bodies.items():
            systems[f"{steps} steps"] = tune_namer(body, parts[0])
        for system, marks in systems.items():
            found |= {f"names: {system}, {count} labels, {p}": v for p, v in marks.items()}
    return found


def regression(x: Any, y: Any, strength: float) -> LogisticRegression:
    """Fit a logistic regression."""
    return LogisticRegression(C=strength, max_iter=300, tol=1e-3).fit(x, y)


def recipes() -> dict[str, float]:
    """Train by every recipe, and let all sit the exams."""
    trained = {recipe: train_namer(recipe) for recipe in (*RECIPES, EVERY)}
    found = {f"counting, {name}": x for name, x in neighbours().items()}
    models = {"untrained": trained["80/10/10"][0]}
    models |= {recipe: bodies[NAME_STEPS] for recipe, bodies in trained.items()}
    for name, model in models.items():
        found |= {f"{name}, {exam}": x for exam, x in sit(model).items()}
        found[f"{name}, probe"] = probe(model)
    for steps, body in trained["80/10/10"].items():
        found[f"names: {steps} steps, hidden"] = sit(body)["hidden"]
    return found | categories(trained["80/10/10"])


# ------------------------------------------------------------------ fine-tuning

VOCABULARY, WIDTH, LONGEST = 2_000, 96, 32
MASK_PIECE = VOCABULARY  # one more than the tokenizer has
ROWS = 32
PRE_RATE, TUNE_RATE = 3e-3, 1e-3
PRETRAINED = (400, 1_600)  # steps; 411 are once through the sentences
QUICK: dict[str, Any] = {"positions": "rotary", "norm_first": True, "init_std": 0.05}
LABELS: dict[str, int | None] = {"60": 60, "all": None}  # of each field
TUNE_STEPS = {"60": 200, "all": 400}
LOOKS = 4  # how often a fine-tuning is looked at on valid
STRENGTHS = (1.0, 10.0, 100.0)
KEPT = Path(__file__).parents[1] / "_build" / "studies" / "minilm.safetensors"


class Sentences:
    """Sentences with labels, sentences without, and the tokens of both; the same for every seed."""

    def __init__(self) -> None:
        self.parts = library_sentences()
        self.unlabelled = other_sentences({s.text for p in self.parts[1:] for s in p})
        self.unlabelled += [sentence.text for sentence in self.parts.train]
        self.bpe: BPE = train_bpe((text.lower() for text in self.unlabelled), VOCABULARY)

    def encode(self, text: str) -> list[int]:
        """Return a sentence's tokens between ``[CLS]`` and ``[SEP]``, cut to the longest."""
        return [BOS_ID, *self.bpe.encode(text.lower())[: LONGEST - 2], EOS_ID]

    def few(self, count: int | None) -> list[LabelledSentence]:
        """Return so many sentences of each field, drawn from the training's, or all of them."""
        if count is None:
            return list(self.parts.train)
        dice = txlite.seed(2)
        order = torch.randperm(len(self.parts.train), generator=dice).tolist()
        drawn = [self.parts.train[i] for i in order]
        return [
            sentence
            for label in range(len(FIELDS))
            for sentence in [s for s in drawn if s.label == label][:count]
        ]


sentences = cache(Sentences)


def other_sentences(exam: set[str]) -> list[str]:
    """Return sentences of what belongs to no field, none of them with an exam's letters."""
    modules = {name for group in FIELDS.values() for name in group}
    seen, found = {letters(text) for text in exam}, []
    text = library_text()
    for document in (*text.train, *text.valid, *text.test):
        topic = document.name.startswith("help/")
        if not topic and document.name.partition("/")[0].removesuffix(".py") in modules:
            continue
        for paragraph in document.text.split("\n\n"):
            flat = " ".join(paragraph.split())
            for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", "" if ">>>" in flat else flat):
                key = letters(sentence)
                if 5 <= len(sentence.split()) <= 40 and key not in seen:
                    seen.add(key)
                    found.append(sentence)
    return found


def alike(rows: Sequence[Any], length: Callable[[Any], int], dice: torch.Generator) -> list[Any]:
    """Return groups of rows of like length, each a batch."""
    order = torch.randperm(len(rows), generator=dice).tolist()
    pools = [order[i : i + 16 * ROWS] for i in range(0, len(order), 16 * ROWS)]
    flat = [rows[i] for pool in pools for i in sorted(pool, key=lambda i: length(rows[i]))]
    return [flat[i : i + ROWS] for i in range(0, len(flat), ROWS)]


def pretrain(budgets: Sequence[int]) -> dict[int, BERTForMaskedLM]:
    """Pre-train on the sentences without labels, and return a copy after each number of steps."""
    data, dice = sentences(), txlite.seed(3)
    config = small(VOCABULARY + 1, WIDTH, LONGEST, **QUICK)
    model = BERTForMaskedLM(config).to(txlite.device())
    rows = [data.encode(text) for text in data.unlabelled]

    def collate(groups: list[list[list[int]]]) -> Asked:
        tokens, keep = pad(groups[0])
        hidden = mask_tokens(
            tokens, vocab_size=VOCABULARY + 1, mask_id=MASK_PIECE, special_ids=SPECIAL,
            generator=dice,
        )  # fmt: skip
        return Asked(hidden.tokens, keep, tokens, hidden.chosen)

    batches = Batches(alike(rows, len, dice), collate, batch_size=1, seed=dice.initial_seed())
    known = {0: deepcopy(model).eval()}

    def look(history: Any) -> None:
        if len(history.losses) in budgets:
            known[len(history.losses)] = deepcopy(model).eval()

    fit(
        model,
        batches,
        masked_loss,
        steps=max(budgets),
        optimizer=adamw(model, PRE_RATE, fused=True),
        schedule=lambda step: PRE_RATE * min(1.0, step / 100),
        clip_norm=1.0,
        on_step=look,
        progress=False,
    )
    return known


@torch.no_grad()
def masked_exam(model: BERTForMaskedLM) -> float:
    """Return how many hidden pieces of the test's sentences a model names, in percent."""
    data = sentences()
    dice, marks = torch.Generator().manual_seed(0), []
    for begin in range(0, len(data.parts.test), 128):
        tokens, keep = pad([data.encode(s.text) for s in data.parts.test[begin : begin + 128]])
        hidden = mask_tokens(
            tokens, vocab_size=VOCABULARY + 1, mask_id=MASK_PIECE, special_ids=SPECIAL,
            generator=dice, masked=1.0, random=0.0,
        )  # fmt: skip
        states = model.bert(hidden.tokens.to(txlite.device()), keep=keep.to(txlite.device()))
        asked = states[hidden.chosen.to(states.device)]
        right = model.head(asked, model.bert.embedding).argmax(-1).cpu() == tokens[hidden.chosen]
        marks.append(right)
    return percent(torch.cat(marks))


class Labelled(NamedTuple):
    """A batch of sentences with their fields."""

    tokens: Tensor
    keep: Tensor
    labels: Tensor


def labelled(rows: Sequence[LabelledSentence]) -> Labelled:
    """Make a batch."""
    tokens, keep = pad([sentences().encode(row.text) for row in rows])
    return Labelled(tokens, keep, torch.tensor([row.label for row in rows]))


def field_loss(model: nn.Module, batch: Labelled) -> tuple[Tensor, int]:
    """Return the loss of a batch of sentences."""
    scores = model(batch.tokens, keep=batch.keep)
    return cross_entropy(scores, batch.labels) * len(batch.labels), len(batch.labels)


@torch.no_grad()
def accuracy(model: nn.Module, rows: Sequence[LabelledSentence]) -> float:
    """Return how many fields a classifier names, in percent."""
    ordered = sorted(rows, key=lambda row: len(row.text))
    marks = []
    for begin in range(0, len(ordered), 128):
        batch = labelled(ordered[begin : begin + 128])
        scores = model(batch.tokens.to(txlite.device()), keep=batch.keep.to(txlite.device()))
        marks.append(scores.argmax(-1).cpu() == batch.labels)
    return percent(torch.cat(marks))


def tune(body: BERTForMaskedLM, train: Sequence[LabelledSentence], steps: int) -> dict[str, float]:
    """Fine-tune a copy; return its accuracies where valid was best."""
    dice = txlite.seed(4)
    config = replace(body.config, num_labels=len(FIELDS), dropout=0.1)
    model = BERTForSequenceClassification(config).to(txlite.device())
    model.bert.load_state_dict(body.bert.state_dict(), strict=False)  # the pooler is new
    groups = alike(train, lambda row: len(row.text), dice)
    batches = Batches(groups, lambda g: labelled(g[0]), batch_size=1, seed=dice.initial_seed())
    best = {"valid": -1.0}

    def look(model: nn.Module) -> dict[str, float]:
        nonlocal best
        found = {"valid": accuracy(model, sentences().parts.valid)}
        if found["valid"] > best["valid"]:
            best = found | {"test": accuracy(model, sentences().parts.test)}
        return found

    fit(
        model,
        batches,
        field_loss,
        steps=steps,
        optimizer=adamw(model, TUNE_RATE, fused=True),
        schedule=warmup_cosine(TUNE_RATE, steps // 10, steps),
        clip_norm=1.0,
        evaluate=look,
        evaluate_every=steps // LOOKS,
        progress=False,
    )
    return best


def best_regression(x: Sequence[Any], y: Sequence[list[int]]) -> dict[str, float]:
    """Choose the strength on valid; return the accuracies. Three parts: train, valid, test."""
    models = [regression(x[0], y[0], strength) for strength in STRENGTHS]
    best = max(models, key=lambda model: float(model.score(x[1], y[1])))
    return {"valid": 100 * best.score(x[1], y[1]), "test": 100 * best.score(x[2], y[2])}


def tfidf(parts: Sequence[Sequence[LabelledSentence]]) -> dict[str, float]:
    """Return what words and pairs of words give, weighted by TF-IDF."""
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    x = [vectors.fit_transform([s.text for s in parts[0]])]
    x += [vectors.transform([s.text for s in part]) for part in parts[1:]]
    return best_regression(x, [[s.label for s in part] for part in parts])


@torch.no_grad()
def embedded(texts: Sequence[str]) -> Tensor:
    """Return MiniLM's embeddings: the mean of the hidden states, of length one."""
    folder = weights_folder("minilm")
    model, tokenizer = load(folder).to(txlite.device()).eval(), load_tokenizer(folder)
    rows = [tokenizer.encode(text) for text in texts]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found = torch.zeros(len(rows), 384)  # MiniLM's width
    for begin in range(0, len(order), 64):
        part = order[begin : begin + 64]
        tokens, keep = (x.to(txlite.device()) for x in pad([rows[i] for i in part]))
        means = (model(tokens, keep=keep) * keep[..., None]).sum(1) / keep.sum(1, keepdim=True)
        found[part] = nn.functional.normalize(means, dim=-1).cpu()
    return found


@cache
def minilm() -> dict[str, Tensor]:
    """Return the embeddings of all sentences; they are kept, for no seed changes them."""
    texts = [s.text for part in sentences().parts for s in part]
    if KEPT.exists() and len(found := load_file(KEPT)["embeddings"]) == len(texts):
        return dict(zip(texts, found, strict=True))
    found = embedded(texts)
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    save_file({"embeddings": found}, KEPT)
    return dict(zip(texts, found, strict=True))


def published(parts: Sequence[Sequence[LabelledSentence]]) -> dict[str, float]:
    """Return what a regression reads off MiniLM's embeddings."""
    x = [torch.stack([minilm()[s.text] for s in part]).numpy() for part in parts]
    return best_regression(x, [[s.label for s in part] for part in parts])


def fields() -> dict[str, float]:
    """Train every system on few labels and on all."""
    data, found = sentences(), {}
    seconds = time.process_time()
    bodies = pretrain(PRETRAINED)
    found["pre-training, seconds"] = time.process_time() - seconds
    for steps, body in bodies.items():
        found[f"{steps} steps, hidden"] = masked_exam(body)
    for name, count in LABELS.items():
        parts = data.few(count), data.parts.valid, data.parts.test
        systems = {"TF-IDF": tfidf(parts), "MiniLM": published(parts)}
        for steps, body in bodies.items():
            systems[f"{steps} steps"] = tune(body, parts[0], TUNE_STEPS[name])
        for system, marks in systems.items():
            found |= {f"{system}, {name} labels, {part}": x for part, x in marks.items()}
    labels = Counter(s.label for s in data.parts.test)
    found["most frequent field"] = 100 * max(labels.values()) / len(data.parts.test)
    return found


def measure() -> dict[str, float]:
    """Return every number for one seed, which ``TXLITE_SEED`` shifts as it does the chapter."""
    return {name: round(value, 3) for name, value in (recipes() | fields()).items()}
