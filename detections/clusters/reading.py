"""The clusters as they are now, for who asks: the newest saved state, and what followed it."""

from contextlib import aclosing

from detections.clusters.past import ClusterPast
from detections.clusters.rewinding import RewindingClusters
from detections.lanes.events import LaneEvents
from pipeline.bus import Bus, Stream
from pipeline.config.clusters import Clusters


async def clusters_now(bus: Bus, settings: Clusters, *, lanes: int) -> RewindingClusters:
    """Reads EVENTS behind the newest saved state. Changes nothing. Raises what the bus raises.

    `lanes`: parts of EVENTS.
    """
    past = await ClusterPast.open(bus, LaneEvents(bus, several=lanes > 1))
    clusters = RewindingClusters(settings, past)
    end = await bus.last_sequence(Stream.EVENTS)
    saved = await past.state_at(lambda place: place <= end)
    if saved is not None:
        clusters.restore(saved[0])
    steps = past.steps(0 if saved is None else saved[1], end + 1)
    async with aclosing(steps) as taken:
        async for step in taken:
            await clusters.take(step)
    return clusters
