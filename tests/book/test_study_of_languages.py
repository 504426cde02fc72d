"""The study of Whisper base: languages, units of a text, counts, and a synthesised voice."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from studies import _published_whisper as published
from studies import _whisper_base as base
from studies import whisper_languages as study
from studies._synthesiser import say
from txlite.data.weights import missing_weights


def test_every_language_says_the_same_number_of_sentences() -> None:
    assert {len(texts) for texts in study.SENTENCES.values()} == {5}
    assert set(study.SENTENCES) == set(study.VOICES) == {"en", "fr", "zh"}
    assert len(set(study.SPEAKERS)) == 5


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("en", "Please close the window, Mr. Brown!", "please close the window mister brown"),
        ("fr", "Ma SŒUR, s'il vous plaît : a-t-il ?", "ma soeur s il vous plaît a t il"),
        ("zh", "明天開會嗎？", "明 天 开 会 吗"),
    ],
)
def test_texts_are_compared_in_plain_units(language: str, text: str, wanted: str) -> None:
    assert study.units(text, language) == wanted


def test_both_ways_to_write_chinese_are_one_character_each() -> None:
    assert len(study.PLAIN) == 14
    for text in study.SENTENCES["zh"]:
        assert text.translate(study.PLAIN) == text  # what is asked for is plain already


def test_a_text_ends_at_its_first_end_and_otherwise_where_it_ends() -> None:
    assert published.until(9, [1, 2, 9, 3, 9]) == [1, 2]
    assert published.until(9, [9]) == []
    assert published.until(9, [1, 2]) == [1, 2]


def test_a_language_is_recognised_where_it_is_the_most_probable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = iter([{"en": 0.5, "fr": 0.4}, {"en": 0.1, "fr": 0.8}, {"en": 0.3, "fr": 0.6}])
    monkeypatch.setattr(study, "language_chances", lambda sound: next(told))
    found = study.recognised([torch.zeros(1)] * 3, "fr")
    assert found == {
        "sounds": 3.0,
        "recognised": pytest.approx(2 / 3),
        "chance": pytest.approx(0.6),
    }


def test_errors_are_those_of_all_sentences_and_the_first_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = iter(["明天開車嗎", "火车早上很早就开"])
    monkeypatch.setattr(study, "written", lambda sound, language: next(texts))
    monkeypatch.setattr(study, "language_chances", lambda sound: {"zh": 1.0})
    wanted = [study.units(text, "zh") for text in study.SENTENCES["zh"][:2]]
    found = study.asked([torch.zeros(1)] * 2, wanted, "zh")
    assert found["first"] == 1
    assert found["units"] == 13
    assert found["errors"] == pytest.approx(1 / 13)


def test_a_seed_is_a_voice_and_silence_stands_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    voices: list[str] = []

    def spoken(text: str, voice: str, *, words_per_minute: int) -> torch.Tensor:
        voices.append(voice)
        return torch.ones(10)

    def asked(sounds: list[torch.Tensor], wanted: list[str], language: str) -> dict[str, float]:
        assert all(len(sound) == 10 + 2 * study.PAUSE for sound in sounds)
        assert all(sound.sum() == 10 for sound in sounds)
        return {"units": float(len(wanted))}

    monkeypatch.setattr(study, "say", spoken)
    monkeypatch.setattr(study, "asked", asked)
    assert study.synthesised("zh", 1) == {"units": 5.0}
    assert set(voices) == {"cmn+f2"}


def test_the_languages_are_those_marks_between_the_beginning_and_the_tasks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = ["a"] * base.START + ["<|startoftranscript|>", "<|en|>", "<|yue|>"]
    lines += ["b"] * (base.TRANSLATE - len(lines)) + ["<|translate|>", "<|fr|>"]
    (tmp_path / "vocabulary.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setattr(base, "weights_file", lambda name, file: tmp_path / file)
    base.languages.cache_clear()
    assert base.languages() == {"en": base.START + 1, "yue": base.START + 2}
    base.languages.cache_clear()


@pytest.mark.skipif(not find_spec("espeakng_loader"), reason="pip install espeakng-loader==0.2.4")
def test_a_synthesiser_says_longer_texts_longer_and_has_more_than_one_voice() -> None:
    short, long = say("oui", "fr"), say("oui, nous avons acheté du pain", "fr")
    assert 0.05 < short.abs().max() <= 1.01
    assert len(long) > 2 * len(short)
    other = say("oui", "fr+f2")
    assert len(other) != len(short) or not torch.equal(other, short)
    with pytest.raises(ValueError, match="voice should be one that eSpeak NG has"):
        say("oui", "nobody")


@pytest.mark.skipif(bool(missing_weights("whisper-base")), reason=missing_weights("whisper-base"))
def test_the_published_weights_know_99_languages() -> None:
    assert len(base.languages()) == 99
    chances = base.language_chances(torch.zeros(16_000))
    assert sum(chances.values()) == pytest.approx(1, abs=1e-4)
    assert isinstance(base.written(torch.zeros(16_000), "fr"), str)
