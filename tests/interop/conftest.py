"""Vocabularies that are trained once for the tests of a file."""

from pathlib import Path

import pytest

from tests.interop.vocabularies import TEXTS


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    words = ["read", "book", "believe", "stop"]
    numbers = ["12345 12345"] * 5  # so that digits merge, where they may
    return [*TEXTS, *numbers, *(f"{word} {word}s un{word}able" for word in words)]


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """A BERT vocabulary, trained."""
    from tokenizers import BertWordPieceTokenizer

    folder = tmp_path_factory.mktemp("pieces")
    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(corpus, vocab_size=120, show_progress=False)
    trained.save_model(str(folder))
    return folder


@pytest.fixture(scope="module")
def bytes_(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """A GPT-2 vocabulary, trained."""
    from tokenizers import ByteLevelBPETokenizer

    folder = tmp_path_factory.mktemp("bytes")
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        corpus, vocab_size=320, show_progress=False, special_tokens=["<|endoftext|>"]
    )
    trained.save_model(str(folder))
    return folder
