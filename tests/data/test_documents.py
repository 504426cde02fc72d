"""Documents: parted by name, related ones together, and no paragraph on two sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txlite.data.documents import REPEATED, Document, TextSplit, split_documents
from txlite.data.real_text import letters

LICENCE = "Permission is hereby granted, free of charge, to any person."


def pages(number: int, text: str = "") -> list[Document]:
    return [
        Document(f"{n % 40}/page{n}", f"This is what the page numbered {'x' * n} says.{text}")
        for n in range(number)
    ]


def paragraphs(part) -> list[str]:
    return [p for document in part for p in document.text.split("\n\n")]


@pytest.mark.kills(
    "documents: what stands in the training text is tested",
    "data/documents.py",
    "if not paragraph.strip() or key in seen:",
    "if not paragraph.strip():",
)
def test_a_paragraph_that_is_repeated_is_kept_once():
    split = split_documents(pages(120, f"\n\n{LICENCE}\n\nNotes"), one_in=4)
    every = [paragraphs(part) for part in (split.train, split.valid, split.test)]
    assert sum(part.count(LICENCE) for part in every) == 1
    assert every[0].count(LICENCE) == 1  # it is learned from, and not tested on
    assert sum(part.count("Notes") for part in every) == 120  # a heading may come again
    sets = [{letters(p) for p in part if len(letters(p)) >= REPEATED} for part in every]
    assert not sets[0] & sets[1]
    assert not sets[0] & sets[2]
    assert not sets[1] & sets[2]


def test_near_copies_count_as_one():
    copies = [Document("b", f"{LICENCE.upper()} !!"), Document("a", LICENCE)]
    split = split_documents([*pages(60), *copies], one_in=3)
    whole = paragraphs(split.train + split.valid + split.test)
    assert sum(letters(p) == letters(LICENCE) for p in whole) == 1


@pytest.mark.kills(
    "documents: related ones are parted",
    "data/documents.py",
    "sides[_side(group(document.name), one_in)]",
    "sides[_side(document.name, one_in)]",
)
def test_a_group_stays_together_and_nothing_else_moves_it():
    def folder(name: str) -> str:
        return name.partition("/")[0]

    split = split_documents(pages(200), one_in=5, group=folder)
    sides = [{folder(d.name) for d in part} for part in (split.train, split.valid, split.test)]
    assert not sides[0] & sides[1]
    assert not (sides[0] | sides[1]) & sides[2]
    fewer = split_documents(pages(200)[:90], one_in=5, group=folder)
    for part, less in zip((split.train, split.valid, split.test),
                          (fewer.train, fewer.valid, fewer.test), strict=True):  # fmt: skip
        assert {d.name for d in less} <= {d.name for d in part}


def test_shares_are_about_one_in_so_many():
    documents = [
        Document(str(n), f"Page {'i' * (n % 50)} and {'j' * (n // 50)}.") for n in range(2_000)
    ]
    split = split_documents(documents, one_in=8)
    for part in (split.valid, split.test):
        assert len(part) == pytest.approx(250, abs=60)
    assert len(split.train) == 2_000 - len(split.valid) - len(split.test)


def test_sizes_count_characters_and_bytes():
    part = (Document("a", "naïve"), Document("b", "雪"))
    split = TextSplit(part, part[:1], part[1:])
    assert split.sizes == {"train": (2, 6, 9), "valid": (1, 5, 6), "test": (1, 1, 3)}
    assert split.texts["train"] == ["naïve", "雪"]
    assert str(split).splitlines()[0] == "train: 2 documents, 6 characters, 9 bytes"


@given(st.lists(st.text("ab \n", max_size=30), min_size=1, max_size=9), st.integers(3, 6))
def test_whatever_is_in_a_document_nothing_is_invented(texts, one_in):
    documents = [*pages(90), *(Document(f"t{n}", text) for n, text in enumerate(texts))]
    split = split_documents(documents, one_in=one_in)
    before = {d.name: d.text for d in documents}
    for document in (*split.train, *split.valid, *split.test):
        assert document.text.strip()
        assert all(p in before[document.name] for p in document.text.split("\n\n"))


@pytest.mark.plain
def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"^documents should have different names"):
        split_documents([*pages(3), *pages(1)])
    for value, words in ((2, "one_in should be at least 3"), (0, "one_in should be a positive")):
        with pytest.raises(ValueError, match=f"^{words}"):
            split_documents(pages(9), one_in=value)
    with pytest.raises(ValueError, match=r"^documents should leave some .*, got 0 for train"):
        split_documents([])
    with pytest.raises(ValueError, match=r"^documents should leave some .*, got 1 for train"):
        split_documents([Document("a", "x")], one_in=999)
