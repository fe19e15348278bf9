"""When what a line of a FIX log tells of happened, as FIX writes it: texts in its order. Pure."""

import re

from pipeline.fix_log import logged_message

#: TransactTime (60) and SendingTime (52).
_TIMES = tuple(re.compile(rb"\x01%d=([0-9]{8}-[0-9:.]{8,20})\x01" % tag) for tag in (60, 52))
_TO_A_SECOND = len("20260302-14:30:00")


def logged_time(line: bytes) -> bytes:
    """Empty where it has none."""
    message = logged_message(line)
    if message is None:
        return b""
    happened, sent = (one[1] if (one := time.search(message)) else b"" for time in _TIMES)
    # One that is far ahead would hold back the rest of its file: nothing is sent before it happens.
    # Times of sending often have fewer digits.
    return sent if not happened or (sent and happened[:_TO_A_SECOND] > sent) else happened
