"""Sources of reference data that are hostile, damaged or set up wrongly: no secret, no name leaves,
no row stops the others, and nothing is withdrawn since it could not be read."""

import datetime
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import duckdb
import pytest
from msgspec import Struct

from collectors.reference.files import FileSource
from collectors.reference.http_api import HttpApi, HttpSettings
from collectors.reference.ofac_list import ListDamaged, ListedAddress, SdnReader
from collectors.reference.ofac_sdn import items_of
from collectors.reference.refreshing import Refresher
from collectors.reference.rows import RowReader
from collectors.reference.source import Given, Item, Rejected, SourceFault
from pipeline.bus import Bus
from pipeline.bus.reference_outlet import ReferenceOutlet, Written
from pipeline.config.reference_sources import FileReference, SqlReference
from pipeline.reference_changes import change_of
from pipeline.reference_records import CorporateEvent, Investor, ReferenceRecord, Sanction
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.reference.test_own_sources import Pages, http, items, postgresql, server, sql
from tests.reference.test_refreshing import Table, bus, table

__all__ = ["bus", "postgresql", "server", "table"]


@pytest.mark.parametrize(
    "url",
    [
        "postgres//reader:geheim@db.example/crm",
        "postgresql://reader:s%ZZgeheim@db.example/crm",
        "postgresql://reader:ge@geheim@127.0.0.1:1/crm",
        "host=127.0.0.1 port=1 user=reader password=ge geheim",
    ],
)
async def test_a_connection_string_that_is_none_is_not_quoted(url: str) -> None:
    with pytest.raises(SourceFault) as caught:
        await items(sql(url, "SELECT 1"))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
async def test_a_database_elsewhere_is_asked_over_verified_tls_only(mode: str) -> None:
    url = f"postgresql://reader:geheim@db.invalid/crm?sslmode={mode}"
    with pytest.raises(SourceFault, match="sslmode=verify-full"):
        await items(sql(url, "SELECT 1"))


async def test_a_value_in_a_message_of_the_database_goes_nowhere(postgresql: str) -> None:
    query = "SELECT name::int AS id FROM investors"
    with pytest.raises(SourceFault, match="22P02") as caught:
        await items(sql(postgresql, query))
    assert "Name" not in str(caught.value)


async def test_a_header_that_http_does_not_allow_is_not_quoted(server: str) -> None:
    Pages.answers = {"/": (200, {}, b"[]")}
    for text in ("Bearer geheim\nx", "Bearer geheim\u20ac"):
        with pytest.raises(SourceFault) as caught:
            await items(http(f"{server}/", headers={"Authorization": SecretText(text)}, items=""))
        assert "geheim" not in str(caught.value)


async def test_a_name_that_is_there_twice_is_quoted_in_part_and_on_one_line(server: str) -> None:
    name = b"forged\\n2026-11-27 all is well " + b"x" * 100_000
    Pages.answers = {"/": (200, {}, b'[{"' + name + b'":1,"' + name + b'":2}]')}
    with pytest.raises(SourceFault, match="there twice") as caught:
        await items(http(f"{server}/", items=""))
    said = str(caught.value)
    assert len(said) < 400
    assert "\n" not in said


async def test_an_answer_that_is_nested_too_deep_is_a_fault_of_the_source(server: str) -> None:
    deep = 5_000_000  # Python 3.14 takes as much as its stack has room for: some 100,000
    Pages.answers = {"/": (200, {}, b'{"x":' + b"[" * deep + b"]" * deep + b"}")}
    api = HttpApi(SecretText(server), HttpSettings())
    with pytest.raises(SourceFault, match="no JSON"):
        await api.get("/", _Answer)
    await api.close()


async def test_an_item_that_is_nested_too_deep_is_rejected_and_the_others_are_read(
    server: str,
) -> None:
    deep = b'{"a":' * 600 + b"1" + b"}" * 600
    Pages.answers = {"/": (200, {}, b'[{"id":"1"},' + deep + b',{"id":"2"}]')}
    first, wrong, last = await items(http(f"{server}/", items=""))
    assert (first.record.id, last.record.id) == ("1", "2")
    assert isinstance(wrong, Rejected)


class _Answer(Struct):
    id: str = ""


def parquet(path: Path, query: str) -> FileSource:
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return FileSource(FileReference(name="crm", path=path, kind="investor"))


