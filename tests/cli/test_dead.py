"""`tapewatch dead`: what could not be used is listed with its reason, shown, and sent again."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors.recording import RecordedSource, RecordingWriter
from pipeline.bus import Bus
from pipeline.bus.dead_letters import dead_letters
from pipeline.frames import Frame, FrameKind
from tests.cli.command_line import Answer, tapewatch, write_configuration
from tests.end_to_end.pipeline_run import Installation, Running
from tests.normalizer import blocks
from tests.normalizer.test_coinbase import MATCH, OPEN
from tests.normalizer.test_evm_transfers import TRANSFER
from tests.servers.hec import HecReceiver, HecToken

TORN = b'[0,1700000000000000000,"torn","{\\"type'
#: A letter that is not there yet gets this long, in seconds.
PATIENCE = 30.0


def record(path: Path) -> None:
    """A session with everything in it that a venue or node should never send."""
    sources = [RecordedSource("chain", "evm"), RecordedSource("venue", "coinbase", "demo-venue")]
    transfers = [blocks.log(TRANSFER, blocks.ALICE, blocks.BOB, n, index=n) for n in range(3)]
    transfers[1]["data"] = "0x01"  # does not fit the ABI: a uint256 has 32 bytes
    venue: list[tuple[str, bytes, FrameKind, str]] = [
        ("good:1", json.dumps(OPEN).encode(), "message", ""),
        ("malformed", b'{"type": "open", "sequence": ', "message", ""),
        ("negative", json.dumps(OPEN | {"remaining_size": "-1.00"}).encode(), "message", ""),
        ("unknown", json.dumps({"type": "frobnicate"}).encode(), "message", ""),
        ("no-text", b"\xff\xfe\x00", "message", ""),
        ("good:2", json.dumps(MATCH).encode(), "message", ""),
    ]
    with RecordingWriter(path, sources) as tape:
        for position, payload, kind, context in venue:
            tape.write("venue", Frame(position, blocks.RECEIVED, payload, kind, context))
        tape.write("chain", blocks.frame(*transfers))
    path.write_bytes(path.read_bytes() + TORN)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    record(tmp_path / "session.jsonl")
    (tmp_path / "reference.yaml").write_text(
        "tokens:\n"
        "  - {id: acme, name: ACME, symbol: ACME, standard: ERC-3643, decimals: 18,\n"
        f"     contracts: [{{chain: {blocks.CHAIN}, address: '{blocks.TOKEN}'}}]}}\n"
    )
    source = {"name": "recording", "type": "replay", "path": "session.jsonl"}
    return Installation(tmp_path, sources=[source], reference=["reference.yaml"])


def letters(folder: Path, *options: str) -> list[dict[str, Any]]:
    """What `dead list --json` says, without the level of the sequence."""
    answer = tapewatch("dead", "list", "--each", "--json", *options, folder=folder)
    assert answer.code == 0, answer
    stored = [json.loads(line) for line in answer.out.splitlines()]
    return [
        entry["letter"] | {"number": entry["sequence"], "state": entry["state"]} for entry in stored
    ]


def eventually(
    run: Running, folder: Path, enough: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    async def there(bus: Bus) -> list[dict[str, Any]]:
        return [msgspec.to_builtins(one.letter) async for one in dead_letters(bus)]

    run.until(lambda: enough(run.installation.on_bus(there) or []), PATIENCE)
    found = letters(folder)
    assert enough(found)
    return found


def test_everything_that_is_wrong_with_a_feed_has_a_letter_and_the_rest_goes_on(
    installation: Installation,
) -> None:
    folder = installation.folder
    with installation.running() as run:
        found = eventually(run, folder, lambda found: len(found) >= 6)
        run.until(lambda: len(installation.documents("events")) >= 5)
        table = tapewatch("dead", "list", "--each", folder=folder)
        one = tapewatch("dead", "show", str(found[0]["number"]), folder=folder)
        none = tapewatch("dead", "show", "999", folder=folder)
        only = letters(folder, "--stage", "collectors")
        newest = letters(folder, "--most", "1")
        slip = tapewatch("dead", "list", "--stage", "normaliser", folder=folder)
        other = tapewatch("dead", "list", "--source", "venu", "--reason", "Expected", folder=folder)
        early = tapewatch("dead", "list", "--to", "2020-01-01", folder=folder)
        few = tapewatch("dead", "list", "--each", "--json", "--most", "2", folder=folder)
        turned = tapewatch("dead", "list", "--from", "1h ago", "--to", "2h ago", folder=folder)
        kinds = tapewatch("dead", "list", "--most", "1", folder=folder)
        every = tapewatch("dead", "list", "--each", folder=folder)

    assert letters(folder) == found, "also where nothing runs any more"
    assert slip.out == (
        "None of 6 dead letters is meant: none is of the stage normaliser; "
        "did you mean normalizer?\n"
    )
    assert "none is of the source venu; did you mean venue?" in other.out
    assert few.error == "the newest 2 of 6 letters: --most shows more\n"
    assert (turned.code, "--from 1h ago is not before --to 2h ago" in turned.error) == (2, True)
    assert "the newest 1 of 6 reasons: --most shows more" in kinds.error
    assert every.error == ""
    assert early.out == "None of 6 dead letters is meant.\n"
    by_position = {letter["position"]: letter for letter in found}
    assert set(by_position) == {"malformed", "negative", "unknown", "no-text", "16", "line:9"}
    assert by_position["negative"]["field"] == "remaining_size"
    assert by_position["16"]["field"] == "logs[1].data"
    assert by_position["line:9"]["stage"] == "collectors"
    for letter in found:
        assert letter["reason"]
        assert letter["stage"] in ("collectors", "normalizer")
        assert letter["source"] in ("chain", "venue", "recording")
        assert letter["reason"] in table.out.replace("\n", " ") or len(letter["reason"]) > 60
    assert table.code == one.code == 0
    for name in ("number", "stage", "source", "position", "field", "reason"):
        assert name in table.out.splitlines()[0]
    assert f"reason: {found[0]['reason']}" in one.out
    assert "payload: " in one.out
    assert none.code == 1
    assert "tapewatch dead list" in none.error
    assert [letter["position"] for letter in only] == ["line:9"]
    assert [letter["number"] for letter in newest] == [max(letter["number"] for letter in found)]
    actions = [document["event"]["action"] for document in installation.documents("events")]
    assert actions.count("token-transfer") == 2, "the good logs of the block with a bad one"
    assert "Traceback" not in run.log.read_text()


def test_what_is_still_bad_dies_again_with_a_new_letter_and_is_not_multiplied(
    installation: Installation,
) -> None:
    folder = installation.folder
    with installation.running() as run:
        first = eventually(run, folder, lambda found: len(found) >= 6)
        answer = tapewatch("dead", "replay", "--source", "venue", folder=folder)
        second = eventually(run, folder, lambda found: len(found) >= 10)
        again = tapewatch("dead", "replay", "--source", "venue", folder=folder)
        third = eventually(run, folder, lambda found: len(found) >= 14)

    assert (answer.code, answer.out) == (0, "4 sent through again\n")
    assert (again.code, again.out) == (0, "4 sent through again\n"), "not 8"
    states = [letter["state"] for letter in third if letter["source"] == "venue"]
    assert states == ["replayed"] * 8 + ["open"] * 4
    positions = [letter["position"] for letter in third]
    for position in ("malformed", "negative", "unknown", "no-text"):
        assert positions.count(position) == 3
    reasons = {letter["position"]: letter["reason"] for letter in first}
    for letter in second:
        assert letter["reason"] == reasons[letter["position"]]


def test_letters_are_counted_by_reason_chosen_and_let_go(installation: Installation) -> None:
    folder = installation.folder
    with installation.running() as run:
        eventually(run, folder, lambda found: len(found) >= 6)
        tapewatch("dead", "replay", "--reason", "Frobnicate", folder=folder)
        eventually(run, folder, lambda found: len(found) >= 7)
        table = tapewatch("dead", "list", folder=folder)
        groups = tapewatch("dead", "list", "--json", "--source", "venue", folder=folder)
        still_open = letters(folder, "--reason", "Frobnicate", "--open")
        recent = letters(folder, "--from", "1h ago")
        which = tapewatch("dead", "expire", folder=folder)
        neither = tapewatch("dead", "expire", "--reason", "Frobnicate", "999", folder=folder)
        expired = tapewatch("dead", "expire", "--reason", "Frobnicate", folder=folder)
        left = letters(folder)

    by_reason = {group["reason"]: group for group in map(json.loads, groups.out.splitlines())}
    (unknown,) = [group for reason, group in by_reason.items() if "frobnicate" in reason]
    assert (unknown["count"], unknown["open"]) == (2, 1), "one was sent again, and died again"
    assert unknown["positions"] == ["unknown", "unknown"]
    for name in ("count", "open", "first (UTC)", "last (UTC)", "newest", "stage", "reason"):
        assert name in table.out.splitlines()[0]
    assert len(still_open) == 1
    sources = {letter["source"] for letter in recent}
    assert sources == {"recording"}, "the others' frames were received in 2023"
    assert which.code == 2
    assert "which ones?" in which.error
    assert (neither.code, neither.out) == (1, "0 expired\n"), "number and reason must both fit"
    assert (expired.code, expired.out) == (0, "2 expired\n")
    assert len(left) == 5


def test_what_is_no_frame_and_what_is_not_there_cannot_be_sent_again(
    installation: Installation,
) -> None:
    folder = installation.folder
    with installation.running() as run:
        found = eventually(run, folder, lambda found: len(found) >= 6)
        (torn,) = [letter for letter in found if letter["position"] == "line:9"]
        answer = tapewatch("dead", "replay", str(torn["number"]), "999", folder=folder)

    assert answer.code == 1
    assert answer.out == "0 sent through again\n"
    assert f"dead letter {torn['number']} holds no raw frame" in answer.error
    assert "there is no dead letter 999" in answer.error


def test_documents_that_a_sink_refused_are_delivered_once_it_takes_them(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = HecToken()
    monkeypatch.setenv("TAPEWATCH_TEST_HEC", token.value)
    folder = installation.folder
    with HecReceiver(token, max_content_length=100) as receiver:
        sink = {"name": "hec", "type": "splunk_hec", "url": receiver.url,
                "token": "${env:TAPEWATCH_TEST_HEC}", "content": ["events"]}  # fmt: skip
        installation.configuration["sinks"] = [sink]
        installation.write()
        with installation.running() as run:
            found = eventually(
                run, folder, lambda found: sum(f["stage"] == "delivery" for f in found) >= 5
            )
            refused = [letter for letter in found if letter["stage"] == "delivery"]
            assert len(receiver.events) == 0
            assert {letter["source"].partition(":")[0] for letter in refused} == {"hec"}

            # Splunk's administrator reads the reasons and raises max_content_length.
            receiver.max_content_length = 1_000_000
            answer = tapewatch("dead", "replay", "--stage", "delivery", folder=folder)
            run.until(lambda: len(receiver.events) >= len(refused))
            time.sleep(1)

    assert (answer.code, answer.out) == (0, f"{len(refused)} sent through again\n")
    assert len(receiver.events) == len(refused)


def test_no_dead_letters_are_said_in_words_and_an_absent_bus_too(tmp_path: Path) -> None:
    write_configuration(tmp_path)

    def ask(*command: str) -> Answer:
        return tapewatch("dead", *command, folder=tmp_path)

    for command in (("list",), ("show", "1"), ("replay",), ("list", "--json")):
        answer = ask(*command)
        assert (answer.code, answer.out) == (1, ""), answer
        assert "there is no stream" in answer.error
        assert "tapewatch run" in answer.error

    source = {"name": "empty", "type": "replay", "path": "empty.jsonl"}
    with RecordingWriter(tmp_path / "empty.jsonl", [RecordedSource("venue", "coinbase", "v")]):
        pass
    installation = Installation(tmp_path, sources=[source])
    with installation.running() as run:
        run.until(lambda: len(run.stages()) == 4)
        assert ask("list").out == "No dead letters.\n"
        assert ask("list", "--json").out == ""
        assert ask("replay").out == "0 sent through again\n"
