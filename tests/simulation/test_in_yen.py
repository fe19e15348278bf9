"""The same market in dollars, in yen and in won: the same is found, whatever it is priced in."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from detections.engine.engine import Engine
from simulation.catalogue import play
from simulation.session import Session
from tests.fixtures.shipped_rules import shipped_rules
from tests.simulation.reading import events_of

PRICES = ("price", "last_px")
QUANTITIES = ("order_qty", "leaves_qty", "last_qty", "maker_leaves_qty", "taker_leaves_qty")
#: So many times what is played, in whole lots: some trades are worth a million dollars.
SIZE = 10_000


def _times(line: dict[str, Any], names: tuple[str, ...], factor: int) -> None:
    for name in names:
        if line.get(name) is not None:
            line[name] = f"{Decimal(str(line[name])) * factor:f}"


def priced_in(session: Session, currency: str, units: int) -> Session:
    """The same orders and trades, with prices in a currency of which a dollar is so many."""
    frames: list[Any] = []
    for place, frame in session.frames:
        line = json.loads(frame.payload)
        _times(line, PRICES, units)
        _times(line, QUANTITIES, SIZE)
        line["currency"] = currency
        payload = json.dumps(line, separators=(",", ":")).encode()
        frames.append((place, msgspec.structs.replace(frame, payload=payload)))
    return msgspec.structs.replace(session, frames=frames)


def found(session: Session) -> Counter[tuple[str, int, tuple[str, ...], float]]:
    events, dead = events_of(session)
    assert not dead
    engine = Engine(shipped_rules())
    alerts = [*engine.process(events), *engine.finish()]
    assert not engine.take_problems()
    return Counter(
        (one.rule_name, one.timestamp, tuple(one.entities), round(one.confidence, 9))
        for one in alerts
    )


@pytest.mark.parametrize("abuse", ["self-trade", "gained-elsewhere"])
def test_in_yen_and_in_won_the_same_is_found_as_in_dollars(abuse: str) -> None:
    session = play(abuse, 7, episodes=1)
    in_dollars = found(priced_in(session, "USD", 1))
    names = {name for name, *_ in in_dollars}
    assert {"Single trade worth a million"} < names
    assert found(priced_in(session, "JPY", 100)) == in_dollars
    assert found(priced_in(session, "KRW", 1_000)) == in_dollars
