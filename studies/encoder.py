"""The encoder: what one layer more finds out, with which supervision, and what can be read off it.

Classifiers with one to four layers are trained on the stories of `txlite.data.stories`, on two
questions at each mention: which word it is tied to, and where the one is for whom it stands. The
deepest is trained again on the second question alone. The values are shares of right places on
held-out stories, kind by kind (naming one of the two places of a story scores 0.5), and shares of
right answers of linear probes at the pronouns: of the trained deepest model, of the same model
before training, and of the words of the story, counted.

``TXLITE_SEED`` shifts the seeds as it does in the chapter.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

import txlite
from txlite.data.stories import NOT_ASKED, Stories, Story, Vocabulary, sample_stories
from txlite.nn import Encoder, masks
from txlite.nn.positions import Positions, Rotary

TRAINING, TEST, PROBED = 10_000, 600, 2_000  # stories
STEPS, BATCH = 450, 32
LEARNING_RATE = 5e-3
DEPTHS = (1, 2, 3, 4)
WIDTH, HEADS = 64, 4
VOCABULARY = Vocabulary()


class Finder(nn.Module):
    """An encoder with two questions at its end."""

    def __init__(self, num_layers: int) -> None:
        super().__init__()
        self.word = nn.Embedding(len(VOCABULARY), WIDTH)
        self.encoder = Encoder(num_layers, WIDTH, HEADS, 2 * WIDTH)
        self.rotary = Rotary(WIDTH // HEADS)
        self.tied = nn.Linear(WIDTH, len(VOCABULARY))
        self.where = nn.Linear(WIDTH, len(VOCABULARY))

    def rows(self, tokens: Tensor) -> list[Tensor]:
        """Return the words after each layer, before the last norm; the first are the words."""
        places = Positions(rotation=self.rotary(torch.arange(tokens.shape[1]).to(tokens.device)))
        after = [self.word(tokens)]
        for layer in self.encoder.layers:
            after.append(layer(after[-1], masks.padding(tokens > 0), positions=places))
        return after

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the memory, (B, T, D)."""
        assert self.encoder.norm is not None
        memory: Tensor = self.encoder.norm(self.rows(tokens)[-1])
        return memory


def asked(logits: Tensor, answers: Tensor) -> Tensor:
    """Return the mean cross-entropy of the answers where there are any."""
    return cross_entropy(logits.flatten(0, 1), answers.flatten(), ignore_index=NOT_ASKED)


def train(model: Finder, stories: Stories, draw: torch.Generator, *, tied: bool) -> None:
    """Train on both questions, or on the place alone."""
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, betas=(0.9, 0.98))
    rates = torch.optim.lr_scheduler.OneCycleLR
    schedule = rates(optimizer, LEARNING_RATE, total_steps=STEPS, pct_start=0.1)
    for _ in range(STEPS):
        rows = torch.randint(len(stories.tokens), (BATCH,), generator=draw)
        rows = rows.to(stories.tokens.device)
        x = model(stories.tokens[rows])
        loss = torch.zeros((), device=x.device)
        if tied:
            loss = loss + asked(model.tied(x), stories.tied[rows])
        loss = loss + asked(model.where(x), stories.where[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()


@torch.no_grad()
def accuracy(model: Finder, stories: list[Story], batch: Stories) -> dict[str, float]:
    """Return the share of right places for each kind of mention."""
    right = (model.where(model(batch.tokens)).argmax(-1) == batch.where).cpu()
    found: dict[str, list[float]] = {}
    for row, story in enumerate(stories):
        for m in story.mentions:
            kind = f"{'pronoun' if m.pronoun else 'name'}, {min(m.steps, 3)} steps"
            found.setdefault(kind, []).append(float(right[row, m.at]))
    return {kind: sum(marks) / len(marks) for kind, marks in sorted(found.items())}


def lots() -> Tensor:
    """Decide by lot, for each name and two places, which of the places is the answer."""
    return torch.randint(2, (len(VOCABULARY),) * 3, generator=txlite.seed(3))


def two_places(story: Story) -> list[int]:
    """Return the numbers of the places in a story, the lower one first."""
    return sorted(VOCABULARY[word] for word in set(story.words) & set(VOCABULARY.places))


@torch.no_grad()
def pronouns(
    model: Finder, stories: list[Story], lot: Tensor
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Return the pronouns' vectors after each layer, their stories' words, and the answers."""
    batch = VOCABULARY.encode(stories).to(model.word.weight.device)
    at = [(row, m) for row, s in enumerate(stories) for m in s.mentions if m.pronoun]
    here = [row for row, _ in at], [m.at for _, m in at]
    vectors = [x[here].double().cpu() for x in model.rows(batch.tokens)]
    bags = one_hot(batch.tokens.cpu(), len(VOCABULARY)).sum(1)[here[0]].double()
    she = (batch.tokens[here] == VOCABULARY["她"]).double().cpu()[:, None]
    bags = torch.cat([bags * she, bags * (1 - she), she], 1)
    who = torch.tensor([VOCABULARY[m.who] for _, m in at])
    where = torch.tensor([VOCABULARY[m.where] for _, m in at])
    pairs = torch.tensor([two_places(stories[row]) for row, _ in at])
    drawn = pairs[torch.arange(len(pairs)), lot[who, pairs[:, 0], pairs[:, 1]]]
    return [*vectors, bags], {"who": who, "where": where, "control": drawn}


def probe(fit: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    """Fit a linear map by least squares; return its answers for x."""
    vectors, answers = fit
    centre = vectors.mean(0)
    ridge = 1e-2 * torch.eye(vectors.shape[1]).double()
    z = vectors - centre
    target = one_hot(answers, len(VOCABULARY)).double()
    w = torch.linalg.solve(z.T @ z + ridge * len(z), z.T @ (target - target.mean(0)))
    said: Tensor = ((x - centre) @ w + target.mean(0)).argmax(-1)
    return said


def probes(model: Finder, fitted: list[Story], held_out: list[Story]) -> dict[str, list[float]]:
    """Return for each question what probes read off after each layer, and off the words' counts."""
    lot = lots()
    (seen, answers), (new, right) = (pronouns(model, s, lot) for s in (fitted, held_out))
    return {
        name: [
            float((probe((x, answers[name]), y) == right[name]).double().mean())
            for x, y in zip(seen, new, strict=True)
        ]
        for name in answers
    }


def measure() -> dict[str, float]:
    """Train and probe."""
    device, found = txlite.device(), {}
    test = sample_stories(TEST, seed=1)
    stories = sample_stories(TRAINING, seed=txlite.seed(2).initial_seed(), without=test)
    training, exam = (VOCABULARY.encode(s).to(device) for s in (stories, test))
    for name, depths, tied in (("both", DEPTHS, True), ("place alone", DEPTHS[-1:], False)):
        for depth in depths:
            draw = txlite.seed(0)
            model = Finder(depth).to(device)
            untrained = copy.deepcopy(model)
            train(model, training, draw, tied=tied)
            model.eval()
            for kind, share in accuracy(model, test, exam).items():
                found[f"{name}, {depth} layers, {kind}"] = share
            if name == "both" and depth == DEPTHS[-1]:
                for state, probed in (("trained", model), ("untrained", untrained)):
                    for question, shares in probes(probed, stories[:PROBED], test).items():
                        for layer, share in enumerate(shares[:-1]):
                            found[f"probe, {state}, {question}, layer {layer}"] = share
                        found[f"probe, words, {question}"] = shares[-1]
    return found
