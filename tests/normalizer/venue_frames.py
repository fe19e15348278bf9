"""Venue frames for tests."""

from typing import Any

import msgspec

from normalizer.normalize import Normalized, Normalizer
from pipeline.frames import Frame, FrameBatch
from tests.normalizer.blocks import REFERENCE

RECEIVED = 1_700_000_005 * 10**9
#: 2023-11-14T22:13:20 UTC.
TIME = "2023-11-14T22:13:20.028459Z"
AT = 1_700_000_000_028_459_000


def frames(*payloads: Any, kind: Any = "message", context: str = "") -> list[Frame]:
    return [
        Frame(
            f"c1:{number}",
            RECEIVED,
            payload if isinstance(payload, bytes) else msgspec.json.encode(payload),
            kind,
            context,
        )
        for number, payload in enumerate(payloads)
    ]


def normalize(protocol: str, *payloads: Any, **options: Any) -> Normalized:
    normalizer = Normalizer(REFERENCE, {"venue": "demo-venue"})
    return normalizer.normalize(7, FrameBatch("venue", protocol, frames(*payloads, **options)))


def normalize_each(protocol: str, *payloads: tuple[bytes, str]) -> Normalized:
    """Frames, each with a context of its own."""
    made = [
        Frame(f"c1:{number}", RECEIVED, payload, "message", context)
        for number, (payload, context) in enumerate(payloads)
    ]
    normalizer = Normalizer(REFERENCE, {"venue": "demo-venue"})
    return normalizer.normalize(7, FrameBatch("venue", protocol, made))


def only(result: Normalized) -> Any:
    assert not result.dead, result.dead
    (event,) = result.events
    return event
