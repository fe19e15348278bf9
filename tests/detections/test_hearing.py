"""Signs of life that are only heard: the same alerts and states, byte for byte, as by hits."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from unittest.mock import PropertyMock, patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.correlations.absence import Silence
from detections.correlations.hits import Limits
from detections.correlations.runtime import Correlations
from detections.engine.engine import Engine
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from normalizer.events import Record
from tests.detections.samples import HEADER, START, transfer

SECOND = 1_000_000_000
_NONE: Mapping[str, str] = {}
MOVED = """
title: A transfer
name: moved
id: 0b9ad0a3-0b54-4a34-8a11-8e1d6b6f3f01
logsource: {product: tapewatch, service: chain}
detection: {s: {event.action: token-transfer}, condition: s}
"""
#: Matches some of them as well: these are taken as hits, between others that are heard.
LARGE = """
title: A large transfer
name: large
id: 0b9ad0a3-0b54-4a34-8a11-8e1d6b6f3f02
logsource: {product: tapewatch, service: chain}
detection: {s: {event.action: token-transfer, source.address|endswith: a}, condition: s}
"""
SILENCE = (
    f"{HEADER}correlation:\n  type: absence\n  rules: [moved]\n  group-by: [source.address]\n"
    "  timespan: 10s\n"
)
BURST = (
    f"{HEADER}correlation:\n  type: event_count\n  rules: [large]\n  group-by: [source.address]\n"
    "  timespan: 10s\n  condition: {gte: 3}\n"
).replace("\nid: 7", "\nid: 8", 1)


def rules(*parts: str) -> RuleSet:
    return parse_rules("\n---\n".join(parts).encode())


ALONE, BOTH = rules(SILENCE, MOVED), rules(SILENCE, MOVED, BURST, LARGE)


def move(number: int, second: float, sender: str, ingested: int | None) -> Record:
    event = transfer(
        number, timestamp=START + int(second * SECOND), source_address="0x" + sender * 40
    )
    if ingested is not None:
        event = msgspec.structs.replace(event, ingested=START + ingested * SECOND)
    return event


def run(
    ruleset: RuleSet,
    events: Sequence[Record],
    *,
    hears: bool,
    lateness: int,
    cuts: Sequence[int],
    limits: Limits,
) -> list[bytes]:
    """Alerts, and the state at each cut, at which another engine goes on from it."""
    found: list[bytes] = []

    def engine() -> Engine:
        return Engine(ruleset, allowed_lateness=lateness, limits=limits)

    def steps() -> list[bytes]:
        running = engine()
        assert bool(running.correlations.heard) is hears
        bounds = [0, *sorted({cut % (len(events) + 1) for cut in cuts}), len(events)]
        for first, last in pairwise(bounds):
            found.extend(msgspec.json.encode(one) for one in running.process(events[first:last]))
            found.append(state := running.snapshot())
            running = engine()
            assert running.restore(state) == []
            assert running.take_problems() == []
        found.extend(msgspec.json.encode(alert) for alert in running.finish())
        found.append(running.snapshot())
        return found

    if hears:
        return steps()
    with patch.object(Correlations, "heard", PropertyMock(return_value=_NONE)):
        return steps()


@pytest.mark.parametrize("ruleset", [ALONE, BOTH], ids=["alone", "both"])
@pytest.mark.parametrize("lateness", [0, 5 * SECOND])
@settings(max_examples=100, deadline=None)
@given(
    moves=st.lists(
        st.tuples(
            st.floats(0, 60).map(lambda one: round(one, 1)),
            st.sampled_from("abc"),
            st.one_of(st.none(), st.integers(0, 60)),
        ),
        max_size=25,
    ),
    ordered=st.booleans(),
    cuts=st.lists(st.integers(0, 25), max_size=2),
    most=st.sampled_from([2, 100]),
)
def test_what_is_heard_gives_what_hits_give(
    moves: list[tuple[float, str, int | None]],
    ordered: bool,
    cuts: list[int],
    most: int,
    lateness: int,
    ruleset: RuleSet,
) -> None:
    if ordered:
        moves = sorted(moves, key=lambda one: one[0])
    events = [move(number, *one) for number, one in enumerate(moves, 1)]
    limits = Limits(most_groups=most)
    heard, hit = (
        run(ruleset, events, hears=hears, lateness=lateness, cuts=cuts, limits=limits)
        for hears in (True, False)
    )
    assert heard == hit


def test_groups_that_had_to_go_leave_nothing_behind() -> None:
    senders = [f"0x{number:040x}" for number in range(500)]
    engine = Engine(ALONE, limits=Limits(most_groups=10))
    moves = [
        transfer(2 * number + again, timestamp=START + number, source_address=sender)
        for number, sender in enumerate(senders)
        for again in range(2)
    ]
    assert engine.process(moves) == []
    (part,) = engine.correlations._parts  # pyright: ignore[reportPrivateUsage]
    assert isinstance(part.windows, Silence)
    assert len(part.windows.groups) <= 10
    assert len(part.windows._heard) <= 10  # pyright: ignore[reportPrivateUsage]
