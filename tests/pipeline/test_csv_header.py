"""Columns that are there twice, and where they stand."""

from pipeline.csv_header import ColumnFault, names_of, places_of, repeated


def test_a_column_is_named_with_where_both_begin() -> None:
    header = "\ufeffid, name,id,note,note\r\n"
    assert names_of(header) == ["id", "name", "id", "note", "note"]
    assert list(repeated(header, names_of(header))) == [
        ColumnFault(10, "id is there twice, first in column 1"),
        ColumnFault(18, "note is there twice, first in column 13"),
    ]


def test_what_nobody_reads_may_be_there_twice_and_have_no_name() -> None:
    assert list(repeated("a,,x,,x", ["a", "", "x", "", "x"], among={"a", "b"})) == []


def test_commas_in_quotes_part_no_columns() -> None:
    assert places_of('"a,b",c,"d""e",f') == [1, 7, 9, 16]
    assert places_of("a;b,c;d", ";") == [1, 3, 7]
