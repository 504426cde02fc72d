"""BERTs that others have trained: what a page shows of them where they are not installed.

``rxnmapper``'s ALBERT names hidden tokens of chemical reactions, and one of its heads attends from
an atom of the product to the atom of the reactants that it was. ``AntiBERTy`` names hidden residues
of an antibody. ``MiniLM`` makes vectors of sentences, among which the nearest is looked for.

Nothing here is trained, and chance decides over the untrained control only.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from torch import Tensor, nn

import txlite
from studies.bert import embedded, percent
from txlite.data.library import library_sentences
from txlite.data.weights import weights_file, weights_folder
from txlite.inspect import record_attention
from txlite.interop import load, load_tokenizer
from txlite.models import BERTForMaskedLM

TOKEN = (
    r"\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$"
    r"|\%[0-9]{2}|[0-9]"
)
HEAVY = (
    "EVQLVQSGPEVKKPGTSVKVSCKASGFTFMSSAVQWVRQARGQRLEWIGWIVIGSGNTNYAQKFQERVTITRDMSTSTAYMELSSLRSEDTAVYYCAA"
    "PYCSSISCNDGFDIWGQGTMVTVS"
)
NUM_SEARCHED = 400


class Reaction(NamedTuple):
    """A reaction without its labels, and where its atoms stand."""

    tokens: list[str]
    labels: list[int]
    elements: list[str]
    before: list[int]
    after: list[int]


def plain(token: str) -> str:
    """Return a token of a labelled reaction without its label."""
    found = re.fullmatch(r"\[([A-Z][a-z]?|[a-z]|\d?\*)H?\d?([+-]?):\d+]", token)
    if not found:
        return token
    atom, charge = found.groups()
    atom = "*" if atom.endswith("*") else atom
    return f"[{atom}{charge}]" if charge else atom


def read(labelled: str) -> Reaction:
    """Read a labelled reaction."""
    told = re.findall(TOKEN, labelled)
    tokens = [plain(token) for token in told]
    labels = [int(t.split(":")[1][:-1]) if t[0] == "[" and ":" in t else 0 for t in told]
    atoms = [t[0] in "[*" or t[0].isalpha() for t in tokens]
    letters = [re.sub(r"[^A-Za-z*]", "", token).upper() for token in tokens]
    elements = [name if atom else "" for name, atom in zip(letters, atoms, strict=True)]
    middle = tokens.index(">>")
    before = [i for i in range(middle) if atoms[i]]
    after = [i for i in range(middle + 1, len(tokens)) if labels[i]]
    return Reaction(tokens, labels, elements, before, after)


def reactions() -> list[Reaction]:
    """Return the reactions of the package's own tests, with the maps that they expect."""
    text = weights_file("rxnmapper", "/tests/test_mapper.py").read_text("utf-8")
    maps = dict.fromkeys(re.findall(r'"mapped_rxn": "([^" ]+)",', text))
    return [read(labelled) for labelled in maps]


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
    model, tokenizer = load(folder), load_tokenizer(folder, pattern=TOKEN)
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


def antibody() -> dict[str, float]:
    """Return how many residues of a heavy chain AntiBERTy names, each hidden alone."""
    folder = weights_folder("antiberty")
    model = load(folder, leave_out=["cls.species.*", "cls.chain.*", "cls.graft.*"])
    tokenizer = load_tokenizer(folder.parent, pattern="[A-Z]")
    right = named(model, tokenizer.encode(HEAVY), tokenizer.token_id("mask"))
    return {
        "antiberty, hidden": percent(torch.tensor(right)),
        "antiberty, residues": len(HEAVY),
        "antiberty, most frequent": 100 * max(Counter(HEAVY).values()) / len(HEAVY),
    }


def nearest(vectors: Tensor, labels: Sequence[int]) -> float:
    """Return how often the nearest other vector has the same label, in percent."""
    near = (vectors @ vectors.T).fill_diagonal_(-1.0).argmax(-1)
    numbers = torch.tensor(labels)
    return percent(numbers[near] == numbers)


def search() -> dict[str, float]:
    """Return whether the sentence that is nearest comes from the same field."""
    rows = library_sentences().test[:: len(library_sentences().test) // NUM_SEARCHED]
    rows = rows[:NUM_SEARCHED]
    texts, labels = [row.text for row in rows], [row.label for row in rows]
    counted = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
    return {
        "minilm, nearest": nearest(embedded(texts), labels),
        "TF-IDF, nearest": nearest(torch.from_numpy(counted.toarray()).float(), labels),
        "most frequent, nearest": 100 * max(Counter(labels).values()) / len(labels),
    }


def measure() -> dict[str, float]:
    """Return every number of the published models."""
    found = chemistry() | antibody() | search()
    return {name: round(value, 3) for name, value in found.items()}
