"""What an order log lacks is counted, where operators look."""

import asyncio
from pathlib import Path

from prometheus_client import REGISTRY

from collectors.order_log import OrderLogCollector
from pipeline.config.sources import OrderLogSource
from pipeline.units import MILLISECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.waiting import until


async def test_lines_that_an_order_log_lacks_are_counted_as_gaps(tmp_path: Path) -> None:
    (tmp_path / "log.ndjson").write_bytes(b'{"n":1}\n{"n":%s}\n{"n":2}\n' % (b"9" * 2_000))
    source = OrderLogSource(
        name="orders",
        path=tmp_path / "log.ndjson",
        venue="acme",
        max_frame=1_024,
        poll_every=10 * MILLISECOND,
    )
    outlet = FramesOutlet("order_log", "orders")
    running = asyncio.create_task(OrderLogCollector(source, outlet).run())
    try:
        await until(lambda: len(outlet.payloads) == 2, "both lines that can be read")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    counted = REGISTRY.get_sample_value("tapewatch_source_gaps_total", {"source": "orders"})
    assert len(outlet.gaps) == outlet.state.gaps == counted == 1
