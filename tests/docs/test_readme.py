"""What the README says of rules is so, and its commands for rule authors work."""

import re
from pathlib import Path

import pytest
import yaml

from detections.rules import load_rules
from tests.cli.command_line import ROOT, tapewatch
from tests.docs.marked import DOCS, files
from tests.docs.walking import prepare

PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
_COMMAND = re.compile(r"^\.venv/bin/tapewatch ([^#\n]+)", re.M)
#: How far a number in words may lie behind the rules.
_NEAR = 50


def _section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_there_are_as_many_rules_as_it_says() -> None:
    said = re.search(r"More than (\d+) rules come with it, more than (\d+) of them", PAGE)
    assert said is not None
    rules = load_rules([ROOT / "sigma_rules"])
    correlations = [one for one in rules.correlations if not one.silent]
    for claimed, there in ((said[1], rules.alerting), (said[2], correlations)):
        assert int(claimed) < len(there) < int(claimed) + _NEAR


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tutorial's first rule and its test, a rule on trial, and events."""
    prepare(tmp_path)
    shown = files(DOCS / "tutorial-rule-authors.md")
    for name, text in shown.items():
        if name.startswith("my_rules/administration/"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    rule = yaml.safe_load(shown["my_rules/administration/agent_added.yml"])
    rule |= {"id": "0d6cbe0e-6a53-4b61-9d0a-9b6f0c8f5f12", "staged": True}
    (tmp_path / "my_rules" / "my_rule.yml").write_text(yaml.safe_dump(rule, sort_keys=False))
    good = shown["events.ndjson"].splitlines(keepends=True)[:2]
    (tmp_path / "events.ndjson").write_text("".join(good))
    for content in ("alerts", "events"):
        (tmp_path / "var" / "out" / content).mkdir(parents=True)
    return tmp_path


def test_the_commands_for_rule_authors_work_in_their_order(folder: Path) -> None:
    found = [one.split() for one in _COMMAND.findall(_section("Your own rules"))]
    names = ("check", "test", "explain", "stats", "promote", "calibrate", "convert")
    assert [one[:2] for one in found if one[0] == "rules"] == [["rules", name] for name in names]
    for one in found:
        if one == ["run"]:  # the tutorial's own test runs it
            continue
        answer = tapewatch(*one, folder=folder)
        if one[:2] == ["rules", "calibrate"]:  # nobody has closed a case yet
            assert (answer.code, "0 of 10 verdicts that are wanted" in answer.error) == (1, True)
        else:
            assert answer.code == 0, (one, answer)
    assert "staged" not in (folder / "my_rules" / "my_rule.yml").read_text(encoding="utf-8")
