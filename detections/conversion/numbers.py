"""Numbers of Sigma rules, as all targets see them."""

from datetime import UTC, datetime

from detections.conversion.known_fields import field_type
from detections.conversion.losses import Losses
from detections.conversion.trees import Leaf

_LONG = 1 << 63
_EXACT_DOUBLE = 1 << 53
_SECOND = 10**9


def check_size(found: Leaf, number: int | float, target: str, losses: Losses) -> None:
    """Refuse or warn of a comparison by size that `target` doesn't do as the engine does it."""
    kind = field_type(found.field)
    if kind is None:
        return
    if kind.kind in ("exact", "keyword"):
        losses.refuse(
            "size-of-text",
            f"{found.field} is text in {target}, where its size can't be compared: "
            '"9" would be more than "10"',
            found,
            "compare token.amount, which is a number"
            if found.field == "token.amount_raw"
            else "compare a field that holds a number",
        )
        return
    check_number(found, number, target, losses)


def check_number(found: Leaf, number: int | float, target: str, losses: Losses) -> None:
    """Refuse or warn of a number that `target` doesn't hold as it stands."""
    kind = field_type(found.field)
    if kind is None or kind.kind == "exact":
        return
    if kind.kind in ("integer", "date") and abs(number) >= _LONG:
        losses.refuse("number", f"{number} is beyond the 64 bits of {found.field}", found)
    elif kind.kind == "number" and isinstance(number, int) and abs(number) > _EXACT_DOUBLE:
        try:
            exact = float(number) == number
        except OverflowError:
            exact = False
        if not exact:
            losses.warn("number", f"{target} rounds {number} to a 64-bit float", found)


def check_time(found: Leaf, number: int | float, losses: Losses) -> str | None:
    """The time of so many nanoseconds since 1970, as RFC 3339; refused where there is none."""
    moment = instant(number) if isinstance(number, int) else None
    if moment is None:
        losses.refuse("time", f"{number} nanoseconds since 1970 are no time", found)
    return moment


def instant(nanoseconds: int) -> str | None:
    """Nanoseconds since 1970 as RFC 3339; None where there is no such date."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
