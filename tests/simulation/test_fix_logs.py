"""What a venue's FIX engine logs says the same as its order log."""

from pathlib import Path
from typing import Any

import msgspec

from detections.engine.engine import Engine
from normalizer.events import Alert, Record
from normalizer.events.market import OrderCancelled
from pipeline.cli.raw_events import RawEvents
from pipeline.problems import Problem
from simulation.abusers.catalogue import VENUE_ABUSES
from simulation.session import play_venue
from tests.fixtures.shipped_rules import shipped_rules
from tests.simulation.fix_reports import reports

#: What depends on how a venue numbers things, and where they stand.
_OF_THE_LOG = {"id", "original", "sequence", "ingested"}
_decode = msgspec.json.Decoder(Record).decode


def read(path: Path, reference: Any) -> list[Any]:
    problems: list[Problem] = []
    events = RawEvents([path], reference=reference, report=problems.append, venue="sim-x")
    found = [_decode(line) for line in events.lines()]
    assert problems == []
    return found


def said(event: Any) -> Any:
    names = set(event.__struct_fields__) - _OF_THE_LOG
    if isinstance(event, OrderCancelled):
        names -= {"quantity"}  # the whole order's, which only reports say again
    return type(event), {name: getattr(event, name) for name in names}


def alerts(events: list[Any]) -> list[tuple[Any, ...]]:
    engine = Engine(shipped_rules())
    found: list[Alert] = [*engine.process(events), *engine.finish()]
    return [(one.rule_id, one.timestamp, one.reason, one.entities) for one in found]


def test_a_session_gives_the_same_events_and_alerts_as_reports(tmp_path: Path) -> None:
    session = play_venue("liquid", 7, abuse=VENUE_ABUSES["layering"], episodes=2)
    lines = [frame.payload for _, frame in session.frames]
    log, fix = tmp_path / "orders.ndjson", tmp_path / "VENUE.fix"
    log.write_bytes(b"\n".join(lines))
    fix.write_bytes(b"\n".join(reports(map(msgspec.json.decode, lines))))

    as_log, as_fix = read(log, session.reference), read(fix, session.reference)
    assert len(as_log) > 3_000
    assert [said(event) for event in as_fix] == [said(event) for event in as_log]
    found = alerts(as_fix)
    assert found
    assert found == alerts(as_log)
