r"""Chemical reactions as texts: their tokens, and which atom of the product was which before.

A reaction is written in SMILES, *reactants >> products*, a token for each atom, bond, bracket or
ring. A *labelled* reaction numbers its atoms: ``[cH:3]`` on the left of ``>>`` became ``[cH:3]`` on
the right. A model reads it without these labels.

Sources
    The regular expression for tokens is that of ``rxnmapper`` (Schwaller et al., 2021, "Extraction
    of Organic Chemistry Grammar from Unsupervised Learning of Chemical Reactions").
"""

import re
from typing import NamedTuple

__all__ = ["REACTION_TOKEN", "Reaction", "read_reaction"]

REACTION_TOKEN = (
    r"\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$"
    r"|\%[0-9]{2}|[0-9]"
)
"""A regular expression for one token of a reaction."""

_LABELLED = re.compile(r"\[([A-Z][a-z]?|[a-z]|\d?\*)H?\d?([+-]?):\d+]")


class Reaction(NamedTuple):
    """A reaction without its labels, and where its atoms stand."""

    tokens: list[str]
    labels: list[int]
    """For each token the label that its atom had, or 0."""
    elements: list[str]
    """For each token the element of its atom in capitals, or an empty text."""
    before: list[int]
    """Which tokens are atoms of the reactants."""
    after: list[int]
    """Which tokens are labelled atoms of the products."""


def read_reaction(labelled: str) -> Reaction:
    """Read a labelled reaction.

    Parameters
    ----------
    labelled : str
        SMILES with one ``>>``. Labels that are given to atoms are single numbers from 1 on.

    Returns
    -------
    Reaction
        Its tokens as a model reads them: ``[cH:7]`` is ``c``, and ``[O-:3]`` is ``[O-]``.

    Raises
    ------
    ValueError
        If ``>>`` is missing or there twice, or a part of the text is no token.

    Examples
    --------
    >>> reaction = read_reaction("[CH3:1][OH:2].Br>>[CH3:1]Br")
    >>> reaction.tokens
    ['C', 'O', '.', 'Br', '>>', 'C', 'Br']
    >>> reaction.before, reaction.after, reaction.labels[5]
    ([0, 1, 3], [5], 1)
    """
    told = re.findall(REACTION_TOKEN, labelled)
    if "".join(told) != labelled or told.count(">>") != 1:
        raise ValueError(f"labelled should be a reaction in SMILES with one '>>', got {labelled!r}")
    tokens = [_plain(token) for token in told]
    labels = [int(t.split(":")[1][:-1]) if t[0] == "[" and ":" in t else 0 for t in told]
    atoms = [t[0] in "[*" or t[0].isalpha() for t in tokens]
    letters = [re.sub(r"[^A-Za-z*]", "", token).upper() for token in tokens]
    elements = [name if atom else "" for name, atom in zip(letters, atoms, strict=True)]
    middle = tokens.index(">>")
    before = [i for i in range(middle) if atoms[i]]
    after = [i for i in range(middle + 1, len(tokens)) if labels[i]]
    return Reaction(tokens, labels, elements, before, after)


def _plain(token: str) -> str:
    """Return a token without its label, as it is written where there is none."""
    found = _LABELLED.fullmatch(token)
    if not found:
        return token
    atom, charge = found.groups()
    atom = "*" if atom.endswith("*") else atom
    return f"[{atom}{charge}]" if charge else atom
