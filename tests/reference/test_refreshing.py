"""A source that is read again and again: what changes, what is held back, what is buried."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collectors.reference.files import FileSource
from collectors.reference.refreshing import MOST_LETTERS, Refresher
from collectors.reference.source import Given
from collectors.stage import Collectors
from pipeline.bus import Bus, Stream
from pipeline.bus.dead_letters import dead_letters
from pipeline.bus.reference_history import ReferenceHistory
from pipeline.bus.reference_outlet import ReferenceOutlet, Written
from pipeline.config.reference_sources import FileReference
from pipeline.config.sources import ReplaySource
from pipeline.frames import DeadLetter
from pipeline.reference_records import Investor
from pipeline.units import SECOND
from tests.fixtures.buses import serving
from tests.reference.test_reference_on_the_bus import configuration

HEADER = "id,jurisdiction\n"


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    async with serving(configuration(tmp_path / "nats")) as connected:
        yield connected


class Table:
    """A CSV file of investors, and the refresher that reads it."""

    def __init__(self, bus: Bus, path: Path, shrink: float = 0.2) -> None:
        self.bus = bus
        self.path = path
        self.shrink = shrink
        self.refresher: Refresher

    async def open(self) -> "Table":
        source = FileSource(FileReference(name="crm", path=self.path, kind="investor"))
        outlet = await ReferenceOutlet.open(self.bus, "crm")
        self.refresher = Refresher(
            self.bus, "crm", source, outlet, every=SECOND, largest_shrink=self.shrink
        )
        return self

    async def become(self, *rows: str) -> Written | None:
        self.path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
        return await self.refresher.refresh()


@pytest.fixture
async def table(bus: Bus, tmp_path: Path) -> Table:
    return await Table(bus, tmp_path / "investors.csv").open()


async def letters(bus: Bus) -> list[DeadLetter]:
    return [one.letter async for one in dead_letters(bus)]


async def test_what_differs_is_written_and_nothing_else(table: Table) -> None:
    rows = [f"I-{number},DE" for number in range(20)]
    assert await table.become(*rows) == Written(added=20)
    assert await table.become(*rows) == Written()
    rows[3] = "I-3,US"
    assert await table.become(*rows[:-1], "J,FR") == Written(1, 1, 1)
    assert table.refresher.state.position == "20 records"


async def test_a_restart_knows_what_is_there(table: Table) -> None:
    await table.become("I,DE", "J,DE")
    again = await Table(table.bus, table.path).open()
    assert await again.become("I,DE", "J,US") == Written(changed=1)


async def test_a_source_that_loses_too_much_withdraws_nothing_and_says_so(table: Table) -> None:
    rows = [f"I-{number},DE" for number in range(20)]
    await table.become(*rows)
    assert await table.become(*rows[:15]) is None
    assert "5 of 20 records are missing" in table.refresher.state.trouble
    await table.refresher.refresh()
    assert "5 of 20 records are missing" in table.refresher.state.trouble, "it still is"
    assert await table.become() is None
    assert table.refresher.outlet.records == 20
    assert await table.become(*rows[:16]) == Written(withdrawn=4)
    assert table.refresher.state.trouble == ""

    allowed = await Table(table.bus, table.path, shrink=1).open()
    assert await allowed.become() == Written(withdrawn=16)


async def test_what_is_no_record_is_buried_once_and_what_was_known_of_it_stays(
    table: Table,
) -> None:
    await table.become("I,DE", "J,DE", "K,DE")
    assert await table.become("I,DE", "J,Germany") == Written(withdrawn=1)
    assert table.refresher.outlet.records == 2
    assert "investors.csv:3, jurisdiction: expected" in table.refresher.state.trouble
    await table.refresher.refresh()
    assert "investors.csv:3" in table.refresher.state.trouble
    await table.become("I,US", "J,Germany")
    (letter,) = await letters(table.bus)
    assert (letter.source, letter.field) == ("crm", "jurisdiction")
    assert letter.position.endswith("investors.csv:3")
    await table.become("I,US", "J,FR")
    assert table.refresher.state.trouble == ""


async def test_a_record_that_comes_twice_is_told(table: Table) -> None:
    assert await table.become("I,DE", "I,US") == Written(added=1)
    assert "twice" in table.refresher.state.trouble


async def test_dead_letters_of_one_read_are_bounded(table: Table) -> None:
    await table.become(*(f"I-{number},x" for number in range(MOST_LETTERS + 50)))
    found = await letters(table.bus)
    assert len(found) == MOST_LETTERS + 1
    assert found[-1].reason == "and 50 more can't be read"


class Dripping:
    """A source whose server sends a little now and then, without end."""

    complete = True

    async def read(self) -> AsyncIterator[Given]:
        while True:
            await asyncio.sleep(0.01)
            yield Given(Investor(id="I"), "line 1")

    async def close(self) -> None:
        """It holds nothing open."""


async def test_a_read_without_end_is_given_up_and_changes_nothing(bus: Bus) -> None:
    outlet = await ReferenceOutlet.open(bus, "drip")
    refresher = Refresher(
        bus, "drip", Dripping(), outlet, every=SECOND, largest_shrink=1, longest_read=0.2
    )
    async with asyncio.timeout(20):
        assert await refresher.refresh() is None
    assert "did not end within" in refresher.state.trouble
    assert await ReferenceHistory(bus).sources() == []


async def test_collectors_put_reference_data_in_force_before_anything_else(
    bus: Bus, tmp_path: Path
) -> None:
    path = tmp_path / "investors.csv"
    path.write_text(HEADER + "I,DE\n")
    recording = Path(__file__).parents[2] / "demo" / "recorded" / "session.jsonl.gz"
    collectors = Collectors(
        bus,
        [
            ReplaySource(name="recording", path=recording),
            FileReference(name="crm", path=path, kind="investor"),
        ],
        {},
    )
    running = asyncio.create_task(collectors.run())
    async with asyncio.timeout(60):
        while not collectors.finished:  # its recording is read; the table goes on
            assert not running.done(), running.result()
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await ReferenceHistory(bus).sources() == ["crm"]
    first = await bus.jetstream.get_msg(bus.names.stream(Stream.RAW), 1)
    assert first.subject == bus.names.subject(Stream.RAW, "crm")
    assert await bus.last_sequence(Stream.RAW) > 10
