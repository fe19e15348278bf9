"""What an earlier commit saved means the same today, or says that it is of another version.

After an upgrade a state is restored if its layout and its version are ours. That the same fields
still mean the same, no layout tells: an author does, by `Correlator.state_version`. Here a state of
then goes on beside one of today that saw all events.
"""

import pytest

from detections.correlators.base import correlators
from detections.engine.correlator_state import encode_state
from tests.detections.states_of_then import (
    books_of,
    code_of,
    code_of_books,
    events_of,
    golden,
    observe,
    restored,
)

GOLDEN = golden()
ANEW = "python -m tests.detections.states_of_then"


@pytest.mark.parametrize("name", correlators())
def test_what_was_saved_then_goes_on_as_what_is_known_today(name: str) -> None:
    kind = correlators()[name]
    states = [one for one in GOLDEN.states if one.name == name]
    assert states, f"run: {ANEW}"
    for then in states:
        assert then.code == code_of(kind), f"its state is another one now: run {ANEW}"
        if kind.uses_books:
            assert GOLDEN.books == code_of_books(), f"order books are others now: run {ANEW}"
        goes_on = restored(kind, then)
        straight = kind(kind.parameters_type(**then.parameters))
        events = events_of(GOLDEN, then)
        half = len(events) // 2
        for event in events[:half]:
            observe(straight, event)
        differs = (
            f"the state of {name} has the same fields, and they mean something else than before, or"
            f" other things get into it: raise its state_version (or BOOKS_VERSION), and run {ANEW}"
        )
        assert goes_on.snapshot() == straight.snapshot(), differs
        assert books_of(goes_on) == books_of(straight), differs
        for event in events[half:]:
            assert observe(goes_on, event) == observe(straight, event), differs


def test_much_is_found_in_these_events() -> None:
    finding: set[str] = set()
    for then in GOLDEN.states:
        if then.name not in finding:
            goes_on = restored(correlators()[then.name], then)
            events = events_of(GOLDEN, then)
            if any(observe(goes_on, event) for event in events[len(events) // 2 :]):
                finding.add(then.name)
    assert len(finding) > 20, sorted(finding)


def test_most_of_them_know_something_in_the_middle() -> None:
    begun = {
        then.name
        for then in GOLDEN.states
        if then.state != encode_state(correlators()[then.name].state_type())
    }
    assert len(begun) > 55, sorted(correlators().keys() - begun)
