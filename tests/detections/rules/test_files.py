"""Which files of a folder are rules: none that looks like one is left out without a word."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from detections.rule_testing import planning
from detections.rules import load_rules
from detections.rules.archived import read_rule_files
from detections.rules.files import rule_files
from detections.rules.loading import read_rules
from pipeline.failure import Failure
from pipeline.problems import Problem, ProblemsFound
from tests.detections.rules.documents import HEADER

RULE = (
    f"{HEADER}logsource: {{product: tapewatch}}\n"
    "detection:\n  s: {event.action: trade}\n  condition: s\n"
)
TESTS = "tests:\n  - name: x\n    events: [{event.action: trade}]\n    alerts: [{}]\n"


def written(path: Path, number: int = 0, text: str = RULE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("7d0f3a6e", f"{number:08}").replace("A rule", f"Rule {number}"))


def titles(folder: Path) -> list[str]:
    return [rule.title for rule in load_rules([folder]).rules]


def problems(folder: Path) -> list[Problem]:
    try:
        return list(load_rules([folder]).warnings)
    except ProblemsFound as found:
        return list(found.problems)


def test_a_folder_that_is_a_link_has_its_rules(tmp_path: Path) -> None:
    written(tmp_path / "mine" / "a.yml", 1)
    written(tmp_path / "shared" / "b.yml", 2)
    (tmp_path / "mine" / "shared").symlink_to("../shared")
    (tmp_path / "whole").symlink_to("mine")

    assert titles(tmp_path / "mine") == ["Rule 1", "Rule 2"]
    assert titles(tmp_path / "whole") == ["Rule 1", "Rule 2"]
    names = [file.name for file in read_rule_files([tmp_path / "mine"]).rules]
    assert names == ["mine/a.yml", "mine/shared/b.yml"]


def test_the_tests_in_a_folder_that_is_a_link_are_run(tmp_path: Path) -> None:
    written(tmp_path / "shared" / "b.yml")
    (tmp_path / "shared" / "b.test.yml").write_text(TESTS)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "shared").symlink_to("../shared")

    (file,) = planning.plan([tmp_path / "mine"]).files
    assert [test.name for test in file.tests] == ["x"]


def test_a_link_to_what_lies_above_is_followed_once(tmp_path: Path) -> None:
    written(tmp_path / "a.yml", 1)
    written(tmp_path / "below" / "b.yml", 2)
    (tmp_path / "below" / "up").symlink_to("..")
    (tmp_path / "itself").symlink_to(".")

    assert titles(tmp_path) == ["Rule 1", "Rule 2"]


def test_a_folder_that_two_links_name_is_read_once(tmp_path: Path) -> None:
    written(tmp_path / "rules" / "a.yml")
    (tmp_path / "again").symlink_to("rules")

    assert [file.relative_to(tmp_path).as_posix() for file in rule_files(tmp_path)] == [
        "rules/a.yml"
    ]


@pytest.mark.parametrize("to", ["nowhere.yml", "a.yml"])
def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path, to: str) -> None:
    written(tmp_path / "good.yml")
    (tmp_path / "a.yml").symlink_to(to)

    (problem,) = problems(tmp_path)
    assert problem.location.file == str(tmp_path / "a.yml")
    assert problem.severity == "error"


@contextmanager
def nobody() -> Generator[None]:
    """As a user whom permissions stop, which they don't stop root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can read; pytest's own only its owner can."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_folder_that_can_t_be_listed_is_an_error(open_folder: Path) -> None:
    written(open_folder / "good.yml")
    written(open_folder / "closed" / "other.yml", 2)
    (open_folder / "closed").chmod(0)

    with nobody():
        parsed, found = read_rules([open_folder])
    (open_folder / "closed").chmod(0o700)

    found += [problem for one in parsed for problem in one.source.problems]
    assert [(one.location.file, one.message) for one in found] == [
        (str(open_folder / "closed"), "the file can't be read: Permission denied")
    ]


@pytest.mark.parametrize("name", ["b.yml.txt", "b.YAML.TXT", "b.test.yml.txt", "my.lists.yml.txt"])
def test_an_ending_that_an_editor_put_behind_is_a_warning(tmp_path: Path, name: str) -> None:
    written(tmp_path / "a.yml")
    written(tmp_path / "below" / name, 2)

    (problem,) = problems(tmp_path)
    assert problem.location.file == str(tmp_path / "below" / name)
    assert (problem.severity, problem.message) == (
        "warning",
        f"this file isn't read, since its name ends in {name[-4:]}",
    )
    assert problem.hint == name[:-4]


@pytest.mark.parametrize("name", ["notes.txt", "b.yml.bak", ".hidden.yml.txt", ".git/b.yml"])
def test_files_of_other_kinds_are_left_alone(tmp_path: Path, name: str) -> None:
    written(tmp_path / "a.yml")
    written(tmp_path / name, 2)

    assert problems(tmp_path) == []
    assert titles(tmp_path) == ["Rule 0"]


def test_tests_whose_ending_is_in_capitals_are_run(tmp_path: Path) -> None:
    written(tmp_path / "A.YML")
    (tmp_path / "A.Test.YML").write_text(TESTS)

    (file,) = planning.plan([tmp_path]).files
    assert [test.name for test in file.tests] == ["x"]


def test_more_files_than_anybody_writes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detections.rules.files.MOST_FILES", 2)
    for number in range(3):
        written(tmp_path / f"{number}.yml", number)

    with pytest.raises(Failure) as raised:
        load_rules([tmp_path])
    assert str(raised.value) == f"{tmp_path} has more than 2 files of rules"
