"""Recordings are written and read exactly, and a replay sends each frame once."""

import asyncio
import gzip
import time
import zlib
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.connection import SourceMisconfigured
from collectors.recording import (
    RecordedSource,
    RecordingError,
    RecordingOutlet,
    RecordingWriter,
    decode_line,
    read_header,
)
from collectors.replay import ReplayCollector
from pipeline.config.sources import ReplaySource
from pipeline.frames import Frame
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.shared_data import COINBASE, KRAKEN, shared_data

CHAIN = RecordedSource("chain", "evm")
VENUE = RecordedSource("venue", "coinbase", "acme-ats")
T0 = 1_700_000_000_123_456_789


class Outlets:
    """An outlet for each source that is asked for; kept from run to run."""

    def __init__(self) -> None:
        self.by_name: dict[str, FramesOutlet] = {}
        self.order: list[str] = []

    def __call__(self, name: str, protocol: str) -> FramesOutlet:
        known = self.by_name.setdefault(name, FramesOutlet(protocol, name))
        return known

    def __getitem__(self, name: str) -> FramesOutlet:
        return self.by_name[name]


async def replay(path: Path, outlets: Outlets, **options: object) -> None:
    config = ReplaySource(name="replayed", path=path, **options)  # pyright: ignore[reportArgumentType]
    await asyncio.wait_for(ReplayCollector(config, outlets).run(), 30)


def a_session() -> list[tuple[str, Frame]]:
    return [
        ("chain", Frame("1:0xaa", T0, b'{"block":1}')),
        ("venue", Frame("7.000000000001", T0 + 5, b'{"type":"open"}')),
        ("venue", Frame("7.000000000002", T0 + 9, b'{"sequence":1}', "snapshot", "ACME-USD")),
        ("chain", Frame("2:0xbb", T0 + 20, b'{"block":2}')),
        ("venue", Frame("7.000000000003", T0 + 30, b"\xff\x00 no text", "message", "")),
        ("venue", Frame("7.000000000004", T0 + 31, b'{"instrument":"*","reason":""}', "gap", "*")),
    ]


def record(path: Path, session: list[tuple[str, Frame]]) -> Path:
    with RecordingWriter(path, [CHAIN, VENUE]) as writer:
        for source, frame in session:
            writer.write(source, frame)
        assert writer.frames == len(session)
    return path


@pytest.mark.parametrize("name", ["session.jsonl", "session.jsonl.gz"])
async def test_a_recording_of_two_sources_comes_back_as_two_sources(
    tmp_path: Path, name: str
) -> None:
    path = record(tmp_path / name, a_session())
    outlets = Outlets()
    await replay(path, outlets)
    for source in ("chain", "venue"):
        expected = [frame for of, frame in a_session() if of == source]
        assert outlets[source].frames == expected
        state = outlets[source].state
        assert (state.connection, state.position) == ("stopped", expected[-1].position)
        assert outlets[source].flushed == len(expected)
    assert outlets["venue"].state.protocol == "coinbase"
    assert read_header(path).sources == [CHAIN, VENUE]


def test_the_same_session_gives_the_same_bytes(tmp_path: Path) -> None:
    one = record(tmp_path / "one.jsonl.gz", a_session())
    time.sleep(1.1)  # gzip counts time in seconds
    two = record(tmp_path / "two.jsonl.gz", a_session())
    assert one.read_bytes() == two.read_bytes()


@given(st.binary(), st.text(), st.sampled_from(["message", "snapshot", "gap"]), st.text())
def test_any_payload_comes_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, payload: bytes, position: str, kind: str, context: str
) -> None:
    path = tmp_path_factory.mktemp("recording") / "any"
    frame = Frame(position, T0, payload, kind, context)  # pyright: ignore[reportArgumentType]
    with RecordingWriter(path, [VENUE]) as writer:
        writer.write("venue", frame)
    _, line = path.read_bytes().splitlines()
    assert decode_line(line, 1) == (0, frame)


async def test_what_an_outlet_takes_can_be_recorded_on_the_way(tmp_path: Path) -> None:
    inner = FramesOutlet()
    path = tmp_path / "recorded.gz"
    with RecordingWriter(path, [VENUE]) as writer:
        outlet = RecordingOutlet(inner, writer)
        for _, frame in a_session():
            await outlet.send(frame)
    assert len(inner.frames) == 6
    outlets = Outlets()
    await replay(path, outlets)
    assert outlets["venue"].frames == inner.frames