async def test_a_name_with_signs_of_a_pattern_is_that_file_and_no_other(tmp_path: Path) -> None:
    parquet(tmp_path / "listed b.parquet", "SELECT 'other' AS id")
    source = parquet(tmp_path / "listed [ab].parquet", "SELECT 'own' AS id")
    (found,) = await items(source)
    assert found.record.id == "own"


async def test_a_small_file_that_unpacks_to_a_huge_one_is_a_fault(tmp_path: Path) -> None:
    source = parquet(tmp_path / "bomb.parquet", "SELECT repeat('A', 500000000) AS id")
    with pytest.raises(SourceFault, match="memory"):
        await items(source)


def rows() -> RowReader:
    settings = SqlReference(name="crm", url=SecretText("x"), query="x", kind="investor")
    return RowReader(settings, "investor")


def test_a_time_at_the_end_of_the_calendar_does_not_stop_the_other_rows() -> None:
    late = datetime.datetime.max.replace(tzinfo=datetime.timezone(-datetime.timedelta(hours=5)))
    found = rows().read({"id": "I-1", "valid_to": late}, "row 1")
    assert isinstance(found, Given | Rejected)


async def test_what_ends_at_the_end_of_the_calendar_has_no_end(table: Table) -> None:
    """Databases write it so; nanoseconds of 64 bits end in 2262."""
    path = table.path
    path.write_text("id,valid_from,valid_to\nI,0001-01-01,9999-12-31\nJ,,2900-01-01T00:00:00Z\n")
    assert await table.refresher.refresh() == Written(added=2)
    assert change_of(Investor(id="I", valid_to="9999-12-31")).valid_to is None
    path.write_text("id,valid_from,valid_to\nI,9000-01-01,\nJ,,0001-01-01\n")
    await table.refresher.refresh()
    assert "2 records can't be read" in table.refresher.state.trouble


def test_an_id_may_be_a_uuid_of_the_database() -> None:
    one = uuid.UUID(int=7)
    found = rows().read({"id": one}, "row 1")
    assert isinstance(found, Given), found
    assert found.record.id == str(one)  # type: ignore[union-attr]


def test_a_day_beyond_the_calendar_is_a_damaged_list() -> None:
    reader = SdnReader()
    year = b"<Year>99999999999999999999</Year><Month>1</Month><Day>1</Day>"
    with pytest.raises(ListDamaged):
        reader.feed(b"<Sanctions><DateOfIssue>" + year + b"</DateOfIssue></Sanctions>")


async def test_a_row_of_which_nobody_can_tell_whose_it_is_withdraws_nobody(table: Table) -> None:
    rows = [f"I-{number},DE" for number in range(20)]
    await table.become(*rows)
    assert await table.become(*rows[:-1], "I-19,DE,and one more") == Written()
    assert table.refresher.outlet.records == 20
    assert "nothing is withdrawn" in table.refresher.state.trouble
    assert await table.become("I-0,US", *rows[1:-2], "I-19,DE,x") == Written(changed=1)
    assert await table.become(*rows[:-2]) == Written(changed=1, withdrawn=2)
    assert table.refresher.state.trouble == ""


class Answers:
    """A provider, of whose answers one doesn't fit."""

    complete = True

    def __init__(self) -> None:
        self.given: list[Item] = []

    async def read(self) -> AsyncIterator[Item]:
        for one in self.given:
            yield one

    async def close(self) -> None:
        pass


async def test_a_listed_address_whose_entry_is_damaged_stays_sanctioned(bus: Bus) -> None:
    provider = Answers()
    outlet = await ReferenceOutlet.open(bus, "list")
    refresher = Refresher(bus, "list", provider, outlet, every=SECOND, largest_shrink=0.2)
    listed = [ListedAddress(str(one), "ETH", f"0x{one:040x}") for one in range(20)]
    provider.given = items_of(listed, "ofac")
    await refresher.refresh()
    damaged = ListedAddress("0", "X" * 5000, listed[0].address)
    provider.given = items_of([*listed[1:], damaged], "ofac")
    assert isinstance(provider.given[-1], Rejected)
    await refresher.refresh()
    assert outlet.records == 20


@pytest.mark.parametrize(
    "record",
    [
        CorporateEvent(id="e", token="acme", type="nav", announced="9000-01-01"),
        Sanction(address=f"0x{7:040x}", list="ofac", since=datetime.date(1, 1, 1)),
    ],
)
def test_a_time_that_no_event_can_have_is_no_record(record: ReferenceRecord) -> None:
    with pytest.raises(ValueError, match="between 1677 and 2262"):
        change_of(record)
