"""The rules that alerted, in an export: as they were, wherever they are still to be had."""

import asyncio
import json
from pathlib import Path

import msgspec

from detections.lanes.archived_texts import archived_texts
from detections.rules import load_rules
from detections.rules.archived import read_rule_files
from pipeline.bus import Bus
from pipeline.bus.rule_archive import RuleArchive
from tests.cli.command_line import Answer, tapewatch, write_configuration
from tests.evidence.investigation.recorded_case import AGAIN, ALERT, CASE, LATER, OTHERS, write

_BUS = {"type": "embedded", "path": "nats"}


def rule(folder: Path, threshold: int = 100) -> str:
    """A folder with one rule; the hash of what it says."""
    folder.mkdir(exist_ok=True)
    (folder / "large.yml").write_text(
        "title: Large\nid: 7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa\nlevel: high\n"
        "logsource: {product: tapewatch}\nstatus: test\nauthor: Tapewatch\ndate: 2026-01-31\n"
        "description: Of a test.\ntypology: large_transfers\nfalsepositives: []\nreferences: []\n"
        f"detection: {{selection: {{token.amount|gte: {threshold}}}, condition: selection}}\n"
    )
    (one,) = load_rules([folder]).rules
    return one.hash


def alerts_of(folder: Path, digest: str) -> None:
    """The made-up case, its alerts by the rule of this hash."""
    alerts = [
        msgspec.structs.replace(one, rule_hash=digest) for one in (ALERT, AGAIN, LATER, OTHERS)
    ]
    left = [one for one in CASE if one not in (ALERT, AGAIN, LATER, OTHERS)]
    write(folder / "out", [*left, *alerts])


def exported(folder: Path, *more: str) -> Answer:
    asked = ("timeline", "export", "abc123", "--out", "out", "--to", "made", *more)
    return tapewatch(*asked, folder=folder)


def texts(folder: Path) -> list[str]:
    return [one.read_text() for one in sorted((folder / "made" / "rules").glob("*"))]


def unknown(folder: Path) -> list[str]:
    return json.loads((folder / "made" / "manifest.json").read_text())["unknown_rules"]


def test_out_of_the_configured_rules_where_none_are_named(tmp_path: Path) -> None:
    alerts_of(tmp_path, rule(tmp_path / "of_the_venue"))
    write_configuration(tmp_path, detections={"rules": ["of_the_venue"]}, bus=_BUS)
    said = exported(tmp_path)
    assert texts(tmp_path) == [(tmp_path / "of_the_venue" / "large.yml").read_text()], said
    assert (unknown(tmp_path), said.error) == ([], "")


async def test_out_of_what_was_in_force_where_no_file_says_the_same_any_more(
    bus: Bus, tmp_path: Path
) -> None:
    archive = await RuleArchive.open(bus.jetstream, bus.names.bucket("RULES"))
    alerts_of(tmp_path, rule(tmp_path / "rules"))
    as_it_was = (tmp_path / "rules" / "large.yml").read_text()
    await archive.put(read_rule_files([tmp_path / "rules"]))
    rule(tmp_path / "rules", 250)
    await archive.put(read_rule_files([tmp_path / "rules"]))
    write_configuration(tmp_path, detections={"rules": ["rules"]}, bus=_BUS)
    said = await asyncio.to_thread(exported, tmp_path)
    assert texts(tmp_path) == [as_it_was], said
    assert unknown(tmp_path) == []
    assert "250" not in as_it_was


async def test_rules_that_were_named_come_before_what_was_in_force(
    bus: Bus, tmp_path: Path
) -> None:
    archive = await RuleArchive.open(bus.jetstream, bus.names.bucket("RULES"))
    alerts_of(tmp_path, rule(tmp_path / "rules"))
    await archive.put(read_rule_files([tmp_path / "rules"]))
    with (tmp_path / "rules" / "large.yml").open("a") as file:
        file.write("# a comment changes no hash\n")
    write_configuration(tmp_path, bus=_BUS)
    await asyncio.to_thread(exported, tmp_path, "--rules", "rules")
    (text,) = texts(tmp_path)
    assert text.endswith("# a comment changes no hash\n")


def test_where_the_bus_cannot_be_read_that_is_said(tmp_path: Path) -> None:
    alerts_of(tmp_path, "ab" * 32)
    write_configuration(tmp_path, bus=_BUS)
    said = exported(tmp_path)
    assert said.code == 0
    assert "rules that were in force could not be looked at: there is no stream at" in said.error
    assert "1 rule could not be had in the version that alerted" in said.out
    assert unknown(tmp_path) == ["ab" * 32]


# -- the archive -----------------------------------------------------------------------------------


async def test_sets_that_cannot_be_read_are_passed_over_and_no_more_are_read_than_needed(
    shared_bus: Bus, tmp_path: Path
) -> None:
    archive = await RuleArchive.open(shared_bus.jetstream, shared_bus.names.bucket("RULES"))
    assert await archived_texts(archive, ["ab" * 32]) == {}
    for threshold in (1, 2, 3):
        wanted = rule(tmp_path / "rules", threshold)
        await archive.put(read_rule_files([tmp_path / "rules"]))
    (tmp_path / "rules" / "large.yml").write_text("title: of another version\nnew: thing\n")
    await archive.put(read_rule_files([tmp_path / "rules"]))
    looked_at: list[tuple[int, int]] = []
    found = await archived_texts(
        archive, [wanted], look_at=lambda set_, sets: looked_at.append((set_, sets))
    )
    assert [(one, b"gte: 3}" in file.data) for one, file in found.items()] == [(wanted, True)]
    assert looked_at == [(0, 4), (1, 4)]


async def test_looking_makes_no_archive_where_there_is_none(shared_bus: Bus) -> None:
    bucket = shared_bus.names.bucket("RULES")
    assert await RuleArchive.existing(shared_bus.jetstream, bucket) is None
    made = await RuleArchive.open(shared_bus.jetstream, bucket)
    assert await RuleArchive.existing(shared_bus.jetstream, bucket) is not None
    assert await made.digests() == []
