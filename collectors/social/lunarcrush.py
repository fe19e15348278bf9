"""LunarCrush: how much is posted about a topic by hour, by how many, and how it sounds.

Its API, version 4 (lunarcrush.com/developers/api): `GET /topic/:topic/time-series/v2` with a bearer
key gives the newest week by the hour: `time` (Unix seconds, the hour's beginning), `posts_created`,
`contributors_created` and `sentiment` (0 to 100: the part that is positive, weighed by
interactions). Hours without a post aren't listed. An hour is told once, when it is over and has
settled; what LunarCrush counts for it later isn't taken.

Frames are lines of a social feed (``docs/social-feed.md``), in the order of hours and, within one,
of topics. Their position is that place, `HOUR:TOPIC`, so a run goes on behind the last frame: an
hour is sent once all topics could be read. A topic that LunarCrush doesn't know stops no other one.
"""

import asyncio
from collections.abc import Callable
from typing import NoReturn
from urllib.parse import quote

from msgspec import Struct

from collectors.connection import SourceMisconfigured
from collectors.polling import Polling
from collectors.reference.http_api import BearerKey, HttpApi, HttpSettings
from collectors.reference.source import SourceFault
from pipeline.config.sources import LunarCrushSource
from pipeline.findings import Finding
from pipeline.frames import Frame
from pipeline.outlet import FrameOutlet
from pipeline.social_payload import Count, SocialLine, encode_line
from pipeline.source_state import now
from pipeline.units import HOUR, MINUTE, SECOND

MEDIUM = "lunarcrush"
_HOUR_SECONDS = HOUR // SECOND
#: An answer of a week of hours is some 60 kB.
_MOST_BYTES = 4 * 1024 * 1024
_CHECK_TIMEOUT = 10.0


class _Hour(Struct):
    time: int
    posts_created: Count | None = None
    contributors_created: Count | None = None
    sentiment: float | None = None


class _Answer(Struct):
    data: list[_Hour]


#: An hour's beginning in seconds since 1970, and a topic.
Place = tuple[int, str]


class UnknownTopic(SourceFault):
    """LunarCrush has no such topic."""


class LunarCrush:
    """The interface. Use from one task at a time."""

    def __init__(self, config: LunarCrushSource) -> None:
        settings = HttpSettings(
            timeout=config.request_timeout,
            per_second=config.requests_per_minute / (MINUTE / SECOND),
            most_bytes=_MOST_BYTES,
            ca_certificate=config.ca_certificate,
        )
        self._api = HttpApi(config.url, settings, BearerKey(config.api_key))

    @property
    def shown(self) -> str:
        """The base URL, fit to be shown."""
        return self._api.shown

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def hours(self, topic: str) -> list[_Hour]:
        """The hours of the last week that have posts, oldest first. Raises SourceFault."""
        path = f"/topic/{quote(topic, safe='')}/time-series/v2"
        answer = await self._api.get(path, _Answer)
        if answer is None:
            raise UnknownTopic(f"{self.shown}: it knows no topic {topic!r}")
        found = [one for one in answer.data if one.posts_created is not None]
        if answer.data and not found:
            # Guests, and keys without a plan, get an answer without numbers.
            raise SourceFault(
                f"{self.shown}: {topic!r} has hours without posts_created: see what the key's plan "
                "allows"
            )
        if any(one.time % _HOUR_SECONDS for one in found):
            raise SourceFault(f"{self.shown}: {topic!r} has times that begin no hour")
        return sorted(found, key=lambda one: one.time)


class LunarCrushCollector:
    """Sends a frame for each hour of each topic, until cancelled."""

    def __init__(
        self, config: LunarCrushSource, outlet: FrameOutlet, clock: Callable[[], int] = now
    ) -> None:
        """`clock` tells nanoseconds since 1970."""
        self._config = config
        self._outlet = outlet
        self._clock = clock
        self._api = LunarCrush(config)
        self._tokens = {one.topic: one.token for one in config.topics}
        self._sent: Place = (0, "")
        self._polling = Polling(outlet.state, config.poll_every, config.reconnection)

    async def run(self) -> NoReturn:
        """Collect until cancelled. Raises SourceMisconfigured when only a person can help."""
        await self._resume()
        try:
            await self._polling.run(self._read)
        finally:
            await self._api.close()

    async def _resume(self) -> None:
        last = await self._outlet.last()
        if last is None:
            self._sent = ((self._clock() - self._config.history) // SECOND, "")
            return
        hour, parted, topic = last.position.partition(":")
        if not parted or not hour.isdecimal():
            raise SourceMisconfigured(
                f"source {self._config.name}: a frame in the stream has a position that is none of "
                "LunarCrush; give this source another name"
            )
        self._sent = (int(hour), topic)

    async def _read(self) -> None:
        """Ask for all topics, then send what is new and over. Raises SourceFault."""
        over = (self._clock() - self._config.settle) // SECOND - _HOUR_SECONDS
        found: dict[Place, _Hour] = {}
        unknown: list[str] = []
        for topic in self._tokens:
            try:
                hours = await self._api.hours(topic)
            except UnknownTopic as fault:
                unknown.append(str(fault))
                continue
            for hour in hours:
                if self._sent < (hour.time, topic) and hour.time <= over:
                    found[hour.time, topic] = hour
        self._polling.connected(self._api.shown, "; ".join(unknown))
        for place in sorted(found):
            await self._send(place, found[place])

    async def _send(self, place: Place, hour: _Hour) -> None:
        time, topic = place
        posts, authors = hour.posts_created or 0, hour.contributors_created
        line = SocialLine(
            type="volume",
            medium=MEDIUM,
            token=self._tokens[topic],
            start=time * SECOND,
            end=time * SECOND + HOUR,
            messages=posts,
            authors=authors if authors is not None and authors <= posts else None,
            sentiment=_signed(hour.sentiment) if posts else None,
        )
        await self._outlet.send(Frame(f"{time}:{topic}", self._clock(), encode_line(line)))
        self._sent = place


def _signed(sentiment: float | None) -> float | None:
    """From 0 to 100 to -1 to 1."""
    if sentiment is None or not 0 <= sentiment <= 100:
        return None
    return round(sentiment / 50 - 1, 4)


async def check_lunarcrush(source: LunarCrushSource) -> Finding:
    """For ``tapewatch doctor``: whether the key is good for the first topic, in one request."""
    subject, api, topic = f"source {source.name}", LunarCrush(source), source.topics[0].topic
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT):
            hours = await api.hours(topic)
    except (SourceFault, TimeoutError) as error:
        reason = str(error) or f"no answer within {_CHECK_TIMEOUT:g} s"
        advice = "check url, api_key, its plan and the firewall"
        return Finding(level="error", subject=subject, message=reason, advice=advice)
    finally:
        await api.close()
    said = f"{api.shown}: {len(hours)} hours of {topic!r} in the last week have posts"
    return Finding(level="ok", subject=subject, message=said)
