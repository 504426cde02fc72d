"""The loaders of public corpora: what they ask for, what they return, and how they fail."""

import importlib.util
from collections.abc import Iterator

import pytest

from txlite.data.corpora import Pair
from txlite.data.public import PUBLIC, load_public

CORPORA = pytest.mark.parametrize("name", PUBLIC)


class Hub:
    """Plays ``datasets.load_dataset``: an endless corpus, which remembers what was asked."""

    def __init__(self) -> None:
        self.asked: tuple[object, ...] = ()
        self.read = 0

    def __call__(self, *asked: str, **how: object) -> Iterator[dict[str, dict[str, str]]]:
        self.asked = (*asked, *sorted(how.items()))
        return self.rows()

    def rows(self) -> Iterator[dict[str, dict[str, str]]]:
        while True:
            self.read += 1
            said = {language: f"{language} {self.read}" for language in ("en", "fr", "zh")}
            yield {"translation": said}


def offline(*asked: str, **how: object) -> Iterator[dict[str, dict[str, str]]]:
    raise ConnectionError("no route to host")


@CORPORA
def test_the_source_is_the_foreign_language_and_no_more_is_read_than_wanted(name: str):
    hub = Hub()
    foreign = name.split("-")[1]
    assert load_public(name, 2, loader=hub) == [
        Pair(f"{foreign} 1", "en 1"),
        Pair(f"{foreign} 2", "en 2"),
    ]
    assert hub.read == 2
    corpus = PUBLIC[name]
    assert hub.asked == (
        corpus.repository,
        corpus.configuration,
        ("split", "train"),
        ("streaming", True),
    )


def test_a_corpus_that_ends_gives_what_it_has():
    rows = iter([{"translation": {"fr": "oui", "en": "yes"}}])
    assert load_public("tatoeba-fr-en", 5, loader=lambda *a, **k: rows) == [("oui", "yes")]


@CORPORA
def test_offline_the_error_says_what_would_have_been_fetched(name: str):
    with pytest.raises(RuntimeError, match="cannot fetch") as caught:
        load_public(name, 3, loader=offline)
    corpus = PUBLIC[name]
    said = str(caught.value)
    assert str(corpus) in said
    assert f"{corpus.pairs:,} pairs, {corpus.megabytes:,} MB" in said
    assert "Is there a network?" in said
    assert "no route to host" in said


@pytest.mark.parametrize("error", [RuntimeError, ValueError, KeyError])
def test_a_corpus_that_has_moved_is_named_too(error: type[Exception]):
    def moved(*asked: str, **how: object) -> Iterator[dict[str, dict[str, str]]]:
        raise error("no such configuration")

    with pytest.raises(RuntimeError, match=r"cannot fetch wmt/wmt14 .*no such configuration"):
        load_public("wmt14-fr-en", 3, loader=moved)


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"pip install 'txlite\[hub\]'") as caught:
        load_public("wmt14-fr-en", 3)
    assert "wmt/wmt14 (fr-en) from huggingface.co: about 40,800,000 pairs" in str(caught.value)


def test_an_unknown_corpus_is_refused():
    with pytest.raises(ValueError, match=r"name should be one of tatoeba-fr-en, .*got 'wmt13'"):
        load_public("wmt13", 3)


@pytest.mark.parametrize("wrong", [0, -1])
def test_a_number_of_pairs_must_be_positive(wrong: int):
    with pytest.raises(ValueError, match="num_pairs"):
        load_public("tatoeba-fr-en", wrong)
