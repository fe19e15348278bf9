"""Files of reference data that are not what they should be: a fault of the source that says where
and what to do, and withdraws nobody."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from collectors.reference.files import FileSource
from collectors.reference.people import rows, user_tokens
from collectors.reference.source import SourceFault
from pipeline.config.reference_sources import FileReference
from tests.reference.test_own_sources import items, postgresql, sql

__all__ = ["postgresql"]


def source(path: Path, data: bytes, **settings: Any) -> FileSource:
    path.write_bytes(data)
    return FileSource(FileReference(name="crm", path=path, **settings))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"id,jurisdiction,id\nI-1,DE,I-2\n", "i.csv:1:17: column 17: id is there twice, first in"),
        (b"id,jurisdiction,id\n", "i.csv:1:17: "),
        ("id,jurisdiction\nI-1,DE\n".encode("utf-16"), "i.csv is in UTF-16, not in UTF-8: convert"),
        ("id,jurisdiction\nI-1,DE\n".encode("utf-16-le"), "i.csv is in UTF-16LE, not in UTF-8"),
        (b"id,jurisdiction\nI-1,DE\nI-2,\xe9\n", "i.csv:3:5: the byte 0xe9 is no UTF-8"),
        (b"PK\x03\x04\x14\x00\x06\x00", "save it as CSV"),
        (b"PAR1\x15\x04\x15\x00", "is a Parquet file"),
        (b"", "i.csv is empty"),
        (b"\n\n", "i.csv is empty"),
        (b"identifier,land\n", "none of its columns is read; "),
        (b"jurisdictoin\n", "did you mean jurisdiction?"),
        (b"id,juristiction\nI-1,DE\n", 'i.csv:1: the column "juristiction" is not read: did you'),
        (b"id,Accredited-Until\n", "did you mean accredited_until?"),
        (b"id;jurisdiction;cluster\n", "i.csv:1: the columns are separated by semicolons, not by"),
        (b"id\tjurisdiction\n", "i.csv:1: the columns are separated by tabs, not by commas: name"),
        (
            b"id,Jurisdicton,acreditation\n",
            'i.csv:1: the columns "Jurisdicton" and "acreditation" are not read: '
            "did you mean jurisdiction and accreditation? If not, name them under",
        ),
        (b"ID,Jurisdiction\n", 'columns "ID" and "Jurisdiction" are not read: did you mean id and'),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "i.csv:1:1: the byte 0x89 is no UTF-8"),
    ],
)
async def test_a_file_that_is_another_withdraws_nobody(
    tmp_path: Path, data: bytes, said: str
) -> None:
    with pytest.raises(SourceFault) as caught:
        await items(source(tmp_path / "i.csv", data, kind="investor"))
    assert said in str(caught.value).replace("no text, but ", "")


async def test_lines_may_end_in_a_carriage_return_alone(tmp_path: Path) -> None:
    # So spreadsheets save "CSV (Macintosh)".
    data = b'id,note,jurisdiction\rI-1,,DE\rI-2,"a\rb",FR\r'
    found = await items(source(tmp_path / "i.csv", data, kind="investor"))
    assert [one.place.rpartition(":")[2] for one in found] == ["2", "4"]
    with pytest.raises(SourceFault, match=r"i\.csv:1:17: column 17: id is there twice"):
        await items(source(tmp_path / "i.csv", b"id,jurisdiction,id\rI-1,DE,\r", kind="investor"))


async def test_a_list_without_entries_is_one(tmp_path: Path) -> None:
    assert await items(source(tmp_path / "i.csv", b"id,jurisdiction\r\n", kind="investor")) == []


async def test_columns_that_are_not_read_may_be_there_twice(tmp_path: Path) -> None:
    data = b"id;note;note;;\nI-1;a;b;;\n"
    (found,) = await items(source(tmp_path / "i.csv", data, kind="investor", delimiter=";"))
    assert found.record.id == "I-1"


async def test_a_line_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    data = b"id,jurisdiction\nI-1," + b"x" * (20 << 20)
    with pytest.raises(SourceFault, match=r"i\.csv:2: longer than 16\.0 MiB"):
        await items(source(tmp_path / "i.csv", data, kind="investor"))


async def test_a_parquet_file_without_any_column_that_is_read_is_another(tmp_path: Path) -> None:
    path = tmp_path / "i.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS number WHERE false) TO '{path}' (FORMAT parquet)")
    with pytest.raises(SourceFault, match="none of its columns is read"):
        await items(FileSource(FileReference(name="crm", path=path, kind="investor")))


async def test_a_query_that_gives_a_column_twice_is_refused(postgresql: str) -> None:
    with pytest.raises(SourceFault, match="gives id twice"):
        await items(sql(postgresql, "SELECT 'I-1' AS id, 'I-2' AS id"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"user,wallet,user\n1,2,3\n", "the column user is there twice"),
        ("user,wallet\n1,2\n".encode("utf-16"), "is in UTF-16, not in UTF-8: convert it by"),
    ],
)
def test_lists_of_persons_are_held_to_the_same(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(SourceFault, match=said):
        rows(path, ("user", "wallet"))
    if b"\0" in data:
        with pytest.raises(SourceFault, match=said):
            user_tokens(path)


async def test_columns_of_the_source_s_own_are_passed_over(tmp_path: Path) -> None:
    data = b"id,name,birth_date,jurisdiction,jurisdictions\nI-1,A,1970-01-01,DE,DE;FR\n"
    (found,) = await items(source(tmp_path / "i.csv", data, kind="investor"))
    assert found.record.jurisdiction == "DE"


async def test_a_column_may_be_called_nearly_as_one_that_is_read(tmp_path: Path) -> None:
    data = b"id,jurisdictions\nI-1,DE;FR\n"
    ignoring = source(tmp_path / "i.csv", data, kind="investor", ignore=["jurisdictions"])
    (found,) = await items(ignoring)
    assert (found.record.id, found.record.jurisdiction) == ("I-1", None)
    constant = {"jurisdiction": "DE"}
    (found,) = await items(source(tmp_path / "j.csv", data, kind="investor", constants=constant))
    assert found.record.jurisdiction == "DE"
