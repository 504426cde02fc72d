"""What both tasks of BERT's study share: fine-tuning, regressions, and how two are compared."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

import txlite
from txlite.data.collate import pad
from txlite.models import BERT, BERTConfig, BERTForMaskedLM, BERTForSequenceClassification
from txlite.training import Batches, adamw, cross_entropy, fit, sign_test, warmup_cosine

RATES = (1e-3, 3e-3, 1e-2)  # each body takes the one that is best on valid
ROWS, DROPOUT = 32, 0.1  # of a batch; in fine-tuning only
LOOKS = 4  # how often a fine-tuning is looked at on valid
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)


class Examples(NamedTuple):
    """Texts with labels, and their tokens."""

    texts: list[str]
    rows: list[list[int]]
    labels: list[int]


class Parts(NamedTuple):
    """What is learned from, chosen by, and tested on."""

    train: Examples
    valid: Examples
    test: Examples


class Outcome(NamedTuple):
    """The numbers of a system, and which items of the test it has right."""

    numbers: dict[str, float]
    marks: Tensor


class Labelled(NamedTuple):
    """A batch of texts with their labels."""

    tokens: Tensor
    keep: Tensor
    labels: Tensor


def percent(marks: Tensor) -> float:
    """Return the share of true marks, in percent."""
    return 100 * float(marks.double().mean())


def labelled(rows: Sequence[tuple[list[int], int]]) -> Labelled:
    """Make a batch."""
    tokens, keep = pad([row for row, _ in rows])
    return Labelled(tokens, keep, torch.tensor([label for _, label in rows]))


def alike(rows: Sequence[Any], length: Callable[[Any], int], dice: torch.Generator) -> list[Any]:
    """Return groups of rows of like length, each a batch."""
    order = torch.randperm(len(rows), generator=dice).tolist()
    pools = [order[i : i + 16 * ROWS] for i in range(0, len(order), 16 * ROWS)]
    flat = [rows[i] for pool in pools for i in sorted(pool, key=lambda i: length(rows[i]))]
    return [flat[i : i + ROWS] for i in range(0, len(flat), ROWS)]


def label_loss(model: nn.Module, batch: Labelled) -> tuple[Tensor, int]:
    """Return the loss of a batch of texts."""
    scores = model(batch.tokens, keep=batch.keep)
    return cross_entropy(scores, batch.labels) * len(batch.labels), len(batch.labels)


def by_length(rows: Sequence[list[int]], size: int = 256) -> Iterator[tuple[list[int], Any, Any]]:
    """Yield which rows stand together, their tokens and which are real, on the device."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for begin in range(0, len(order), size):
        part = order[begin : begin + size]
        tokens, keep = (x.to(txlite.device()) for x in pad([rows[i] for i in part]))
        yield part, tokens, keep


@torch.no_grad()
def right(model: nn.Module, examples: Examples) -> Tensor:
    """Return for each text whether a classifier names its label."""
    said = torch.empty(len(examples.rows), dtype=torch.long)
    for part, tokens, keep in by_length(examples.rows):
        said[part] = model(tokens, keep=keep).argmax(-1).cpu()
    return said == torch.tensor(examples.labels)


class MeanClassifier(nn.Module):
    """A classifier of the mean hidden state, where BERT's is one of the first token's.

    Parameters
    ----------
    config : BERTConfig
        Sizes, and the number of labels.
    """

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.bert = BERT(config, pooler=False)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.d_model, config.num_labels)
        nn.init.normal_(self.classifier.weight, std=config.init_std)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, tokens: Tensor, *, keep: Tensor) -> Tensor:
        """Return a score for each label: (B, C)."""
        mean = averaged(self.bert(tokens, keep=keep), keep)
        scores: Tensor = self.classifier(self.dropout(mean))
        return scores


def averaged(hidden: Tensor, keep: Tensor) -> Tensor:
    """Return the mean hidden state of each text's real tokens."""
    return (hidden * keep[..., None]).sum(1) / keep.sum(1, keepdim=True)


