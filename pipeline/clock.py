"""Whether this machine's clock can be trusted: what the kernel knows of its synchronisation.

Surveillance orders what several sources say in time, so the clock that stamps receipt matters.
MiFID II RTS 25 (Delegated Regulation 2017/574) wants venues within 100 microseconds or 1 ms of
UTC; FINRA Rule 4590 wants 50 ms.
"""

import ctypes
import ctypes.util
import sys

from pipeline.findings import Finding

#: FINRA Rule 4590, in microseconds.
TOLERATED_ERROR = 50_000
_STA_UNSYNC = 0x0040


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2), as far as it is read here; the kernel fills 208 bytes."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    ]


def check_clock() -> Finding:
    """What the kernel says of the clock. Linux only; elsewhere a hint to look oneself."""
    if not sys.platform.startswith("linux"):
        return _unknown("this system does not tell")
    name = ctypes.util.find_library("c")
    if name is None:
        return _unknown("the C library was not found")
    timex = _Timex()
    if ctypes.CDLL(name, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        return _unknown("the kernel refused to tell")
    return judge_clock(synchronised=not timex.status & _STA_UNSYNC, error=int(timex.maxerror))


def judge_clock(*, synchronised: bool, error: int) -> Finding:
    """A finding from the kernel's state; ``error`` is its greatest possible error, microseconds."""
    if not synchronised:
        return Finding(
            level="warning",
            subject="clock",
            message="not synchronised, as far as the kernel knows",
            advice="run chrony or ntpd; event times come from the sources, but staleness, lag and "
            "receipt times come from this clock",
        )
    if error > TOLERATED_ERROR:
        return Finding(
            level="warning",
            subject="clock",
            message=f"it may be off by {error / 1000:.1f} ms; FINRA Rule 4590 allows 50 ms",
            advice="use a nearer time server",
        )
    return Finding(
        level="ok", subject="clock", message=f"synchronised within {error / 1000:.1f} ms"
    )


def _unknown(why: str) -> Finding:
    return Finding(
        level="warning",
        subject="clock",
        message=f"its synchronisation can't be checked: {why}",
        advice="make sure yourself that a time service runs",
    )
