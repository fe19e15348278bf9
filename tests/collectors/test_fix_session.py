"""The FIX session by itself: what a counterpart may do that QuickFIX never does."""

import msgspec
import simplefix

from collectors.fix.numbering import FixPlace, place_of
from collectors.fix.session import (
    MOST_RESENDS,
    RESEND_PATIENCE,
    Application,
    Ended,
    LoggedOn,
    Missing,
    Outcome,
    Refused,
    Session,
    Terms,
)
from pipeline.fix_message import fields_of, values_of

TERMS = Terms(begin_string="FIX.4.4", sender="US", target="THEM", heartbeat=30)
WALL = 1_700_000_000 * 10**9


def message(kind: str, number: int, *pairs: tuple[int, str], sender: str = "THEM") -> bytes:
    made = simplefix.FixMessage()
    for tag, value in [(8, "FIX.4.4"), (35, kind), (49, sender), (56, "US"), (34, str(number))]:
        made.append_pair(tag, value)
    for tag, value in pairs:
        made.append_pair(tag, value)
    return bytes(made.encode())  # pyright: ignore


def take(session: Session, *messages: bytes, at: float = 0.0) -> list[Outcome]:
    return [outcome for one in messages for outcome in session.take(one, at, WALL)]


def said(session: Session) -> list[tuple[str, dict[int, bytes]]]:
    found = [values_of(fields_of(one)) for one in session.outbox]
    session.outbox.clear()
    return [(values[35].decode(), values) for values in found]


def logged_on(expected: int = 1, sending: int = 1) -> Session:
    session = Session(terms=TERMS, expected=expected, sending=sending)
    session.logon(0.0, WALL)
    assert take(session, message("A", expected)) == [LoggedOn(False)]
    session.outbox.clear()
    return session


def test_a_logon_says_who_and_with_which_password() -> None:
    terms = Terms(
        begin_string="FIX.4.4",
        sender="US",
        target="THEM",
        target_sub="DC",
        heartbeat=10,
        username="u",
        password="p",
        reset=True,
    )
    session = Session(terms=terms, expected=9, sending=9)
    session.logon(0.0, WALL)
    ((kind, values),) = said(session)
    assert (kind, values[34], values[52]) == ("A", b"1", b"20231114-22:13:20.000")
    assert (values[57], values[98], values[108], values[141]) == (b"DC", b"0", b"10", b"Y")
    assert (values[553], values[554]) == (b"u", b"p")


def test_messages_before_a_logon_and_of_others_end_the_session() -> None:
    session = Session(terms=TERMS)
    session.logon(0.0, WALL)
    assert isinstance(take(session, message("8", 1))[0], Ended)
    assert isinstance(take(logged_on(), message("8", 2, sender="SOMEBODY"))[0], Ended)


def test_a_refused_logon_says_why_and_which_number_is_wanted() -> None:
    session = Session(terms=TERMS)
    session.logon(0.0, WALL)
    text = (58, "MsgSeqNum too low, expecting 77 but received 1")
    (ended,) = take(session, message("5", 3, text))
    assert isinstance(ended, Ended)
    assert "expecting 77" in ended.reason
    assert session.sending == 77


def test_a_test_request_is_answered() -> None:
    session = logged_on()
    take(session, message("1", 2, (112, "hello")))
    ((kind, values),) = said(session)
    assert (kind, values[112]) == ("0", b"hello")


def test_a_resend_request_is_answered_by_a_gap_fill_even_out_of_turn() -> None:
    for number in (2, 9):
        session = logged_on(sending=5)
        take(session, message("2", number, (7, "3"), (16, "0")))
        answers = dict(said(session))
        fill = answers["4"]
        assert (fill[34], fill[36], fill[123], fill[43]) == (b"3", b"6", b"Y", b"Y")


def test_a_resend_request_from_0_on_is_answered_from_1_on() -> None:
    session = logged_on(sending=9)
    take(session, message("2", 2, (7, "0"), (16, "0")))
    ((kind, values),) = said(session)
    assert (kind, values[34], values[36]) == ("4", b"1", b"10")


