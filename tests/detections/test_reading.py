"""What reading a line keeps in mind."""

import weakref

import pytest

from detections.fields import actions
from detections.reading import NotAnEvent, read_event, record_defaults


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


@pytest.mark.parametrize(
    ("line", "path", "column"),
    [
        (b'{"@timestamp":"2026-01-01T00:00:00Z","a":1,"a":2}', "a", 44),
        (b'{"@timestamp":"2026-01-01T00:00:00Z","token":{"id":1,"id":2}}', "token.id", 54),
    ],
)
def test_a_name_that_is_there_twice_is_refused_with_its_place(
    line: bytes, path: str, column: int
) -> None:
    with pytest.raises(NotAnEvent, match=f'the name "{path}" is there twice') as refused:
        read_event(line)
    assert refused.value.column == column


def test_a_name_that_is_there_twice_is_quoted_in_part_and_on_one_line() -> None:
    name = b"forged\\n2026-11-27 all is well " + b"x" * 10_000
    with pytest.raises(NotAnEvent, match=r"is there twice") as refused:
        read_event(b'{"' + name + b'":1,"' + name + b'":2}')
    said = str(refused.value) + refused.value.path
    assert len(said) < 200
    assert "\n" not in said


@pytest.mark.parametrize("before", [b"", b"20260302-14:30:00.000 : ", b"INFO <"])
def test_a_message_of_fix_is_called_so_whatever_stands_before_it(before: bytes) -> None:
    with pytest.raises(NotAnEvent, match="but a message of FIX: say its log by --order-log"):
        read_event(before + b"8=FIX.4.4|9=20|35=8|55=ACME|10=123|")
    with pytest.raises(NotAnEvent, match="this isn't a JSON object"):
        read_event(b"20260302-14:30:00.000 : connected")
