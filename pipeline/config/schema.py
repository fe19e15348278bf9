"""``pipeline.yaml`` as records. What every key means stands in the file itself, commented."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.sinks import Notification, Sink
from pipeline.config.sources import Source
from pipeline.secrets import Secret, SecretText
from pipeline.structured import ExistingPath, FilePath
from pipeline.units import DAY, GIB, MILLISECOND, MINUTE, SECOND, Duration, Size


class StreamLimits(Struct, forbid_unknown_fields=True, kw_only=True):
    """Retention of one JetStream stream."""

    max_age: Duration = 7 * DAY
    max_size: Size = 20 * GIB
    #: How long JetStream remembers a ``Nats-Msg-Id``.
    duplicate_window: Duration = 10 * MINUTE
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1


class Streams(Struct, forbid_unknown_fields=True, kw_only=True):
    """The four streams."""

    raw: StreamLimits = field(default_factory=StreamLimits)
    events: StreamLimits = field(default_factory=StreamLimits)
    alerts: StreamLimits = field(
        default_factory=lambda: StreamLimits(max_age=90 * DAY, max_size=4 * GIB)
    )
    dead: StreamLimits = field(
        default_factory=lambda: StreamLimits(max_age=30 * DAY, max_size=4 * GIB)
    )


class MicroBatch(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is put into one message of the bus: until one of the three is reached."""

    max_frames: Annotated[int, Meta(ge=1, le=10_000)] = 256
    max_bytes: Size = 512 * 1024
    max_delay: Duration = 3 * MILLISECOND


class Tls(Struct, forbid_unknown_fields=True, kw_only=True):
    """Certificates towards the NATS server."""

    ca_certificate: FilePath | None = None
    certificate: FilePath | None = None
    key: FilePath | None = None


class EmbeddedBus(
    Struct, forbid_unknown_fields=True, kw_only=True, tag="embedded", tag_field="type"
):
    """The packaged nats-server, started and stopped by Tapewatch, with file storage."""

    path: FilePath
    #: 0 takes a free port.
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    #: ``always`` survives a power loss, at a fifth of the throughput.
    sync: Literal["default", "always"] = "default"
    max_storage: Size = 50 * GIB
    streams: Streams = field(default_factory=Streams)
    batch: MicroBatch = field(default_factory=MicroBatch)


class ExternalBus(Struct, forbid_unknown_fields=True, kw_only=True, tag="nats", tag_field="type"):
    """A NATS server or cluster that is already there, with JetStream enabled."""

    urls: Annotated[list[SecretText], Meta(min_length=1)]
    tls: Tls | None = None
    #: A NATS credentials file (JWT and NKey seed).
    credentials: FilePath | None = None
    username: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    #: Put before the names of streams and subjects, where several deployments share a server.
    prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,32}$")] = ""
    streams: Streams = field(default_factory=Streams)
    batch: MicroBatch = field(default_factory=MicroBatch)


Bus = EmbeddedBus | ExternalBus


class Detections(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which rules run."""

    rules: Annotated[list[ExistingPath], Meta(min_length=1)]
    #: Events before the point of restart that are read again to rebuild the correlators' state.
    warm_up: Duration = 15 * MINUTE
    #: How late an event may come, by event time, and still count in its window.
    allowed_lateness: Duration = 5 * SECOND


class Observability(Struct, forbid_unknown_fields=True, kw_only=True):
    """The HTTP endpoint of ``/metrics``, ``/healthz`` and ``/readyz``."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 9464


class Logging(Struct, forbid_unknown_fields=True, kw_only=True):
    """Structured logs."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    #: ``auto``: readable on a terminal, ECS JSON elsewhere.
    format: Literal["auto", "ecs", "console"] = "auto"


class Configuration(Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    bus: Bus
    sources: list[Source]
    reference: list[ExistingPath] = field(default_factory=list[Path])
    detections: Detections
    sinks: list[Sink]
    notifications: list[Notification] = field(default_factory=list[Notification])
    observability: Observability = field(default_factory=Observability)
    logging: Logging = field(default_factory=Logging)
