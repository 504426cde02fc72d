"""French noun phrases: articles, agreement, contraction and elision."""

import re

from txlite.data._grammar.translation.adjectives import ADJECTIVES
from txlite.data._grammar.translation.adverbs import FRENCH, number
from txlite.data._grammar.translation.conjugation import elides
from txlite.data._grammar.translation.meaning import Named, Person, Phrase, Thing
from txlite.data._grammar.translation.nouns import NAMES, NOUNS

__all__ = ["adjective", "contract", "elide", "is_plural", "job", "phrase", "thing"]

_ARTICLES = {"the": ("le", "la", "les"), "a": ("un", "une", "des"), "this": ("ce", "cette", "ces")}
_OWNERS = {
    "my": ("mon", "ma", "mes"),
    "your": ("ton", "ta", "tes"),
    "our": ("notre", "notre", "nos"),
    "their": ("leur", "leur", "leurs"),
}
_PORTIONS = {
    "cup": ("tasse", "tasses", True),
    "glass": ("verre", "verres", False),
    "bowl": ("bol", "bols", False),
    "piece": ("morceau", "morceaux", False),
}
_JOBS = {
    "student": ("étudiant", "étudiante"),
    "teacher": ("professeur", "professeure"),
    "lawyer": ("avocat", "avocate"),
    "engineer": ("ingénieur", "ingénieure"),
    "writer": ("écrivain", "écrivaine"),
    "nurse": ("infirmier", "infirmière"),
    "baker": ("boulanger", "boulangère"),
}
_PRONOUNS = {"he": "il", "she": "elle", "we": "nous", "who": "qui", "what": "que", "I": "je"}
_SHORT = re.compile(r"\b(je|me|te|le|la|de|ne|que) (?=(\w+))")


def phrase(said: Phrase) -> str:
    """Say a subject or an object that stands where a noun stands.

    Parameters
    ----------
    said : Phrase
        A pronoun, a name or a noun with its company.

    Returns
    -------
    str
        Before elision, which is done for the whole sentence by :func:`elide`.
    """
    match said:
        case Person("you", plural=plural):
            return "vous" if plural else "tu"
        case Person("they", feminine=feminine):
            return "elles" if feminine else "ils"
        case Person(pronoun):
            return _PRONOUNS[pronoun]
        case Named(name):
            article = {"m": "le ", "f": "la "}[NAMES[name].gender] if _is_country(name) else ""
            return article + NAMES[name].french
        case Thing():
            return thing(said)


def _is_country(name: str) -> bool:
    return NAMES[name].kind == "country"


def thing(said: Thing, *, negated: bool = False, generic: bool = False) -> str:
    """Say a noun with its article, adjective or number, but without its relative clause.

    Parameters
    ----------
    said : Thing
        What is said.
    negated : bool
        Whether it is the object of a negated verb, after which "some" is only de.
    generic : bool
        Whether all of a kind are meant: "I like apples", «j'aime les pommes».

    Returns
    -------
    str
        Before elision.
    """
    words, feminine = _words(said)
    fits = elides(words[0])
    form = 2 if said.plural else int(feminine)
    determiner = said.determiner
    if determiner == "" and generic:
        determiner = "the"
    elif determiner == "a" and negated:  # «pas de chien»
        determiner = ""
    if determiner == "number":
        article = number(said.count, FRENCH)
        article += "e" if feminine and article.endswith("un") else ""  # vingt et une
    elif determiner in _OWNERS:
        article = _OWNERS[determiner][0 if fits and form == 1 else form]
    elif determiner == "this" and fits and form == 0:
        article = "cet"
    elif determiner in _ARTICLES:
        article = _ARTICLES[determiner][form]
    else:
        article = _some(said, words, form, negated=negated)
    return " ".join([article, *words])


def _some(said: Thing, words: list[str], form: int, *, negated: bool) -> str:
    """Return the partitive: du, de la, des; de after a negation and before an adjective."""
    leading = said.adjective != "" and ADJECTIVES[said.adjective].before
    if negated or (said.plural and leading):
        return "de"
    if form == 2:
        return "des"
    return "de la" if form == 1 or elides(words[0]) else "du"


def _words(said: Thing) -> tuple[list[str], bool]:
    noun = NOUNS[said.noun]
    if said.portion:
        one, many, feminine = _PORTIONS[said.portion]
        return [many if said.plural else one, "de", noun.french[0]], feminine
    word = noun.french[said.plural]
    if not said.adjective:
        return [word], said.feminine
    entry = ADJECTIVES[said.adjective]
    form = adjective(said.adjective, feminine=said.feminine, plural=said.plural)
    if not entry.before:
        return [word, form], said.feminine
    if not said.feminine and not said.plural and elides(word):
        form = entry.liaison
    return [form, word], said.feminine


def adjective(key: str, *, feminine: bool, plural: bool) -> str:
    """Make an adjective agree with its noun: beau, belle, beaux, belles."""
    return ADJECTIVES[key].french[2 * plural + feminine]


def job(key: str, *, feminine: bool, plural: bool) -> str:
    """Say what somebody is by profession: étudiant, étudiante, étudiants, étudiantes."""
    word = NOUNS[key].french[0]
    return _JOBS.get(key, (word, word))[feminine] + ("s" if plural else "")


def is_plural(subject: Phrase | None) -> bool:
    """Whether a subject takes a plural verb; a polite or plural "you" is vous."""
    match subject:
        case Person(pronoun, plural=plural):
            return plural or pronoun in ("we", "they")
        case Thing(plural=plural):
            return plural
    return False


def contract(preposition: str, words: str) -> str:
    """Put à or de before a noun phrase: à + le = au, de + les = des.

    Parameters
    ----------
    preposition : str
        "à" or "de".
    words : str
        The noun phrase, before elision.

    Returns
    -------
    str
        Both; à l'école, not au école.
    """
    article, _, rest = words.partition(" ")
    if article == "le" and not elides(rest):
        return f"{ {'à': 'au', 'de': 'du'}[preposition] } {rest}"
    if article == "les":
        return f"{ {'à': 'aux', 'de': 'des'}[preposition] } {rest}"
    return f"{preposition} {words}"


def elide(sentence: str) -> str:
    """Drop the vowel of a short word before another vowel: je aime, le homme, que elle.

    Parameters
    ----------
    sentence : str
        Words between blanks.

    Returns
    -------
    str
        Such as j'aime, l'homme, qu'elle.
    """
    return _SHORT.sub(lambda m: m[1][:-1] + "'" if elides(m[2]) else m[0], sentence)
