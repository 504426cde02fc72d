"""Byte pairs: nothing is lost, words keep their pieces, and the numbers are the same everywhere."""

from functools import cache
from pathlib import Path

import pytest

from txlite.data.corpora import chinese_english, french_english
from txlite.data.tokenizers import BOS_ID, BPE, EOS_ID, PAD_ID, UNK_ID, train_bpe

pytestmark = pytest.mark.plain  # whole corpora: with every type checked they take minutes
languages = pytest.mark.parametrize("language", ["fr", "zh", "en"])


@cache
def texts(language: str) -> list[str]:
    if language == "zh":
        return [pair.source for pair in chinese_english(3_000).train]
    side = "source" if language == "fr" else "target"
    return [getattr(pair, side) for pair in french_english(3_000).train]


@cache
def trained(language: str) -> BPE:
    return train_bpe(texts(language), 600)


@languages
def test_what_is_encoded_is_decoded_to_the_same(language: str):
    bpe = trained(language)
    for text in texts(language):
        assert bpe.decode(bpe.encode(text)) == text


def test_unseen_sentences_of_known_letters_come_back_too():
    bpe = trained("fr")
    for text in ("l'oiseau qu'il t'a vendu", "une porte rouge", "est-ce que Luc dort ?"):
        assert bpe.decode(bpe.encode(text)) == text


@languages
def test_the_special_tokens_have_their_numbers_and_are_never_encoded(language: str):
    bpe = trained(language)
    assert (PAD_ID, BOS_ID, EOS_ID, UNK_ID) == (0, 1, 2, 3)
    assert (bpe.pad_id, bpe.bos_id, bpe.eos_id, bpe.unk_id) == (0, 1, 2, 3)
    assert bpe.tokens[:4] == ("<pad>", "<s>", "</s>", "<unk>")
    assert min(min(bpe.encode(text)) for text in texts(language)[:500]) > 3
    marked = [BOS_ID, *bpe.encode(texts(language)[0]), EOS_ID, PAD_ID, PAD_ID]
    assert bpe.decode(marked) == texts(language)[0]


def test_what_was_never_seen_is_unknown():
    assert trained("fr").encode("猫") == [UNK_ID]
    assert UNK_ID in trained("zh").encode("我爱鼴")


def test_training_says_nothing(capfd: pytest.CaptureFixture[str]):
    train_bpe(texts("en"), 300)
    assert capfd.readouterr() == ("", "")


@languages
def test_every_number_is_below_the_size(language: str):
    bpe = trained(language)
    assert len(bpe.tokens) == bpe.vocab_size <= 600
    assert max(max(bpe.encode(text)) for text in texts(language)) < bpe.vocab_size


@pytest.mark.kills(
    "l'homme and homme apart",
    "data/tokenizers.py",
    'Regex(r"\'(?=[\\s\\S])(?!t\\b)"), "\' ")',
    'Regex(r"\'(?=[\\s\\S])(?!t\\b)"), "\'")',
)
@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("fr", "l'homme", ["l'", "homme"]),
        ("fr", "un homme", ["un", "homme"]),
        ("fr", "est-ce que", ["est", "-ce", "que"]),
        ("zh", "我爱你", ["我", "爱", "你"]),
        ("zh", "5月3日", ["5", "月", "3", "日"]),
        ("en", "he doesn't", ["he", "doesn't"]),
    ],
)
def test_where_words_are_cut(language: str, text: str, wanted: list[str]):
    assert trained(language).pieces(text) == wanted


def test_a_word_has_one_number_at_the_beginning_after_a_blank_and_after_an_apostrophe():
    bpe = trained("fr")
    homme = bpe.encode("homme")
    assert bpe.encode("un homme")[-len(homme) :] == homme
    assert bpe.encode("l'homme")[-len(homme) :] == homme


def test_merges_are_counted_as_sennrich_counts_them():
    """«a b» is the most frequent pair, then «ab c»: three merges by hand."""
    bpe = train_bpe(["xabc"] * 5 + ["xab"] * 4 + ["xd"] * 2, 4 + 6 + 3)
    assert bpe.merges[0] in {("▁", "x"), ("a", "b")}
    assert ("a", "b") in bpe.merges
    assert bpe.vocab_size == 13


def test_training_is_the_same_twice(tmp_path: Path):
    again = train_bpe(texts("fr"), 600)
    assert again.tokens == trained("fr").tokens
    assert again.merges == trained("fr").merges


@languages
def test_saved_and_loaded_it_is_the_same(language: str, tmp_path: Path):
    bpe = trained(language)
    bpe.save(tmp_path / "bpe.json")
    loaded = BPE.load(tmp_path / "bpe.json")
    assert loaded.tokens == bpe.tokens
    for text in texts(language)[:200]:
        assert loaded.encode(text) == bpe.encode(text)


def test_a_smaller_vocabulary_cuts_finer():
    coarse, fine = trained("fr"), train_bpe(texts("fr"), 100)
    assert fine.vocab_size <= 100
    assert sum(len(fine.encode(t)) for t in texts("fr")[:50]) > 1.5 * sum(
        len(coarse.encode(t)) for t in texts("fr")[:50]
    )


@pytest.mark.parametrize("wrong", [0, 4, -1])
def test_a_vocabulary_must_have_room_for_more_than_the_special_tokens(wrong: int):
    with pytest.raises(ValueError, match="vocab_size"):
        train_bpe(["a"], wrong)


@pytest.mark.plain
def test_one_text_is_not_read_letter_by_letter():
    with pytest.raises(ValueError, match=r"^texts should be a list of texts, got one text"):
        train_bpe("je mange", 60)


@pytest.mark.plain
@pytest.mark.parametrize("content", ["", "{", "{}"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "bpe.json").write_text(content)
    with pytest.raises(ValueError, match=r"bpe.json should hold a tokenizer, and is damaged"):
        BPE.load(tmp_path / "bpe.json")
