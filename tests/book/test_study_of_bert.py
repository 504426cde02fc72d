"""The study of BERT: exams that ask what they say, two tasks tuned alike, a searched book."""

import json
from collections.abc import Iterator

import pytest
import torch
from torch.testing import assert_close

import txlite
from studies import _antibodies as antibodies
from studies import _bert_tuning as tuning
from studies import _paragraphs as book
from studies import bert as study
from studies import bert_published as published
from txlite.data.library import FIELDS
from txlite.data.tokenizers import UNK_ID
from txlite.models import BERTForMaskedLM
from txlite.training import sign_test

WORDS = ("one", "two", "six", "ten")


def toy(count: int, offset: int = 0) -> tuning.Examples:
    """Texts of one word that is the label, at one of three lengths."""
    labels = [(i + offset) % 4 for i in range(count)]
    rows = [[1, *[5 + label] * (1 + i % 3), 2] for i, label in enumerate(labels)]
    return tuning.Examples([" ".join([WORDS[i]] * 3) for i in labels], rows, labels)


@pytest.fixture
def body() -> BERTForMaskedLM:
    txlite.seed(0)
    return BERTForMaskedLM(study.small(12, 16, 8, init_std=0.1)).eval()


PARTS = tuning.Parts(toy(64), toy(12, 1), toy(16, 2))


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXLITE_DEVICE", "cpu")


def test_a_body_takes_the_rate_that_is_best_on_valid(
    body: BERTForMaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "RATES", (1e-9, 1e-2))
    before = {name: x.clone() for name, x in body.state_dict().items()}
    found = tuning.tuned(body, PARTS, 4, 80)
    assert found.numbers["rate"] == 1e-2
    assert found.numbers["valid"] == found.numbers["test"] == 100
    assert found.numbers["test at 0.01"] == 100
    assert found.numbers["test at 1e-09"] < 100
    assert found.marks.tolist() == [True] * 16
    assert all(x.equal(before[name]) for name, x in body.state_dict().items())  # a copy was tuned


