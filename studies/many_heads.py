"""Many heads: one look or several, linear readout or not, over five seeds.

The task and the model of ``chapters/04_many_heads.ipynb``: the verb of a sentence asks once, and
six questions are answered from what comes back. The values are shares of right answers on 2 000
held-out sentences: "…, whole" of whole forms, "…, who" and so on of single questions. "…, low"
and "…, high" are the least and the greatest part that the one head gives to the eater in
sentences of the form "a eats b". The training set is the same for every seed; weights and batches
are not.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import txlite
from txlite.data.roles import (
    MAX_LEN,
    QUESTIONS,
    Roles,
    Sentence,
    Vocabulary,
    sample_sentences,
)
from txlite.inspect import record_attention
from txlite.nn import MultiHeadAttention, masks

SENTENCES, TESTS, BATCH, STEPS, LONG = 16_000, 2_000, 128, 400, 3_000
WIDTH, LEARNING_RATE = 32, 0.03
EATERS = ("猫", "狗", "鱼", "鸟", "孩子", "邻居", "朋友", "苹果")
WORDS = Vocabulary()


@dataclass(frozen=True)
class Kind:
    """How a model is made and trained."""

    num_heads: int = 1
    bent: bool = False  # a ReLU layer in the readout
    steps: int = STEPS


KINDS = {
    "1 head": Kind(),
    "2 heads": Kind(2),
    "8 heads": Kind(8),
    "1 head, 3 000 steps": Kind(steps=LONG),
    "1 head, ReLU readout": Kind(bent=True),
}


class RoleReader(nn.Module):
    """The chapter's model, with what is varied."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        d_model = WIDTH
        self.word = nn.Embedding(len(WORDS), d_model)
        self.place = nn.Embedding(MAX_LEN, d_model)
        self.heads = MultiHeadAttention(d_model, kind.num_heads, bias=False)
        form = nn.Linear(d_model, len(QUESTIONS) * d_model)
        bend = (nn.Linear(d_model, 4 * d_model), nn.ReLU(), nn.Linear(4 * d_model, d_model))
        self.form = nn.Sequential(*bend, form) if kind.bent else form

    def forward(self, tokens: Tensor, verbs: Tensor) -> Tensor:
        """Return the scores of every word for each question, (B, Q, V)."""
        keep = masks.padding(tokens > 0)
        x = self.word(tokens) + self.place.weight
        rows = torch.arange(len(x), device=x.device)
        z = self.heads(x[rows, verbs, None], x, mask=keep)
        scores: Tensor = self.form(z[:, 0]).unflatten(-1, (len(QUESTIONS), -1)) @ self.word.weight.T
        return scores


def meals() -> list[Sentence]:
    """Return "a eats b" for every pair of different eaters."""
    return [
        Sentence((a, "吃", b), 1, (0, None, 2, None, None, None), "zh")
        for a in EATERS
        for b in EATERS
        if a != b
    ]


def article() -> list[Sentence]:
    """Return the sentences of the book, which are never trained on."""
    told = [
        ("我|爱|中国", 1, (0, None, 2), "zh"),
        ("我|吃|苹果", 1, (0, None, 2), "zh"),
        ("苹果|吃|我", 1, (0, None, 2), "zh"),
        ("他|说|她|没|来", 1, (0, None, None), "zh"),
        ("他|说|她|没|来", 4, (2, None, None), "zh"),
        ("je|suis|étudiant", 1, (0, None, 2), "fr"),
    ]
    return [
        Sentence(tuple(text.split("|")), verb, (*places, None, None, None), language)
        for text, verb, places, language in told
    ]


def train(kind: Kind, seed: int, roles: Roles) -> RoleReader:
    """Train a model of this kind on these sentences."""
    generator = txlite.seed(seed)
    model = RoleReader(kind).to(roles.tokens.device)
    adam = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, LEARNING_RATE, total_steps=kind.steps)
    for _ in range(kind.steps):
        rows = torch.randint(len(roles.tokens), (BATCH,), generator=generator)
        tokens, verbs, answers = (tensor[rows.to(tensor.device)] for tensor in roles)
        loss = cross_entropy(model(tokens, verbs).flatten(0, 1), answers.flatten())
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def score(model: RoleReader, roles: Roles) -> dict[str, float]:
    """Return the share of whole forms that are right, and of the answers to each question."""
    right = model(roles.tokens, roles.verbs).argmax(-1) == roles.answers
    said = roles.answers > 0
    each = (right & said).sum(0) / said.sum(0).clamp(min=1)
    found = {"whole": float(right.all(-1).double().mean())}
    return found | dict(zip(QUESTIONS, (round(share, 4) for share in each.tolist()), strict=True))


def measure(seed: int) -> dict[str, float]:
    """Train one model of each kind with this seed, and return what they understand."""
    device, found = txlite.device(), {}
    tests = sample_sentences(TESTS, seed=1)
    chosen = sample_sentences(SENTENCES, seed=2, without=tests + article())
    train_set, test_set, meal_set = (
        WORDS.encode(sentences).to(device) for sentences in (chosen, tests, meals())
    )
    for name, kind in KINDS.items():
        model = train(kind, seed, train_set)
        scores = score(model, test_set)
        for question in ("whole", "who", "whom", "when", "where"):
            found[f"{name}, {question}"] = scores[question]
        if kind.num_heads == 1:
            with record_attention(model) as maps, torch.no_grad():
                model(meal_set.tokens, meal_set.verbs)
            to_who, _, to_whom = maps["heads"][:, 0, 0, :3].cpu().T
            part = to_who / (to_who + to_whom)
            found[f"{name}, low"] = round(part.min().item(), 4)
            found[f"{name}, high"] = round(part.max().item(), 4)
            found[f"{name}, meals"] = score(model, meal_set)["whole"]
    return found
