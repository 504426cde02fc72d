"""Scores say how good a translator is, on what, and nothing where there is nothing to say."""

import json
import random
import unicodedata
from pathlib import Path

import pytest
import sacrebleu

from tests.cli.running import TRAINING, run
from txlite.cli.translator.bleu import corpus_bleu, words_as
from txlite.cli.translator.corpus import Lesson, read_lesson
from txlite.cli.translator.folder import load_translator
from txlite.cli.translator.score import in_words, score
from txlite.cli.translator.translate import translations

pytestmark = pytest.mark.plain

WHO = {"je": "I", "tu": "you", "il": "he", "elle": "she", "nous": "we", "ils": "they"}
WHAT = ["chat", "livre", "vin", "pain"]
RIGHT = "exact match"


def write(path: Path, rows: list[tuple[str, str]], form: str = "NFC") -> Path:
    text = "\n".join(f"{a}\t{b}" for a, b in rows)
    path.write_text(unicodedata.normalize(form, text), encoding="utf-8")
    return path


def told(path: Path, *options: object) -> str:
    """Train on a file; return the line with the scores."""
    result = run("train", path, "--out", path.parent / "m", "--steps", 120, *TRAINING, *options)
    assert result.exit_code == 0, result.output
    return next(line for line in result.output.splitlines() if "exactly right" in line)


def test_no_bleu_where_the_targets_are_too_short(tmp_path: Path) -> None:
    rows = [(f"{a} vois {what}", f"{b} see {what}") for a, b in WHO.items() for what in WHAT]
    said = told(write(tmp_path / "pairs.tsv", rows))
    assert said.endswith("exactly right, BLEU – (too few runs of four words to count).")
    assert said.startswith("pairs: 100.0% of 2 held-out sentences")
    scores = json.loads((tmp_path / "m" / "config.json").read_text(encoding="utf-8"))["about"]
    assert scores["scores"]["BLEU"] is None
    assert "–" in run("info", tmp_path / "m").output


def test_chinese_is_counted_by_character(tmp_path: Path) -> None:
    who = dict(zip(WHO, "我你他她它谁", strict=True))
    rows = [(f"{a} vois {b}", f"{x}看见一只{y}") for a, x in who.items() for b, y in
            zip(WHAT, "猫书酒饼", strict=True)]  # fmt: skip
    said = told(write(tmp_path / "pairs.tsv", rows))
    assert "100.0% of 2 held-out sentences exactly right, BLEU 100.0 (" in said
    assert "|tok:zh|" in said
    assert f"version:{sacrebleu.__version__}" in said


def test_the_signature_and_the_sample_stand_beside_a_score(tmp_path: Path) -> None:
    rows = [(f"{a} vois un {w}", f"{b} see one {w}") for a, b in WHO.items() for w in WHAT]
    said = told(write(tmp_path / "pairs.tsv", rows))
    version = sacrebleu.__version__
    assert "of 2 held-out sentences exactly right, BLEU " in said
    assert said.endswith(f"(nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{version}).")
    cells = [
        line.split("│")[2].strip()
        for line in run("info", tmp_path / "m").output.splitlines()
        if "│" in line
    ]
    assert f"tok:13a|smooth:exp|version:{version}" in "".join(cells)  # on lines of its own, whole


def test_a_target_is_right_in_every_normal_form(tmp_path: Path) -> None:
    rows = [(f"{a} vois {w}", f"{b} a été {w} là") for a, b in WHO.items() for w in WHAT]
    lines = []
    for form in ("NFC", "NFD"):
        (tmp_path / form).mkdir()
        path = write(tmp_path / form / "pairs.tsv", rows, form)
        lines.append(told(path))
        assert read_lesson(str(path)).held_out[0] == ("je vois chat", "I a été chat là")
    assert lines[0] == lines[1]
    translator = load_translator(tmp_path / "NFC" / "m")
    sources = [source for source, _ in rows]
    answers = translations(translator, sources)
    assert any("été" in answer for answer in answers)
    for form in ("NFC", "NFD"):
        again = [unicodedata.normalize(form, answer) for answer in answers]
        assert score(translator, Lesson("", [], [*zip(sources, again, strict=True)]))[RIGHT] == 1.0


def test_each_of_several_translations_is_right(trained: Path) -> None:
    translator = load_translator(trained)
    sources = ["je vois un chat", "tu vois le vin", "il vois un livre"]
    answers = translations(translator, sources)
    pairs = [*zip(sources, answers, strict=True), (sources[0], "x"), (sources[1], "x")]
    for held_out in (pairs, pairs[::-1]):
        got = score(translator, Lesson("", [], held_out))
        assert (got[RIGHT], got["sentences"], got["translations"]) == (1.0, 3, 5)
    half = [*pairs[:2], (sources[2], "x"), ("elle vois le vin", "x")]
    assert score(translator, Lesson("", [], half))[RIGHT] == 0.5


