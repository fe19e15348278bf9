"""The rules of a lane in shares: each rule is in one of them, and stays there."""

from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from detections.correlators.base import correlators
from detections.lanes.rule_shares import cost_of, share_of
from detections.lanes.stage import LanePlace, lane_places
from detections.rules import RuleSet
from pipeline.bus import Bus, StreamMessage
from pipeline.bus.streams import StreamNames
from tests.fixtures.shipped_rules import shipped_rules

RULES = shipped_rules()


def ids(rules: RuleSet) -> list[str]:
    return [rule.id for rule in rules.rules]


@pytest.mark.parametrize("shares", [2, 3, 16])
def test_each_rule_is_in_one_share(shares: int) -> None:
    found = [id_ for number in range(shares) for id_ in ids(share_of(RULES, number, shares))]
    assert sorted(found) == sorted(ids(RULES))


@pytest.mark.parametrize("shares", [2, 3, 16])
def test_no_share_has_nothing(shares: int) -> None:
    assert all(ids(share_of(RULES, number, shares)) for number in range(shares))


def test_of_two_shares_one_keeps_books() -> None:
    known = correlators()
    uses = [
        {known[one.correlator].uses_books for one in share_of(RULES, number, 2).correlators}
        for number in range(2)
    ]
    assert sorted(True in one for one in uses) == [False, True]


@pytest.mark.parametrize("shares", [2, 3, 4])
def test_no_share_has_twice_as_much_to_do_as_another(shares: int) -> None:
    """By what correlators cost: else one process would wait for the other."""
    costs = [
        cost_of({one.correlator for one in share_of(RULES, number, shares).correlators}, number)
        for number in range(shares)
    ]
    assert max(costs) < 1.5 * min(costs)


def test_a_rule_that_goes_moves_no_other() -> None:
    fewer = msgspec.structs.replace(RULES, correlators=RULES.correlators[::2])
    kept = set(ids(fewer))
    for number in range(3):
        before = [id_ for id_ in ids(share_of(RULES, number, 3)) if id_ in kept]
        assert ids(share_of(fewer, number, 3)) == before


def test_exceptions_are_known_to_all_shares() -> None:
    assert {share_of(RULES, number, 2).exceptions for number in range(2)} == {RULES.exceptions}


def test_what_cannot_be_read_is_told_by_one_share() -> None:
    message = StreamMessage(1, 0, "events.normalizer", b"{", {})
    told: list[int] = []
    for place in lane_places(1, 3):
        events = place.events(cast(Bus, SimpleNamespace(names=StreamNames(""))))
        events.take(message)
        told.append(len(events.take_dead()))
    assert told == [1, 0, 0]


def names(places: list[LanePlace]) -> list[str]:
    return [place.name for place in places]


def test_shares_have_lanes_with_letters() -> None:
    assert names(lane_places(1)) == ["detections"]
    assert names(lane_places(1, 2)) == ["detections-a", "detections-b"]
    assert names(lane_places(2, 2)) == [
        "detections-0-a",
        "detections-0-b",
        "detections-1-a",
        "detections-1-b",
        "detections-market",
    ]


def test_the_lane_market_has_its_rules_whole() -> None:
    whole = lane_places(2)[-1].rules(RULES)
    assert lane_places(2, 3)[-1].rules(RULES) == whole
