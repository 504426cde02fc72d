import re
from xml.etree import ElementTree

import pytest

from txlite.viz import output, table

ROWS = [["LSTM", 0.5, 12345], ["注意力", -1.0, None]]
SCOPES = ["col", "row"]
COLUMNS = ["model", "accuracy", "parameters"]


@pytest.fixture
def shown(monkeypatch):
    things = []
    monkeypatch.setattr(output, "_display", things.append)
    return things


def markup(thing):
    return ElementTree.fromstring(re.sub("<style>.*?</style>", "", thing._repr_html_(), flags=re.S))


def test_the_twin_in_plain_text_aligns_both_scripts(shown):
    table(ROWS, caption="Recall", columns=COLUMNS)
    assert repr(shown[0]).splitlines() == [
        "Recall",
        "",
        "model   accuracy  parameters",
        "------  --------  ----------",
        "LSTM       0.500      12\N{NARROW NO-BREAK SPACE}345",
        "注意力    −1.000",
    ]


def test_the_page_gets_a_captioned_table_with_scoped_headers(shown):
    table(ROWS, caption="Recall & more", columns=COLUMNS)
    root = markup(shown[0])
    assert root.get("aria-label") == root.find("table/caption").text == "Recall & more"
    heads = {
        scope: [h.text for h in root.iter("th") if h.get("scope") == scope] for scope in SCOPES
    }
    assert heads == {"col": COLUMNS, "row": ["LSTM", "注意力"]}
    assert [d.get("class") for d in root.iter("td")] == ["tx-number"] * 4


def test_mappings_give_the_columns_and_any_order(shown):
    table([{"b": 1, "a": True}, {"a": False, "b": 2}], caption="c")
    table([{"b": 1, "a": True}], caption="c", columns=["a"])
    assert repr(shown[0]).splitlines()[2:] == ["b  a", "-  ---", "1  yes", "2  no"]
    assert repr(shown[1]).splitlines()[2:] == ["a", "---", "yes"]


def test_a_format_holds_for_its_column_only(shown):
    table([["a", 0.123456, 0.123456]], caption="c", columns=["x", "y", "z"], formats={"z": ".0%"})
    assert repr(shown[0]).splitlines()[-1].split() == ["a", "0.123", "12%"]


def test_markup_in_a_cell_stays_text(shown):
    table([["<b>", "<i>"]], caption="c", columns=["x<", "y"])
    root = markup(shown[0])
    assert [h.text for h in root.iter("th")] == ["x<", "y", "<b>"]
    assert [d.text for d in root.iter("td")] == ["<i>"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": ROWS, "caption": " ", "columns": COLUMNS}, "caption should say what"),
        ({"rows": ROWS, "caption": "c"}, "columns should name at least one column"),
        ({"rows": [["a"]], "caption": "c", "columns": COLUMNS}, "rows should have 3 cells each"),
        ({"rows": [{"a": 1}, {"b": 1}], "caption": "c"}, r"one lacks \['a'\]"),
        ({"rows": [["a"]], "caption": "c", "columns": ["x"], "formats": {"y": ""}}, r"got \['y'\]"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        table(**arguments)
