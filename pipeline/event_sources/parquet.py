"""Events out of Parquet: a column of JSON, or ECS columns, dotted or nested.

DuckDB reads the files and writes each row as JSON. What JSON or ECS lacks is put right on the way:
times become RFC 3339, what isn't a finite number is left out, whole numbers too large for a float
become text, and so do bytes.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.event_sources.batches import Batch
from pipeline.failure import CONFIGURATION, FAILED, Failure
from pipeline.problems import one_of, shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAGIC = b"PAR1"
ROWS = 4_096
#: What DuckDB may take: a file of some MB may unpack to any size. Of a group of rows it has a page
#: of each column at a time, which it writes itself as large as the group.
MEMORY = "2GiB"
TIME = "@timestamp"
_TEXT = frozenset(("varchar", "json", "blob"))
_FRACTIONS = {"timestamp_s": "%g", "timestamp_ns": "%n"}


def parquet_batches(path: Path, column: str | None) -> Iterator[Batch]:
    """The file's rows as lines of JSON. `column` names the one that holds events as JSON.

    Without it: the rows themselves where there is a column `@timestamp`, else the only column of
    text. `Batch.done` counts bytes of the file, as far as the share of its rows tells.
    Raises Failure.
    """
    import duckdb

    try:
        with duckdb.connect(config=_CLOSED | {"memory_limit": MEMORY}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            count, types = _described(connection, path)
            size = path.stat().st_size
            # The expression is made of quoted column names only; the path goes in as a parameter.
            query = f"SELECT {_event(path, types, column)} FROM read_parquet(?)"  # noqa: S608
            rows = connection.execute(query, [str(path)])
            first = 1
            while found := rows.fetchmany(ROWS):
                lines = [_line(row[0]) for row in found]
                done = size * (first + len(lines) - 1) // max(count, 1)
                yield Batch(str(path), first, lines, done)
                first += len(lines)
    except duckdb.OutOfMemoryException as error:
        raise Failure(
            f"can't read {path}: unpacking it takes more than {MEMORY}; write it with smaller "
            "groups of rows, as DuckDB does by ROW_GROUP_SIZE",
            FAILED,
        ) from error
    except duckdb.Error as error:
        why = str(error).splitlines()[0]
        raise Failure(f"can't read {path} as Parquet: {why}", FAILED) from error
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", CONFIGURATION) from error


#: It reads what it is told to, and fetches nothing.
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    # Each has a group of rows in memory, and one is as fast as rules can be.
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}


def _described(connection: "DuckDBPyConnection", path: Path) -> tuple[int, dict[str, Any]]:
    """Number of rows, and the type of each column."""
    rows = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchall()
    relation = connection.read_parquet(str(path))
    return int(rows[0][0]), dict(zip(relation.columns, relation.types, strict=True))


def _event(path: Path, types: dict[str, Any], column: str | None) -> str:
    """The expression that is an event's JSON."""
    texts = [name for name, type_ in types.items() if type_.id in _TEXT]
    if column is not None:
        if column not in texts:
            raise Failure(
                f"{path} has no column of text called {shown(column)}: it has {_said(texts)}",
                CONFIGURATION,
            )
        return _quoted(column)
    if TIME in types:
        return _without_nulls(
            _packed((name, _value(_quoted(name), t)) for name, t in types.items())
        )
    if len(texts) == 1:
        return _quoted(texts[0])
    raise Failure(
        f'{path} has neither a column "{TIME}" nor just one column of text, so it isn\'t clear '
        f"where the events are: name the column of JSON with --column; it has {_said(texts)}",
        CONFIGURATION,
    )


def _said(names: list[str]) -> str:
    return one_of(names) if names else "none"


def _without_nulls(expression: str) -> str:
    # RFC 7396: in a patch, null means that the member goes.
    return f"json_merge_patch('{{}}', to_json({expression}))"


def _packed(members: Iterable[tuple[str, str]]) -> str:
    return f"struct_pack({', '.join(f'{_quoted(name)} := {value}' for name, value in members)})"


def _value(expression: str, type_: Any) -> str:
    kind = type_.id
    if kind == "struct":
        inner = ((name, _value(f"{expression}.{_quoted(name)}", t)) for name, t in type_.children)
        return f"CASE WHEN {expression} IS NOT NULL THEN {_packed(inner)} END"
    if kind in ("float", "double"):
        return f"CASE WHEN isfinite({expression}) THEN {expression} END"
    if kind == "decimal" and dict(type_.children).get("scale") == 0:
        return f"CAST({expression} AS VARCHAR)"
    if kind == "timestamp with time zone":
        return _time(f"timezone('UTC', {expression})", "%f")
    if kind.startswith("timestamp"):
        return _time(expression, _FRACTIONS.get(kind, "%f"))
    return expression


def _time(expression: str, fraction: str) -> str:
    return f"strftime({expression}, '%Y-%m-%dT%H:%M:%S.{fraction}Z')"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _line(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
