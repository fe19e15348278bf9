"""LunarCrush's hours: each once, in order, through faults and restarts."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from collectors.check import check_source
from collectors.connection import SourceMisconfigured
from collectors.reference import http_api
from collectors.social.lunarcrush import LunarCrushCollector
from normalizer.events.social import SocialVolume
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.config.sources import LunarCrushSource, LunarCrushTopic, Reconnection
from pipeline.frames import Frame, FrameBatch
from pipeline.secrets import Secret, SecretText
from pipeline.units import MILLISECOND, MINUTE, SECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.waiting import until
from tests.servers.lunarcrush import HOUR, LunarCrushDouble
from tests.servers.providers.double import Fault

START = 1_760_000_400
QUICK = Reconnection(initial=20 * MILLISECOND, maximum=50 * MILLISECOND, stale_after=SECOND)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LunarCrushDouble]:
    monkeypatch.setattr(http_api, "LONGEST_WAIT", 0.02)
    with LunarCrushDouble() as running:
        monkeypatch.setenv("LUNARCRUSH_KEY", running.key)
        running.post("acme", START, 10)
        running.post("$acme coin", START, 4, contributors_created=7)
        yield running


def source(server: LunarCrushDouble, **options: Any) -> LunarCrushSource:
    return LunarCrushSource(
        name="crowd",
        url=SecretText(server.base),
        api_key=Secret("${env:LUNARCRUSH_KEY}"),
        topics=[
            LunarCrushTopic(topic="acme", token="acme"),
            LunarCrushTopic(topic="$acme coin", token="coin"),
        ],
        poll_every=10 * MILLISECOND,
        requests_per_minute=60_000,
        reconnection=QUICK,
        **options,
    )


class Clock:
    """Some seconds past an hour."""

    def __init__(self, hours: float = 1.5) -> None:
        self.now = round((START + hours * HOUR) * SECOND)

    def __call__(self) -> int:
        return self.now

    def go(self, hours: float) -> None:
        self.now = round((START + hours * HOUR) * SECOND)


@asynccontextmanager
async def collecting(
    config: LunarCrushSource, outlet: FramesOutlet, clock: Callable[[], int]
) -> AsyncGenerator[None]:
    task = asyncio.create_task(LunarCrushCollector(config, outlet, clock).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=5)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def places(outlet: FramesOutlet) -> list[str]:
    return [one.position for one in outlet.frames]


async def test_hours_become_events_with_their_numbers_as_the_documents_mean_them(
    server: LunarCrushDouble,
) -> None:
    outlet = FramesOutlet("social", "crowd")
    async with collecting(source(server), outlet, Clock()):
        await until(lambda: len(outlet.frames) == 2, "both topics")
    batch = FrameBatch("crowd", "social", outlet.frames)
    coin, acme = Normalizer(Reference()).normalize(1, batch).events
    assert isinstance(acme, SocialVolume)
    assert isinstance(coin, SocialVolume)
    assert (acme.token_id, acme.medium, acme.messages, acme.authors) == (
        "acme",
        "lunarcrush",
        10,
        5,
    )
    assert acme.sentiment == pytest.approx(0.56)
    assert (acme.start, acme.timestamp) == (START * SECOND, (START + HOUR) * SECOND)
    assert coin.authors is None, "more authors than posts is no number to believe"


async def test_an_hour_is_taken_once_when_it_is_over_and_has_settled(
    server: LunarCrushDouble,
) -> None:
    clock, outlet = Clock(1.1), FramesOutlet("social", "crowd")
    async with collecting(source(server, settle=10 * MINUTE), outlet, clock):
        await until(lambda: len(server.requests) > 4, "some looks")
        assert outlet.frames == []
        clock.go(1.2)
        await until(lambda: len(outlet.frames) == 2, "the hour")
        server.post("acme", START + HOUR, 30)
        server.post("acme", START + 2 * HOUR, 3)
        seen = len(server.requests)
        await until(lambda: len(server.requests) > seen + 4, "further looks")
        clock.go(3.2)
        await until(lambda: len(outlet.frames) == 4, "two further hours")
    assert places(outlet) == [
        f"{START}:$acme coin",
        f"{START}:acme",
        f"{START + HOUR}:acme",
        f"{START + 2 * HOUR}:acme",
    ]


async def test_a_restart_goes_on_behind_the_last_frame(server: LunarCrushDouble) -> None:
    server.post("acme", START + HOUR, 30)
    server.post("$acme coin", START + HOUR, 30)
    outlet = FramesOutlet("social", "crowd")
    outlet.earlier = Frame(f"{START + HOUR}:$acme coin", 0, b"")
    async with collecting(source(server), outlet, Clock(3)):
        await until(lambda: len(outlet.frames) == 1, "what is behind it")
    assert places(outlet) == [f"{START + HOUR}:acme"]


async def test_a_first_run_takes_as_much_of_the_past_as_is_wanted(
    server: LunarCrushDouble,
) -> None:
    server.post("acme", START + 3 * HOUR, 30)
    outlet = FramesOutlet("social", "crowd")
    async with collecting(source(server, history=120 * MINUTE), outlet, Clock(5)):
        await until(lambda: len(outlet.frames) == 1, "the last two hours")
    assert places(outlet) == [f"{START + 3 * HOUR}:acme"]


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([Fault(429, retry_after="0")] * 3, ""),
        ([Fault(503), Fault(drop=True), Fault(500)], ""),
        ([Fault(200, body=b"<html>")], "no JSON"),
        ([Fault(200, body=b'{"data": [{"time": "x"}]}')], "another answer than documented"),
        ([Fault(200, body=b'{"data": [{"time": 1, "posts_created": 2}]}')], "begin no hour"),
        (
            [Fault(200, body=b'{"data": [{"time": 3600, "posts_created": 1%s}]}' % (b"0" * 30))],
            "another answer than documented",
        ),
        (
            [Fault(200, body=b'{"data": [{"time": 1760000400, "posts_created": -4}]}')],
            "another answer than documented",
        ),
        ([Fault(403)], "compare the key"),
        ([Fault(429, retry_after="86400")], "asks to wait 86400 s"),
    ],
)
async def test_faults_are_waited_out_and_said_and_nothing_is_lost_or_doubled(
    server: LunarCrushDouble, faults: list[Fault], said: str
) -> None:
    server.fail(*faults)
    outlet, told = FramesOutlet("social", "crowd"), ""
    async with collecting(source(server), outlet, Clock()):
        if said:
            await until(lambda: outlet.state.trouble, "what is wrong")
            told = outlet.state.trouble
        await until(lambda: len(outlet.frames) == 2, "all of it after all")
        assert outlet.state.connection == "connected"
    assert said in told
    assert server.key not in told
    assert places(outlet) == [f"{START}:$acme coin", f"{START}:acme"]


async def test_a_topic_that_is_unknown_stops_no_other_one(server: LunarCrushDouble) -> None:
    del server.hours["$acme coin"]
    outlet = FramesOutlet("social", "crowd")
    async with collecting(source(server), outlet, Clock()):
        await until(lambda: len(outlet.frames) == 1, "the other topic")
        assert "knows no topic '$acme coin'" in outlet.state.trouble


async def test_a_key_without_a_plan_is_said(server: LunarCrushDouble) -> None:
    server.guest = True
    outlet = FramesOutlet("social", "crowd")
    async with collecting(source(server), outlet, Clock()):
        await until(lambda: "plan" in outlet.state.trouble, "what is wrong")
    assert outlet.frames == []


async def test_a_position_of_something_else_is_a_misconfiguration(
    server: LunarCrushDouble,
) -> None:
    outlet = FramesOutlet("social", "crowd")
    outlet.earlier = Frame("orders.csv:7", 0, b"")
    with pytest.raises(SourceMisconfigured, match="another name"):
        async with collecting(source(server), outlet, Clock()):
            await asyncio.sleep(0.05)


async def test_the_doctor_asks_for_one_topic(server: LunarCrushDouble) -> None:
    (finding,) = await check_source(source(server))
    assert (finding.level, "1 hours of 'acme'" in finding.message) == ("ok", True)
    assert len(server.requests) == 1
    config = source(server)
    server.key = "another"
    (finding,) = await check_source(config)
    assert (finding.level, "HTTP 401" in finding.message) == ("error", True)