def test_sources_are_held_out_whole(tmp_path: Path) -> None:
    """Each sentence stands there three times, in disorder and in several spellings."""
    rows = [(f"je vois {n}", f"I see number {n} {way}") for n in range(60) for way in "abc"]
    rows += [(f"Je  vois {n}.", f"I look at {n}") for n in range(0, 60, 3)]
    random.Random(1).shuffle(rows)
    lesson = read_lesson(str(write(tmp_path / "pairs.tsv", rows)))
    held_out, learned = ({source for source, _ in part} for part in (lesson.held_out, lesson.train))
    assert len(held_out) == 3
    assert len(learned) == 57
    assert not held_out & learned
    assert len(lesson.held_out) + len(lesson.train) == len(rows)


def test_how_many_were_held_out_is_said(tmp_path: Path) -> None:
    rows = [(f"{a} vois {w}", f"{b} {see} {w} now") for a, b in WHO.items() for w in WHAT
            for see in ("see", "watch")]  # fmt: skip
    said = told(write(tmp_path / "pairs.tsv", rows))
    assert "of 2 held-out sentences, with 4 translations, exactly right, BLEU " in said
    assert "nrefs:2|" in said


def test_one_sentence_alone_cannot_be_held_out(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.tsv", [("je vois", "I see"), ("Je vois.", "I am seeing")])
    result = run("train", path, "--out", tmp_path / "m")
    assert result.exit_code == 1
    assert "should hold at least two different sentences, got 1" in result.output


@pytest.mark.parametrize(
    ("texts", "want"),
    [
        (["I see a cat", "naïve café"], "13a"),
        (["我爱你"], "zh"),
        (["I love 中国"], "zh"),
        (["𠮷野"], "zh"),
        (["ひらがな"], "char"),
        (["カタカナと漢字"], "char"),
        (["ฉันรักคุณ"], "char"),
        (["나는 너를"], "13a"),
        (["مرحبا بك"], "13a"),
    ],
)
def test_words_are_what_the_script_makes_of_them(texts: list[str], want: str) -> None:
    assert words_as(["a b", *texts]) == want


FOUR, FIVE = "the cat sat down", "the cat sat down there"


def test_a_score_is_sacrebleus() -> None:
    found = ["the cat sat there now", "a dog ran away", "Il est là, non ?"]
    wanted = ["the cat sat there today", "the dog ran away fast", "Il est là , non?"]
    got = corpus_bleu(found, [[text] for text in wanted])
    assert got.bleu == round(sacrebleu.corpus_bleu(found, [wanted]).score, 2)
    several = corpus_bleu(found, [[wanted[0], found[0]], [wanted[1]], [wanted[2]]])
    both = [wanted, [found[0], None, None]]
    assert several.bleu == round(sacrebleu.corpus_bleu(found, both).score, 2)  # type: ignore[arg-type]
    assert several.bleu > got.bleu
    assert "nrefs:var" in several.signature


@pytest.mark.parametrize(
    ("wanted", "counts"),
    [
        ([["a b c"]], False),
        ([[FOUR]], True),
        ([[FOUR], ["a b c"]], False),
        ([[FIVE], ["a b c"]], True),
        ([[FIVE, "a b c"]], True),
        ([[FOUR, "a b c"]], False),
        ([["我爱你"]], False),
        ([["我很爱你"]], True),
    ],
)
def test_a_score_needs_a_run_of_four_words_for_each_sentence(
    wanted: list[list[str]], counts: bool
) -> None:
    assert (corpus_bleu([texts[0] for texts in wanted], wanted).bleu == 100) == counts
    assert (corpus_bleu(["" for _ in wanted], wanted).bleu is None) != counts


def test_the_words_for_a_score() -> None:
    scores = {"exact match": 0.25, "BLEU": 12.345, "signature": "s", "sentences": 4}
    one = in_words({**scores, "translations": 4})
    assert one == "25.0% of 4 held-out sentences exactly right, BLEU 12.3 (s)."
    more = in_words({**scores, "translations": 5})
    assert "4 held-out sentences, with 5 translations, exactly" in more
    none = in_words({**scores, "BLEU": None, "translations": 4})
    assert none.endswith("exactly right, BLEU – (too few runs of four words to count).")


def test_the_advice_of_sacrebleu_is_not_the_users(caplog: pytest.LogCaptureFixture) -> None:
    corpus_bleu([f"{FIVE} ."] * 120, [[f"{FIVE} ."]] * 120)
    assert not caplog.records
