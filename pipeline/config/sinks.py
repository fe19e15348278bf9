"""Sinks and notifications: where events and alerts go."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.bounds import Interval, Room
from pipeline.config.mask import Mask
from pipeline.config.names import HostName
from pipeline.config.retention import ElasticRetention
from pipeline.config.sources import Name
from pipeline.secrets import Secret, SecretText
from pipeline.structured import ExistingPath, FilePath
from pipeline.units import DAY, HOUR, MIB, MINUTE, SECOND, Duration

Content = Literal["events", "alerts", "cases"]
#: What people are told of: alerts, and cases that are too old for what they are.
Told = Literal["alerts", "escalations"]
#: One address, without a name and without what would end a header.
MailAddress = Annotated[
    str,
    Meta(pattern=r"^[^\s<>,;:()\[\]\\\"@]+@[A-Za-z0-9.-]+$(?!\n)", max_length=254),
]


class _Sink(Struct, forbid_unknown_fields=True, kw_only=True):
    #: Positions on the bus are kept by it: don't change it later.
    name: Name
    #: What it gets; each content has a position of its own.
    content: Annotated[list[Content], Meta(min_length=1)] = field(
        default_factory=lambda: ["alerts", "events", "cases"]
    )
    #: Longest wait between attempts while the sink is down; exponential, with jitter.
    retry_maximum: Interval = 30 * SECOND
    #: Documents in one delivery.
    batch: Annotated[int, Meta(ge=1, le=50_000)] = 2_000
    #: What it gets of persons.
    mask: Mask | None = None


class FileSink(_Sink, tag="file", tag_field="type", kw_only=True):
    """NDJSON files of nested ECS documents, rotated by size and age."""

    #: Folder; `alerts/` and `events/` are made below it.
    path: FilePath
    #: A file that would grow larger is ended and another begun.
    rotate_size: Room = 256 * MIB
    #: So is one that is older.
    rotate_after: Interval = DAY
    #: ``always``: a document is on the disk before its message is acknowledged.
    sync: Literal["always", "never"] = "always"


class ElasticsearchSink(_Sink, tag="elasticsearch", tag_field="type", kw_only=True):
    """Elasticsearch data streams ``logs-tapewatch.<data>-<namespace>``."""

    #: Nodes of one cluster.
    urls: Annotated[list[SecretText], Meta(min_length=1)]
    #: One way to log in, as Elasticsearch gives it (`encoded`).
    api_key: Secret | None = None
    #: With `password`, the other way.
    username: str | None = None
    #: With `username`.
    password: Secret | None = None
    #: Authority that signed the server's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: Never `false` outside a test.
    verify_certificates: bool = True
    #: Last part of the data streams' names.
    namespace: Name = "default"
    #: Install the templates at start; else ``tapewatch setup elastic`` or an administrator does.
    install_templates: bool = True
    #: How long documents are kept; the server deletes them.
    retention: ElasticRetention = field(default_factory=ElasticRetention)
    #: How long the server may take to answer.
    timeout: Interval = 30 * SECOND


class SplunkNotables(Struct, forbid_unknown_fields=True, kw_only=True):
    """Notable events of Splunk Enterprise Security, for cases that are opened or reopened."""

    #: Enterprise Security's index of notables; the token must be allowed to write there.
    index: Annotated[str, Meta(min_length=1)] = "notable"
    #: What the notables are of.
    security_domain: Literal["access", "audit", "endpoint", "identity", "network", "threat"] = (
        "threat"
    )
    #: The index in which another sink puts the documents of cases, for the drill-down.
    drilldown_index: str | None = None


class SplunkHecSink(_Sink, tag="splunk_hec", tag_field="type", kw_only=True):
    """Splunk's HTTP Event Collector."""

    #: Scheme, host and port; HEC's paths are added.
    url: SecretText
    #: The collector's token.
    token: Secret
    #: Without, the token's default index.
    index: str | None = None
    #: The Splunk app reads this one.
    sourcetype: str = "tapewatch:ecs"
    #: Wait for the indexers' acknowledgement; the token must have it enabled.
    acknowledgement: bool = False
    #: Longer without one, and the batch is sent again.
    acknowledgement_timeout: Interval = MINUTE
    #: Nothing but notable events is sent: then `content` is `[cases]`, beside another sink that
    #: gets the documents.
    notables: SplunkNotables | None = None
    #: Whether bodies are compressed.
    gzip: bool = True
    #: Authority that signed the server's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: Never `false` outside a test.
    verify_certificates: bool = True
    #: HEC refuses a larger body.
    max_body: Room = 800 * 1024
    #: How long the server may take to answer.
    timeout: Interval = 30 * SECOND