def test_a_gap_is_asked_for_once_and_filled_in_order() -> None:
    session = logged_on()
    assert take(session, message("8", 4), message("8", 5)) == []
    ((kind, values),) = said(session)
    assert (kind, values[7], values[16]) == ("2", b"2", b"0")
    fill = message("4", 2, (43, "Y"), (123, "Y"), (36, "4"))
    outcomes = take(session, fill, message("8", 4, (43, "Y")), message("8", 5, (43, "Y")))
    assert [outcome.sequence for outcome in outcomes if isinstance(outcome, Application)] == [4, 5]
    # What comes once more is a duplicate.
    assert take(session, message("8", 5, (43, "Y"))) == []


def test_what_is_never_sent_again_is_told_and_given_up() -> None:
    session = logged_on()
    at = 0.0
    for _ in range(MOST_RESENDS):
        assert take(session, message("8", 4), at=at) == []
        at += RESEND_PATIENCE + 1
        session.tick(at, WALL)
    missing, application = take(session, message("8", 7), at=at)
    assert isinstance(missing, Missing)
    assert (missing.expected, missing.received) == (2, 7)
    assert isinstance(application, Application)
    assert session.expected == 8


def test_a_reset_of_the_sequence_is_told() -> None:
    session = logged_on()
    (missing,) = take(session, message("4", 99, (36, "40")))
    assert isinstance(missing, Missing)
    assert (missing.expected, missing.received, session.expected) == (2, 40, 40)


def test_numbers_begin_at_1_whatever_the_other_side_says() -> None:
    session = logged_on()
    assert isinstance(take(session, message("4", 2, (36, "0")))[0], Refused)
    assert session.expected == 2
    take(session, message("5", 2, (58, "MsgSeqNum too low, expecting 0 but received 7")))
    assert session.sending == 1


def test_an_answer_to_a_reset_may_leave_out_the_flag() -> None:
    session = Session(terms=msgspec.structs.replace(TERMS, reset=True), expected=9)
    session.logon(0.0, WALL)
    assert take(session, message("A", 1)) == [LoggedOn(True)]


def test_a_logon_that_begins_anew_is_told() -> None:
    session = Session(terms=TERMS, expected=10, sending=20)
    session.logon(0.0, WALL)
    missing, on = take(session, message("A", 1, (141, "Y")))
    assert isinstance(missing, Missing)
    assert on == LoggedOn(True)
    assert (session.expected, session.sending) == (2, 2)


def test_numbers_that_fall_without_a_word_are_told() -> None:
    session = logged_on(expected=10)
    missing, application = take(session, message("8", 3))
    assert isinstance(missing, Missing)
    assert (missing.expected, missing.received) == (11, 3)
    assert isinstance(application, Application)


def test_silence_is_asked_about_and_then_ends_the_session() -> None:
    session = logged_on()
    assert session.tick(35.0, WALL) == []
    session.beat(35.0, WALL)
    assert session.tick(37.0, WALL) == []
    assert [kind for kind, _ in said(session)] == ["0", "1"]
    (ended,) = session.tick(80.0, WALL)
    assert isinstance(ended, Ended)


def test_a_logon_that_nobody_answers_ends() -> None:
    session = Session(terms=TERMS)
    session.logon(0.0, WALL)
    assert session.tick(9.0, WALL) == []
    assert isinstance(session.tick(40.0, WALL)[0], Ended)


def test_rejects_are_shown_and_nonsense_never_raises() -> None:
    session = logged_on()
    assert take(session, message("3", 2, (58, "no"))) == [Refused("rejected: no")]
    assert isinstance(take(session, message("4", 3, (123, "Y"), (36, "x")))[0], Refused)
    assert isinstance(take(session, b"8=FIX.4.4\x0135=8\x01")[0], Ended)
    assert isinstance(take(session, b"nonsense")[0], Refused)


def test_places_come_back_from_their_text() -> None:
    for place in (FixPlace(17, 3), FixPlace(17, 3, 2)):
        assert place_of(place.text) == place
    assert place_of("17:000000003#18.1") == FixPlace(17, 3)
    assert place_of("orders.csv:3") is None
