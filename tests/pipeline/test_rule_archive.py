"""The archive of rule sets: the same files are the same set, on every machine and for ever."""

from pathlib import Path

import pytest

from detections.rules import load_rules
from detections.rules.archived import read_rule_files, rules_in
from pipeline.bus import Bus
from pipeline.bus.rule_archive import RuleArchive, RuleFiles, RuleSetLost
from pipeline.failure import Failure
from tests.cli.command_line import RULES


@pytest.fixture
def bus(shared_bus: Bus) -> Bus:
    return shared_bus


@pytest.fixture
async def archive(bus: Bus) -> RuleArchive:
    return await RuleArchive.open(bus.jetstream, bus.names.bucket("RULES"))


def rule(folder: Path, name: str = "large.yml", level: str = "high") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"title: Large\nid: 7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa\nlevel: {level}\n"
        "logsource: {product: tapewatch}\n"
        "detection: {selection: {event.action: token-transfer}, condition: selection}\n"
    )
    return file


def test_a_set_is_named_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    for place in ("here", "there"):
        rule(tmp_path / place / "rules" / "deep")
        rule(tmp_path / place / "rules", "other.yml", "low")

    here, there = (read_rule_files([tmp_path / place / "rules"]) for place in ("here", "there"))

    assert [file.name for file in here.rules] == ["rules/deep/large.yml", "rules/other.yml"]
    assert here.packed() == there.packed()
    assert here.digest == there.digest


def test_the_order_in_which_files_are_named_is_no_matter(tmp_path: Path) -> None:
    one, other = rule(tmp_path, "one.yml"), rule(tmp_path, "other.yml")

    assert read_rule_files([one, other]).digest == read_rule_files([other, one]).digest


def test_any_change_of_a_rule_an_exception_or_a_pipeline_is_another_set(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    digests: list[str] = []
    rule(folder)
    digests.append(read_rule_files([folder]).digest)
    rule(folder, level="low")
    digests.append(read_rule_files([folder]).digest)
    (folder / "ours.exceptions.yml").write_text("exceptions: []\n")
    digests.append(read_rule_files([folder]).digest)
    pipeline = tmp_path / "names.yml"
    pipeline.write_text("name: names\ntransformations: []\n")
    digests.append(read_rule_files([folder], [pipeline]).digest)

    assert len(set(digests)) == len(digests)


def test_tests_beside_the_rules_are_no_part_of_it(tmp_path: Path) -> None:
    rule(tmp_path)
    before = read_rule_files([tmp_path]).digest
    (tmp_path / "large.test.yml").write_text("tests: []\n")

    assert read_rule_files([tmp_path]).digest == before


def test_folders_of_one_name_do_not_hide_each_other(tmp_path: Path) -> None:
    rule(tmp_path / "a" / "rules")
    rule(tmp_path / "b" / "rules", level="low")

    files = read_rule_files([tmp_path / "a" / "rules", tmp_path / "b" / "rules"])

    assert [file.name for file in files.rules] == ["2/rules/large.yml", "rules/large.yml"]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"can't read .*gone.yml: No such file"):
        read_rule_files([tmp_path / "gone.yml"])


def test_our_own_rules_are_the_same_rules_out_of_the_archive() -> None:
    loaded, kept = load_rules([RULES]), rules_in(read_rule_files([RULES]))

    assert [(one.id, one.hash) for one in kept.rules] == [
        (one.id, one.hash) for one in loaded.rules
    ]
    assert [one.id for one in kept.exceptions] == [one.id for one in loaded.exceptions]


async def test_what_was_put_comes_back(archive: RuleArchive, tmp_path: Path) -> None:
    rule(tmp_path)
    files = read_rule_files([tmp_path])

    digest = await archive.put(files)
    assert await archive.put(files) == digest, "twice is once"

    assert await archive.get(digest) == files


async def test_a_large_set_comes_back_whole(archive: RuleArchive) -> None:
    files = read_rule_files([RULES])

    assert await archive.get(await archive.put(files)) == files


async def test_a_set_that_is_not_there_is_told(archive: RuleArchive) -> None:
    with pytest.raises(RuleSetLost, match=r"rule set 0123456789ab can't be read .* isn't there"):
        await archive.get("0123456789abcdef")


async def test_a_set_of_another_content_is_not_believed(
    bus: Bus, archive: RuleArchive, tmp_path: Path
) -> None:
    rule(tmp_path)
    files = read_rule_files([tmp_path])
    digest = await archive.put(files)
    other = RuleFiles(files.version, ())
    await archive.put(other)
    store = await bus.jetstream.object_store(bus.names.bucket("RULES"))
    data = (await store.get(other.digest)).data
    assert data is not None
    await store.put(digest, data)

    with pytest.raises(RuleSetLost, match="its content is another one"):
        await archive.get(digest)
