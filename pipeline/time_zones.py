"""Time zones by their IANA names, from the pinned `tzdata` package and never from the machine's own
files: the same event is in the same trading session wherever, and whenever, it is looked at."""

from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

#: Longer names, and those with other parts, are looked for nowhere.
_LONGEST = 64


class UnknownZone(ValueError):
    """No time zone has this name."""


@cache
def time_zone(name: str) -> ZoneInfo:
    """The zone of a name such as `Europe/London`. Raises UnknownZone."""
    if name not in zone_names():
        raise UnknownZone(f"{name[:_LONGEST]} is no time zone: IANA names such as Europe/London")
    with (resources.files("tzdata") / "zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def zone_names() -> frozenset[str]:
    """All names that there are."""
    text = (resources.files("tzdata") / "zones").read_text(encoding="utf-8")
    return frozenset(text.split())