@pytest.mark.parametrize("cut", range(7))
async def test_a_later_run_goes_on_where_each_source_stopped(tmp_path: Path, cut: int) -> None:
    session = a_session()
    path = record(tmp_path / "session", session)
    outlets = Outlets()
    for source, frame in session[:cut]:
        await outlets(source, "any").send(frame)
    await replay(path, outlets)
    for source in ("chain", "venue"):
        assert outlets[source].frames == [frame for of, frame in session if of == source]
    await replay(path, outlets)
    assert len(outlets["venue"].frames) == 4


async def test_a_stream_that_knows_another_recording_gets_this_one_whole(tmp_path: Path) -> None:
    path = record(tmp_path / "session", a_session())
    outlets = Outlets()
    outlets("venue", "coinbase").earlier = Frame("of another file", T0, b"")
    await replay(path, outlets)
    assert len(outlets["venue"].frames) == 4


async def test_original_speed_keeps_the_distances(tmp_path: Path) -> None:
    frames = [("venue", Frame(str(n), T0 + n * 20_000_000, b"{}")) for n in range(16)]
    path = record(tmp_path / "session", frames)
    outlets = Outlets()
    begun = time.monotonic()
    await replay(path, outlets, speed="original")
    assert 0.3 <= time.monotonic() - begun < 1.0
    assert [frame.received for frame in outlets["venue"].frames] == [f.received for _, f in frames]


async def test_maximum_speed_keeps_the_recorded_times(tmp_path: Path) -> None:
    frames = [("venue", Frame(str(n), T0 + n * 10**12, b"{}")) for n in range(100)]
    outlets = Outlets()
    await replay(record(tmp_path / "session", frames), outlets)
    assert outlets["venue"].frames == [frame for _, frame in frames]


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"[]",
        b'[9,1,"p","x"]',
        b'[-1,1,"p","x"]',
        b'[0,-1,"p","x"]',
        b'[0,9223372036854775808,"p","x"]',
        b'[0,1,"p",{"base64":"?"}]',
        b'[0,1,"p","x","nonsense",""]',
        b'[0,1.5,"p","x"]',
        b"[" * 5000,
        b"\xff\xfe",
    ],
)
async def test_a_malformed_line_is_a_dead_letter_and_the_rest_is_sent(
    tmp_path: Path, bad: bytes
) -> None:
    path = record(tmp_path / "session", a_session())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], bad + b"\n", *lines[3:]]))
    outlets = Outlets()
    await replay(path, outlets)
    letters = outlets["chain"].letters + outlets["venue"].letters
    assert len(letters) == 1
    assert letters[0].reason.startswith("session, line 4: ")
    assert letters[0].position == "line:4"
    assert letters[0].payload == bad + b"\n"
    assert len(outlets["chain"].frames) + len(outlets["venue"].frames) == 6
    await replay(path, outlets)
    assert len(outlets["chain"].frames) + len(outlets["venue"].frames) == 6


async def test_a_recording_that_breaks_off_is_replayed_up_to_there(tmp_path: Path) -> None:
    frames = [("venue", Frame(str(n), T0 + n, b"{%d}" % (n * 7919))) for n in range(5000)]
    path = record(tmp_path / "session.gz", frames)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    outlets = Outlets()
    await replay(path, outlets)
    sent = outlets["venue"].frames
    assert 100 < len(sent) < 5000
    assert sent == [frame for _, frame in frames[: len(sent)]]
    assert "can't be read from here on" in outlets["chain"].letters[0].reason
    unpacked = zlib.decompressobj(wbits=31).decompress(path.read_bytes())
    assert len(sent) == unpacked.count(b"\n") - 1, "all lines before the tear, but for the header"

    broken = bytearray(whole)
    broken[len(whole) // 2 :] = b"\x55" * (len(whole) - len(whole) // 2)
    path.write_bytes(bytes(broken))
    outlets = Outlets()
    await replay(path, outlets)
    assert outlets["chain"].letters


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (b"", "not a Tapewatch recording"),
        (b"1618677817.06: {}", "not a Tapewatch recording"),
        (b'{"format":"other","version":1,"sources":[]}', "the format is 'other'"),
        ('{"format":"tapewatch-recording"}'.encode("utf-16"), "is in UTF-16, not in UTF-8"),
        (b'{"format":"tapewatch-recording","version":2,"sources":[]}', "version 2"),
        (b'{"format":"tapewatch-recording","version":1,"sources":[]}', "one or more sources"),
    ],
)
async def test_a_file_of_another_kind_is_refused_with_advice(
    tmp_path: Path, first: bytes, why: str
) -> None:
    path = tmp_path / "other"
    path.write_bytes(first)
    with pytest.raises(SourceMisconfigured, match=why):
        await replay(path, Outlets())
    with pytest.raises(RecordingError):
        read_header(path)