def test_what_is_right_stands_in_the_order_of_the_items(body: BERTForMaskedLM) -> None:
    class Third(torch.nn.Module):
        def forward(self, tokens: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.one_hot(keep.sum(1) - 3, 3)  # the length is the label

    rows = [[1, 5, 2], [1, 5, 5, 5, 2], [1, 5, 5, 2], [1, 6, 2]]
    marks = tuning.right(Third(), tuning.Examples([""] * 4, rows, [0, 2, 2, 0]))
    assert marks.tolist() == [True, True, False, True]


def test_means_are_those_of_real_tokens(body: BERTForMaskedLM) -> None:
    rows = [[1, 5, 6, 7, 2], [1, 8, 2]]
    found = tuning.means(body.bert, rows)
    for row, vector in zip(rows, found, strict=True):
        with torch.no_grad():
            alone = body.bert(torch.tensor([row]))[0].mean(0)
        assert_close(vector, alone / alone.norm(), rtol=0, atol=1e-5)


def test_regressions_choose_on_valid_and_systems_are_compared_item_by_item() -> None:
    found = tuning.counted(PARTS)
    assert found.numbers == {"valid": 100, "test": 100}
    other = found.marks.clone()
    other[[3, 4, 5]] = False
    systems = {"a": found, "b": tuning.Outcome({}, other)}
    numbers = tuning.compared(systems, [("b", "a")])
    test = sign_test(other.tolist(), found.marks.tolist())
    assert numbers == {"b - a, wins": 0, "b - a, losses": 3, "b - a, p": test.p}
    assert study.numbered(systems, [("b", "a")], "4 labels", "names: ") == {
        "names: a, 4 labels, valid": 100,
        "names: a, 4 labels, test": 100,
        **{f"names: b - a, 4 labels, {what}": numbers[f"b - a, {what}"]
           for what in ("wins", "losses", "p")},
    }  # fmt: skip


@pytest.fixture(scope="module")
def exams() -> dict[str, study.NameExam]:
    return {kind: study.name_exam(kind) for kind in ("hidden", "as it stands", "wrong")}


def test_the_exams_differ_at_the_asked_word_only(exams: dict[str, study.NameExam]) -> None:
    there, here = exams["as it stands"], torch.arange(len(exams["hidden"].places))
    for kind, exam in exams.items():
        other = exam.tokens != there.tokens
        assert other.sum() == (0 if kind == "as it stands" else len(here))
        assert exam.wanted.equal(there.tokens[here, there.places])
        shown = exam.tokens[here, exam.places]
        if kind == "hidden":
            assert (shown == study.MASK_WORD).all()
        if kind == "wrong":
            assert (shown >= study.FIRST_WORD).all()
            assert (shown != exam.wanted).all()
            # all other words alike: neither the lowest nor the highest numbers are left out
            assert shown.min() < study.FIRST_WORD + 5
            assert shown.max() > len(study.names().tokens) - 5


def test_an_unknown_word_is_never_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "said", lambda _, exam: exam.wanted)
    unknown = study.name_exam("hidden").wanted == UNK_ID
    found = study.sit(study.new_namer())
    assert 0 < unknown.double().mean() < 0.2
    assert found["hidden"] == pytest.approx(100 * (1 - unknown.double().mean().item()))
    assert found["wrong believed"] == 0


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(study, "NAME_STEPS", 4)
    monkeypatch.setattr(study, "NAME_BUDGETS", (2, 4))
    monkeypatch.setattr(study, "KIND_LABELS", (2,))
    monkeypatch.setattr(study, "KIND_STEPS", 4)
    monkeypatch.setattr(study, "PRETRAINED", (2, 4))
    monkeypatch.setattr(study, "LABELS", {"2": 2})
    monkeypatch.setattr(study, "TUNE_STEPS", {"2": 4})
    monkeypatch.setattr(study, "MEANS", ("2",))
    monkeypatch.setattr(study, "train_namer", lambda *_: study.new_namer())
    monkeypatch.setattr(tuning, "RATES", (1e-3, 2e-3))
    embeddings = {"embeddings": torch.randn(20_000, 3, generator=txlite.seed(0))}
    monkeypatch.setattr(study, "kept_tensors", lambda *_: {
        "embeddings": embeddings["embeddings"][: sum(map(len, study.sentences().parts))]
    })  # fmt: skip
    yield
    study.minilm.cache_clear()


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_every_system_of_both_tasks_has_its_numbers() -> None:
    found = study.measure()
    for task, systems in (
        ("names: {}, 2 labels, ", ("TF-IDF", "0 steps", "2 steps", "4 steps")),
        (
            "{}, 2 labels, ",
            ("TF-IDF", "MiniLM", "0 steps", "2 steps", "4 steps", "4 steps, mean"),
        ),
    ):
        for system in systems:
            assert 0 <= found[task.format(system) + "test"] <= 100
        for pair in ("4 steps - 0 steps", "4 steps - TF-IDF"):
            wins, losses = (found[task.format(pair) + what] for what in ("wins", "losses"))
            first, second = (found[task.format(x) + "test"] for x in pair.split(" - "))
            items = (wins - losses) / (first - second) * 100 if first != second else None
            known = len(study.kinds(study.names().parts.test).rows) if "names" in task else None
            known = known or len(study.sentences().parts.test)
            assert items is None or items == pytest.approx(known, rel=0.01)
    assert found["most frequent field"] > 100 / len(FIELDS)


def test_no_sentence_without_label_has_the_letters_of_an_exam() -> None:
    data = study.sentences()
    exam = {study.letters(s.text) for part in data.parts[1:] for s in part}
    assert not exam & {study.letters(text) for text in data.unlabelled}


