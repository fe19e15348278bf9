"""``pipeline.yaml`` as records. What every key means stands in the file itself, commented."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.config.audit import Audit
from pipeline.config.bounds import Interval, Room
from pipeline.config.cases import Cases
from pipeline.config.clusters import Clusters
from pipeline.config.kibana import Kibana
from pipeline.config.names import HostName
from pipeline.config.privacy import Privacy
from pipeline.config.reports import Reports
from pipeline.config.sinks import Notification, Sink
from pipeline.config.sources import Source
from pipeline.secrets import Secret, SecretText
from pipeline.structured import ExistingPath, FilePath
from pipeline.units import DAY, GIB, MIB, MILLISECOND, MINUTE, SECOND, Duration


class StreamLimits(Struct, forbid_unknown_fields=True, kw_only=True):
    """Retention of one JetStream stream."""

    #: Messages older than this go, once all readers have taken them; dead letters in any case.
    max_age: Interval = 7 * DAY
    #: What a stream may hold. Above 80 % of it the oldest go that all readers have taken. When it
    #: is full of what was not taken, writing to it waits. Of dead letters the oldest go.
    max_size: Room = 20 * GIB
    #: How long JetStream remembers a ``Nats-Msg-Id``.
    duplicate_window: Interval = 10 * MINUTE
    #: Copies of the stream in a NATS cluster.
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1


class ReferenceLimits(Struct, forbid_unknown_fields=True, kw_only=True):
    """Size of the stream that holds all changes of reference data. None of them ever goes."""

    #: What it may hold. When it is full, sources of reference data wait, and all others go on.
    max_size: Room = GIB
    #: Copies of the stream in a NATS cluster.
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1


class CaseLimits(Struct, forbid_unknown_fields=True, kw_only=True):
    """Size of the stream that holds all that was done to cases. None of it ever goes."""

    #: What it may hold: some 2 KB for each thing that is done. When it is full, no case can be
    #: opened or worked on, and all else goes on.
    max_size: Room = 512 * MIB
    #: Copies of the stream in a NATS cluster.
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1


class Streams(Struct, forbid_unknown_fields=True, kw_only=True):
    """The streams."""

    #: Frames as they came, byte for byte.
    raw: StreamLimits = field(default_factory=StreamLimits)
    #: What the normalizer made of them.
    events: StreamLimits = field(default_factory=StreamLimits)
    #: What the detections found.
    alerts: StreamLimits = field(
        default_factory=lambda: StreamLimits(max_age=90 * DAY, max_size=4 * GIB)
    )
    #: What could not be decoded, validated or delivered.
    dead: StreamLimits = field(
        default_factory=lambda: StreamLimits(max_age=30 * DAY, max_size=4 * GIB)
    )
    #: What sources of reference data gave, change by change.
    reference: ReferenceLimits = field(default_factory=ReferenceLimits)
    #: What was done to cases.
    cases: CaseLimits = field(default_factory=CaseLimits)
    #: Nothing is held any longer for a reader (a sink, say) that is not in the configuration any
    #: more and has taken nothing for so long. `tapewatch retire` lets one go at once.
    retire_after: Duration = 3 * DAY


class MicroBatch(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is put into one message of the bus: until one of the three is reached."""

    #: Frames in one message.
    max_frames: Annotated[int, Meta(ge=1, le=10_000)] = 256
    #: Bytes in one message; a larger frame goes alone.
    max_bytes: Room = 512 * 1024
    #: How long the first frame waits for others.
    max_delay: Duration = 3 * MILLISECOND


class Tls(Struct, forbid_unknown_fields=True, kw_only=True):
    """Certificates towards the NATS server."""

    #: Authority that signed the servers' certificates, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: Our own certificate, PEM, where the servers ask for one.
    certificate: ExistingPath | None = None
    #: Its private key, PEM.
    key: ExistingPath | None = None


#: What an embedded server may take, where the configuration doesn't say.
MAX_STORAGE = 50 * GIB


class EmbeddedBus(
    Struct, forbid_unknown_fields=True, kw_only=True, tag="embedded", tag_field="type"
):
    """The packaged nats-server, started and stopped by Tapewatch, with file storage."""

    #: Folder where messages are stored. One Tapewatch at a time.
    path: FilePath
    #: 0 takes a free port.
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    #: ``always`` survives a power loss, at a fifth of the throughput.
    sync: Literal["default", "always"] = "default"
    #: What all streams together may take on the disk.
    max_storage: Room = MAX_STORAGE
    #: Retention, by stream.
    streams: Streams = field(default_factory=Streams)
    #: Frames that travel together.
    batch: MicroBatch = field(default_factory=MicroBatch)


Prefix = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_-]{0,32}$(?!\n)", description="at most 32 letters, digits, - and _"),
]


class ExternalBus(Struct, forbid_unknown_fields=True, kw_only=True, tag="nats", tag_field="type"):
    """A NATS server or cluster that is already there, with JetStream enabled."""

    #: Servers, `tls://` or `nats://`; the first that answers.
    urls: Annotated[list[SecretText], Meta(min_length=1)]
    #: Certificates; without, the system's authorities are trusted.
    tls: Tls | None = None
    #: A NATS credentials file (JWT and NKey seed).
    credentials: ExistingPath | None = None
    #: With `password`, one way to log in.
    username: str | None = None
    #: With `username`.
    password: Secret | None = None
    #: Another way to log in.
    token: Secret | None = None
    #: Put before the names of streams and subjects, where several deployments share a server.
    prefix: Prefix = ""
    #: Retention, by stream.
    streams: Streams = field(default_factory=Streams)
    #: Frames that travel together.
    batch: MicroBatch = field(default_factory=MicroBatch)


