"""The adjectives, one line each."""

from txlite.data._grammar.translation.words import Adjective, entries

__all__ = ["ADJECTIVES"]


def _adjective(
    english: list[str], french: list[str], chinese: list[str], kinds: list[str]
) -> Adjective:
    before = french[0] == "<"
    masculine, feminine, *rest = french[before:]
    plural = rest[0] if rest else masculine if masculine[-1] in "sx" else f"{masculine}s"
    liaison = rest[1] if len(rest) > 1 else masculine
    return Adjective(
        english[0],
        english[1] if len(english) > 1 else "",
        (masculine, feminine, plural, f"{feminine}s"),
        liaison,
        before,
        chinese[0],
        frozenset(kinds),
    )


# English and comparative | French m, f, (m plural, m before a vowel); "<" stands before the noun |
# Chinese | kinds of nouns.
ADJECTIVES = entries(
    """
    big bigger                 | < grand grande           | 大   | sized
    small smaller              | < petit petite           | 小   | sized
    old older                  | < vieux vieille vieux vieil | 老 | aged
    young younger              | < jeune jeune            | 年轻 | adult
    new newer                  | < nouveau nouvelle nouveaux nouvel | 新 | fresh
    beautiful more_beautiful   | < beau belle beaux bel   | 漂亮 | pretty
    tall taller                | grand grande             | 高   | person
    interesting more_interesting | intéressant intéressante | 有意思 | gripping
    expensive more_expensive   | cher chère               | 贵   | dear
    heavy heavier              | lourd lourde             | 重   | weighty
    clever cleverer            | intelligent intelligente | 聪明 | bright
    happy happier              | heureux heureuse         | 高兴 | person
    clean cleaner              | propre propre            | 干净 | tidy
    tired                      | fatigué fatiguée         | 累   | person
    red                        | rouge rouge              | 红   | coloured red
    blue                       | bleu bleue               | 蓝   | coloured
    white                      | blanc blanche            | 白   | coloured animal
    black                      | noir noire               | 黑   | coloured animal
    """,
    _adjective,
)
