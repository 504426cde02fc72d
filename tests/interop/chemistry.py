"""Reactions as text: tokens, atoms, bonds, and the atom maps that an attention head gives.

A reaction is written in SMILES, "reactants>>products". The head of rxnmapper's ALBERT attends from
an atom of the product to the atom of the reactants that it was, and back. The greedy search below
is the published one (Schwaller et al. 2021, "Extraction of organic chemistry grammar from
unsupervised learning of chemical reactions", methods): the most certain atom first, then its
neighbours are favoured, and no atom is used twice.
"""

import re
from typing import NamedTuple

import torch
from torch import Tensor

TOKEN = (
    r"\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$"
    r"|\%[0-9]{2}|[0-9]"
)
FAVOUR = 90.0  # how much more the neighbours of a mapped atom count


class Side(NamedTuple):
    """The atoms on one side of a reaction: elements, labels, bonds, and their tokens' numbers."""

    elements: list[str]
    labels: list[int]  # an atom's map, or 0
    bonds: set[tuple[int, int]]
    places: list[int]

    @property
    def adjacent(self) -> Tensor:
        table = torch.zeros(len(self.elements), len(self.elements), dtype=torch.bool)
        for a, b in self.bonds:
            table[a, b] = table[b, a] = True
        return table

    def labelled(self, labels: list[int] | None = None) -> tuple[set[object], set[object]]:
        """Return elements and bonds by label, whatever order the atoms are written in."""
        labels = self.labels if labels is None else labels
        atoms = {(label, e) for label, e in zip(labels, self.elements, strict=True) if label}
        pairs = {frozenset((labels[a], labels[b])) for a, b in self.bonds}
        return atoms, {pair for pair in pairs if len(pair) == 2 and 0 not in pair}  # type: ignore[return-value]


def tokens(reaction: str) -> list[str]:
    return re.findall(TOKEN, reaction)


def sides(reaction: str) -> tuple[Side, Side]:
    """Read both sides; a token's number counts from the begin of the reaction."""
    words = tokens(reaction)
    assert "".join(words) == reaction
    middle = words.index(">>")
    return _side(words[:middle], 0), _side(words[middle + 1 :], middle + 1)


def _side(words: list[str], first: int) -> Side:
    elements: list[str] = []
    labels: list[int] = []
    bonds: set[tuple[int, int]] = set()
    places: list[int] = []
    before: int | None = None
    branches: list[int | None] = []
    rings: dict[str, int] = {}
    for i, word in enumerate(words):
        if word[0].isalpha() or word[0] == "[" or word == "*":
            atom = re.fullmatch(r"\[?\d*([A-Za-z][a-z]?|\*)[^:]*(?::(\d+))?\]?", word)
            assert atom, word
            symbol = atom[1]
            if word[0] == "[" and len(symbol) == 2 and symbol[1] == "h":  # none here
                symbol = symbol[0]
            elements.append(symbol.upper() if symbol.islower() else symbol)
            labels.append(int(atom[2] or 0))
            places.append(first + i)
            if before is not None:
                bonds.add((before, len(elements) - 1))
            before = len(elements) - 1
        elif word == "(":
            branches.append(before)
        elif word == ")":
            before = branches.pop()
        elif word in (".", "~"):
            before = None
        elif word.isdigit() or word[0] == "%":
            assert before is not None
            if word in rings:
                bonds.add((rings.pop(word), before))
            else:
                rings[word] = before
    return Side(elements, labels, bonds, places)


def mapped(reaction: str, attention: Tensor) -> tuple[list[int], float]:
    """Return each product atom's reactant atom (or −1), and how certain the whole map is.

    ``attention`` is the head's map, with [CLS] before the first token.
    """
    reactants, products = sides(reaction)
    r, p = (torch.tensor(side.places) + 1 for side in (reactants, products))
    both = attention[p][:, r] + attention[r][:, p].T
    same = torch.tensor([[a == b for b in reactants.elements] for a in products.elements])
    weights, favour = both.double() * same, torch.ones(both.shape, dtype=torch.float64)
    found, certain = [-1] * len(products.elements), 1.0
    for _ in found:
        scores = weights * favour
        rows = scores.sum(1, keepdim=True)
        shares = torch.where(rows > 0, scores / rows, 0.0)
        best = int(shares.amax(1).argmax())
        partner = int(shares[best].argmax())
        confidence = float(shares.max())
        if confidence < 1e-8:
            break
        found[best], certain = partner, certain * confidence
        near = products.adjacent[best][:, None] & reactants.adjacent[partner]
        favour[near] *= FAVOUR
        favour[best], favour[:, partner] = 0.0, 0.0
    return found, certain
