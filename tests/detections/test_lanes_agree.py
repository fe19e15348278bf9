"""All lanes together alert as one does: byte for byte, for any events, groups and lateness."""

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from detections.engine.engine import Engine
from detections.fields import actions
from detections.lanes.events import LaneEvents
from detections.lanes.stage import lane_places
from normalizer.assets import Assets
from normalizer.events import AssetEvent, Record
from normalizer.reference import Reference
from normalizer.stage import Lanes
from pipeline.bus import Bus, StreamMessage
from pipeline.bus.lane_order import EVERYBODY, ORDER, LaneOrder, Mark
from pipeline.bus.relay_outlets import ALONE
from pipeline.bus.streams import StreamNames
from pipeline.units import SECOND
from tests.detections.random_records import records
from tests.fixtures.shipped_rules import shipped_rules

RULES = shipped_rules()
BUS = cast(Bus, SimpleNamespace(names=StreamNames("")))
#: Records about assets; what tells of the chain itself is in the tests of reorganisations.
ACTIONS = [name for name, shape in actions().items() if issubclass(shape.record, AssetEvent)]


def of_some_assets(made: Sequence[Any], chance: random.Random) -> list[Record]:
    """Records in which what names the asset agrees, as the normalizer has it."""
    found: list[Record] = []
    for record in made:
        asset = chance.choice("abcd")
        names = {
            "token_id": asset,
            "token_address": f"0x{asset * 40}",
            "contract": f"0x{asset * 39}0",
            "pool": f"0x{asset * 39}0",
            "venue": "venue",
            "instrument": "*" if chance.random() < 0.05 else asset.upper(),
        }
        present = {name: value for name, value in names.items() if hasattr(record, name)}
        found.append(msgspec.structs.replace(record, **present))
    return found


def stream(events: Sequence[Record], lanes: Lanes, cuts: Sequence[int]) -> Iterator[StreamMessage]:
    """EVENTS as the normalizer writes it, in groups that end at these places."""
    bounds = sorted({0, len(events), *(cut % (len(events) + 1) for cut in cuts)})
    sequence = 0
    for first, last in pairwise(bounds):
        waiting: dict[str, list[bytes]] = {}
        order = LaneOrder()

        def group() -> Iterator[tuple[str, bytes, dict[str, str]]]:
            for lane, lines in waiting.items():  # noqa: B023
                yield lane, b"\n".join(lines), {}
            if order.lanes:  # noqa: B023
                yield ORDER, order.encode(), {}  # noqa: B023

        def messages() -> Iterator[tuple[str, bytes, dict[str, str]]]:
            nonlocal waiting, order
            for event in events[first:last]:  # noqa: B023
                lane, line = lanes.of(event), msgspec.json.encode(event)
                if lane.startswith(EVERYBODY):
                    yield from group()
                    waiting, order = {}, LaneOrder()
                    yield EVERYBODY, line, {ALONE: lane.partition(":")[2]}
                else:
                    waiting.setdefault(lane, []).append(line)
                    order.add(lane, Mark(event.provider, event.timestamp, event.ingested))
            yield from group()

        for token, data, headers in messages():
            sequence += 1
            yield StreamMessage(sequence, 0, f"events.{token}", data, headers)


def one_lane(events: Sequence[Record], cuts: Sequence[int]) -> Iterator[StreamMessage]:
    """EVENTS as the normalizer writes it for one lane."""
    bounds = sorted({0, len(events), *(cut % (len(events) + 1) for cut in cuts)})
    for sequence, (first, last) in enumerate(pairwise(bounds), 1):
        data = b"\n".join(map(msgspec.json.encode, events[first:last]))
        yield StreamMessage(sequence, 0, "events.normalizer", data, {})


def reads(events: LaneEvents, message: StreamMessage) -> bool:
    token = message.subject.removeprefix("events.")
    return not events.subjects or token in events.subjects


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.integers(0, 10**6),
    st.sampled_from([(2, 1), (4, 1), (1, 2), (1, 5), (2, 3)]),
    st.sampled_from([0, SECOND, 60 * SECOND]),
    st.lists(st.integers(0, 500), max_size=12),
)
def test_lanes_alert_together_as_one_lane(
    seed: int, division: tuple[int, int], lateness: int, cuts: list[int]
) -> None:
    count, shares = division
    chance = random.Random(seed)
    events = of_some_assets(records(ACTIONS, 200, chance), chance)
    alone = Engine(RULES, allowed_lateness=lateness)
    wanted = sorted(msgspec.json.encode(alert) for alert in alone.process(events))

    if count > 1:
        messages = list(stream(events, Lanes(Assets(Reference()), count), cuts))
    else:
        messages = list(one_lane(events, cuts))
    found: list[bytes] = []
    for place in lane_places(count, shares):
        mine = place.events(BUS)
        engine = Engine(place.rules(RULES), allowed_lateness=lateness)
        for message in messages:
            if reads(mine, message):
                for taken in mine.take(message) or ():
                    found += map(msgspec.json.encode, taken.show(engine))
        assert not mine.take_dead()

    assert sorted(found) == wanted