def test_chains_are_aligned_with_as_many_equal_letters_as_can_be() -> None:
    assert antibodies.aligned("ACDE", "ACDE") == {0: 0, 1: 1, 2: 2, 3: 3}
    assert antibodies.aligned("ACDEFG", "ACEFG") == {0: 0, 1: 1, 3: 2, 4: 3, 5: 4}
    assert antibodies.aligned("ACEFG", "ACDEFG") == {0: 0, 1: 1, 2: 3, 3: 4, 4: 5}


def test_a_vote_is_that_of_the_other_chains() -> None:
    chains = {"one": "ACDE", "two": "ACFE", "three": "ACFE", "four": "ACFE"}
    assert antibodies.voted("one", chains) == "ACFE"
    assert antibodies.voted("two", chains) == "ACFE"
    assert antibodies.voted("one", {"one": "ACDE", "two": "ACFE"}) == "ACFE"  # no vote of its own
    assert antibodies.voted("two", {**chains, "three": "ACDE"}) == "ACDE"
    assert all(set(chain) <= set("ACDEFGHIKLMNPQRSTVWY") for chain in antibodies.CHAINS.values())


PAGE = """# A title

```{chapter-card}
:build: a map of *masks*, {term}`mask` by mask
:question: What is hidden?
```

A paragraph with {term}`masks <mask>`, {eq}`eq-x`, {glue:text}`x:.1f` of them {cite:p}`a2000`, and
a formula $s_{ij}$ that has a **second** line of words.

- A first item that is long enough to be a paragraph of the book, all by itself.
- Short.

```{caption} fig-x
A caption that is long enough to be a paragraph of the book, but none of its own.
```

$$ x = y $$ (eq-x)

## Exercises

A paragraph of the exercises that is long enough to be one, but is not to be found at all.
"""


def notebook(page: str) -> str:
    return json.dumps({"cells": [{"cell_type": "markdown", "source": page.splitlines(True)}]})


def test_paragraphs_are_read_as_a_reader_reads_them() -> None:
    assert book.paragraphs(notebook(PAGE)) == [
        "A paragraph with masks, the formula, … of them, and a formula $s_{ij}$ that has a second "
        "line of words.",
        "A first item that is long enough to be a paragraph of the book, all by itself.",
    ]
    assert book.asked(notebook(PAGE), "masks") == [
        book.Question("build", "masks", "a map of masks, mask by mask")
    ]


def test_a_glossary_asks_what_one_chapter_answers() -> None:
    text = (
        "```{glossary}\nmask\n掩码\n  A table. {Chapter}`masks`.\n\nbatch\n批次\n  Many.\n\n"
        "norm\n  A scale {cite:p}`a`. {Chapter}`the_layer`, and {chapter}`towers`.\n\n"
        "key\n  As in {chapter}`masks`. {Chapter}`the_layer`.\n```\n"
    )
    assert book.glossary(text) == [book.Question("glossary", "masks", "A table.")]


def test_what_is_found_is_the_chapter_of_the_best_paragraph() -> None:
    questions = [book.Question("glossary", name, "") for name in ("a", "b", "b")]
    pages = book.Book(["a", "b", "a"], [""] * 3, torch.empty(0), questions)
    scores = torch.tensor([[0.1, 0.2, 0.3], [0.1, 0.9, 0.3], [0.1, 0.2, 0.3]])
    assert book.found(pages, scores) == [True, True, False]


def test_the_book_that_is_searched_is_this_one() -> None:
    stored = book.stored()
    chapters = {path.stem.partition("_")[2] for path in (book.ROOT / "chapters").glob("*.ipynb")}
    assert set(stored.chapters) <= chapters
    assert {question.chapter for question in stored.questions} <= set(stored.chapters)
    assert len(stored.chapters) == len(stored.texts) == len(stored.vectors) > 500
    assert_close(stored.vectors.norm(dim=1), torch.ones(len(stored.texts)), rtol=0, atol=2e-3)
    scores = published.counted_scores(stored)
    assert scores.shape == (len(stored.questions), len(stored.texts))
