"""Tables of times and values, as spreadsheets and people write them."""

from pathlib import Path

import pytest

from txlite.data.series_files import read_series, read_table

ROWS = ["2024-01-01,3.5", "2024-01-02,4.5", "2024-01-03,5"]
TABLE = "\n".join(["day,load", *ROWS])


def test_the_same_series_in_every_dress(tmp_path: Path):
    plain = read_series(TABLE)
    assert (plain.name, str(plain.step)) == ("load", "day")
    german = TABLE.replace(",", ";").replace(".", ",")
    file = tmp_path / "load.csv"
    file.write_bytes(b"\xef\xbb\xbf" + german.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    for dress in (german, TABLE.replace(",", "\t"), file, "\ufeff" + TABLE, TABLE + "\n\n"):
        assert read_series(dress).values.tolist() == [3.5, 4.5, 5]
    quoted = 'day,load\n2024-01-01,"3,5"\n2024-01-02,"4,5"\n'
    assert read_series(quoted).values.tolist() == [3.5, 4.5]


def test_columns_are_named_where_there_are_several():
    table = "load,when,other\n1,2024-01-01,7\n2,2024-01-02,8\n"
    assert read_series(table, time="when", value="other").values.tolist() == [7, 8]
    with pytest.raises(ValueError, match="value should be one of load, other, got None"):
        read_series(table, time="when")


def test_cells_without_a_number_are_gaps():
    table = "day,load\n2024-01-01,1\n2024-01-02,\n2024-01-03,n/a\n2024-01-04,4\n"
    assert read_series(table, fill="last").values.tolist() == [1, 1, 1, 4]
    with pytest.raises(ValueError, match="2 of 4 missing, the first at 2024-01-02"):
        read_series(table)


@pytest.mark.plain
def test_errors_name_what_came(tmp_path: Path):
    with pytest.raises(ValueError, match=r"text should be a file in UTF-8, got .*nothing.csv"):
        read_series(tmp_path / "nothing.csv")
    (tmp_path / "latin.csv").write_bytes("day,größe\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"text should be a file in UTF-8, got .*latin.csv"):
        read_table(tmp_path / "latin.csv")
    with pytest.raises(ValueError, match="names and at least one row, got 1 lines"):
        read_table("day,load")
    with pytest.raises(ValueError, match=r"should name each column once, got \['a', 'a'\]"):
        read_table("a,a\n1,2")
    with pytest.raises(ValueError, match="line 4 should have 2 cells, got 3"):
        read_table("a,b\n1,2\n\n1,2,3")
    with pytest.raises(ValueError, match="time should be one of day, load, got 'when'"):
        read_series(TABLE, time="when")
    with pytest.raises(ValueError, match="value should be one of day, load, got 'x'"):
        read_series(TABLE, value="x")
    with pytest.raises(
        ValueError, match=r"load should hold numbers with '.', got '1,234' in row 2"
    ):
        read_series('day,load\n2024-01-01,1.5\n2024-01-02,"1,234"\n')
    open_table = 'day,load\n2024-01-01,987\n2024-01-02,"1,234"\n2024-01-03,"12,345"\n'
    with pytest.raises(ValueError, match=r"load .* one way, got '1,234' in row 2; decimal= says"):
        read_series(open_table)
    assert read_series(open_table, decimal=",").values.tolist() == [987, 1.234, 12.345]
    with pytest.raises(ValueError, match=r"load should hold numbers with '.', got '1,234'"):
        read_series(open_table, decimal=".")
    for clear in ("0,234", "12,34", "1234,567"):
        assert read_series(open_table.replace("12,345", clear)).values[1] == 1.234
    with pytest.raises(ValueError, match=r"load should hold numbers .*, got 'inf' in row 1"):
        read_series("day,load\n2024-01-01,inf\n2024-01-02,1\n")
    with pytest.raises(ValueError, match=r"decimal should be one of \., ,, got ';'"):
        read_series(TABLE, decimal=";")
