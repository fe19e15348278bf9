"""The tape that the scenarios replay."""

import itertools
import json
from pathlib import Path

from collectors.recording import decode_line, open_lines
from tests.chaos.tape import PERIOD_SECONDS, SESSION, read_session, write_tape


def frames(path: Path) -> list[tuple[int, str, int, dict[str, object]]]:
    with open_lines(path) as file:
        file.readline()
        read = [decode_line(line, 2) for line in file]
    return [(place, f.position, f.received, json.loads(f.payload)) for place, f in read]


def test_the_same_number_of_passes_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_tape(tmp_path / name, 3)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_one_pass_is_the_recorded_session(tmp_path: Path) -> None:
    write_tape(tmp_path / "tape", 1)
    assert frames(tmp_path / "tape") == frames(SESSION)


def test_no_position_comes_twice_and_time_goes_on(tmp_path: Path) -> None:
    session = read_session()
    assert write_tape(tmp_path / "tape", 3) == 3 * len(session.frames)
    read = frames(tmp_path / "tape")
    assert len({(place, position) for place, position, _, _ in read}) == len(read)
    size = len(session.frames)
    for earlier, later in zip(read[:-size], read[size:], strict=True):
        assert later[2] - earlier[2] == PERIOD_SECONDS * 10**9


def test_blocks_are_one_chain_and_sequences_have_no_gap(tmp_path: Path) -> None:
    write_tape(tmp_path / "tape", 3)
    payloads = [payload for *_, payload in frames(tmp_path / "tape")]
    blocks = [payload["block"] for payload in payloads if "block" in payload]
    for parent, block in itertools.pairwise(blocks):
        assert block["parentHash"] == parent["hash"]  # type: ignore[index]
        assert int(block["number"], 16) == int(parent["number"], 16) + 1  # type: ignore[index]
    sequences = [p["sequence"] for p in payloads if "user_id" in p or "maker_user_id" in p]
    assert sequences == sorted(set(sequences))  # type: ignore[type-var]
