"""Sources of reference data of your own: files, a database, an HTTP interface."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.bounds import Interval, Room
from pipeline.config.names import Name
from pipeline.secrets import SecretText
from pipeline.structured import ExistingPath, FilePath
from pipeline.units import MIB, MINUTE, SECOND

#: What a row is a record of.
Kind = Literal[
    "token", "investor", "address", "account", "sanction", "list-entry", "corporate-event",
    "venue", "verification", "risk",
]  # fmt: skip


class _Reference(Struct, forbid_unknown_fields=True, kw_only=True):
    #: What its records are kept under on the bus: don't change it later.
    name: Name
    #: How often it is looked at.
    every: Interval = MINUTE
    #: Whether it has all of its records each time: what is missing is withdrawn. Else what it gives
    #: adds up.
    complete: bool = True
    #: A read that lacks a greater part of the records known before is held back, and said.
    largest_shrink: Annotated[float, Meta(ge=0, le=1)] = 0.2
    #: A larger answer or file is refused.
    max_size: Room = 1024 * MIB


class _Rows(_Reference, kw_only=True):
    #: The column of each field of the record: `id: investor_no`. Within a field by a point:
    #: `issuer.id`, `contracts.0.address`. Fields without one have the column of their own name.
    columns: dict[str, str] = field(default_factory=dict[str, str])
    #: Columns that are none of the record's though they are called nearly as one: what looks like a
    #: slip of the pen is refused otherwise.
    ignore: list[str] = field(default_factory=list[str])
    #: Fields that are the same in every record: `list: insider`.
    constants: dict[str, str] = field(default_factory=dict[str, str])
    #: By field, what a value of the source stands for: `status: {APPROVED: verified}`.
    values: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    #: What parts the items of a list in one column: labels, addresses.
    separator: Annotated[str, Meta(min_length=1, max_length=4)] = ";"


class FileReference(_Rows, tag="reference_file", tag_field="type", kw_only=True):
    """Reference data in a file: CSV, Parquet, or YAML as under `reference`."""

    #: The file. It may come later; one that goes away withdraws nothing.
    path: FilePath
    #: By the name's end, without: `.csv`, `.parquet`, `.yaml` or `.yml`.
    format: Literal["csv", "parquet", "yaml"] | None = None
    #: What a row is; YAML says it itself.
    kind: Kind | None = None
    #: Between two columns of CSV.
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","


class SqlReference(_Rows, tag="reference_sql", tag_field="type", kw_only=True):
    """Reference data in PostgreSQL. It needs the extra `tapewatch[postgresql]`."""

    #: Connection string, such as `postgresql://reader@db.example.com/crm?sslmode=verify-full`.
    url: SecretText
    #: One SELECT, each row a record. It runs in a transaction that can only read.
    query: Annotated[str, Meta(min_length=1)]
    #: What a row is.
    kind: Kind
    #: How long the query may take.
    timeout: Interval = MINUTE


class HttpReference(_Rows, tag="reference_http", tag_field="type", kw_only=True):
    """Reference data in JSON, by HTTP GET."""

    #: Where to ask.
    url: SecretText
    #: What an item is.
    kind: Kind
    #: Where the list of items is in the answer, as a JSON pointer; the whole answer without.
    items: Annotated[
        str, Meta(pattern=r"^(/[^/]*)*$(?!\n)", description="a JSON pointer, as /data")
    ] = ""
    #: Where the URL of the next page is in the answer, as a JSON pointer; one page without.
    next: (
        Annotated[str, Meta(pattern=r"^(/[^/]+)+$(?!\n)", description="a JSON pointer, as /next")]
        | None
    ) = None
    #: Sent along, such as `Authorization: Bearer ${env:TOKEN}`.
    headers: dict[str, SecretText] = field(default_factory=dict[str, SecretText])
    #: How long an answer may take.
    timeout: Interval = 30 * SECOND
    #: Authority that signed the server's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
