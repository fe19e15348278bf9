"""The stage of the audit log on a real bus: whatever the streams hold, and whenever it ends."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from evidence.audit.entries import Entry, decode
from evidence.audit.notes import SigningKey
from evidence.audit.stage import AuditStage, Recorded
from evidence.audit.store import AuditFolder
from evidence.audit.verify import verify
from pipeline.bus import Bus, Stream
from pipeline.bus.command_notes import CommandNote, CommandNotes
from pipeline.bus.dead_letters import Note, expire, write_note
from pipeline.bus.positions import Position
from pipeline.config.audit import Audit
from pipeline.failure import Failure
from pipeline.frames import DeadLetter, encode_dead_letter
from pipeline.reference_changes import ChangeChunk, ReferenceChange, change_of, encode_chunk
from pipeline.reference_records import Override
from pipeline.secrets import Secret
from pipeline.units import MINUTE, SECOND
from tests.fixtures.buses import serving, small_bus

KEY = SigningKey.new("example.com/audit")


@pytest.fixture
def settings(tmp_path: Path) -> Audit:
    path = tmp_path / "audit.key"
    path.write_text(KEY.reveal())
    path.chmod(0o600)
    return Audit(path=tmp_path / "audit", key=Secret(f"${{file:{path}}}"), sign_every=SECOND // 10)


async def recorded(bus: Bus, settings: Audit, *, saves: bool = True) -> list[Entry]:
    """Entries once the stage took all there is. Not `saves`: it ended before it said so to the bus.

    Each time the log is good, and all its lines are entries.
    """
    settings.sign_every = SECOND // 10 if saves else 10 * MINUTE
    stage = AuditStage(bus, settings, sync=False)
    task = asyncio.create_task(stage.run())
    try:
        async with asyncio.timeout(20):
            while not await _came_to_the_end(bus, stage):
                if task.done():
                    task.result()
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)  # what it says to the bus
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    folder = AuditFolder(settings.path)
    verdict = verify(folder, KEY.verifying)
    assert verdict.good, verdict.problems
    found = [decode(line.removesuffix(b"\n")) for line in folder.lines()]
    assert [entry.number for entry in found] == list(range(len(found)))
    return found


async def _came_to_the_end(bus: Bus, stage: AuditStage) -> bool:
    notes = await bus.jetstream.stream_info((await CommandNotes.open(bus)).stream)
    return stage.commands.position >= notes.state.last_seq and all(
        [state.position >= await bus.last_sequence(Stream[state.stream]) for state in stage.states]
    )


async def put(bus: Bus, stream: Stream, data: bytes) -> None:
    await bus.jetstream.publish(bus.names.subject(stream, "test"), data)


def letter(number: int, reason: str = "not decoded") -> bytes:
    return encode_dead_letter(
        DeadLetter(
            stage="normalizer", source="node", position=str(number), received=1, reason=reason
        )
    )


def told(found: list[Entry]) -> list[Entry]:
    """Of what the streams hold."""
    return [entry for entry in found if entry.action not in ("log-opened", "stream-begun")]


def died(found: list[Entry]) -> list[str]:
    return [entry.what for entry in found if entry.action == "died"]


# -- whatever the streams hold ---------------------------------------------------------------------


async def test_a_note_can_not_write_a_line_of_its_own_into_the_log(
    bus: Bus, settings: Audit
) -> None:
    forged = b'{"a":1,\n"number":2,"action":"override","time":1,"who":"ceo","what":"x"\r\n}'
    notes = await CommandNotes.open(bus)
    await notes.note(CommandNote(what="reload", after=msgspec.Raw(forged)), "mallory")
    (entry,) = told(await recorded(bus, settings))
    assert (entry.action, entry.who.partition("@")[0]) == ("command", "mallory")
    assert msgspec.json.decode(bytes(entry.after))["who"] == "ceo"  # type: ignore[arg-type]


async def test_an_override_of_very_many_addresses_is_recorded_by_its_hash(
    bus: Bus, settings: Audit
) -> None:
    addresses = tuple(f"0x{number:040x}" for number in range(2_000))
    override = Override(
        id="o1", action="join", addresses=addresses, who="alice", why="custodian", at="2026-01-01"
    )
    chunk = ChangeChunk("desk", 1, [change_of(override)])
    await put(bus, Stream.REFERENCE, encode_chunk(chunk))
    found = await recorded(bus, settings)
    (entry,) = [one for one in found if one.action == "override"]
    assert msgspec.json.decode(bytes(entry.after)) == {  # type: ignore[arg-type]
        "sha256": entry.sha256
    }


async def test_an_override_that_is_no_json_does_not_end_the_recording(
    bus: Bus, settings: Audit
) -> None:
    chunk = ChangeChunk("desk", 1, [ReferenceChange("override", "o1", b"{\n]")])
    await put(bus, Stream.REFERENCE, encode_chunk(chunk))
    await put(bus, Stream.DEAD, letter(1))
    found = told(await recorded(bus, settings))
    assert sorted(entry.action for entry in found) == ["died", "unreadable"]


async def test_texts_of_nothing_but_control_characters_fit_into_an_entry(
    bus: Bus, settings: Audit
) -> None:
    notes, long = await CommandNotes.open(bus), "\x01" * 10_000
    await notes.note(CommandNote(what=long, why=long, who=long), None)
    await put(bus, Stream.DEAD, letter(1, long))
    found = told(await recorded(bus, settings))
    assert sorted(entry.action for entry in found) == ["command", "died"]


async def test_what_was_done_with_dead_letters_is_recorded(bus: Bus, settings: Audit) -> None:
    await put(bus, Stream.DEAD, letter(1))
    await put(bus, Stream.DEAD, letter(2))
    await write_note(bus, Note(7, "replayed", [1], "sent to RAW/9"))
    assert await expire(bus, [2], "reason unknown message") == 1
    found = told(await recorded(bus, settings))
    done = [entry for entry in found if entry.action == "dead-letters"]
    assert [(one.what, one.why, one.place) for one in done] == [
        ("replayed: DEAD/1", "sent to RAW/9", "DEAD/3"),
        ("expired: DEAD/2", "reason unknown message", "DEAD/4"),
    ]
    assert done[0].time == 7
    assert [entry.action for entry in found if entry.action == "unreadable"] == []


async def test_many_dead_letters_that_were_let_go_are_counted_and_the_first_named(
    bus: Bus, settings: Audit
) -> None:
    await write_note(bus, Note(7, "expired", list(range(1, 5_001))))
    (entry,) = told(await recorded(bus, settings))
    assert entry.count == 5_000
    assert entry.what.startswith("expired: DEAD/1, DEAD/2, ")
    assert entry.what.endswith(", DEAD/50 and 4,950 more")


async def test_a_time_that_is_none_does_not_end_the_recording(bus: Bus, settings: Audit) -> None:
    notes = await CommandNotes.open(bus)
    await bus.jetstream.publish("commands.notes", b'{"what":"x","time":' + b"9" * 40 + b"}")
    await notes.note(CommandNote(what="reload"), "alice")
    found = told(await recorded(bus, settings))
    assert [entry.action for entry in found] == ["unreadable", "command"]


async def test_messages_that_were_gone_are_said_to_be_lost_once(bus: Bus, settings: Audit) -> None:
    await put(bus, Stream.DEAD, letter(0))
    await recorded(bus, settings)
    for number in range(1, 5):
        await put(bus, Stream.DEAD, letter(number))
    await bus.jetstream.purge_stream(bus.names.stream(Stream.DEAD))
    for _ in range(2):
        await recorded(bus, settings, saves=False)
    await put(bus, Stream.DEAD, letter(5))
    found = told(await recorded(bus, settings))
    assert [(entry.action, entry.count) for entry in found] == [
        ("died", 1),
        ("messages-lost", 4),
        ("died", 1),
    ]


async def test_a_stage_that_signs_before_it_knows_a_stream_does_not_forget_where_it_was(
    bus: Bus, settings: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(bus, Stream.DEAD, letter(1))
    await recorded(bus, settings)
    load = bus.positions.load

    async def slow(reader: str) -> Position:
        await asyncio.sleep(0.5)
        return await load(reader)

    def of_others(_: AuditFolder) -> dict[str, Recorded]:
        return {}

    monkeypatch.setattr(bus.positions, "load", slow)
    # As where two files of entries tell of nothing but other streams.
    monkeypatch.setattr("evidence.audit.stage.newest_recorded", of_others)
    assert died(await recorded(bus, settings)) == ["node 1"]


@pytest.mark.parametrize("why", ["x" * 40_000_000, "\udcff"], ids=["too-large", "no-text"])
async def test_what_can_not_be_noted_is_said_and_not_done(bus: Bus, why: str) -> None:
    notes = await CommandNotes.open(bus)
    with pytest.raises(Failure, match="so it is not done"):
        await notes.note(CommandNote(what="reload", why=why), "alice")


async def test_commands_are_not_done_without_a_stream_for_their_notes(bus: Bus) -> None:
    await bus.client.close()
    with pytest.raises(Failure, match="COMMANDS"):
        await CommandNotes.open(bus)


# -- whenever it ends ------------------------------------------------------------------------------


async def test_what_was_signed_and_not_said_to_the_bus_is_recorded_once(
    bus: Bus, settings: Audit
) -> None:
    for number in range(3):
        await put(bus, Stream.DEAD, letter(number))
        await recorded(bus, settings, saves=False)
    assert died(await recorded(bus, settings)) == ["node 0", "node 1", "node 2"]


async def test_a_stream_that_was_made_anew_is_recorded_from_its_beginning(
    bus: Bus, settings: Audit
) -> None:
    for number in range(5):
        await put(bus, Stream.DEAD, letter(number))
    await recorded(bus, settings)
    await bus.jetstream.delete_stream(bus.names.stream(Stream.DEAD))
    await bus._prepare()  # pyright: ignore[reportPrivateUsage]
    await recorded(bus, settings)  # nothing is in it yet
    for number in range(10, 13):
        await put(bus, Stream.DEAD, letter(number))
        await recorded(bus, settings, saves=False)
    found = died(await recorded(bus, settings))
    assert found == [f"node {n}" for n in (0, 1, 2, 3, 4, 10, 11, 12)]


async def test_a_bus_that_was_made_anew_is_recorded_from_its_beginning(
    tmp_path: Path, settings: Audit
) -> None:
    found: list[Entry] = []
    for life in range(2):
        async with serving(small_bus(tmp_path / f"nats-{life}")) as bus:
            for number in range(5):
                await put(bus, Stream.DEAD, letter(10 * life + number))
            found = await recorded(bus, settings)
    assert died(found) == [f"node {n}" for n in (0, 1, 2, 3, 4, 10, 11, 12, 13, 14)]


async def test_many_files_of_entries_between_two_savings_double_nothing(
    bus: Bus, settings: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.audit.store._SEGMENT", 1_000)
    notes = await CommandNotes.open(bus)
    await notes.note(CommandNote(what="reload"), "alice")
    await recorded(bus, settings, saves=False)
    for number in range(40):
        await put(bus, Stream.DEAD, letter(number))
    await recorded(bus, settings, saves=False)
    found = await recorded(bus, settings)
    assert len([entry for entry in found if entry.action == "command"]) == 1
    assert len(died(found)) == 40
