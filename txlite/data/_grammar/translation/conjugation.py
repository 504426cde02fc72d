"""How the French verbs of the grammar are conjugated: a rule for most, and a table for the rest.

Persons are numbered 0 to 5: je, tu, il, nous, vous, ils.
"""

from functools import cache
from typing import NamedTuple

__all__ = ["VOWELS", "Conjugation", "conjugate", "elides"]

VOWELS = "aeiouyàâéèêîôœ"
_MUTE = ("homme", "histoire", "hôpita", "heure", "hier", "heureu", "habit")
_FUTURE = ("ai", "as", "a", "ons", "ez", "ont")


class Conjugation(NamedTuple):
    """The forms of a verb: six of the present, six of the future, the past participle, and être."""

    present: tuple[str, ...]
    future: tuple[str, ...]
    participle: str
    with_etre: bool


# Infinitive | present | past participle, "+" after it where the past is formed with être | future.
_IRREGULAR = """
    être      | suis es est sommes êtes sont                       | été     | ser
    avoir     | ai as a avons avez ont                             | eu      | aur
    aller     | vais vas va allons allez vont                      | allé+   | ir
    venir     | viens viens vient venons venez viennent            | venu+   | viendr
    partir    | pars pars part partons partez partent              | parti+  | partir
    arriver   | arrive arrives arrive arrivons arrivez arrivent    | arrivé+ | arriver
    rentrer   | rentre rentres rentre rentrons rentrez rentrent    | rentré+ | rentrer
    tomber    | tombe tombes tombe tombons tombez tombent          | tombé+  | tomber
    boire     | bois bois boit buvons buvez boivent                | bu      | boir
    lire      | lis lis lit lisons lisez lisent                    | lu      | lir
    écrire    | écris écris écrit écrivons écrivez écrivent        | écrit   | écrir
    voir      | vois vois voit voyons voyez voient                 | vu      | verr
    vendre    | vends vends vend vendons vendez vendent            | vendu   | vendr
    attendre  | attends attends attend attendons attendez attendent | attendu | attendr
    ouvrir    | ouvre ouvres ouvre ouvrons ouvrez ouvrent          | ouvert  | ouvrir
    dormir    | dors dors dort dormons dormez dorment              | dormi   | dormir
    courir    | cours cours court courons courez courent           | couru   | courr
    dire      | dis dis dit disons dites disent                    | dit     | dir
    savoir    | sais sais sait savons savez savent                 | su      | saur
    connaître | connais connais connaît connaissons connaissez connaissent | connu | connaîtr
    vouloir   | veux veux veut voulons voulez veulent              | voulu   | voudr
    pouvoir   | peux peux peut pouvons pouvez peuvent              | pu      | pourr
    devoir    | dois dois doit devons devez doivent                | dû      | devr
    acheter   | achète achètes achète achetons achetez achètent    | acheté  | achèter
    envoyer   | envoie envoies envoie envoyons envoyez envoient    | envoyé  | enverr
    espérer   | espère espères espère espérons espérez espèrent    | espéré  | espérer
"""


@cache
def _irregular() -> dict[str, Conjugation]:
    table = {}
    for line in _IRREGULAR.strip().splitlines():
        infinitive, present, participle, stem = (cell.strip() for cell in line.split("|"))
        future = tuple(stem + ending for ending in _FUTURE)
        etre = participle.endswith("+")
        table[infinitive] = Conjugation(
            tuple(present.split()), future, participle.rstrip("+"), etre
        )
    return table


@cache
def conjugate(infinitive: str) -> Conjugation:
    """Conjugate a verb.

    Parameters
    ----------
    infinitive : str
        A verb of the table, or any regular one in -er.

    Returns
    -------
    Conjugation
        With the spelling of -ger and -cer: nous mangeons, nous commençons.

    Raises
    ------
    ValueError
        If the verb is in neither.
    """
    if infinitive in _irregular():
        return _irregular()[infinitive]
    if not infinitive.endswith("er"):
        raise ValueError(f"infinitive should be in -er or in the table, got {infinitive!r}")
    stem = infinitive[:-2]
    soft = stem + "e" if stem.endswith("g") else stem[:-1] + "ç" if stem.endswith("c") else stem
    ons = soft + "ons"
    present = (stem + "e", stem + "es", stem + "e", ons, stem + "ez", stem + "ent")
    future = tuple(infinitive + ending for ending in _FUTURE)
    return Conjugation(present, future, stem + "é", False)


def elides(word: str) -> bool:
    """Whether a short word loses its vowel before this one: l'ami, l'homme, but le hasard.

    Parameters
    ----------
    word : str
        The word that follows.

    Returns
    -------
    bool
        True before a vowel and before the words of the grammar whose h is mute.
    """
    return word[0].lower() in VOWELS or word.startswith(_MUTE)
