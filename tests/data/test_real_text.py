"""What people wrote: plain, each sentence once, and none on both sides of the line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txlite.data.pairs import Pair
from txlite.data.real_text import SLOT, RealText, letters, plain, real_text

WORDS = ["un", "deux", "trois", "rouge", "petit", "chat", "□", "4", "Été", "!", "%s", "文", "件"]
MESSAGES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
PAIRS = st.lists(st.tuples(MESSAGES, MESSAGES), max_size=30)

TWO = [Pair("premier", "yes"), Pair("dernier", "thanks")]  # the first is trained on, not the second


def all_of(*pairs: tuple[str, str], **how: int) -> list[Pair]:
    """Return what is left of some pairs, two others beside them."""
    text = real_text(
        [*pairs, ("premier", "yes"), ("dernier", "thanks")], shortest=1, one_in=2, **how
    )
    return sorted(p for p in text.train + text.held_out if p.target not in {"yes", "thanks"})


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("%(name)s is %s", f"{SLOT} is {SLOT}"),
        ("%5.1f of %d", f"{SLOT} of {SLOT}"),
        ("%1$s and %2$d", f"{SLOT} and {SLOT}"),
        ("{} in {name!r:>10} and {0.x[1]}", f"{SLOT} in {SLOT} and {SLOT}"),
        ("100 % sure, 5%% off", "100 % sure, 5% off"),
        ("a {set: of} things", f"a {SLOT} things"),
        ("&File", "File"),
        ("文件(&F)", "文件"),
        ("Save (_S)", "Save"),
        ("AT&amp;T &lt; you & me", "AT&T < you & me"),
        ("a <b>bold</b> word<br/>", "a bold word"),
        ("2 < 3 > 1, <https://a.b>", "2 < 3 > 1, <https://a.b>"),
        ("« l’un »  et\n„l'autre“", '"l\'un" et "l\'autre"'),
        ("wait…", "wait..."),
        ("e\u0301te\u0301", "été"),
        ("\u00a0 \u202f ", ""),
    ],
)
def test_a_message_becomes_a_sentence(message: str, wanted: str) -> None:
    assert plain(message) == wanted


@given(MESSAGES)
def test_what_is_plain_stays(message: str) -> None:
    assert plain(plain(message)) == plain(message)


def test_near_copies_have_one_set_of_letters() -> None:
    assert letters("Port %d: « Été » !") != letters("Port: Été")  # d is a letter until it is plain
    assert letters(plain("Port %d: « Été » !")) == letters("port — été 8") == "portété"
    assert letters("文件 12。") == "文件"
    assert letters("IPv4 □") == letters("ipv6")


@given(PAIRS)
def test_nothing_leaks_and_nothing_is_said_twice(pairs: list[tuple[str, str]]) -> None:
    known = [*pairs, *TWO]
    text = real_text(known, shortest=1, one_in=2)
    both = text.train + text.held_out
    for side in (0, 1):
        keys = [letters(pair[side]) for pair in both]
        assert len(set(keys)) == len(keys)
        assert "" not in keys
    assert text == real_text(known, shortest=1, one_in=2)


@given(PAIRS)
def test_what_is_held_out_does_not_hang_on_the_rest(pairs: list[tuple[str, str]]) -> None:
    whole = real_text([*TWO, *pairs], shortest=1, one_in=2)
    other = real_text([*TWO, *reversed(pairs)], shortest=1, one_in=2)
    for pair in {*whole.train, *whole.held_out} & {*other.train, *other.held_out}:
        assert (pair in whole.held_out) == (pair in other.held_out)


def test_the_same_english_is_held_out_from_every_language() -> None:
    english = [f"the {word} cat" for word in ("red", "big", "old", "new", "sad", "shy", "wet")]
    french = real_text([(f"fr {e}", e) for e in english])
    chinese = real_text([(f"文 {e}", e.upper()) for e in english])
    assert [p.target.upper() for p in french.held_out] == [p.target for p in chinese.held_out]


def test_of_near_copies_the_first_is_kept() -> None:
    assert all_of(("page %d", "sheet %d"), ("Page {}.", "leaf {}")) == [("page □", "sheet □")]
    assert all_of(("page %d", "sheet %d"), ("feuille {}", "SHEET: {}")) == [("page □", "sheet □")]


@pytest.mark.parametrize(
    "pair",
    [
        ("", "nothing"),
        ("%d", "number %d"),
        ("oui", "…"),
        ("Sphinx", "sphinx!"),  # not translated
        ("de %s", "from %s to %s"),  # something was lost
    ],
)
def test_what_is_no_translation_is_left_out(pair: tuple[str, str]) -> None:
    assert all_of(pair) == []


def test_what_is_too_long_is_left_out_and_short_labels_are_never_held_out() -> None:
    assert all_of(("un deux", "one two"), longest=1) == []
    assert all_of(("un deux trois", "one"), longest=1) == []  # three against two
    assert all_of(("un deux", "one"), longest=1) == [("un deux", "one")]
    assert all_of(("文件夹", "one"), longest=1) == []  # a character counts as a word
    labels = [(f"mot{chr(97 + n)}", f"word{chr(97 + n)}") for n in range(26)]
    text = real_text([*labels, *((f"le grand {a}", f"the big {b}") for a, b in labels)])
    assert all(len(pair.target.split()) == 3 for pair in text.held_out)
    assert {pair for pair in text.train if " " not in pair.target} == {Pair(*p) for p in labels}


def test_about_one_in_so_many_is_held_out() -> None:
    names = [f"{chr(97 + i)}{chr(97 + j)}" for i in range(26) for j in range(26)]
    pairs = [(f"le grand {name}", f"the big {name}") for name in names]
    for one_in in (2, 4, 10):
        share = len(real_text(pairs, one_in=one_in).held_out) / len(pairs)
        assert abs(share - 1 / one_in) < 0.06


def test_a_text_is_its_two_lists() -> None:
    assert RealText([Pair("a", "b")], []) == RealText(train=[Pair("a", "b")], held_out=[])


@pytest.mark.parametrize("name", ["longest", "shortest", "one_in"])
def test_numbers_are_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} should be a positive"):
        real_text([("a", "b")], **{name: 0})


def test_an_empty_part_is_an_error() -> None:
    with pytest.raises(ValueError, match="to be tested on, got 1 and 0"):
        real_text([("oui", "yes")])
    with pytest.raises(ValueError, match="to be tested on, got 0 and 0"):
        real_text([])
