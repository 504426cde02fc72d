"""Text goes into a tokenizer and comes out: the same, whatever it holds."""

import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.texts import FRAGMENTS, LINE_ENDS, alphabet_of, many, texts
from txlite.data.corpora import chinese_english, french_english
from txlite.data.tokenizers import BPE, EOS_ID, UNK_ID, train_bpe

pytestmark = pytest.mark.plain
MARKS = ["<pad>", "<s>", "</s>", "<unk>"]


@cache
def lesson(name: str) -> tuple[str, ...]:
    corpora: dict[str, Callable[[], list[str]]] = {
        "French": lambda: [pair.source for pair in french_english(1_500).train],
        "English": lambda: [pair.target for pair in french_english(1_500).train],
        "Chinese": lambda: [pair.source for pair in chinese_english(1_500).train],
        "anything": lambda: [f"{a}{b}" for a in FRAGMENTS for b in ("", "\n", " ", "'", "x")],
    }
    return tuple(corpora[name]())


@cache
def learned(name: str) -> BPE:
    return train_bpe(lesson(name), 500)


def check_round_trip(bpe: BPE, text: str) -> None:
    ids = bpe.encode(text)
    assert min(ids, default=UNK_ID + 1) > UNK_ID
    assert bpe.decode(ids) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "text",
    [
        "the dogs' tails",
        "'hello' he said",
        "rock 'n' roll",
        "rock'n'roll",
        "' '",
        "'' '",
        "the dogs'",
        "'",
        " the",
        "  the",
        "the ",
        " ",
        "  ",
        "",
        "don't, 't and 'to'",
        "the\ntails",
        "\nthe",
        "a▁b ▁ ␛ ␛0 ␛1",
        "▁the",
        "5 ' 5",
    ],
)
def test_apostrophes_and_blanks_come_back_where_they_were(text: str) -> None:
    check_round_trip(learned("anything"), text)


@many
@given(st.data(), st.sampled_from(["French", "English", "Chinese", "anything"]))
def test_every_text_of_the_alphabet_comes_back(data: st.DataObject, name: str) -> None:
    alphabet = alphabet_of(lesson(name))
    pieces = [text for text in FRAGMENTS if alphabet_of([text]) <= alphabet]
    text = data.draw(texts([*alphabet, *pieces, *lesson(name)[:40]]))
    assume(alphabet_of([text]) <= alphabet)
    check_round_trip(learned(name), text)


@many
@given(st.lists(texts(min_size=1), min_size=1, max_size=6), st.integers(5, 80), st.data())
def test_whatever_it_was_trained_on(lines: list[str], size: int, data: st.DataObject) -> None:
    alphabet = alphabet_of(lines)
    text = data.draw(texts([*alphabet, *lines]))
    assume(alphabet_of([text]) <= alphabet)
    check_round_trip(train_bpe(lines * 2, size), text)


@pytest.mark.kills(
    "a text's </s> is an end",
    "data/tokenizers.py",
    "tokenizer.encode_special_tokens = True",
    "tokenizer.encode_special_tokens = False",
)
@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("repeats", [1, 6])
def test_what_looks_like_a_mark_is_text(mark: str, repeats: int, tmp_path: Path) -> None:
    """Also where the training has met it so often that merges would make it whole."""
    made = train_bpe([f"close it with {mark} now"] * repeats + [mark] * repeats, 90)
    made.save(tmp_path / "bpe.json")
    for bpe in (made, BPE.load(tmp_path / "bpe.json")):
        for text in (mark, f"close {mark} now", f"{mark}{mark}", f"c{mark}"):
            check_round_trip(bpe, text)
        assert not any({*pair} & {*MARKS} or "".join(pair) in MARKS for pair in bpe.merges)
        assert bpe.decode([*bpe.encode(mark), EOS_ID]) == mark


