"""What a feed says, and operators see, of what it missed."""

import pytest
from prometheus_client import REGISTRY

from collectors.websocket_feed import WebSocketFeed
from pipeline.frames import Frame
from tests.collectors.frames_outlet import FramesOutlet

_EARLIER = Frame("1.000000000001", 1, b"{}")


def _counted(source: str) -> float:
    return REGISTRY.get_sample_value("tapewatch_source_gaps_total", {"source": source}) or 0.0


def _told(outlet: FramesOutlet) -> list[tuple[str, str]]:
    return [(gap.instrument, gap.reason.partition(";")[0]) for gap in outlet.gaps]


@pytest.mark.parametrize("after_a_loss", [True, False])
async def test_a_first_run_has_missed_nothing_until_its_connection_is_lost(
    after_a_loss: bool,
) -> None:
    outlet = FramesOutlet()
    feed = WebSocketFeed(outlet)
    for _ in range(2):
        feed.begin()
        await feed.tell_of_interruption(after_a_loss=after_a_loss)
    assert _told(outlet) == [("*", "the connection was lost")] * after_a_loss


async def test_a_later_run_says_once_that_it_was_started_anew() -> None:
    outlet = FramesOutlet(source="anew")
    outlet.earlier = _EARLIER
    feed = WebSocketFeed(outlet)
    for _ in range(2):
        feed.begin()
        await feed.tell_of_interruption(after_a_loss=False)
    assert _told(outlet) == [("*", "the collector was started anew")]
    assert outlet.state.gaps == _counted("anew") == 1
