"""The words of the small grammar in :mod:`txlite.data.roles`, language by language.

Only facts about words live here: which form a verb takes after "I", which article a noun asks for.
How words make sentences is the grammar's business.
"""

from dataclasses import dataclass

__all__ = ["LEXICONS", "Lexicon", "Noun", "Verb"]


@dataclass(frozen=True)
class Noun:
    """A noun with its article ("" where the language has none) and its gender, "m" or "f"."""

    word: str
    article: str = ""
    gender: str = "m"


@dataclass(frozen=True)
class Verb:
    """A verb after "I" and after "he", and what may follow it: "noun", "trade" or nothing, "".

    ``state`` says that it tells how things are, always and everywhere: Chinese denies it with 不,
    and a deed with 没.
    """

    first: str
    third: str
    takes: str = "noun"
    state: bool = False


@dataclass(frozen=True)
class Lexicon:
    """The words of one language.

    ``adjectives`` and ``trades``, what one can be, are pairs: the form for gender "m" and the form
    for gender "f". ``says`` opens a second clause with one of the words ``that``: before a
    consonant, before a vowel. ``pronouns`` are "he" and "she"; ``objects`` are "me", "him" and
    "her" where a noun could stand as well. ``particles`` are the words of the grammar itself.
    """

    first: str
    pronouns: tuple[str, str]
    nouns: tuple[Noun, ...]
    names: tuple[Noun, ...]
    trades: tuple[tuple[str, str], ...]
    adjectives: tuple[tuple[str, str], ...]
    verbs: tuple[Verb, ...]
    says: Verb
    that: tuple[str, str]
    times: tuple[str, ...]
    places: tuple[str, ...]
    particles: tuple[str, ...]
    objects: tuple[str, ...] = ()

    @property
    def feminine(self) -> frozenset[str]:
        """The words for those who are she."""
        nouns = {noun.word for noun in self.nouns + self.names if noun.gender == "f"}
        return frozenset(nouns | {self.pronouns[1]})

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Words that can stand for one another wherever they occur."""
        men, women = (
            tuple(noun.word for noun in self.nouns if noun.gender == gender) for gender in "mf"
        )
        names = tuple(noun.word for noun in self.names)
        if set(self.objects) <= {self.first, *self.pronouns} and self.objects:
            men += names + self.objects  # 我 is both "I" and "me"
            names = ()
        verbs = [verb for verb in self.verbs if verb.takes == "noun"]
        forms = tuple(verb.first for verb in verbs), tuple(verb.third for verb in verbs)
        kinds = (*zip(*self.adjectives, strict=True), *zip(*self.trades, strict=True))
        found = (men, women, names, *forms, *kinds, self.times, self.places)
        return tuple(dict.fromkeys(group for group in found if len(group) > 1))

    @property
    def words(self) -> frozenset[str]:
        """Every word of the language."""
        nouns = {noun.word for noun in self.nouns + self.names}
        verbs = {form for verb in (*self.verbs, self.says) for form in (verb.first, verb.third)}
        pairs = {word for pair in self.adjectives + self.trades for word in pair}
        rest = {self.first, *self.pronouns, *self.objects, *self.times, *self.places}
        return frozenset(nouns | verbs | pairs | rest | set(self.particles))


CHINESE = Lexicon(
    first="我",
    pronouns=("他", "她"),
    nouns=tuple(Noun(word) for word in ["猫", "狗", "鱼", "鸟", "孩子", "邻居", "朋友", "苹果"]),
    names=(Noun("中国"), Noun("巴黎")),
    trades=tuple((word, word) for word in ["学生", "医生", "画家"]),
    adjectives=tuple((word, word) for word in ["小", "大", "老", "好"]),
    verbs=(
        Verb("爱", "爱", state=True),
        Verb("吃", "吃"),
        Verb("找", "找"),
        Verb("看见", "看见"),
        Verb("是", "是", "trade", state=True),
        Verb("来", "来", ""),
    ),
    says=Verb("说", "说", ""),
    that=("", ""),
    times=("今天", "现在", "今晚"),
    places=("在家", "在公园", "在学校"),
    particles=("没", "不"),
    objects=("我", "他", "她"),
)

ENGLISH = Lexicon(
    first="I",
    pronouns=("he", "she"),
    nouns=tuple(
        Noun(word, "the")
        for word in ["cat", "dog", "fish", "bird", "child", "neighbour", "friend", "apple"]
    ),
    names=(Noun("China"), Noun("Paris")),
    trades=tuple((word, word) for word in ["student", "doctor", "painter"]),
    adjectives=tuple((word, word) for word in ["small", "big", "old", "good"]),
    verbs=(
        Verb("love", "loves", state=True),
        Verb("eat", "eats"),
        Verb("seek", "seeks"),
        Verb("see", "sees"),
        Verb("am", "is", "trade", state=True),
        Verb("come", "comes", ""),
    ),
    says=Verb("say", "says", ""),
    that=("that", "that"),
    times=("today", "now", "tonight"),
    places=("at home", "in the park", "at school"),
    particles=("the", "a", "that", "do", "does", "not"),
    objects=("me", "him", "her"),
)

FRENCH = Lexicon(
    first="je",
    pronouns=("il", "elle"),
    nouns=(
        Noun("chat", "le"),
        Noun("chien", "le"),
        Noun("poisson", "le"),
        Noun("souris", "la", "f"),
        Noun("dame", "la", "f"),
        Noun("professeur", "le"),
        Noun("voisine", "la", "f"),
        Noun("pomme", "la", "f"),
    ),
    names=(Noun("Marie", gender="f"), Noun("Paris")),
    trades=(("étudiant", "étudiante"), ("médecin", "médecin"), ("peintre", "peintre")),
    adjectives=(("petit", "petite"), ("grand", "grande"), ("vieux", "vieille"), ("bon", "bonne")),
    verbs=(
        Verb("connais", "connaît", state=True),
        Verb("mange", "mange"),
        Verb("cherche", "cherche"),
        Verb("vois", "voit"),
        Verb("suis", "est", "trade", state=True),
        Verb("viens", "vient", ""),
    ),
    says=Verb("dis", "dit", ""),
    that=("que", "qu’"),
    times=("aujourd’hui", "maintenant", "ce soir"),
    places=("au parc", "à l’école", "chez moi"),
    particles=("le", "la", "que", "qu’", "ne", "n’", "pas"),
)

LEXICONS: dict[str, Lexicon] = {"zh": CHINESE, "en": ENGLISH, "fr": FRENCH}
