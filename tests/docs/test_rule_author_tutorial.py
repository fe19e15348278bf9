"""What the rule authors' page says that tests and explanations print is what they print."""

import re
from pathlib import Path

import pytest

from tests.cli.command_line import tapewatch
from tests.docs.marked import DOCS, files

PAGE = DOCS / "tutorial-rule-authors.md"
RULE = "my_rules/administration/agent_added.yml"
TESTS = "my_rules/administration/agent_added.test.yml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shown = files(PAGE)
    (tmp_path / RULE).parent.mkdir(parents=True)
    for name in (RULE, TESTS):
        (tmp_path / name).write_text(shown[name])
    return tmp_path


def stands_on_the_page(text: str) -> bool:
    return f"```text\n{text.strip()}\n```" in PAGE.read_text(encoding="utf-8")


def test_tests_that_pass(folder: Path) -> None:
    answer = tapewatch("rules", "test", "my_rules", folder=folder)
    assert answer.code == 0, answer
    assert stands_on_the_page(answer.out), answer


def test_tests_that_fail(folder: Path) -> None:
    rule = (folder / RULE).read_text()
    changed = rule.replace("level: high", "level: medium").replace("[agent, issuer]", "[issuer]")
    (folder / RULE).write_text(changed)
    answer = tapewatch("rules", "test", "my_rules", folder=folder)
    assert answer.code == 1
    assert stands_on_the_page(answer.out.partition("tests beside rules")[0]), answer


def test_an_event_that_is_explained(folder: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(r"Write `events\.ndjson`:\n\n```json\n(.*?)```", text, re.S)
    assert found is not None
    (folder / "events.ndjson").write_text(found[1])
    answer = tapewatch("rules", "explain", "events.ndjson:2", "--rules", "my_rules", folder=folder)
    assert answer.code == 0, answer
    assert stands_on_the_page(answer.out), answer
