"""Social feeds are followed line by line, and nothing that may tell of a person is kept."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors.check import check_source
from collectors.order_log.log_lines import LogLine, LogPlace
from collectors.social.feed import SocialFeedCollector, refusal
from pipeline.config.sources import SocialFeedSource
from pipeline.frames import Frame
from pipeline.trade_sides import LineContext, decode_context, encode_context
from pipeline.units import MILLISECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.waiting import until

GOOD = b'{"type":"volume","medium":"x","token":"acme","start":1,"end":2,"messages":%d}\n'


def source(path: Path) -> SocialFeedSource:
    return SocialFeedSource(name="chatter", path=path, poll_every=10 * MILLISECOND)


def refused(payload: bytes, columns: str | None = None) -> str:
    context = encode_context(LineContext(columns=columns))
    return refusal(LogLine(LogPlace("a", 1), payload, context))


def test_a_line_with_a_column_of_no_social_feed_is_refused_with_what_was_meant() -> None:
    assert refused(GOOD % 1) == ""
    assert refused(b"volume,x,1", "type,medium,messages") == ""
    assert "did you mean messages?" in refused(b'{"message": 1}')
    assert "'text' is no column" in refused(b"hello", "text")
    assert refused(b"[1]").startswith("no object of JSON")
    assert refused(b"1,2", "medium") == "other cells than the 1 columns have"


SECRET = "Erika says buy"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("text_sha256", SECRET, "matching regex"),
        ("announcement", SECRET, "none of the values that are allowed"),
        ("messages", SECRET, "Expected `int"),
        ("channel", SECRET * 10, "length <= 128"),
        ("channel", {"author": SECRET}, "Expected `str"),
        ("medium", [SECRET], "Expected `str`"),
        ("sentiment", SECRET, "Expected `float"),
    ],
)
def test_what_a_column_can_not_have_may_be_anybodys_words_and_is_refused_too(
    column: str, value: Any, said: str
) -> None:
    line = {"type": "announcement", "medium": "x", "token": "acme", column: value}
    reason = refused(msgspec.json.encode(line))
    assert reason.startswith(f"{column}: ")
    assert said in reason
    assert SECRET not in reason
    if isinstance(value, str):
        assert refused(",".join(line.values()).encode(), ",".join(line)) == reason
        first = msgspec.json.encode({column: value})[:-1]
        twice = first + b"," + msgspec.json.encode({**line, column: None})[1:]
        assert SECRET.encode() in twice
        assert refused(twice) == reason, "though the second one is good"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type":"volume","medium":"x","start":' + b"9" * 6_000 + b"}",
        b'{"type":"volume","medium":"x","messages":' + b"9" * 400 + b"}",
        b'{"type":"volume","medium":"x","sentiment":1e400}',
        b'{"type":"volume","medium":"x","sentiment":NaN}',
        b'{"type":"volume","medium":"x","sentiment":"nan"}',
        b'{"type":"volume","medium":"x","token":' + b"[" * 8_000,
        b'{"type":"volume","medium":"x","token":"\xff\xfe"}',
        b'{"type":"volume","medium":"x","token":"\\ud800"}',
    ],
)
def test_hostile_numbers_and_texts_are_refused(payload: bytes) -> None:
    assert refused(payload)


def test_a_column_that_is_there_twice_hides_nothing() -> None:
    columns = "type,medium,channel,channel"
    assert refused(f"volume,x,{SECRET * 10},a".encode(), columns) == "a column is there twice"


async def test_files_are_followed_as_they_grow_and_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson").write_bytes(GOOD % 1)
    outlet = FramesOutlet("social", "chatter")
    task = asyncio.create_task(SocialFeedCollector(source(tmp_path), outlet).run())
    try:
        await until(lambda: len(outlet.frames) == 1, "the first line")
        with (tmp_path / "1.ndjson").open("ab") as file:
            file.write(GOOD % 2)
        await until(lambda: len(outlet.frames) == 2, "the second line")
        (tmp_path / "2.csv").write_bytes(b"type,medium,messages\nvolume,x,3\n")
        await until(lambda: len(outlet.frames) == 3, "the second file")
    finally:
        task.cancel()
    assert [one.position for one in outlet.frames] == ["1.ndjson:1", "1.ndjson:2", "2.csv:2"]
    assert outlet.payloads[:2] == [(GOOD % n).strip() for n in (1, 2)]
    assert decode_context(outlet.frames[2].context).columns == "type,medium,messages"
    assert outlet.letters == []


async def test_of_a_line_that_may_tell_who_wrote_what_nothing_is_kept(tmp_path: Path) -> None:
    secret = b"Erika Mustermann says buy"
    lines = [
        GOOD % 1,
        b'{"type":"announcement","text":"%s"}\n' % secret,
        b'"%s"\n' % secret,
        b'{"medium":"%s"}\n' % (secret * 1_000),
        GOOD % 2,
    ]
    (tmp_path / "1.ndjson").write_bytes(b"".join(lines))
    outlet = FramesOutlet("social", "chatter")
    task = asyncio.create_task(SocialFeedCollector(source(tmp_path), outlet).run())
    try:
        await until(lambda: len(outlet.frames) == 2, "both good lines")
    finally:
        task.cancel()
    assert [one.position for one in outlet.letters] == [f"1.ndjson:{n}" for n in (2, 3, 4)]
    assert "'text' is no column of a social feed" in outlet.letters[0].reason
    kept = repr([*outlet.letters, *outlet.frames, outlet.state]).encode()
    assert secret not in kept
    assert outlet.gaps == [], "it is no book: nothing over it is unsure"


async def test_a_second_run_goes_on_behind_the_last_line_that_is_durable(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson").write_bytes(b"".join(GOOD % n for n in range(5)))
    outlet = FramesOutlet("social", "chatter")
    outlet.earlier = Frame("1.ndjson:3", 0, b"")
    task = asyncio.create_task(SocialFeedCollector(source(tmp_path), outlet).run())
    try:
        await until(lambda: len(outlet.frames) == 2, "what was behind it")
    finally:
        task.cancel()
    assert [one.position for one in outlet.frames] == ["1.ndjson:4", "1.ndjson:5"]


@pytest.mark.parametrize(
    ("content", "level", "said"),
    [
        (GOOD % 1, "ok", "NDJSON"),
        (b'{"author":"x"}\n', "error", "'author' is no column"),
    ],
)
async def test_the_doctor_reads_the_first_line(
    tmp_path: Path, content: bytes, level: str, said: str
) -> None:
    (tmp_path / "1.ndjson").write_bytes(content)
    (finding,) = await check_source(source(tmp_path))
    assert (finding.level, said in finding.message) == (level, True), finding
