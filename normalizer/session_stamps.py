"""Events of venues are told the phase of trading that they are in, and which reference price is
being made around them, by the venue's calendar in the reference data.

Where the decoder has set `phase` already, since the venue says itself what it does (FIX's
TradingSessionStatus, for one), that counts: a halt is in no calendar.
"""

from collections.abc import Sequence
from typing import cast

from msgspec import Struct

from normalizer.events import MarketEvent, Record
from normalizer.reference_book import ReferenceBook, Version
from normalizer.venue_calendar import VenueCalendar
from pipeline.reference_records import Venue


class _Dated(Struct, frozen=True):
    """A calendar, and the version of the record that it is of."""

    version: Version
    calendar: VenueCalendar


class SessionStamps:
    """Stamps events by the calendars that there are."""

    def __init__(self, book: ReferenceBook) -> None:
        self._book = book
        self._calendars: dict[str, tuple[_Dated, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._calendars)

    def settle(self) -> None:
        """Calendars have changed."""
        self._calendars = {
            venue: tuple(
                _Dated(version, VenueCalendar(cast(Venue, version.record)))
                for version in self._book.versions("venue", venue)
            )
            for venue in self._book.keys("venue")
        }

    def stamp(self, events: Sequence[Record]) -> None:
        """Tell events their phase, and what reference time is near."""
        for event in events:
            if not isinstance(event, MarketEvent):
                continue
            calendar = self._calendar(event.venue, event.timestamp)
            if calendar is None:
                continue
            around = calendar.around(event.timestamp)
            if event.phase is None:
                event.phase = around.phase
            event.phase_began = around.began
            if around.reference is not None:
                event.reference = around.reference
                event.reference_purpose = around.purpose
                event.reference_offset = event.timestamp - around.at

    def _calendar(self, venue: str, time: int) -> VenueCalendar | None:
        for dated in self._calendars.get(venue, ()):
            if dated.version.holds(time):
                return dated.calendar
        return None
