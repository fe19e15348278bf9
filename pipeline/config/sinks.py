"""Sinks and notifications: where events and alerts go."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.mask import Mask
from pipeline.config.sources import Name
from pipeline.secrets import Secret, SecretText
from pipeline.structured import ExistingPath, FilePath
from pipeline.units import DAY, MIB, MINUTE, SECOND, Duration, Size

Content = Literal["events", "alerts"]


class _Sink(Struct, forbid_unknown_fields=True, kw_only=True):
    #: Positions on the bus are kept by it: don't change it later.
    name: Name
    #: What it gets; each content has a position of its own.
    content: Annotated[list[Content], Meta(min_length=1)] = field(
        default_factory=lambda: ["alerts", "events"]
    )
    #: Longest wait between attempts while the sink is down; exponential, with jitter.
    retry_maximum: Duration = 30 * SECOND
    #: Documents in one delivery.
    batch: Annotated[int, Meta(ge=1, le=50_000)] = 2_000
    #: What it gets of persons.
    mask: Mask | None = None


class FileSink(_Sink, tag="file", tag_field="type", kw_only=True):
    """NDJSON files of nested ECS documents, rotated by size and age."""

    #: Folder; `alerts/` and `events/` are made below it.
    path: FilePath
    #: A file that would grow larger is ended and another begun.
    rotate_size: Size = 256 * MIB
    #: So is one that is older.
    rotate_after: Duration = DAY
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
    #: Install the templates at start; else ``tapewatch setup`` or an administrator does.
    install_templates: bool = True
    #: How long the server may take to answer.
    timeout: Duration = 30 * SECOND


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
    acknowledgement_timeout: Duration = MINUTE
    #: Whether bodies are compressed.
    gzip: bool = True
    #: Authority that signed the server's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: Never `false` outside a test.
    verify_certificates: bool = True
    #: HEC refuses a larger body.
    max_body: Size = 800 * 1024
    #: How long the server may take to answer.
    timeout: Duration = 30 * SECOND


Sink = FileSink | ElasticsearchSink | SplunkHecSink


class WebhookNotification(
    Struct, forbid_unknown_fields=True, kw_only=True, tag="webhook", tag_field="type"
):
    """POST of the alert as JSON, signed with HMAC-SHA-256 where a secret is given."""

    #: Positions on the bus are kept by it: don't change it later.
    name: Name
    #: Where to POST.
    url: SecretText
    #: Signs `time.body` in the header `Tapewatch-Signature`.
    secret: Secret | None = None
    #: Alerts below it are left out.
    minimum_level: Literal["informational", "low", "medium", "high", "critical"] = "medium"
    #: Send the alerts of staged rules too, which are on trial.
    staged: bool = False
    #: Sent along, such as an authorization.
    headers: dict[str, SecretText] = field(default_factory=dict[str, SecretText])
    #: Never `false` outside a test.
    verify_certificates: bool = True
    #: How long the receiver may take to answer.
    timeout: Duration = 10 * SECOND
    #: Longest wait between attempts while it is down.
    retry_maximum: Duration = MINUTE
    #: What it gets of persons.
    mask: Mask | None = None


Notification = WebhookNotification
