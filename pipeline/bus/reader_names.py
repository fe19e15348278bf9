"""Who reads which stream: the names under which positions and checkpoints are kept."""

from collections.abc import Iterator
from string import ascii_lowercase

from pipeline.bus.streams import Stream
from pipeline.config.schema import Configuration

NORMALIZER = "normalizer"
DETECTIONS = "detections"
#: The stage that finds clusters of addresses: the name of its position and its checkpoints.
CLUSTERS = "clusters"
#: The stage that makes cases of alerts.
CASES = "cases"
_SINK = "sink."
_AUDIT = "audit."
_OF_CONTENT = {"events": Stream.EVENTS, "alerts": Stream.ALERTS, "cases": Stream.CASES}


def sink_reader(sink: str, content: str) -> str:
    """The reader that delivers a content to a sink or notification."""
    return f"{_SINK}{sink}.{content}"


def audit_reader(stream: str) -> str:
    """The reader that records a stream in the audit log."""
    return f"{_AUDIT}{stream}"


def stream_of(reader: str) -> Stream | None:
    """What a reader reads, by its name; None for what is no reader of this version."""
    if reader == NORMALIZER:
        return Stream.RAW
    if reader == CASES:
        return Stream.ALERTS
    if reader.startswith(_SINK):
        return _OF_CONTENT.get(reader.rpartition(".")[2])
    if reader.startswith(_AUDIT):
        return {one.value: one for one in Stream}.get(reader.removeprefix(_AUDIT))
    return Stream.EVENTS


def lanes(config: Configuration) -> list[str]:
    """The lanes of the detections, by which their positions and checkpoints are named."""
    return lane_names(config.detections.lanes, config.detections.shares)


def lane_names(count: int, shares: int = 1) -> list[str]:
    """The lanes, where EVENTS has so many parts: of each part, and of what sees all of them.

    With several shares of the rules there is a lane of each part of EVENTS for each of them, named
    by a letter.
    """
    parts = [DETECTIONS] if count == 1 else [f"{DETECTIONS}-{number}" for number in range(count)]
    if shares > 1:
        parts = [f"{part}-{letter}" for part in parts for letter in ascii_lowercase[:shares]]
    return parts if count == 1 else [*parts, f"{DETECTIONS}-market"]


def configured_readers(config: Configuration) -> set[str]:
    """All that a configuration runs: nothing that one of them has not taken may go."""
    cases = [CASES] if config.cases is not None else []
    return {NORMALIZER, *checkpointed(config), *cases, *_sinks(config), *_recorded(config)}


def checkpointed(config: Configuration) -> list[str]:
    """The readers of EVENTS that keep a state, by which their checkpoints are named."""
    return [*lanes(config), *([CLUSTERS] if config.clusters is not None else [])]


def _recorded(config: Configuration) -> Iterator[str]:
    if config.audit is not None:
        for stream in (Stream.RAW, Stream.EVENTS, Stream.ALERTS):
            yield audit_reader(stream.value)


def _sinks(config: Configuration) -> Iterator[str]:
    for sink in config.sinks:
        for content in sink.content:
            yield sink_reader(sink.name, content)
    for notification in config.notifications:
        for told in notification.content:
            yield sink_reader(notification.name, "alerts" if told == "alerts" else "cases")
