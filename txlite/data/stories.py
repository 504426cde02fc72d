"""Who is where? Little Chinese stories that only make sense when they are read more than once.

「小红在学校。小猫跟着小红。小明在家。他说她没来。」 says where the cat is, and where she is who did
not come, but not in one place: the reader has to find out who she is, whom the cat follows, and
where that person is. The number of such steps is known for each mention, so that one can measure
how many of them a model can take.

Sources
    Weston et al. (2016), "Towards AI-Complete Question Answering: A Set of Prerequisite Toy Tasks":
    the idea of stories whose questions need one, two or three supporting facts.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from txlite._checks import check_positive

__all__ = ["NOT_ASKED", "Mention", "Stories", "Story", "Vocabulary", "sample_stories", "tell"]

MEN = {"小明": "Xiaoming", "保罗": "Paul", "老王": "Lao Wang", "李雷": "Li Lei"}
WOMEN = {"小红": "Xiaohong", "玛丽": "Marie", "王芳": "Wang Fang", "莉莉": "Lily"}
ANIMALS = {
    "小猫": "the cat",
    "小狗": "the dog",
    "小鸟": "the bird",
    "小鱼": "the fish",
    "小马": "the horse",
    "小羊": "the lamb",
}
PLACES = {
    "家": "at home",
    "学校": "at school",
    "公园": "in the park",
    "巴黎": "in Paris",
    "医院": "in hospital",
    "海边": "by the sea",
}
PARTICLES = ("在", "跟着", "。", "他", "她", "说", "没", "来")

NOT_ASKED = -100
"""The answer where nothing is asked; :func:`torch.nn.functional.cross_entropy` skips it."""


@dataclass(frozen=True)
class Mention:
    """A word that stands for somebody, and what the story says about that somebody.

    Parameters
    ----------
    at : int
        The place of the word in the story.
    who : str
        The name of whom it stands for.
    where : str
        Where that one is.
    steps : int
        How many sentences lie between that one and the place: 0 if the place is in the sentence
        that begins with the name, 1 if it is that of the one who is followed, and so on.
    pronoun : bool
        Whether the word is "he" or "she".
    """

    at: int
    who: str
    where: str
    steps: int
    pronoun: bool


@dataclass(frozen=True)
class Story:
    """A few sentences in Chinese, the last of which speaks of "him" and "her".

    Parameters
    ----------
    words : tuple of str
        The words in order.
    mentions : tuple of Mention
        Whoever a sentence begins with, and the two pronouns.
    """

    words: tuple[str, ...]
    mentions: tuple[Mention, ...]

    def __str__(self) -> str:
        """Return the story as it is written."""
        return "".join(self.words)

    @property
    def english(self) -> str:
        """The story in English."""
        *facts, last = "".join(f"{word} " for word in self.words).split(" 。 ")[:-1]
        he, she = ("he", "she") if last.startswith("他") else ("she", "he")
        sentences = [*(_said(fact.split()) for fact in facts), f"{he} said {she} didn't come"]
        return " ".join(f"{s[0].upper()}{s[1:]}." for s in sentences)


class Stories(NamedTuple):
    """Stories as tensors: the words' numbers, and the answers, at every word that is asked about.

    ``tied`` is the word that the word is tied to: the two sides of 在 and 跟着 to each other, a
    pronoun to a name. ``where`` is where the one is for whom the word stands. Both are
    :data:`NOT_ASKED` elsewhere.
    """

    tokens: Int[Tensor, "B T"]
    tied: Int[Tensor, "B T"]
    where: Int[Tensor, "B T"]

    def to(self, device: torch.device | str) -> "Stories":
        """Return the same stories on another device."""
        return Stories(*(tensor.to(device) for tensor in self))


class Vocabulary:
    """Every word of the stories, with a number; number 0 is the empty word, "", which pads.

    Examples
    --------
    >>> vocabulary = Vocabulary()
    >>> vocabulary.words[vocabulary["她"]]
    '她'
    """

    def __init__(self) -> None:
        self.words = ("", *MEN, *WOMEN, *ANIMALS, *PLACES, *PARTICLES)
        self._numbers = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        """Number of words, the empty one included."""
        return len(self.words)

    def __getitem__(self, word: str) -> int:
        """Return the number of a word; an unknown one is a ``KeyError``."""
        return self._numbers[word]

    @property
    def places(self) -> tuple[str, ...]:
        """The words that answer "where?"."""
        return tuple(PLACES)

    def encode(self, stories: Sequence[Story]) -> Stories:
        """Turn stories into tensors, padded on the right to the longest one.

        Parameters
        ----------
        stories : sequence of Story
            At least one.

        Returns
        -------
        Stories
            On the CPU.
        """
        shape = len(stories), max(len(story.words) for story in stories)
        tokens = torch.zeros(shape, dtype=torch.long)
        tied, where = (torch.full(shape, NOT_ASKED) for _ in range(2))
        for row, story in enumerate(stories):
            words, last = story.words, len(story.words) - 6
            tokens[row, : len(words)] = torch.tensor([self[word] for word in words])
            for verb in range(1, last, 4):
                tied[row, verb - 1], tied[row, verb + 1] = (
                    self[words[verb + 1]],
                    self[words[verb - 1]],
                )
            for mention in story.mentions:
                where[row, mention.at] = self[mention.where]
                if mention.pronoun:
                    tied[row, mention.at] = self[mention.who]
        return Stories(tokens, tied, where)


def sample_stories(
    num_stories: int, seed: int, *, people: Sequence[int] = (3, 4, 5), without: Iterable[Story] = ()
) -> list[Story]:
    """Write stories by the throw of dice, each different from the others.

    A man, a woman and some animals form two lines. The first of each line is somewhere, every other
    follows the one before; the sentences that say so are shuffled.

    Parameters
    ----------
    num_stories : int
        How many.
    seed : int
        The same seed writes the same stories, on every machine.
    people : sequence of int
        How many may be in a story: from 2 to 8.
    without : iterable of Story
        Stories that must not occur.

    Returns
    -------
    list of Story
        All different.

    Raises
    ------
    ValueError
        If ``num_stories`` is not positive, or ``people`` is not from 2 to 8.
    """
    check_positive("num_stories", num_stories)
    if not people or not all(2 <= n <= 2 + len(ANIMALS) for n in people):
        raise ValueError(f"people should be numbers from 2 to {2 + len(ANIMALS)}, got {people}")
    dice = random.Random(seed)
    seen = {story.words for story in without}
    stories: list[Story] = []
    while len(stories) < num_stories:
        story = _story(dice.choice(tuple(people)), dice)
        if story.words not in seen:
            seen.add(story.words)
            stories.append(story)
    return stories


def tell(text: str) -> Story:
    """Tell a story of one's own.

    Parameters
    ----------
    text : str
        Its words, with spaces between them: sentences with 在 and 跟着, and at the end one such as
        "他 说 她 没 来 。".

    Returns
    -------
    Story
        With all that it says about everybody.

    Raises
    ------
    ValueError
        If it is not such a story, or does not say where everybody is.

    Examples
    --------
    >>> story = tell("小红 在 学校 。 小猫 跟着 小红 。 小明 在 家 。 他 说 她 没 来 。")
    >>> story.mentions[-1].who, story.mentions[-1].where
    ('小红', '学校')
    """
    words = tuple(text.split())
    facts = [words[i : i + 3] for i in range(0, len(words) - 6, 4)]
    links = {who: what for who, _, what in facts}
    last = words[-6:]
    one_each = all(len(links.keys() & group.keys()) == 1 for group in (MEN, WOMEN))
    if len(words) % 4 != 2 or not one_each or last[1::2] != ("说", "没", "。"):
        raise ValueError(f"text should be facts and 他 说 她 没 来 。 at the end, got {text!r}")
    he, she = ((links.keys() & group.keys()).pop() for group in (MEN, WOMEN))
    people = {"他": he, "她": she}
    mentions = [
        Mention(4 * i, who, *_find(who, links), False) for i, (who, _, _) in enumerate(facts)
    ]
    for at in (len(words) - 6, len(words) - 4):
        who = people[words[at]]
        mentions.append(Mention(at, who, *_find(who, links), True))
    return Story(words, tuple(mentions))


def _find(who: str, links: dict[str, str]) -> tuple[str, int]:
    """Follow somebody to a place, and count the others on the way."""
    what, steps = links[who], 0
    while what not in PLACES:
        if what not in links or steps > len(links):
            raise ValueError(f"text should say where {who} is")
        what, steps = links[what], steps + 1
    return what, steps


def _story(people: int, dice: random.Random) -> Story:
    cast = [dice.choice(tuple(MEN)), dice.choice(tuple(WOMEN))]
    cast += dice.sample(tuple(ANIMALS), people - 2)
    dice.shuffle(cast)
    cut = dice.randint(1, people - 1)
    facts = []
    for line, place in zip((cast[:cut], cast[cut:]), dice.sample(tuple(PLACES), 2), strict=True):
        facts.append(f"{line[0]} 在 {place} 。 ")
        facts += [f"{who} 跟着 {other} 。 " for other, who in pairwise(line)]
    dice.shuffle(facts)
    return tell("".join(facts) + dice.choice(("他 说 她 没 来 。", "她 说 他 没 来 。")))


def _said(fact: Sequence[str]) -> str:
    """Say one fact in English."""
    names = MEN | WOMEN | ANIMALS
    subject, verb, what = fact
    if verb == "在":
        return f"{names[subject]} is {PLACES[what]}"
    return f"{names[subject]} follows {names[what]}"
