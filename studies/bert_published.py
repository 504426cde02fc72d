"""BERTs that others have trained: what a page shows of them where they are not installed.

``rxnmapper``'s ALBERT names hidden tokens of chemical reactions, and one of its heads attends from
an atom of the product to the atom of the reactants that it was. ``AntiBERTy`` names hidden residues
of antibodies, beside what the other chains have there. ``MiniLM`` makes vectors of texts: of this
book's paragraphs, among which the one is looked for that is nearest to a question, beside TF-IDF.

Nothing here is trained, and chance decides over the untrained control only.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from torch import Tensor, nn

import txlite
from studies._antibodies import CHAINS, voted
from studies._bert_tuning import percent
from studies._kept import kept
from studies._paragraphs import Book, found, stored
from studies.bert import embedded
from txlite.data.reactions import REACTION_TOKEN, Reaction, read_reaction
from txlite.data.weights import weights_file, weights_folder
from txlite.inspect import record_attention
from txlite.interop import load, load_tokenizer
from txlite.models import BERTForMaskedLM
from txlite.training import sign_test


def reactions() -> list[Reaction]:
    """Return the reactions of the package's own tests, with the maps that they expect."""
    text = weights_file("rxnmapper", "/tests/test_mapper.py").read_text("utf-8")
    maps = dict.fromkeys(re.findall(r'"mapped_rxn": "([^" ]+)",', text))
    return [read_reaction(labelled) for labelled in maps]


def mapped(maps: Tensor, reaction: Reaction) -> Tensor:
    """Return which product atoms each head maps as expected, by its largest weight: (N, H, A)."""
    r, p = reaction.before, reaction.after
    both = maps[..., p, :][..., r] + maps[..., r, :][..., p].mT
    same = [[reaction.elements[i] == reaction.elements[j] for i in r] for j in p]
    best = both.masked_fill(~torch.tensor(same), -1.0).argmax(-1)
    labels = torch.tensor(reaction.labels)
    return labels[r][best] == labels[p]


@torch.no_grad()
def heads(model: nn.Module, ids: Sequence[int]) -> Tensor:
    """Return all maps of a model without the two marks: (N, H, T, T)."""
    with record_attention(model) as maps:
        model(torch.tensor([ids]))
    return torch.cat(list(maps.values()))[..., 1:-1, 1:-1]


@torch.no_grad()
def named(model: nn.Module, ids: Sequence[int], mask: int) -> list[bool]:
    """Hide each token alone, and say whether the model names it."""
    places = range(1, len(ids) - 1)
    rows = torch.tensor(ids).repeat(len(places), 1)
    rows[range(len(places)), list(places)] = mask
    logits = torch.cat([model(part) for part in torch.split(rows, 32)])
    return [int(logits[i, place].argmax()) == ids[place] for i, place in enumerate(places)]


def chemistry() -> dict[str, float]:
    """Return what rxnmapper's ALBERT names, and which of its heads maps atoms."""
    folder = weights_folder("rxnmapper")
    model, tokenizer = load(folder), load_tokenizer(folder, pattern=REACTION_TOKEN)
    assert isinstance(model, BERTForMaskedLM)
    txlite.seed(0)
    control = BERTForMaskedLM(model.config).eval()
    marks: dict[str, list[Tensor]] = {"trained": [], "untrained": []}
    order, chance, hidden = [], [], []
    for reaction in reactions():
        ids = tokenizer.encode("".join(reaction.tokens))
        marks["trained"].append(mapped(heads(model, ids), reaction))
        marks["untrained"].append(mapped(heads(control, ids), reaction))
        hidden += named(model, ids, tokenizer.token_id("mask"))
        for atom in reaction.after:
            kin = [i for i in reaction.before if reaction.elements[i] == reaction.elements[atom]]
            first = [j for j in reaction.after if reaction.elements[j] == reaction.elements[atom]]
            at = first.index(atom)
            hit = at < len(kin) and reaction.labels[kin[at]] == reaction.labels[atom]
            order.append(hit)
            chance.append(1 / len(kin))
    shares = {name: torch.cat(part, -1).double().mean(-1) for name, part in marks.items()}
    found = {
        f"rxnmapper, layer {layer}, head {head}": 100 * float(share)
        for layer, row in enumerate(shares["trained"])
        for head, share in enumerate(row)
    }
    return found | {
        "rxnmapper, atoms": len(order),
        "rxnmapper, hidden": percent(torch.tensor(hidden)),
        "rxnmapper, tokens": len(hidden),
        "rxnmapper, untrained": 100 * float(shares["untrained"].max()),
        "rxnmapper, in order": percent(torch.tensor(order)),
        "rxnmapper, by chance": 100 * sum(chance) / len(chance),
    }


