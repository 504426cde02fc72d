"""Stories: what they say is what their sentences add up to."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from txlite.data.stories import (
    MEN,
    NOT_ASKED,
    PLACES,
    WOMEN,
    Story,
    Vocabulary,
    sample_stories,
    tell,
)

STORIES = sample_stories(300, seed=3)


def walk(story: Story, who: str) -> tuple[str, int]:
    """Find somebody by following the sentences, one at a time."""
    sentences = "".join(f"{w} " for w in story.words[:-6]).split(" 。 ")[:-1]
    facts = {subject: (verb, what) for subject, verb, what in map(str.split, sentences)}
    steps = 0
    while facts[who][0] == "跟着":
        who, steps = facts[who][1], steps + 1
    return facts[who][1], steps


@pytest.mark.kills(
    "the one who is followed is not counted",
    "data/stories.py",
    "        what, steps = links[what], steps + 1\n",
    "        what = links[what]\n",
)
def test_every_answer_follows_from_the_sentences() -> None:
    for story in STORIES:
        for mention in story.mentions:
            assert (mention.where, mention.steps) == walk(story, mention.who)


@pytest.mark.kills(
    "he is she",
    "data/stories.py",
    'people = {"他": he, "她": she}',
    'people = {"他": she, "她": he}',
)
def test_a_mention_stands_for_the_word_that_it_is_or_for_the_only_one_it_can_mean() -> None:
    for story in STORIES:
        for mention in story.mentions:
            word = story.words[mention.at]
            assert mention.pronoun == (word in {"他", "她"})
            fitting = {"他": set(MEN), "她": set(WOMEN)}.get(word, {word})
            assert set(story.words) & fitting - {word} <= {mention.who}
            assert mention.who in fitting


def test_the_place_cannot_be_guessed() -> None:
    """Two places in each story, of which neither the first nor the nearer is right more often."""
    many = sample_stories(4000, seed=5)
    first = nearest = total = 0
    for story in many:
        places = [(at, word) for at, word in enumerate(story.words) if word in PLACES]
        assert len({word for _, word in places}) == 2
        for m in story.mentions:
            if m.pronoun:
                total += 1
                first += places[0][1] == m.where
                nearest += places[-1][1] == m.where
    assert abs(first / total - 0.5) < 0.03
    assert abs(nearest / total - 0.5) < 0.03


def test_nobody_can_count_on_the_order_of_the_sentences() -> None:
    """Whoever is followed is spoken of earlier as often as later."""
    earlier = total = 0
    for story in sample_stories(2000, seed=6):
        for at in range(0, len(story.words) - 6, 4):
            subject, verb, other = story.words[at : at + 3]
            if verb == "跟着":
                total += 1
                earlier += story.words[::4].index(other) < story.words[::4].index(subject)
    assert abs(earlier / total - 0.5) < 0.04


def test_tensors_hold_the_words_and_the_answers() -> None:
    vocabulary = Vocabulary()
    batch = vocabulary.encode(STORIES)
    assert batch.tokens.shape == batch.tied.shape == batch.where.shape == (300, 26)
    for row, story in enumerate(STORIES):
        length = len(story.words)
        assert [vocabulary.words[n] for n in batch.tokens[row, :length]] == [*story.words]
        assert (batch.tokens[row, length:] == 0).all()
        asked = {m.at: vocabulary[m.where] for m in story.mentions}
        got = {at: n for at, n in enumerate(batch.where[row].tolist()) if n != NOT_ASKED}
        assert got == asked
        for m in story.mentions:
            tied = vocabulary.words[batch.tied[row, m.at]]
            assert tied == (m.who if m.pronoun else story.words[m.at + 2])
            if not m.pronoun:
                assert vocabulary.words[batch.tied[row, m.at + 2]] == story.words[m.at]
    logits = torch.zeros(26, len(vocabulary))
    assert cross_entropy(logits, batch.where[0]).isfinite()


def test_it_moves_to_a_device() -> None:
    batch = Vocabulary().encode(STORIES[:2]).to("meta")
    assert all(tensor.is_meta for tensor in batch)


def test_stories_differ_and_the_same_seed_writes_the_same() -> None:
    assert len({story.words for story in STORIES}) == 300
    assert sample_stories(300, seed=3) == STORIES
    assert sample_stories(300, seed=4) != STORIES
    others = sample_stories(300, seed=3, without=STORIES)
    assert not {s.words for s in others} & {s.words for s in STORIES}
    assert {len(s.words) for s in sample_stories(50, 0, people=[2, 8])} == {14, 38}


def test_it_reads_well_in_both_languages() -> None:
    for story in STORIES:
        assert str(story).endswith(("他说她没来。", "她说他没来。"))
        assert story.english.count(".") == str(story).count("。")
    story = Story(("小红", "在", "学校", "。", "小猫", "跟着", "小红", "。", *"他说她没来。"), ())
    assert str(story) == "小红在学校。小猫跟着小红。他说她没来。"
    assert story.english == (
        "Xiaohong is at school. The cat follows Xiaohong. He said she didn't come."
    )


def test_a_story_of_ones_own() -> None:
    for story in STORIES[:50]:
        assert tell(" ".join(story.words)) == story
    mention = tell("小猫 跟着 小红 。 老王 在 家 。 小红 跟着 老王 。 她 说 他 没 来 。").mentions[
        -2
    ]
    assert (mention.who, mention.where, mention.steps) == ("小红", "家", 1)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text should be facts"),
        ("小红 在 学校 。 他 说 她 没 来 。", "text should be facts"),  # who is he?
        ("小红 在 学校 。 小明 在 家 。 他 见 她 没 来 。", "text should be facts"),
        ("小红 跟着 小明 。 小明 跟着 小红 。 他 说 她 没 来 。", "where 小红 is"),
        ("小红 跟着 小狗 。 小明 在 家 。 他 说 她 没 来 。", "where 小红 is"),
    ],
)
def test_what_is_no_story_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tell(text)


@pytest.mark.plain
@pytest.mark.parametrize("people", [[], [1], [3, 9]])
def test_errors_name_what_is_wrong(people: list[int]) -> None:
    with pytest.raises(ValueError, match="people should be numbers from 2 to 8"):
        sample_stories(1, 0, people=people)
    with pytest.raises(ValueError, match="num_stories should be"):
        sample_stories(0, 0)
