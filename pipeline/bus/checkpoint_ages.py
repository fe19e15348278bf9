"""Which checkpoints of a lane to keep: the newest few, and a sparse row of older ones.

After a crash the newest will do. A chain that reorganises, or an operator who goes back, wants one
from before that: minutes or hours old. Without any, all of EVENTS would be taken again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

#: How many of the newest are kept.
NEWEST = 3
#: Behind them one is kept of each age: from two minutes to ten, from there to an hour, to six.
AGES = (
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)


def superfluous(saved: Sequence[datetime], now: datetime) -> list[int]:
    """Places, in `saved`, of those that may go. `saved` are their times, the oldest first.

    Of each age the oldest is kept, so that there is always one that grows into the next age.
    """
    last = len(saved) - NEWEST
    kept: set[int] = set()
    gone: list[int] = []
    for place, when in enumerate(saved[: max(0, last)]):
        age = now - when
        # What was saved lately, behind the newest few, is on its way to the first age.
        step = sum(age >= start for start in AGES)
        if step == len(AGES) or step in kept:
            gone.append(place)
        kept.add(step)
    return gone
