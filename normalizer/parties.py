"""Who stands behind an address or an account, at a time."""

from bisect import bisect_right

from msgspec import Struct


class Party(Struct, frozen=True, gc=False):
    """Who stands behind an address or an account. All addresses of an investor may share one."""

    id: str | None = None
    jurisdiction: str | None = None
    accreditation: str | None = None
    cluster: str | None = None
    labels: tuple[str, ...] = ()


#: Of whom the reference data says nothing.
NOBODY = Party()


class Timeline(Struct, frozen=True, gc=False):
    """Parties one after the other: ``parties[n]`` holds until ``times[n]``, the last for ever."""

    #: Ascending, nanoseconds since the epoch.
    times: tuple[int, ...]
    #: One more than times.
    parties: tuple[Party, ...]

    def at(self, time: int) -> Party:
        """The party at a time."""
        return self.parties[bisect_right(self.times, time)]


#: What is looked up; nearly always a party that doesn't change with time.
Known = Party | Timeline


def party_at(known: Known, time: int) -> Party:
    """The party that is known, at a time."""
    return known.at(time) if known.__class__ is Timeline else known  # type: ignore[return-value]
