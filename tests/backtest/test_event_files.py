"""Events out of files: NDJSON plain and packed, Parquet in its forms, and which files are meant."""

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest

from pipeline.config.sinks import Content
from pipeline.event_sources import Batch
from pipeline.event_sources import ndjson as ndjson_module
from pipeline.event_sources import parquet as parquet_module
from pipeline.event_sources.files import FileSource
from pipeline.event_sources.selection import select_files
from pipeline.failure import Failure

LINES = [b'{"a":1}', b"", b"not json", b'{"b":"\xc3\xa9"}', b"\xff\xfe"]
CONTENT = b"\n".join(LINES)

needs_zstd = pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd isn't installed")


def read(*files: Path, column: str | None = None) -> list[Batch]:
    source = FileSource(files, column=column)
    found = list(source.batches())
    if found:
        assert found[-1].done == source.total, "all is read at the end"
    return found


def lines(found: Sequence[Batch]) -> list[bytes]:
    return [line for batch in found for line in batch.lines]


def test_lines_are_given_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_bytes(CONTENT)

    (batch,) = read(tmp_path / "events.ndjson")[:1]

    assert (batch.place, batch.first) == (str(tmp_path / "events.ndjson"), 1)
    assert lines(read(tmp_path / "events.ndjson")) == LINES


def test_pieces_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.ndjson"
    content = b"".join(b"%d" % n * (n % 7) + b"\n" for n in range(200)) + b"no end"
    path.write_bytes(content)
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr(ndjson_module, "PIECE", size)
        found = read(path)
        assert lines(found) == content.split(b"\n")
        numbers = [batch.first + at for batch in found for at in range(len(batch.lines))]
        assert numbers == list(range(1, len(numbers) + 1))


def test_an_endless_line_is_passed_on_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson_module, "PIECE", 10)
    monkeypatch.setattr(ndjson_module, "LONGEST_LINE", 25)
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"first\n" + b"x" * 1_000 + b"\nlast\n")

    found = lines(read(path))

    assert found[0] == b"first"
    assert found[-1] == b"last"
    assert set(found[1]) == {ord("x")}
    assert 25 <= len(found[1]) < 40


def test_an_endless_last_line_is_passed_on_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson_module, "PIECE", 10)
    monkeypatch.setattr(ndjson_module, "LONGEST_LINE", 25)
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"x" * 1_000)

    assert len(lines(list(FileSource([path]).batches()))) == 1


def test_gzip_is_known_by_how_it_begins(tmp_path: Path) -> None:
    (tmp_path / "named.otherwise").write_bytes(gzip.compress(CONTENT))

    assert lines(read(tmp_path / "named.otherwise")) == LINES


@needs_zstd
def test_zstandard_is_unpacked_byte_for_byte(tmp_path: Path) -> None:
    packed = subprocess.run(["zstd", "-c"], input=CONTENT, capture_output=True, check=True).stdout
    (tmp_path / "events.ndjson.zst").write_bytes(packed + packed)

    assert lines(read(tmp_path / "events.ndjson.zst")) == (CONTENT * 2).split(b"\n")


@needs_zstd
def test_reading_may_stop_early(tmp_path: Path) -> None:
    content = b"x" * 100 + b"\n"
    packed = subprocess.run(["zstd", "-c"], input=content * 200_000, capture_output=True).stdout
    (tmp_path / "events.zst").write_bytes(packed)

    batches = FileSource([tmp_path / "events.zst"]).batches()
    next(batches)
    batches.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("pack", ["gzip", pytest.param("zstd", marks=needs_zstd)])
def test_a_torn_file_is_told(tmp_path: Path, pack: str) -> None:
    content = os.urandom(100_000)
    packed = subprocess.run([pack, "-c"], input=content, capture_output=True, check=True).stdout
    (tmp_path / "torn").write_bytes(packed[: len(packed) // 2])

    with pytest.raises(Failure, match=r"can't read .*torn to its end"):
        read(tmp_path / "torn")


def test_without_zstd_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "events.zst").write_bytes(ndjson_module.ZSTANDARD + b"rest")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Failure, match="install the program zstd, or unpack it first"):
        read(tmp_path / "events.zst")


def parquet(path: Path, query: str) -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def rows(path: Path, column: str | None = None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(read(path, column=column))]


def test_parquet_with_dotted_columns(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "dotted.parquet",
        """SELECT TIMESTAMP_NS '2026-01-01 10:00:00.123456789' AS "@timestamp",
        'token-transfer' AS "event.action", 100.5::DOUBLE AS "token.amount",
        '100500000' AS "token.amount_raw", ['x', 'y'] AS "related.user", 7 AS "blockchain.chain.id",
        NULL::VARCHAR AS "market.venue", 'nan'::DOUBLE AS "market.trade.price",
        true AS "investor.verified" """,
    )

    assert rows(path) == [
        {
            "@timestamp": "2026-01-01T10:00:00.123456789Z",
            "event.action": "token-transfer",
            "token.amount": 100.5,
            "token.amount_raw": "100500000",
            "related.user": ["x", "y"],
            "blockchain.chain.id": 7,
            "investor.verified": True,
        }
    ]