def antibodies() -> dict[str, float]:
    """Return how many residues AntiBERTy names, each hidden alone, beside what the others have."""
    folder = weights_folder("antiberty")
    model = load(folder, leave_out=["cls.species.*", "cls.chain.*", "cls.graft.*"])
    tokenizer = load_tokenizer(folder.parent, pattern="[A-Z]")
    rights: dict[str, list[bool]] = {}
    votes: dict[str, list[bool]] = {}
    for name, residues in CHAINS.items():
        rights[name] = named(model, tokenizer.encode(residues), tokenizer.token_id("mask"))
        votes[name] = [a == b for a, b in zip(residues, voted(name), strict=True)]
    example, residues = next(iter(CHAINS.items()))
    model_marks, vote_marks = ([*chain.from_iterable(m.values())] for m in (rights, votes))
    ahead = [sum(rights[name]) > sum(votes[name]) for name in CHAINS]
    test = sign_test(model_marks, vote_marks)
    return {
        "antiberty, hidden": share(rights[example]),
        "antiberty, voted": share(votes[example]),
        "antiberty, most frequent": 100 * max(Counter(residues).values()) / len(residues),
        "antiberty, residues": len(residues),
        "antiberty, chains": len(CHAINS),
        "antiberty, all residues": len(model_marks),
        "antiberty, all hidden": share(model_marks),
        "antiberty, all voted": share(vote_marks),
        "antiberty, least hidden": min(share(marks) for marks in rights.values()),
        "antiberty, chains ahead": sum(ahead),
        "antiberty - voted, wins": test.wins,
        "antiberty - voted, losses": test.losses,
        "antiberty - voted, p": test.p,
    }


def share(marks: Sequence[bool]) -> float:
    """Return the share of true marks, in percent."""
    return percent(torch.tensor(marks))


def counted_scores(book: Book) -> Tensor:
    """Return how like each question is to each paragraph by TF-IDF: (Q, P)."""
    weights = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    paragraphs = weights.fit_transform(book.texts)
    asked = weights.transform([question.text for question in book.questions])
    return torch.from_numpy((asked @ paragraphs.T).toarray())


def search() -> dict[str, float]:
    """Return how often the paragraph that is nearest to a question is of the right chapter."""
    book = stored()
    asked = embedded([question.text for question in book.questions])
    marks = {
        "minilm": found(book, asked @ book.vectors.T),
        "TF-IDF": found(book, counted_scores(book)),
    }
    numbers: dict[str, float] = {
        "search, paragraphs": len(book.texts),
        "search, questions": len(book.questions),
        "search, largest chapter": 100 * max(Counter(book.chapters).values()) / len(book.texts),
    }
    for kind in ("all", "glossary", "build"):
        here = [i for i, one in enumerate(book.questions) if kind in ("all", one.kind)]
        numbers[f"search, {kind}, questions"] = len(here)
        for system, right in marks.items():
            numbers[f"{system}, search, {kind}"] = share([right[i] for i in here])
        test = sign_test(*([right[i] for i in here] for right in marks.values()))
        found_here = {"wins": test.wins, "losses": test.losses, "p": test.p}
        numbers |= {f"minilm - TF-IDF, search, {kind}, {what}": x for what, x in found_here.items()}
    return numbers


def measure() -> dict[str, float]:
    """Return every number of the published models."""
    numbers = chemistry() | kept("antibodies", 0, antibodies) | kept("search", 0, search)
    return {name: round(value, 5) for name, value in numbers.items()}
