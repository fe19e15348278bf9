"""Dead letters for people: readable in whatever is as wide as a terminal usually is."""

import pytest

from pipeline.bus.dead_letter_groups import ReasonGroup, by_reason
from pipeline.bus.dead_letters import StoredLetter
from pipeline.cli.dead_tables import print_groups, print_letter, print_letters
from pipeline.frames import DeadLetter

REASON = "https://hooks.example.com/surveillance refused it: HTTP 400"
RECEIVED = 1_700_000_000_000_000_042


def letters() -> list[StoredLetter]:
    return [
        StoredLetter(
            number,
            DeadLetter(
                stage="delivery",
                source="on-call: chain",
                position=f"ALERTS/1/{number}",
                received=RECEIVED,
                reason=REASON,
            ),
        )
        for number in (1, 2)
    ]


def groups() -> list[ReasonGroup]:
    return by_reason(letters())


def a_terminal_of(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(columns))


def test_in_a_terminal_of_eighty_columns_reasons_are_no_pillars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_terminal_of(monkeypatch, 80)
    print_groups(groups())
    print_letters(letters())
    shown = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert shown == [
        "2  delivery, on-call: chain: https://hooks.example.com/surveillance refused it:",
        "   HTTP 400",
        "   2 open; 2023-11-14 22:13:20 to 2023-11-14 22:13:20 UTC; the newest is 2",
        "1  delivery, on-call: chain, ALERTS/1/1: https://hooks.example.com/surveillance",
        "   refused it: HTTP 400",
        "   open; received 2023-11-14 22:13:20 UTC",
        "2  delivery, on-call: chain, ALERTS/1/2: https://hooks.example.com/surveillance",
        "   refused it: HTTP 400",
        "   open; received 2023-11-14 22:13:20 UTC",
    ]


def test_what_is_no_terminal_gets_a_line_for_each_whatever_its_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    print_groups(groups())
    print_letters(letters())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 3
    assert all(line == line.rstrip() for line in lines)
    assert lines[1].endswith(REASON)


def test_a_letter_is_shown_with_a_time_that_people_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_letter(letters()[0])
    shown = capsys.readouterr().out.splitlines()
    assert "received: 2023-11-14 22:13:20.000000042 UTC" in shown
    assert not [line for line in shown if line.endswith((": ", ": None"))]


def test_what_a_source_sent_does_not_command_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (stored, *_) = letters()
    stored.letter.reason = "\x1b]0;owned\x07"
    stored.letter.payload = b"\x1b[2Jgone"
    print_letter(stored)
    print_letters([stored])
    print_groups(by_reason([stored]))
    assert "\x1b" not in capsys.readouterr().out
