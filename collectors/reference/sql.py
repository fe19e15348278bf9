"""Reference data in PostgreSQL: the rows of one query.

By psycopg 3 (the extra ``tapewatch[postgresql]``), with a cursor of the server's, so that a million
rows don't come at once, in a transaction that can only read.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from collectors.reference.rows import RowReader
from collectors.reference.source import Item, SourceFault
from pipeline.config.reference_sources import SqlReference
from pipeline.secrets import SecretError
from pipeline.units import SECOND

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
                number = 0
                while rows := await cursor.fetchmany(_AT_ONCE):
                    for row in rows:
                        number += 1
                        values = dict(zip(columns, row, strict=True))
                        yield self._rows.read(values, f"row {number}")
        except psycopg.Error as error:
            # Its text may hold the host and the user, never the password.
            raise SourceFault(f"PostgreSQL: {str(error).strip() or type(error).__name__}") from None
        except TimeoutError:
            raise SourceFault("PostgreSQL did not answer in time") from None

    async def close(self) -> None:
        """Nothing is open between reads."""
