"""Figures in the pages that the code can count are near what it counts."""

import re

from detections.engine.engine import Engine
from normalizer.events.market import Trade
from tests.docs.marked import PAGES
from tests.fixtures.shipped_rules import shipped_rules

_LOOK = re.compile(r"some (\d+)\s+(?:rules\s+)?look at each trade")
#: How far a figure in words may be from the rules.
_NEAR = 10


def test_as_many_correlator_rules_look_at_each_trade_as_the_pages_say() -> None:
    meeting = Engine(shipped_rules()).book.of_record(Trade)
    looking = len(meeting.at_once) + len(meeting.in_turn)
    said = [int(one) for page in PAGES for one in _LOOK.findall(page.read_text(encoding="utf-8"))]
    assert len(said) == 2
    assert all(abs(one - looking) <= _NEAR for one in said), (said, looking)
