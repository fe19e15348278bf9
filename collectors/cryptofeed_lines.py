"""Lines of the files that cryptofeed's ``AsyncFileCallback`` writes.

``<seconds since the epoch>: <frame>`` is a frame that was received. A line that begins with a URL
is what was sent (``<url> <- <seconds>: <frame>``) or the mark of a new connection
(``<url> <-> <seconds>``). Source:
https://github.com/bmoscon/cryptofeed/blob/master/cryptofeed/raw_data_collection.py
"""

import re

from pipeline.units import SECOND

_TIME = re.compile(rb"([0-9]{1,12})(?:\.([0-9]{1,30}))?: ")
_NOT_RECEIVED = re.compile(rb"[a-z]{2,5}://\S+ <-[> ]")


def parse_line(line: bytes) -> tuple[int, bytes] | None:
    """When a frame was received, in ns, and the frame; None for a line that holds none.

    Raises ValueError for what is no line of such a file.
    """
    found = _TIME.match(line)
    if found is None:
        if not line.strip() or _NOT_RECEIVED.match(line):
            return None
        raise ValueError("expected '<seconds since the epoch>: <frame>'")
    fraction = (found[2] or b"")[:9].ljust(9, b"0")
    received = int(found[1]) * SECOND + int(fraction)
    if received >= 1 << 63:
        raise ValueError("received after 2262")
    return received, line[found.end() :].removesuffix(b"\n")
