"""Sinks and notifications: where events and alerts go."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.sources import Name
from pipeline.secrets import Secret, SecretText
from pipeline.structured import FilePath
from pipeline.units import DAY, MIB, MINUTE, SECOND, Duration, Size

Content = Literal["events", "alerts"]


class _Sink(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Name
    content: Annotated[list[Content], Meta(min_length=1)] = field(
        default_factory=lambda: ["alerts", "events"]
    )
    #: Longest wait between attempts while the sink is down; exponential, with jitter.
    retry_maximum: Duration = 30 * SECOND
    #: Documents in one delivery.
    batch: Annotated[int, Meta(ge=1, le=50_000)] = 2_000


class FileSink(_Sink, tag="file", tag_field="type", kw_only=True):
    """NDJSON files of nested ECS documents, rotated by size and age."""

    path: FilePath
    rotate_size: Size = 256 * MIB
    rotate_after: Duration = DAY
    #: ``always``: a document is on the disk before its message is acknowledged.
    sync: Literal["always", "never"] = "always"


class ElasticsearchSink(_Sink, tag="elasticsearch", tag_field="type", kw_only=True):
    """Elasticsearch data streams ``logs-tapewatch.<data>-<namespace>``."""

    urls: Annotated[list[SecretText], Meta(min_length=1)]
    api_key: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    ca_certificate: FilePath | None = None
    verify_certificates: bool = True
    namespace: Name = "default"
    #: Install the templates at start; else ``tapewatch setup`` or an administrator does.
    install_templates: bool = True
    timeout: Duration = 30 * SECOND


class SplunkHecSink(_Sink, tag="splunk_hec", tag_field="type", kw_only=True):
    """Splunk's HTTP Event Collector."""

    url: SecretText
    token: Secret
    index: str | None = None
    sourcetype: str = "tapewatch:ecs"
    #: Wait for the indexers' acknowledgement; the token must have it enabled.
    acknowledgement: bool = False
    acknowledgement_timeout: Duration = MINUTE
    gzip: bool = True
    ca_certificate: FilePath | None = None
    verify_certificates: bool = True
    #: HEC refuses a larger body.
    max_body: Size = 800 * 1024
    timeout: Duration = 30 * SECOND


Sink = FileSink | ElasticsearchSink | SplunkHecSink


class WebhookNotification(
    Struct, forbid_unknown_fields=True, kw_only=True, tag="webhook", tag_field="type"
):
    """POST of the alert as JSON, signed with HMAC-SHA-256 where a secret is given."""

    name: Name
    url: SecretText
    secret: Secret | None = None
    minimum_level: Literal["informational", "low", "medium", "high", "critical"] = "medium"
    headers: dict[str, SecretText] = field(default_factory=dict[str, SecretText])
    verify_certificates: bool = True
    timeout: Duration = 10 * SECOND
    retry_maximum: Duration = MINUTE


Notification = WebhookNotification