def test_parquet_with_nested_columns(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "nested.parquet",
        """SELECT TIMESTAMPTZ '2026-01-01 12:00:00.5+02:00' AS "@timestamp",
        {'id': 'e1', 'created': TIMESTAMP '2026-01-01 10:00:00.25', 'none': NULL::INTEGER,
         'deep': {'price': 'inf'::DOUBLE, 'whole': 123456789012345678901234567890::DECIMAL(38, 0)}
        } AS event,
        NULL::STRUCT(a INTEGER) AS market, MAP {'count': 2.0} AS metrics""",
    )

    assert rows(path) == [
        {
            "@timestamp": "2026-01-01T10:00:00.500000Z",
            "event": {
                "id": "e1",
                "created": "2026-01-01T10:00:00.250000Z",
                "deep": {"whole": "123456789012345678901234567890"},
            },
            "metrics": {"count": 2.0},
        }
    ]


@pytest.mark.parametrize("kind", ["VARCHAR", "BLOB"])
def test_parquet_with_a_column_of_json(tmp_path: Path, kind: str) -> None:
    path = parquet(
        tmp_path / "json.parquet",
        f"""SELECT i AS n, ('{{"a": ' || i || '}}')::{kind} AS line FROM range(9000) r(i)""",
    )

    found = read(path)

    assert [json.loads(line)["a"] for line in lines(found)] == list(range(9_000))
    assert len(found) > 1
    assert found[1].first == len(found[0].lines) + 1


def test_a_column_is_named_where_it_is_not_clear(tmp_path: Path) -> None:
    path = parquet(tmp_path / "two.parquet", """SELECT 'x' AS a, '{"n": 1}' AS "b ""c" """)

    with pytest.raises(Failure, match=r"name the column of JSON with --column; it has a or b"):
        rows(path)
    assert rows(path, column='b "c') == [{"n": 1}]
    with pytest.raises(Failure, match='has no column of text called "d": it has a or b'):
        rows(path, column="d")


def test_a_broken_parquet_file_is_told(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", "SELECT 1 AS a")
    path.write_bytes(path.read_bytes()[:20])

    with pytest.raises(Failure, match=r"can't read .*a.parquet as Parquet"):
        read(path)


def test_files_come_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "b.ndjson").write_bytes(b"2\n3\n")
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(b"1\n"))

    found = read(*select_files([tmp_path]))

    assert lines(found) == [b"1", b"2", b"3"]
    assert [batch.first for batch in found] == [1, 1]


def test_a_folder_stands_for_its_files_of_events(tmp_path: Path) -> None:
    for name in ("b.ndjson", "a.jsonl.gz", "deep/c.parquet", "notes.txt", ".hidden/d.ndjson"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()

    found = select_files([tmp_path])

    assert [str(one.relative_to(tmp_path)) for one in found] == [
        "a.jsonl.gz", "b.ndjson", "deep/c.parquet"
    ]  # fmt: skip


def test_of_a_file_sink_only_the_events_are_meant(tmp_path: Path) -> None:
    for name in get_args(Content):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.ndjson").touch()

    assert select_files([tmp_path]) == [tmp_path / "events" / "1.ndjson"]


def test_patterns_and_repetitions(tmp_path: Path) -> None:
    for name in ("a.ndjson", "b.ndjson"):
        (tmp_path / name).touch()

    assert select_files([tmp_path / "b.ndjson", tmp_path / "*.ndjson"]) == [
        tmp_path / "b.ndjson",
        tmp_path / "a.ndjson",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("evnts.ndjson", "did you mean .*events.ndjson"),
        ("nothing*", "no file matches"),
        ("empty", "there are no events in the folder"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "events.ndjson").touch()
    (tmp_path / "empty").mkdir()

    with pytest.raises(Failure, match=said) as raised:
        select_files([tmp_path / name])

    assert raised.value.code == 2


def test_a_small_parquet_file_that_unpacks_to_a_huge_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_module, "MEMORY", "32MiB")
    path = tmp_path / "bomb.parquet"
    duckdb.execute(f"COPY (SELECT repeat('A', 50000000) AS e) TO '{path}' (FORMAT parquet)")
    assert path.stat().st_size < 4 << 20
    with pytest.raises(
        Failure, match="takes more than 32MiB; write it with smaller groups of rows"
    ):
        read(path)


def test_one_group_of_rows_is_unpacked_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_module, "MEMORY", "100MiB")
    path = tmp_path / "events.parquet"
    wide = ", ".join(f'md5((i * {at})::VARCHAR) || i AS "c{at}"' for at in range(1, 17))
    duckdb.execute(
        f"COPY (SELECT '2026-01-01T00:00:00Z' AS \"@timestamp\", {wide} FROM range(122880) t(i)) "
        f"TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 30720)"
    )
    found = lines(read(path))
    assert len(found) == 122_880
    assert [json.loads(found[at])["c1"][32:] for at in (0, -1)] == ["0", "122879"]


def test_files_behind_links_to_folders_are_among_them(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "1.ndjson").write_bytes(b"")
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "linked").symlink_to(tmp_path / "disk")
    (tmp_path / "events" / "loop").symlink_to(tmp_path / "events")
    assert select_files([tmp_path / "events"]) == [tmp_path / "events" / "linked" / "1.ndjson"]


def test_a_link_to_a_file_that_is_gone_is_no_silence(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson").symlink_to(tmp_path / "gone.ndjson")
    (found,) = select_files([tmp_path])
    with pytest.raises(Failure, match="can't read"):
        read(found)


def test_what_else_sinks_write_below_a_folder_is_no_event(tmp_path: Path) -> None:
    for name in ("a/out/events", "a/out/alerts", "a/out/cases", "b/alerts"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.ndjson").write_bytes(b"")
    found = [path.relative_to(tmp_path).as_posix() for path in select_files([tmp_path])]
    assert found == ["a/out/events/1.ndjson", "b/alerts/1.ndjson"]