async def test_too_large_payloads_and_lines_are_dead_letters(tmp_path: Path) -> None:
    frames = [
        ("venue", Frame("1", T0, b"x" * 5000)),
        ("venue", Frame("2", T0, b"y" * 200_000)),
        ("venue", Frame("3", T0, b"z")),
    ]
    path = record(tmp_path / "session", frames)
    outlets = Outlets()
    await replay(path, outlets, max_frame=1000)
    assert [frame.position for frame in outlets["venue"].frames] == ["3"]
    letters = outlets["chain"].letters + outlets["venue"].letters
    assert {letter.position for letter in letters} == {"line:2", "line:3"}


async def test_a_full_outlet_holds_the_replay_up(tmp_path: Path) -> None:
    frames = [("venue", Frame(str(n), T0 + n, b"{}")) for n in range(1000)]
    path = record(tmp_path / "session", frames)
    outlets = Outlets()
    outlet = outlets("venue", "coinbase")
    outlet.gate.clear()
    running = asyncio.create_task(replay(path, outlets))
    await asyncio.sleep(0.05)
    assert outlet.frames == []
    outlet.gate.set()
    await running
    assert len(outlet.frames) == 1000


async def test_cryptofeeds_lines_are_read_exactly(tmp_path: Path) -> None:
    path = tmp_path / "VENUE.ws.1.0"
    path.write_bytes(
        b"wss://ws.example <-> 1618677816.8434298\n"
        b'wss://ws.example <- 1618677817.020616: {"type":"subscribe"}\n'
        b'1618677817.061845: {"type":"subscriptions"}\n'
        b"\n"
        b'1618677817.0000001: {"a": ": "} \n'
        b"nonsense\n"
        b"999999999999: {}\n"
        b'1618677818: {"last":"without a newline"}'
    )
    outlets = Outlets()
    await replay(path, outlets, protocol="kraken-v1")
    outlet = outlets["replayed"]
    assert outlet.state.protocol == "kraken-v1"
    assert outlet.frames == [
        Frame("line:3", 1618677817061845000, b'{"type":"subscriptions"}'),
        Frame("line:5", 1618677817000000100, b'{"a": ": "} '),
        Frame("line:8", 1618677818000000000, b'{"last":"without a newline"}'),
    ]
    assert [letter.position for letter in outlet.letters] == ["line:6", "line:7"]
    assert "seconds since the epoch" in outlet.letters[0].reason
    assert "received after 2262" in outlet.letters[1].reason


def test_a_mark_of_utf_8_is_no_part_of_a_recording(tmp_path: Path) -> None:
    path = record(tmp_path / "session", a_session())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [source.name for source in read_header(path).sources] == ["chain", "venue"]


@pytest.mark.parametrize(
    ("name", "protocol", "frames"),
    [(COINBASE, "coinbase", 9946), (KRAKEN, "kraken-v1", 4321)],
)
async def test_real_recordings_are_replayed_whole(name: str, protocol: str, frames: int) -> None:
    path = shared_data(name)
    outlets = Outlets()
    await replay(path, outlets, protocol=protocol)
    outlet = outlets["replayed"]
    assert outlet.letters == []
    with gzip.open(path, "rb") as file:
        received = [line for line in file if line[:1].isdigit()]
    assert len(outlet.frames) == len(received) == frames
    for frame, line in zip(outlet.frames, received, strict=True):
        stamp, _, payload = line.partition(b": ")
        assert frame.payload == payload.rstrip(b"\n")
        assert frame.received == Decimal(stamp.decode()) * 10**9
        msgspec.json.decode(frame.payload)
