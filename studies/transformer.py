"""The 6+6 Transformer: which introductions it translates, broken down by what a number asks for.

The model, the data and the training are the chapter's, in the laptop budget, and ``TXLITE_SEED``
shifts the seeds as it does there. The values are shares of held-out sentences that are
wholly right: trades; ages in numbers that were trained on with other people; and ages that occur
in no training sentence, where the number needs no carry (27 is twenty, seven) and where it needs
one (73 is sixty, thirteen; 92 is four twenties, twelve).
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import txlite
from txlite.data import introductions
from txlite.data.introductions import decode, encode, introduce
from txlite.data.miniature import WordPair
from txlite.data.pairs import PairBatch
from txlite.generation import generate
from txlite.models import Transformer, TransformerConfig

NEW_AGES = (27, 38, 46, 59, 64, 73, 85, 92)
CARRIED = (73, 92)
STEPS = 500
LEARNING_RATE, BATCH, BEGIN, END = 3e-3, 64, 1, 2


def age(pair: WordPair) -> int:
    """Return the age that a pair speaks of; 0 if it speaks of a trade."""
    return int("".join(word for word in pair.target if word.isdigit()) or 0)


def data() -> tuple[list[WordPair], list[WordPair]]:
    """Return the chapter's pairs: to learn from, and held out."""
    train, test = introductions.introductions(held_out=0.2, seed=0)
    test += [introduce(who, years) for who in introductions.WHO for years in NEW_AGES]
    return [pair for pair in train if age(pair) not in NEW_AGES], list(dict.fromkeys(test))


def train(pairs: list[WordPair], device: torch.device) -> Transformer:
    """Train the chapter's model as the chapter does."""
    chance = txlite.seed(10)
    config = TransformerConfig(
        vocab_size=len(introductions.words()), d_model=32, num_heads=4, d_ff=64, norm_first=True
    )
    model = Transformer(config).to(device)
    lesson = encode(pairs).to(device)
    adam = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, LEARNING_RATE, total_steps=STEPS, pct_start=0.25
    )
    often = torch.tensor([1.0 if "old" in pair.target else 6.0 for pair in pairs])
    for _ in range(STEPS):
        chosen = torch.multinomial(often, BATCH, replacement=True, generator=chance).to(device)
        s, s_keep, t, t_keep = (x[chosen] for x in lesson)
        logits = model(s, t[:, :-1], source_keep=s_keep, target_keep=t_keep[:, :-1])
        real = t_keep[:, 1:]
        loss = cross_entropy(logits[real], t[:, 1:][real])
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        schedule.step()
    return model.eval()


def hits(model: Transformer, exam: PairBatch) -> list[bool]:
    """Return for each held-out sentence whether its translation is wholly right."""
    said = generate(
        model,
        exam.target[:, :1],
        source=exam.source,
        source_keep=exam.source_keep,
        max_new_tokens=exam.target.shape[1] - 1,
        eos_id=END,
    )
    return [decode(a) == decode(b) for a, b in zip(said, exam.target, strict=True)]


def measure() -> dict[str, float]:
    """Train, and return the shares of right sentences, group by group."""
    device = txlite.device()
    pairs, test = data()
    exam = encode(test).to(device)
    plain = tuple(years for years in NEW_AGES if years not in CARRIED)
    old = tuple(years for years in introductions.AGES if years not in NEW_AGES)
    groups = {"trades": (0,), "ages": old, "new, no carry": plain, "new, carry": CARRIED}
    groups |= {str(years): (years,) for years in NEW_AGES}
    right = hits(train(pairs, device), exam)
    found: dict[str, float] = {}
    found["the letter"] = right[test.index(introduce("je", "étudiant"))]
    for name, ages in groups.items():
        marks = [hit for hit, pair in zip(right, test, strict=True) if age(pair) in ages]
        found[name] = sum(marks) / len(marks)
    return found
