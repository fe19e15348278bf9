"""That saving and restoring the state in the middle changes no alert."""

from typing import Any

import msgspec

from detections.engine.engine import Engine
from detections.rules import RuleSet
from normalizer.events import Record

_read = msgspec.json.Decoder(Record).decode


def assert_the_same_after_a_restart(rules: RuleSet, events: list[Any]) -> None:
    """Whatever of the events comes before the restart, there are the same alerts, and some."""
    events = [_read(msgspec.json.encode(event)) for event in events]  # as a stream has them
    whole = Engine(rules)
    expected = [msgspec.json.encode(one) for one in whole.process(events)]
    assert expected
    for middle in range(0, len(events) + 1, max(1, len(events) // 7)):
        before, after = Engine(rules), Engine(rules)
        found = before.process(events[:middle])
        saved = before.snapshot()
        assert after.restore(saved) == []
        assert after.snapshot() == saved, "what is saved again has the same bytes"
        found += after.process(events[middle:])
        assert [msgspec.json.encode(one) for one in found] == expected
        assert _states(after) == _states(whole)


def _states(engine: Engine) -> list[Any]:
    made = [entry.correlator for entry in engine.book.correlators]
    return [one.read(one.snapshot()) for one in made]
