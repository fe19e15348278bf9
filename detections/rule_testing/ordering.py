"""The order of a test's events: by time, and for those of one time as they were written."""

from collections.abc import Sequence

import msgspec

from detections.rule_testing.model import Sample
from detections.sigma.documents import Document
from normalizer.events import Record

_SEQUENCE = "event.sequence"


def in_order_of_time(samples: Sequence[Sample]) -> list[Sample]:
    """By event time; the engine breaks ties by source and sequence, and so does this."""
    return sorted(samples, key=_place)


def with_sequences(samples: Sequence[Sample]) -> list[Sample]:
    """Numbered as they stand, so that events of one time keep their order however they come.

    A source whose events state a sequence of their own keeps those.
    """
    stated = {_provider(one.event) for one in samples if _sequence(one.event) is not None}
    return [
        one if _provider(one.event) in stated else _numbered(one, number)
        for number, one in enumerate(samples, 1)
    ]


def _provider(event: Record | Document) -> str:
    found = event.get("event.provider") if isinstance(event, dict) else event.provider
    return str(found or "")


def _sequence(event: Record | Document) -> int | None:
    found = event.get(_SEQUENCE) if isinstance(event, dict) else event.sequence
    return found if isinstance(found, int) else None


def _numbered(sample: Sample, number: int) -> Sample:
    event = sample.event
    numbered: Record | Document = (
        {**event, _SEQUENCE: number}
        if isinstance(event, dict)
        else msgspec.structs.replace(event, sequence=number)
    )
    return msgspec.structs.replace(sample, event=numbered)


def _place(sample: Sample) -> tuple[int, str, int, str]:
    number = _sequence(sample.event)
    return (sample.timestamp, _provider(sample.event), -1 if number is None else number, sample.id)