def tuned(
    body: BERTForMaskedLM, parts: Parts, classes: int, steps: int, *, mean: bool = False
) -> Outcome:
    """Fine-tune a copy at each rate; return what it says where valid was best."""
    kind = MeanClassifier if mean else BERTForSequenceClassification
    tries = {rate: _tuned(body, parts, kind, classes, steps, rate) for rate in RATES}
    rate = max(tries, key=lambda rate: tries[rate].numbers["valid"])
    each = {f"test at {rate:g}": one.numbers["test"] for rate, one in tries.items()}
    best = tries[rate]
    return Outcome({**best.numbers, "rate": rate, **each}, best.marks)


def _tuned(
    body: BERTForMaskedLM,
    parts: Parts,
    kind: type[MeanClassifier] | type[BERTForSequenceClassification],
    classes: int,
    steps: int,
    rate: float,
) -> Outcome:
    dice = txlite.seed(4)
    model = kind(replace(body.config, num_labels=classes, dropout=DROPOUT)).to(txlite.device())
    model.bert.load_state_dict(body.bert.state_dict(), strict=False)  # a pooler is new
    examples = list(zip(parts.train.rows, parts.train.labels, strict=True))
    groups = alike(examples, lambda example: len(example[0]), dice)
    best = Outcome({"valid": -1.0}, torch.empty(0))

    def look(model: nn.Module) -> dict[str, float]:
        nonlocal best
        valid = percent(right(model, parts.valid))
        if valid > best.numbers["valid"]:
            marks = right(model, parts.test)
            best = Outcome({"valid": valid, "test": percent(marks)}, marks)
        return {"valid": valid}

    fit(
        model,
        Batches(groups, lambda g: labelled(g[0]), batch_size=1, seed=dice.initial_seed()),
        label_loss,
        steps=steps,
        optimizer=adamw(model, rate, fused=True),
        schedule=warmup_cosine(rate, max(1, steps // 10), steps),
        clip_norm=1.0,
        evaluate=look,
        evaluate_every=max(1, steps // LOOKS),
        progress=False,
    )
    return best


@torch.no_grad()
def means(model: nn.Module, rows: Sequence[list[int]]) -> Tensor:
    """Return the mean of each text's hidden states, of length one."""
    found: list[Tensor] = [torch.empty(0)] * len(rows)
    for part, tokens, keep in by_length(rows, 64):
        mean = averaged(model(tokens, keep=keep), keep)
        for i, vector in zip(part, nn.functional.normalize(mean, dim=-1).cpu(), strict=True):
            found[i] = vector
    return torch.stack(found)


def regression(x: Any, y: Any, strength: float) -> LogisticRegression:
    """Fit a logistic regression."""
    return LogisticRegression(C=strength, max_iter=300, tol=1e-3).fit(x, y)


def regressed(x: Sequence[Any], parts: Parts) -> Outcome:
    """Choose the strength on valid; ``x`` are the vectors of train, valid and test."""
    models = [regression(x[0], parts.train.labels, strength) for strength in STRENGTHS]
    scores = [100 * float(model.score(x[1], parts.valid.labels)) for model in models]
    said = torch.from_numpy(models[scores.index(max(scores))].predict(x[2]))
    marks = said == torch.tensor(parts.test.labels)
    return Outcome({"valid": max(scores), "test": percent(marks)}, marks)


def counted(parts: Parts) -> Outcome:
    """Return what words and pairs of words give, weighted by TF-IDF."""
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    x = [vectors.fit_transform(parts.train.texts)]
    x += [vectors.transform(part.texts) for part in parts[1:]]
    return regressed(x, parts)


def frozen(body: BERTForMaskedLM, parts: Parts) -> Outcome:
    """Return what a regression reads off a body's mean states, without fine-tuning.

    Each entry is shifted and scaled to what it is on average in train: a mean state is mostly what
    all texts have in common.
    """
    x = [means(body.bert, part.rows) for part in parts]
    common, spread = x[0].mean(0), x[0].std(0)
    return regressed([((part - common) / spread).numpy() for part in x], parts)


def compared(systems: dict[str, Outcome], pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Return for each pair on how many items only the first is right, only the second, and p."""
    found: dict[str, float] = {}
    for first, second in pairs:
        test = sign_test(systems[first].marks.tolist(), systems[second].marks.tolist())
        numbers = {"wins": float(test.wins), "losses": float(test.losses), "p": test.p}
        found |= {f"{first} - {second}, {what}": x for what, x in numbers.items()}
    return found
