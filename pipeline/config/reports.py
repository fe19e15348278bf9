"""Periodic reports on a schedule, and how suspicious reports leave the house."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.bounds import Interval
from pipeline.config.names import HostName
from pipeline.config.sinks import MailAddress
from pipeline.config.sources import Name
from pipeline.secrets import Secret, SecretText
from pipeline.structured import ExistingPath, FilePath
from pipeline.units import HOUR, MINUTE, SECOND, WEEK, Duration

TimeOfDay = Annotated[
    str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$(?!\n)", description="a time such as 07:00")
]


class ReportMail(Struct, forbid_unknown_fields=True, kw_only=True):
    """By e-mail, with the PDF and the page attached."""

    #: The mail server.
    host: HostName
    #: Its port.
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    #: `none` only on this machine.
    security: Literal["tls", "starttls", "none"] = "starttls"
    #: With `password`, the login.
    username: str | None = None
    #: With `username`.
    password: Secret | None = None
    #: Authority that signed the server's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: From whom.
    sender: MailAddress
    #: To whom.
    recipients: Annotated[list[MailAddress], Meta(min_length=1, max_length=100)]


class ScheduledReport(Struct, forbid_unknown_fields=True, kw_only=True):
    """A report that is made by itself, of each week or month, once."""

    #: Its folder below `reports.path`: don't change it later.
    name: Name
    #: Of each week, or of each month.
    report: Literal["weekly", "monthly"]
    #: Whose days and weeks: the venue's. An IANA name.
    time_zone: str = "UTC"
    #: When, on the first day after the week or month.
    at: TimeOfDay = "06:00"
    #: How far back missed ones are made, such as after a downtime.
    catch_up: Annotated[Duration, Meta(ge=WEEK, le=104 * WEEK)] = 13 * WEEK
    #: The sink that it is made of: of type file or elasticsearch.
    sink: Name
    #: Who gets it by e-mail.
    mail: ReportMail | None = None


class FolderTransport(
    Struct, forbid_unknown_fields=True, kw_only=True, tag="folder", tag_field="type"
):
    """A drop folder, which an SFTP client or the authority's own program empties."""

    #: What `tapewatch report submit --by` calls it.
    name: Name
    #: A folder for each report appears below it.
    path: FilePath


class HttpsTransport(
    Struct, forbid_unknown_fields=True, kw_only=True, tag="https", tag_field="type"
):
    """A portal that takes reports by POST."""

    #: What `tapewatch report submit --by` calls it.
    name: Name
    #: Where to POST: https, or plain http on this machine.
    url: SecretText
    #: Sent along, such as an authorization.
    headers: dict[str, SecretText] = field(default_factory=dict[str, SecretText])
    #: Which file of the report is sent.
    file: Literal["fincen-sar.xml", "goaml.xml", "stor.xml", "stor.pdf", "stor.csv"]
    #: Authority that signed the server's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: How long the portal may take to answer.
    timeout: Interval = 60 * SECOND


Transport = FolderTransport | HttpsTransport


class ReportSchemas(Struct, forbid_unknown_fields=True, kw_only=True):
    """XML schemas of authorities, as they give them out."""

    #: FinCEN's `EFL_SARXBatchSchema.xsd`; a SAR can't be approved without.
    fincen_sar: ExistingPath | None = None
    #: That of the country's financial intelligence unit.
    goaml: ExistingPath | None = None
    #: One that an authority has for our `stor.xml`.
    stor: ExistingPath | None = None


class Reports(Struct, forbid_unknown_fields=True, kw_only=True):
    """Reports."""

    #: Folder of the periodic ones; a schedule needs it.
    path: FilePath | None = None
    #: Reports that are made by themselves.
    schedule: list[ScheduledReport] = field(default_factory=list[ScheduledReport])
    #: How often it is looked whether one is due.
    check_every: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 60 * SECOND
    #: After a start nothing is made for so long, so that what came meanwhile is delivered first.
    settle: Annotated[Duration, Meta(ge=0, le=24 * HOUR)] = 10 * MINUTE
    #: Ways by which an approved suspicious report leaves.
    transports: list[Transport] = field(default_factory=list[Transport])
    #: XML schemas that suspicious reports are held against.
    schemas: ReportSchemas = field(default_factory=ReportSchemas)
    #: What is the same in every suspicious report: who files.
    profile: ExistingPath | None = None
