"""What counts as lost, doubled and changed."""

from typing import Any

from tests.chaos.outcome import compare, holding
from tests.chaos.rounds import as_promised
from tests.chaos.scenario import Played


def event(identifier: str) -> dict[str, Any]:
    return {"event": {"id": identifier}}


def alert(identifier: str, reason: str = "because", originals: str = "RAW:1") -> dict[str, Any]:
    evidence = {"event_ids": ["e"], "originals": [originals]}
    return {
        "event": {"id": identifier, "reason": reason},
        "surveillance": {"evidence": evidence},
    }


def test_the_same_documents_in_another_order_are_the_same() -> None:
    one = holding([event("a"), event("b")], [alert("x"), alert("y")])
    other = holding([event("b"), event("a")], [alert("y"), alert("x")])
    assert not compare(one, other)


def test_what_is_missing_is_lost_and_what_is_there_again_is_doubled() -> None:
    one = holding([event("a"), event("b")], [alert("x")])
    other = holding([event("a"), event("a")], [alert("x")])
    found = compare(one, other)
    assert (found.lost, found.doubled) == (1, 1)


def test_what_nobody_wants_is_no_second_copy() -> None:
    found = compare(holding([], [alert("x")]), holding([], [alert("x"), alert("z"), alert("z")]))
    assert (found.lost, found.doubled, found.changed) == (0, 0, 2)
    assert not as_promised(Played(differences=found), may_double=True)


def test_an_alert_that_says_something_else_is_changed_but_not_by_where_its_frames_lie() -> None:
    one = holding([], [alert("x"), alert("y")])
    other = holding([], [alert("x", reason="another"), alert("y", originals="RAW:7")])
    assert compare(one, other).changed == 1
    assert not compare(one, other, bytes_too=False)
