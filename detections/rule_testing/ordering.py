"""The order of a test's events: by time, and for those of one time as the engine has them."""

from collections.abc import Sequence

import msgspec

from detections.engine.event_time import Tie, tie
from detections.rule_testing.model import Sample


def in_order_of_time(samples: Sequence[Sample]) -> list[Sample]:
    """By event time; of one time by source and sequence, or by id."""
    return sorted(samples, key=lambda sample: (sample.timestamp, _tie(sample)))


def with_sequences(samples: Sequence[Sample]) -> list[Sample]:
    """Records numbered as they stand, so that those of one time keep their order.

    A source whose events state a sequence of their own keeps those. Documents of others get none:
    a keyword search would see it.
    """
    stated = {_source(one) for one in samples if _states_sequence(one)}
    return [
        one if isinstance(one.event, dict) or _source(one) in stated else _numbered(one, number)
        for number, one in enumerate(samples, 1)
    ]


def _source(sample: Sample) -> str:
    return "" if isinstance(sample.event, dict) else sample.event.provider


def _states_sequence(sample: Sample) -> bool:
    return not isinstance(sample.event, dict) and sample.event.sequence is not None


def _numbered(sample: Sample, number: int) -> Sample:
    assert not isinstance(sample.event, dict)
    event = msgspec.structs.replace(sample.event, sequence=number)
    return msgspec.structs.replace(sample, event=event)


def _tie(sample: Sample) -> Tie:
    event = sample.event
    if isinstance(event, dict):
        return (str(event.get("event.provider", "")), -1, sample.id)
    return tie(event)
