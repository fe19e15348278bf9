"""The session of FIX 4.4, initiator's side: sequence numbers, heartbeats, resends. Pure.

Source: FIX 4.4, Volume 2, "FIX Session Protocol" (https://www.fixtrading.org/). Bytes and times go
in; what is to be sent, and the messages of the application in their order, come out.

What differs from an engine for orders, since nothing but administrative messages is ever sent here:

- No message of ours needs to be kept: a ResendRequest is answered by a gap fill.
- Our own number may be too high after a restart, never too low: the other side then asks for what
  it thinks was lost, and gets a gap fill. So no file is needed to remember it.
- Where the other side began anew at a lower number without saying so, or can't give again what is
  missing, that is told as a gap, and the session goes on: to stop would lose what comes next too.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple, cast

import simplefix
from msgspec import Struct, field

from pipeline.fix_message import BadMessage, fields_of, header_of, values_of
from pipeline.fix_text import free_text, text_in
from pipeline.units import SECOND

#: After so many times that the same messages were asked for, they are given up.
MOST_RESENDS = 3
#: Seconds to wait for what was asked for.
RESEND_PATIENCE = 30.0
#: How much more than a heartbeat interval may pass in silence.
_SLACK = 1.2
_ADMIN = frozenset((b"0", b"1", b"2", b"3", b"4", b"5", b"A"))


class Terms(Struct, frozen=True, kw_only=True):
    """What both sides agreed on."""

    begin_string: str
    sender: str
    target: str
    #: Seconds.
    heartbeat: int
    target_sub: str | None = None
    username: str | None = None
    password: str | None = None
    #: Both sides begin at 1 with each logon; what was missed in between can't be asked for.
    reset: bool = False


class Application(NamedTuple):
    """A message of the application, in its place."""

    sequence: int
    message: bytes


class Missing(NamedTuple):
    """Messages that nobody will send again: from ``expected`` up to before ``received``."""

    expected: int
    received: int
    reason: str


class Refused(NamedTuple):
    """The other side refused something of ours, or says why it ends the session."""

    reason: str


class Ended(NamedTuple):
    """The connection is to be closed."""

    reason: str


class LoggedOn(NamedTuple):
    """The other side accepted the logon. ``reset``: it begins at 1."""

    reset: bool


Outcome = Application | Missing | Refused | Ended | LoggedOn


class Session(Struct):
    """The state of one connection. ``expected`` and ``sending`` go on in the next one."""

    terms: Terms
    #: The number of the next message that comes.
    expected: int = 1
    #: The number of the next message of ours.
    sending: int = 1
    logged_on: bool = False
    outbox: list[bytes] = field(default_factory=list[bytes])
    _heard: float = 0.0
    spoke: float = 0.0
    _tested: bool = False
    _asked_at: float | None = None
    _asked_for: int = 0
    _times: int = 0

    # --- what we say ----------------------------------------------------------------------------

    def logon(self, at: float, wall: int) -> None:
        """Begin. ``at``: seconds of any clock; ``wall``: nanoseconds since 1970."""
        if self.terms.reset:
            self.expected = self.sending = 1
        self._heard = self.spoke = at
        body: list[tuple[int, str | int]] = [(98, 0), (108, self.terms.heartbeat)]
        if self.terms.reset:
            body.append((141, "Y"))
        if self.terms.username is not None:
            body.append((553, self.terms.username))
        if self.terms.password is not None:
            body.append((554, self.terms.password))
        self.send("A", body, at, wall)

    def logout(self, at: float, wall: int) -> None:
        """End in good order."""
        self.send("5", [], at, wall)

    def send(
        self,
        kind: str,
        body: list[tuple[int, str | int]],
        at: float,
        wall: int,
        *,
        sequence: int | None = None,
        duplicate: bool = False,
    ) -> None:
        """Put a message into the outbox, with the next number unless ``sequence`` is given."""
        message = simplefix.FixMessage()
        append = cast("Callable[[int, str | int], None]", message.append_pair)
        append(8, self.terms.begin_string)
        append(35, kind)
        append(49, self.terms.sender)
        append(56, self.terms.target)
        if self.terms.target_sub is not None:
            append(57, self.terms.target_sub)
        append(34, self.sending if sequence is None else sequence)
        if duplicate:
            append(43, "Y")
        append(52, utc_timestamp(wall))
        if duplicate:
            append(122, utc_timestamp(wall))
        for tag, value in body:
            append(tag, value)
        self.outbox.append(cast(bytes, message.encode()))
        if sequence is None:
            self.sending += 1
        self.spoke = at

    def beat(self, at: float, wall: int) -> None:
        """A heartbeat, if one is due."""
        if self.logged_on and at - self.spoke >= self.terms.heartbeat:
            self.send("0", [], at, wall)

    def tick(self, at: float, wall: int) -> list[Outcome]:
        """Time passed in which messages would have been taken: is the other side still there?"""
        interval = self.terms.heartbeat
        if not self.logged_on:
            silent = at - self._heard > max(10.0, interval * _SLACK)
            return [Ended("no answer to the logon")] if silent else []
        silence = at - self._heard
        if silence > 2 * interval * _SLACK:
            return [Ended(f"nothing heard for {silence:.0f} s")]
        if silence > interval * _SLACK and not self._tested:
            self._tested = True
            self.send("1", [(112, f"T{self.sending}")], at, wall)
        if self._asked_at is not None and at - self._asked_at > RESEND_PATIENCE:
            self._ask(at, wall)
        return []

    # --- what we hear ---------------------------------------------------------------------------

    def take(self, message: bytes, at: float, wall: int) -> list[Outcome]:
        """A whole message came."""
        try:
            values = header_of(message)
            if values.get(35) in _ADMIN or 34 not in values:
                values = values_of(fields_of(message))
        except BadMessage as error:
            return [Refused(f"a message can't be read: {error}")]
        kind = values.get(35, b"")
        number = values.get(34, b"")
        if not number.isdigit() or len(number) > 18:
            return [Ended("a message without MsgSeqNum (34)")]
        if (text_in(values, 49), text_in(values, 56)) != (self.terms.target, self.terms.sender):
            return [Ended("a message with other CompIDs (49, 56) than were agreed on")]
        self._heard = at
        self._tested = False
        sequence = int(number)
        if kind == b"A":
            return self._logon(values, sequence, at, wall)
        if not self.logged_on:
            if kind == b"5":
                return [self._logout_reason(values)]
            return [Ended(f"the first message is of type {kind[:8]!r}, no logon")]
        if kind == b"4" and values.get(123) != b"Y":
            return self._reset(values)
        if sequence > self.expected:
            return self._too_high(values, message, kind, sequence, at, wall)
        if sequence < self.expected:
            return self._too_low(values, message, kind, sequence, at, wall)
        return self._in_order(values, message, kind, sequence, at, wall)

    def _logon(
        self, values: dict[int, bytes], sequence: int, at: float, wall: int
    ) -> list[Outcome]:
        found: list[Outcome] = []
        reset = values.get(141) == b"Y"
        if reset and not self.terms.reset:
            # It began anew, with our logon or instead of answering it.
            if self.expected > 1:
                found.append(Missing(self.expected, 1, "the other side began its numbers anew"))
            self.expected, self.sending = 1, 2
        self.logged_on = True
        # Many don't repeat the flag in their answer, and begin at 1 all the same.
        found.append(LoggedOn(reset or self.terms.reset))
        if sequence < self.expected:
            reason = "the other side began its numbers anew without saying so"
            found.append(Missing(self.expected, sequence, reason))
            self.expected = sequence
        if sequence == self.expected:
            self.expected += 1
        else:
            self._ask(at, wall)
        return found

    def _in_order(
        self,
        values: dict[int, bytes],
        message: bytes,
        kind: bytes,
        sequence: int,
        at: float,
        wall: int,
    ) -> list[Outcome]:
        self.expected = sequence + 1
        if kind == b"4":  # a gap fill
            new = values.get(36, b"")
            if not new.isdigit() or len(new) > 18 or int(new) <= sequence:
                return [Refused("a gap fill without a higher NewSeqNo (36)")]
            self.expected = int(new)
            self._settle()
            return []
        self._settle()
        if kind in _ADMIN:
            return self._administrative(values, kind, at, wall)
        return [Application(sequence, message)]

    def _administrative(
        self, values: dict[int, bytes], kind: bytes, at: float, wall: int
    ) -> list[Outcome]:
        match kind:
            case b"1":
                asked = values.get(112, b"").decode("latin-1")
                self.send("0", [(112, asked)] if asked else [], at, wall)
            case b"2":
                self._fill(values, at, wall)
            case b"3":
                return [Refused(f"rejected: {_text(values)}")]
            case b"5":
                self.send("5", [], at, wall)
                return [self._logout_reason(values)]
            case _:
                pass
        return []

    def _fill(self, values: dict[int, bytes], at: float, wall: int) -> None:
        """Answer a ResendRequest: all that we ever sent was administrative."""
        begin = values.get(7, b"")
        if not begin.isdigit() or len(begin) > 18:
            return
        # From 0 on is from the first on: without an answer the other side would wait for ever.
        first = max(1, int(begin))
        if first >= self.sending:
            return
        body: list[tuple[int, str | int]] = [(123, "Y"), (36, self.sending)]
        self.send("4", body, at, wall, sequence=first, duplicate=True)

    def _reset(self, values: dict[int, bytes]) -> list[Outcome]:
        """SequenceReset in reset mode, whose own number doesn't count."""
        new = values.get(36, b"")
        if not new.isdigit() or len(new) > 18 or not int(new):
            return [Refused("a sequence reset without NewSeqNo (36), which is 1 or more")]
        before, self.expected = self.expected, int(new)
        self._settle()
        if self.expected == before:
            return []
        return [Missing(before, self.expected, "the other side reset its numbers")]

    def _too_high(
        self,
        values: dict[int, bytes],
        message: bytes,
        kind: bytes,
        sequence: int,
        at: float,
        wall: int,
    ) -> list[Outcome]:
        if kind == b"2":
            # It must be answered at once, or each side would wait for the other.
            self._fill(values, at, wall)
        if kind == b"5":
            return [self._logout_reason(values)]
        if self._asked_at is None:
            self._ask(at, wall)
        elif self._times > MOST_RESENDS:
            reason = "it was not sent again when asked for"
            missing = Missing(self.expected, sequence, reason)
            return [missing, *self._in_order(values, message, kind, sequence, at, wall)]
        # What is dropped here was sent before our request was answered, and so comes with it.
        return []

    def _too_low(
        self,
        values: dict[int, bytes],
        message: bytes,
        kind: bytes,
        sequence: int,
        at: float,
        wall: int,
    ) -> list[Outcome]:
        if values.get(43) == b"Y":
            return []  # a duplicate of what we have
        if kind == b"5":
            return [self._logout_reason(values)]
        reason = "the other side began its numbers anew without saying so"
        missing = Missing(self.expected, sequence, reason)
        return [missing, *self._in_order(values, message, kind, sequence, at, wall)]

    def _ask(self, at: float, wall: int) -> None:
        """Ask for everything from what is missing on."""
        if self._asked_for == self.expected:
            self._times += 1
        else:
            self._asked_for, self._times = self.expected, 1
        self._asked_at = at
        self.send("2", [(7, self.expected), (16, 0)], at, wall)

    def _settle(self) -> None:
        self._asked_at = None

    def _logout_reason(self, values: dict[int, bytes]) -> Ended:
        text = _text(values)
        expecting = _expecting(text)
        if expecting is not None:
            # It never fell below what it knows of; the next logon has the number that it wants.
            self.sending = max(1, expecting)
        return Ended(f"the other side logged out: {text or 'no reason given'}")


def utc_timestamp(wall: int) -> str:
    """FIX's UTCTimestamp with milliseconds, of nanoseconds since 1970."""
    whole, rest = divmod(wall, SECOND)
    return f"{datetime.fromtimestamp(whole, UTC):%Y%m%d-%H:%M:%S}.{rest // 1_000_000:03d}"


def _text(values: dict[int, bytes]) -> str:
    return free_text(values)[:300]


def _expecting(text: str) -> int | None:
    """The number in QuickFIX's ``MsgSeqNum too low, expecting 9 but received 1``, and the like."""
    words = text.replace(",", " ").split()
    for word, following in pairwise(words):
        if word.lower() == "expecting" and following.isdecimal() and len(following) <= 18:
            return int(following)
    return None
