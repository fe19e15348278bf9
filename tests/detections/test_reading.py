"""What reading a line keeps in mind."""

import weakref

from detections.fields import actions
from detections.reading import record_defaults


class _Action(str):
    """A text of which is known whether somebody keeps it."""

    __slots__ = ("__weakref__",)


def test_defaults_of_our_actions_are_told_and_of_others_there_are_none() -> None:
    assert record_defaults("token-transfer")["event.kind"] == "event"
    assert all("event.kind" in record_defaults(action) for action in actions())
    assert record_defaults("session-4711-opened") == {}


def test_actions_of_others_are_not_remembered_since_there_may_be_any_number() -> None:
    action = _Action("session-4711-opened")
    kept = weakref.ref(action)
    record_defaults(action)
    del action
    assert kept() is None
