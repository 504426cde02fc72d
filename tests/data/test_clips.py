"""Ten clips, and how a transcript is held against what is written."""

import pytest

from txlite.data.audio import SAMPLE_RATE
from txlite.data.clips import plain_words, speech_clips
from txlite.data.fetched import missing_data

has_clips = pytest.mark.skipif(bool(missing_data("pocketsphinx")), reason="no clips: make data")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("He was not an ill-disposed young man.", "he was not an ill disposed young man"),
        ("Mr. Dashwood's and MRS. DASHWOOD’S", "mister dashwood's and missus dashwood's"),
        ("10 of clubs, 4 of hearts; 55", "ten of clubs four of hearts five five"),
        ("100", "one zero zero"),
        ("  'Had he'\n", "had he"),
    ],
)
def test_what_nobody_misheard_is_alike(text: str, words: str) -> None:
    assert plain_words(text) == words
    assert plain_words(words) == words


@has_clips
def test_the_clips_are_ten_and_short_and_have_their_words() -> None:
    clips = speech_clips()
    assert len({clip.name for clip in clips}) == len(clips) == 10
    assert sum(len(clip.text.split()) for clip in clips) == 92
    assert clips[1].text == "he was not an ill disposed young man"
    assert clips[-1].text == "eight of spades four of clubs seven of hearts"
    for clip in clips:
        assert clip.text == plain_words(clip.text)
        assert 1.0 < len(clip.samples) / SAMPLE_RATE < 8.0
        assert 0.05 < clip.samples.abs().max() <= 1.0


def test_without_the_clips_the_command_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("TXLITE_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="make data"):
        speech_clips()
