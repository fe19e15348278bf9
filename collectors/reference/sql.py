"""Reference data in PostgreSQL: the rows of one query.

By psycopg 3 (the extra ``tapewatch[postgresql]``), with a cursor of the server's, so that a million
rows don't come at once, in a transaction that can only read.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from collectors.reference.rows import RowReader
from collectors.reference.source import Item, SourceFault
from pipeline.config.reference_sources import SqlReference
from pipeline.secrets import SecretError
from pipeline.units import SECOND

if TYPE_CHECKING:
    import psycopg

_AT_ONCE = 2_000
CONNECT_TIMEOUT = 10


class SqlSource:
    """A :class:`collectors.reference.source.ReferenceSource`."""

    def __init__(self, settings: SqlReference) -> None:
        self._settings = settings
        self._rows = RowReader(settings, settings.kind)

    @property
    def complete(self) -> bool:
        """As configured."""
        return self._settings.complete

    async def read(self) -> AsyncIterator[Item]:
        """The record of every row."""
        try:
            import psycopg
        except ImportError:
            raise SourceFault(
                "reference_sql needs a driver: pip install 'tapewatch[postgresql]'"
            ) from None
        try:
            url = self._settings.url.reveal()
        except SecretError as error:
            raise SourceFault(str(error)) from None
        url = _verified(url)
        limit = self._settings.timeout // 1_000_000
        try:
            async with (
                asyncio.timeout(self._settings.timeout / SECOND + CONNECT_TIMEOUT),
                await psycopg.AsyncConnection[tuple[Any, ...]].connect(
                    url,
                    connect_timeout=CONNECT_TIMEOUT,
                    options=f"-c statement_timeout={limit} -c default_transaction_read_only=on",
                ) as connection,
                connection.cursor(name="tapewatch") as cursor,
            ):
                await cursor.execute(self._settings.query.encode())
                columns = [column.name for column in cursor.description or ()]
                missing = self._rows.missing(columns)
                if missing:
                    raise SourceFault(f"the query gives no column {', '.join(missing)}")
                twice = sorted(
                    {name for name in self._rows.columns.values() if columns.count(name) > 1}
                )
                if twice:
                    raise SourceFault(
                        f"the query gives {', '.join(twice)} twice: nobody can tell which counts"
                    )
                if said := self._rows.misspelt(columns):
                    raise SourceFault(f"the query: {said}")
                number = 0
                while rows := await cursor.fetchmany(_AT_ONCE):
                    for row in rows:
                        number += 1
                        values = dict(zip(columns, row, strict=True))
                        yield self._rows.read(values, f"row {number}")
        except psycopg.Error as error:
            raise SourceFault(f"PostgreSQL: {_told(error)}") from None
        except TimeoutError:
            raise SourceFault("PostgreSQL did not answer in time") from None

    async def close(self) -> None:
        """Nothing is open between reads."""


def _verified(url: str) -> str:
    """The connection string, with TLS that is verified. Raises SourceFault, which quotes nothing.

    libpq's default takes a server without TLS, and any certificate
    (https://www.postgresql.org/docs/current/libpq-ssl.html): here that is for this machine only.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        raise SourceFault(
            "the url is no connection string of PostgreSQL; what is special in a password is "
            "written as in any URL, an @ as %40"
        ) from None
    host = str(given.get("host") or given.get("hostaddr") or "")
    if "@" in host:
        raise SourceFault("the url has an @ in its host: one in a password is written %40")
    mode = given.get("sslmode")
    if all(_is_here(one) for one in host.split(",")):
        return url
    if mode is not None and mode not in ("verify-full", "verify-ca"):
        raise SourceFault(
            f"sslmode={mode} sends what the database holds to whoever answers: "
            "sslmode=verify-full is wanted, with sslrootcert where its authority is your own"
        )
    if mode is None:
        given["sslmode"] = "verify-full"
    if given["sslmode"] == "verify-full":
        given.setdefault("sslrootcert", "system")
    return make_conninfo("", **given)


def _is_here(host: str) -> bool:
    return host in ("", "localhost", "::1") or host.startswith(("/", "@", "127."))


def _told(error: "psycopg.Error") -> str:
    """What an error says. Of those on values (class 22) and constraints (23) only the code: their
    text quotes what stood there.
    """
    state = error.sqlstate
    if state is not None and state[:2] in ("22", "23"):
        return f"a value is not as the query wants it (SQLSTATE {state}, {type(error).__name__})"
    return str(error).strip() or type(error).__name__
