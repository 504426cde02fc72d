"""The grammars behind the corpora, and the one door to them: nobody imports what lies inside.

``roles`` holds the small grammar of :mod:`txlite.data.roles` and :mod:`txlite.data.miniature`,
``translation`` the one that writes :mod:`txlite.data.corpora`.
"""

from txlite.data._grammar.roles.lexicon import LEXICONS
from txlite.data._grammar.roles.report import report
from txlite.data._grammar.translation.adverbs import CHINESE, FRENCH
from txlite.data._grammar.translation.chinese import WORDS as CHINESE_WORDS
from txlite.data._grammar.translation.chinese import chinese
from txlite.data._grammar.translation.depths import meanings_of_depth
from txlite.data._grammar.translation.english import english
from txlite.data._grammar.translation.french import french
from txlite.data._grammar.translation.meaning import Meaning
from txlite.data._grammar.translation.nouns import NAMES
from txlite.data._grammar.translation.splits import sentences

__all__ = [
    "CHINESE",
    "CHINESE_WORDS",
    "FRENCH",
    "LEXICONS",
    "NAMES",
    "Meaning",
    "chinese",
    "english",
    "french",
    "meanings_of_depth",
    "report",
    "sentences",
]
