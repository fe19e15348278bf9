"""Lines of a FIX engine's log as lines of an order log: what became of orders, and trades.

What clients ask for (NewOrderSingle and the like) is passed over: what the venue made of it is in
its reports. A log is no transport, so neither BodyLength (9) nor CheckSum (10) is held to be right:
who masks an account in a log changes both. A message without CheckSum was cut, and is refused.
"""

from typing import NamedTuple

from normalizer.decoders.fix_executions import EXECUTIONS, execution_line
from normalizer.decoders.order_log_line import Line
from normalizer.decoders.unreadable import Unreadable
from pipeline.fix_log import has_another, logged_message
from pipeline.fix_message import SOH, BadMessage, Fields, fields_of, values_of

#: What a message says of its own way, which is another one where it is sent again: BeginString,
#: BodyLength, CheckSum, MsgSeqNum, PossDupFlag, SendingTime, PossResend, OrigSendingTime, and of
#: the session's two sides.
_OF_THE_SESSION = frozenset((8, 9, 10, 34, 43, 49, 50, 52, 56, 57, 97, 115, 116, 122, 128, 129))
_REQUESTS = {
    b"D": "new order single",
    b"F": "order cancel request",
    b"G": "order cancel replace request",
    b"H": "order status request",
}
_SESSION = frozenset((b"0", b"1", b"2", b"3", b"4", b"5", b"A"))
_CHECKSUM = 10
_AGAIN = ((43, b"Y"), (97, b"Y"))


class Passed(Exception):
    """A line of the log that tells of no order or trade. The text says what it is."""


class FixLine(NamedTuple):
    """A line of the log, as one of an order log."""

    line: Line
    content: bytes
    """What it tells, which is the same where the message is sent again."""
    sent_again: bool
    """It says that it may have been sent before: PossDupFlag or PossResend."""


def read_fix(payload: bytes) -> FixLine:
    """A line of the log. Raises :class:`Unreadable` and :class:`Passed`."""
    fields = _fields(payload)
    kind = values_of(fields[:3]).get(35, b"")
    if kind not in EXECUTIONS:
        if kind in _SESSION:
            raise Passed("message of the FIX session")
        raise Passed(_REQUESTS.get(kind, "message of another type"))
    line = execution_line(kind, fields)
    if line is None:
        raise Passed("trade capture report of no trade")
    content = b"\x01".join([b"%d=%b" % one for one in fields if one[0] not in _OF_THE_SESSION])
    return FixLine(line, content, any(one in fields for one in _AGAIN))


def _fields(payload: bytes) -> Fields:
    message = logged_message(payload)
    if message is None:
        raise Passed("line of a log without a message of FIX")
    if not message.endswith(SOH) and has_another(payload):
        raise Unreadable(
            "another message begins in this line: the first was cut, or they are not a line each"
        )
    try:
        fields = fields_of(message if message.endswith(SOH) else message + SOH)
    except BadMessage as error:
        raise Unreadable(str(error)) from None
    if fields[-1][0] != _CHECKSUM:
        raise Unreadable("has no CheckSum (10) at its end: the line was cut")
    return fields