Sink = FileSink | ElasticsearchSink | SplunkHecSink


AlertLevel = Literal["informational", "low", "medium", "high", "critical"]


class _Notification(Struct, forbid_unknown_fields=True, kw_only=True):
    #: Positions on the bus are kept by it: don't change it later.
    name: Name
    #: What it tells of; `escalations` are steps of `cases.escalate` that name it.
    content: Annotated[list[Told], Meta(min_length=1)] = field(default_factory=lambda: ["alerts"])
    #: Send the alerts of staged rules too, which are on trial.
    staged: bool = False
    #: Least time between two messages. What comes meanwhile waits, and is told together.
    pace: Annotated[Duration, Meta(ge=0, le=HOUR)] = 0
    #: How long the receiver may take to answer.
    timeout: Interval = 10 * SECOND
    #: Longest wait between attempts while it is down.
    retry_maximum: Interval = MINUTE
    #: What it gets of persons.
    mask: Mask | None = None


class WebhookNotification(_Notification, tag="webhook", tag_field="type", kw_only=True):
    """POST of the alert as JSON, signed with HMAC-SHA-256 where a secret is given."""

    #: Where to POST.
    url: SecretText
    #: Signs `time.body` in the header `Tapewatch-Signature`.
    secret: Secret | None = None
    #: Alerts below it are left out.
    minimum_level: AlertLevel = "medium"
    #: Sent along, such as an authorization.
    headers: dict[str, SecretText] = field(default_factory=dict[str, SecretText])
    #: Never `false` outside a test.
    verify_certificates: bool = True


class SlackNotification(_Notification, tag="slack", tag_field="type", kw_only=True):
    """A message in a Slack channel, by an incoming webhook; alerts that come together in one."""

    #: The incoming webhook's URL, which is a secret.
    url: SecretText
    #: Alerts below it are left out.
    minimum_level: AlertLevel = "high"
    #: Where people see an alert, with `{id}` for its id.
    alert_url: str | None = None
    #: Where people see a case, with `{id}` for its id.
    case_url: str | None = None
    #: Alerts in one message at most.
    at_once: Annotated[int, Meta(ge=1, le=1_000)] = 50


class PagerDutyNotification(_Notification, tag="pagerduty", tag_field="type", kw_only=True):
    """An incident of PagerDuty, by its Events API v2."""

    #: The service's integration key.
    routing_key: Secret
    #: The EU's is https://events.eu.pagerduty.com/v2/enqueue.
    url: SecretText = SecretText("https://events.pagerduty.com/v2/enqueue")
    #: Alerts below it are left out.
    minimum_level: AlertLevel = "critical"
    #: ``alert``: an incident for each, which a retraction resolves. ``entities``: one for all
    #: alerts of a rule about the same parties.
    group: Literal["alert", "entities"] = "alert"
    #: Where people see an alert, with `{id}` for its id.
    alert_url: str | None = None
    #: Where people see a case, with `{id}` for its id.
    case_url: str | None = None


class EmailNotification(_Notification, tag="email", tag_field="type", kw_only=True):
    """An e-mail over SMTP; alerts that come together in one."""

    #: Mail server.
    host: HostName
    #: 587 with STARTTLS, 465 with TLS.
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    #: ``none`` sends alerts in the clear.
    security: Literal["tls", "starttls", "none"] = "starttls"
    #: With `password`.
    username: str | None = None
    #: With `username`.
    password: Secret | None = None
    #: Authority that signed the server's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: From whom.
    sender: MailAddress
    #: To whom.
    recipients: Annotated[list[MailAddress], Meta(min_length=1, max_length=100)]
    #: Alerts below it are left out.
    minimum_level: AlertLevel = "high"
    #: Where people see an alert, with `{id}` for its id.
    alert_url: str | None = None
    #: Where people see a case, with `{id}` for its id.
    case_url: str | None = None
    #: Alerts in one message at most.
    at_once: Annotated[int, Meta(ge=1, le=1_000)] = 200


Notification = WebhookNotification | SlackNotification | PagerDutyNotification | EmailNotification