Bus = EmbeddedBus | ExternalBus


class CorrelationLimits(Struct, forbid_unknown_fields=True, kw_only=True):
    """What one Sigma correlation may hold in memory. Beyond it the oldest goes, and is counted."""

    #: Groups; the one longest without news goes first.
    most_groups: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000
    #: Events of a group; the oldest goes first.
    most_events: Annotated[int, Meta(ge=10, le=1_000_000)] = 10_000
    #: Events of all groups together; the group longest without news goes first.
    most_held: Annotated[int, Meta(ge=1_000, le=1_000_000_000)] = 1_000_000


class Detections(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which rules run, and how late events may be."""

    #: Rule files, and folders with all that is below.
    rules: Annotated[list[ExistingPath], Meta(min_length=1)]
    #: pySigma pipelines: field names and log sources of rules that were written for others.
    pipelines: list[ExistingPath] = field(default_factory=list[Path])
    #: Correlations and correlators wait so long, by event time, to put late events in their place;
    #: with 0 they take events as they come.
    allowed_lateness: Duration = 0
    #: A source whose newest event is so much older than that of all others is not waited for.
    idle_after: Annotated[Duration, Meta(ge=SECOND, le=DAY)] = 30 * SECOND
    #: How much later than its receipt an event may say that it happened; beyond it the source's
    #: clock is wrong, and the event happened at its receipt.
    clock_tolerance: Annotated[Duration, Meta(ge=0, le=DAY)] = 5 * SECOND
    #: Memory of Sigma correlations.
    correlations: CorrelationLimits = field(default_factory=CorrelationLimits)
    #: Parts of EVENTS, by asset, with a lane of the detections each: as many processes can share
    #: them. With more than 1 there is a further lane, for rules that must see everything.
    lanes: Annotated[int, Meta(ge=1, le=64)] = 1
    #: Parts into which the rules of each lane of assets are divided, with a lane each: so what one
    #: busy asset takes can be shared by as many processes.
    shares: Annotated[int, Meta(ge=1, le=16)] = 1
    #: Processes on this machine that share the lanes. With more than 1, or several lanes or shares,
    #: other machines may join them by `tapewatch run --only detections`.
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    #: How often the rules' state is saved on the bus. A restart goes on from there.
    checkpoint_every: Annotated[Duration, Meta(ge=SECOND, le=DAY)] = 30 * SECOND
    #: How far back EVENTS is read again for a rule that is new or changed, and doesn't say how far
    #: back it looks.
    warm_up: Duration = 15 * MINUTE

    @property
    def are_shared(self) -> bool:
        """Whether workers agree on who runs which lane."""
        return self.lanes > 1 or self.shares > 1 or self.workers > 1


class DeadLetterExpiry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Dead letters that nobody needs so long. A letter is meant that is all of what is given."""

    #: A part of the reason, in any case of letters.
    reason: str | None = None
    #: The stage that it died in.
    stage: Literal["collectors", "normalizer", "detections", "delivery"] | None = None
    #: The source, or `SINK: SOURCE`.
    source: str | None = None
    #: How long after its frame or document was received it goes.
    after: Duration


class Observability(Struct, forbid_unknown_fields=True, kw_only=True):
    """The HTTP endpoint of ``/metrics``, ``/healthz`` and ``/readyz``."""

    #: Whether it is served.
    enabled: bool = True
    #: Address to listen on. It is plain HTTP: keep it on the loopback.
    host: HostName = "127.0.0.1"
    #: 0 takes a free port.
    port: Annotated[int, Meta(ge=0, le=65_535)] = 9464


class Logging(Struct, forbid_unknown_fields=True, kw_only=True):
    """Structured logs."""

    #: The least that is logged.
    level: Literal["debug", "info", "warning", "error"] = "info"
    #: ``auto``: readable on a terminal, ECS JSON elsewhere.
    format: Literal["auto", "ecs", "console"] = "auto"


class Configuration(Struct, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    #: Where frames, events and alerts are kept on their way.
    bus: Bus
    #: What is watched.
    sources: list[Source]
    #: Tokens, investors, labels and sanctions: who the addresses are.
    reference: list[ExistingPath] = field(default_factory=list[Path])
    #: Which rules run.
    detections: Detections
    #: Which addresses are found to be of one owner; without it none are.
    clusters: Clusters | None = None
    #: Where events and alerts go.
    sinks: list[Sink]
    #: Who is told of alerts at once.
    notifications: list[Notification] = field(default_factory=list[Notification])
    #: Which dead letters go before `bus.streams.dead.max_age`; looked at every hour.
    dead_letters: list[DeadLetterExpiry] = field(default_factory=list[DeadLetterExpiry])
    #: Alerts as cases that people work on; without it none are opened.
    cases: Cases | None = None
    #: Keys of persons' pseudonyms; needed by sources that tell of persons.
    privacy: Privacy | None = None
    #: The signed log of what came, was found and was done; without it none is kept.
    audit: Audit | None = None
    #: Dashboards, rules and cases in Kibana; without it `tapewatch setup kibana` has nothing to do.
    kibana: Kibana | None = None
    #: Reports on a schedule, and ways for suspicious reports; without it none are made.
    reports: Reports | None = None
    #: Metrics and health.
    observability: Observability = field(default_factory=Observability)
    #: What is logged, and how.
    logging: Logging = field(default_factory=Logging)
