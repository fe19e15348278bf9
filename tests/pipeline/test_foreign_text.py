"""Files that are no UTF-8 text are told for what they are, by how they begin."""

import pytest

from pipeline.foreign_text import HEAD, foreign


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ["transact_time,exec_type", '{"a":1}', "[\n"])
def test_other_encodings_are_told_with_how_to_convert_them(encoding: str, text: str) -> None:
    said = foreign(text.encode(encoding)[:HEAD])
    assert "not in UTF-8: convert it by `iconv -f UTF-" in said


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00", "spreadsheets"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"\x1f\x8b\x08\x00", "gunzip"),
        (b"\x28\xb5\x2f\xfd\x24", "zstd -d"),
    ],
)
def test_what_is_packed_is_told(head: bytes, what: str) -> None:
    assert what in foreign(head)


@pytest.mark.parametrize(
    "head", [b"", b"a", b"\n", b"\xef\xbb\xbfa,b", b"id,name", "Größe;a".encode(), b"\0\0\0\0"]
)
def test_text_is_let_be(head: bytes) -> None:
    assert foreign(head) == ""