def test_a_file_of_before_reads_no_mark_in_a_text() -> None:
    """Its merges may make one whole, but none is cut out of a text before they are asked."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    old = Tokenizer(models.BPE(unk_token="<unk>"))
    old.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    trainer = trainers.BpeTrainer(vocab_size=40, special_tokens=MARKS, show_progress=False)
    old.train_from_iterator(["a </ s>"] * 3, trainer)
    assert min(BPE(Tokenizer.from_str(old.to_str())).encode("</s>")) > UNK_ID


@pytest.mark.parametrize("text", ["e\u0301", "\u1112\u1161\u11ab", "\u212b", "q\u0307\u0323"])
def test_normal_forms_are_one_text(text: str) -> None:
    bpe = learned("anything")
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")} | {text}
    assert len({tuple(bpe.encode(form)) for form in forms}) == 1


@pytest.mark.parametrize("end", [*LINE_ENDS, "\u2028"])
def test_the_end_of_a_line_is_a_character(end: str) -> None:
    bpe = train_bpe([f"je vois{end}un chat"] * 2, 60)
    check_round_trip(bpe, f"un{end}{end}chat{end}")


def test_a_blank_is_known_wherever_one_is_put_in() -> None:
    """No text of the training has a blank, but "'" before a letter is given one on the way."""
    for lines, text in [(["我'"], "'我"), (["我a"], "a我"), (["我5"], "5我")]:
        check_round_trip(train_bpe(lines, 20), text)
    assert "▁" not in train_bpe(["我爱你"], 20).tokens


@pytest.mark.parametrize("wrong", [None, 5, ["a"], b"a"])
def test_what_is_no_text_is_refused(wrong: object) -> None:
    kind = type(wrong).__name__
    for call in (learned("French").encode, learned("French").pieces):
        with pytest.raises(ValueError, match=rf"^text should be text, got {kind}"):
            call(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=rf"^texts should be text, got {kind}"):
        train_bpe(["a", wrong], 20)  # type: ignore[list-item]


def test_half_a_character_is_refused() -> None:
    want = r"should be text that UTF-8 can hold, got 'a\\ud800'"
    with pytest.raises(ValueError, match=rf"^text {want}"):
        learned("French").encode("a\ud800")
    with pytest.raises(ValueError, match=rf"^texts {want}"):
        train_bpe(["a\ud800"], 20)


def test_numbers_of_tokens_may_be_of_any_kind_and_must_be_numbers_of_tokens() -> None:
    bpe = learned("French")
    ids, size = bpe.encode("un chat"), bpe.vocab_size
    assert bpe.decode(torch.tensor(ids)) == bpe.decode(torch.tensor(ids).numpy()) == "un chat"
    assert bpe.decode([size - 1]) == bpe.tokens[-1].replace("▁", " ").strip()
    for wrong in (-1, size, 2**40, 1.0, "5", None):
        with pytest.raises(ValueError, match=rf"^ids should be token numbers below {size}, got"):
            bpe.decode([5, wrong])  # type: ignore[list-item]


@pytest.mark.parametrize("content", [b"\xff\xfe", "{}".encode("utf-16")])
def test_a_file_that_is_no_text_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bpe.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"bpe.json should hold a tokenizer, and is damaged"):
        BPE.load(tmp_path / "bpe.json")


def test_a_tokenizer_is_saved_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bpe.json"
    learned("French").save(path)
    before = path.read_bytes()

    def full(self: Path, data: str, **_: object) -> int:
        with self.open("w") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        learned("Chinese").save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size", [4_000_000_000, 2**64, 10**30])
@pytest.mark.parametrize("lines", [["abab"] * 3, ["▁␛' \u0958"], ["x"], [""]])
def test_a_vocabulary_is_no_larger_than_its_texts(size: int, lines: list[str]) -> None:
    bpe = train_bpe(lines, size)
    assert bpe.tokens == train_bpe(lines, 10_000).tokens
    assert bpe.vocab_size < 20
