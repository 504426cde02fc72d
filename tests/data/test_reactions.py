"""Reactions as texts: what a model reads, which atoms have a label, and what is no reaction."""

import pytest

from txlite.data.reactions import read_reaction

ESTER = "[CH3:1][C:2](=[O:3])[OH:4].C[OH:5]>>[CH3:1][C:2](=[O:3])[O:5]C"


@pytest.mark.parametrize(
    ("labelled", "plain"),
    [
        (ESTER, "CC(=O)O.CO>>CC(=O)OC"),
        ("[cH:7]1[cH:8][n:9]1>>[Br:1]Cl", "c1cn1>>BrCl"),  # aromatic; two letters are one atom
        ("[Na+].[O-:3]>>[O-:3]", "[Na+].[O-]>>[O-]"),  # a charge stays in its brackets
        ("[1*:1][CH2:2]>>[*:1]C%10", "*C>>*C%10"),
        ("[NH4+:12]~C/C=C\\C>>C#N", "[N+]~C/C=C\\C>>C#N"),
    ],
)
def test_a_model_reads_the_reaction_without_its_labels(labelled: str, plain: str) -> None:
    assert "".join(read_reaction(labelled).tokens) == plain


def test_atoms_are_known_by_label_element_and_side() -> None:
    reaction = read_reaction(ESTER)
    tokens, labels, elements, before, after = reaction
    assert [tokens[i] for i in before] == ["C", "C", "O", "O", "C", "O"]
    assert [labels[i] for i in before] == [1, 2, 3, 4, 0, 5]
    assert [tokens[i] for i in after] == ["C", "C", "O", "O"]  # the last carbon has no label
    assert [labels[i] for i in after] == [1, 2, 3, 5]
    assert max(before) < tokens.index(">>") < min(after)
    assert len(tokens) == len(labels) == len(elements)
    assert all((element == "") == (token in "()=.>>") for token, element in zip(
        tokens, elements, strict=True
    ))  # fmt: skip
    assert read_reaction("[cH:2][Cl:3]>>C[O-:1]").elements == ["C", "CL", "", "C", "O"]


@pytest.mark.parametrize("text", ["", "CCO", "C>>O>>N", "C>>D", "C >> O", "C>O"])
def test_what_is_no_reaction_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="one '>>'"):
        read_reaction(text)
