"""What fires depends on the events and their times only: not on how they are handed over."""

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from detections.correlations.hits import Firing
from detections.correlations.runtime import Correlations
from tests.detections.correlations.cases import EVERYTHING, IDS, hits_of, late_tapes
from tests.detections.correlations.made import SECOND
from tests.detections.correlations.reference import Event

END = 1_000 * SECOND


def run(tape: Sequence[Event]) -> list[Firing]:
    correlations = Correlations(EVERYTHING)
    fired = [f for event in tape for f in correlations.observe(hits_of(event), event.time)]
    return fired + correlations.advance(END)


@settings(max_examples=80, deadline=None)
@given(late_tapes("abc"), st.integers(0, 2**32))
def test_it_makes_no_difference_how_often_the_time_is_told(tape: list[Event], seed: int) -> None:
    chance = random.Random(seed)
    correlations, fired, reached = Correlations(EVERYTHING), list[Firing](), 0
    for event in tape:
        for _ in range(chance.randrange(3)):
            fired += correlations.advance(chance.randint(0, max(reached, event.time)))
        fired += correlations.observe(hits_of(event), event.time)
        reached = max(reached, event.time)
    while reached < END:
        reached = chance.randint(reached, END) + 1
        fired += correlations.advance(min(reached, END))
    assert fired == run(tape)


@settings(max_examples=80, deadline=None)
@given(late_tapes("abc"), st.integers(0, 2**32))
def test_it_makes_no_difference_in_which_order_the_hits_of_an_event_are(
    tape: list[Event], seed: int
) -> None:
    chance = random.Random(seed)
    correlations, fired = Correlations(EVERYTHING), list[Firing]()
    for event in tape:
        hits = hits_of(event)
        chance.shuffle(hits)
        fired += correlations.observe(hits, event.time)
    fired += correlations.advance(END)
    assert [without_rule(firing) for firing in fired] == [without_rule(f) for f in run(tape)]


def without_rule(firing: Firing) -> tuple[object, ...]:
    """All that can't depend on which of an event's hits came first."""
    return (
        firing.rule,
        firing.timestamp,
        firing.group,
        firing.completing.id,
        firing.evidence,
        firing.metrics,
        firing.sentence,
    )


@settings(max_examples=80, deadline=None)
@given(late_tapes("abc", most=20))
def test_evidence_is_there_once_each_and_in_the_order_of_time(tape: list[Event]) -> None:
    time_of = {event.id: event.time for event in tape}
    rules_of = {event.id: event.rules for event in tape}
    for firing in run(tape):
        ids = [str(id, "utf-8") for id in firing.evidence]
        assert ids
        assert len(set(ids)) == len(ids)
        assert [time_of[id] for id in ids] == sorted(time_of[id] for id in ids)
        assert firing.completing.id in ids
        if firing.rule == IDS["absence"]:
            assert all("b" not in rules_of[id] for id in ids)
