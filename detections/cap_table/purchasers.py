"""Who bought from the issuer within a window, counted once each."""

from collections.abc import Iterator

from msgspec import Struct, field

from detections.alerting.findings import Witness
from pipeline.structured import FieldError

MOST_PURCHASERS = 20_000


class Purchase(Struct, array_like=True, gc=False):
    """A purchaser's newest purchase within the window."""

    timestamp: int
    seen: Witness


class Purchasers(Struct):
    """Purchasers by name, the one whose newest purchase is the oldest first."""

    newest: dict[str, Purchase] = field(default_factory=dict[str, Purchase])
    told: int = 0
    """What was told already: 1 that the limit is near, 2 that it was passed."""
    unknown: dict[str, Purchase] = field(default_factory=dict[str, Purchase])
    """Those of whom it is not known whether they count."""


def bought(found: dict[str, Purchase], who: str, purchase: Purchase, window: int) -> None:
    """Note a purchase; forget who bought nothing within the window."""
    found.pop(who, None)
    found[who] = purchase
    expire(found, purchase.timestamp - window)
    if len(found) > MOST_PURCHASERS:
        del found[next(iter(found))]


def expire(found: dict[str, Purchase], before: int) -> None:
    """Forget who bought nothing since."""
    while found and next(iter(found.values())).timestamp < before:
        del found[next(iter(found))]


def step(
    told: int, count: int, warn: int, limit: int, *, warns_only: bool = False
) -> tuple[int, bool]:
    """What has now been told, and whether that is news.

    It is told at `warn`, and but for `warns_only` at `limit`; again after it has fallen below.
    """
    stage = 2 if count >= limit else 1 if count >= warn else 0
    return stage, stage > told and not (warns_only and stage == 2)


def check_warning(warns_only: bool, field: str, *, warns: bool) -> None:
    """A rule that tells of the early warning only must give one."""
    if warns_only and not warns:
        raise FieldError(field, "gives no early warning, and warns_only tells of nothing else")


def witnesses(found: dict[str, Purchase]) -> Iterator[Witness]:
    """Of each purchaser the newest purchase."""
    return (one.seen for one in found.values())
