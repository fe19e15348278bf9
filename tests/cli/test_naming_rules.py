"""Every command that takes rules takes them by `--rules`, and by paths alone."""

from pathlib import Path

import pytest

from docs.generator.cli import every_command
from tests.cli.command_line import RULES, tapewatch

_RULE = RULES / "administration" / "agent_added.yml"
_OTHER = RULES / "administration" / "agent_removed.yml"
#: Their paths are of something else.
_OTHERWISE = {"tapewatch timeline export", "tapewatch rules new"}


def test_every_command_has_both_forms() -> None:
    without: set[str] = set()
    for name, one in every_command().items():
        options = {option for parameter in one.params for option in parameter.opts}
        if "--rules" in options and "paths" not in options:
            without.add(name)
    assert without == _OTHERWISE
    of_rules = [name for name in every_command() if name.startswith("tapewatch rules ")]
    for name in of_rules:
        assert "--rules" in {o for p in every_command()[name].params for o in p.opts}, name


@pytest.mark.parametrize("command", ["check", "test"])
def test_both_forms_say_the_same_and_add_up(command: str, tmp_path: Path) -> None:
    def said(*arguments: str | Path) -> str:
        answer = tapewatch("rules", command, *arguments, folder=tmp_path)
        assert answer.code == 0, answer
        return answer.out

    assert said(_RULE, _OTHER) == said("--rules", _RULE, "--rules", _OTHER)
    assert said("--rules", _RULE, _OTHER) == said(_RULE, _OTHER)


def test_an_event_is_explained_by_rules_in_either_form(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(
        '{"@timestamp": "2026-01-01T10:00:00Z", "event.action": "agent-added"}'
    )
    by_path = tapewatch("rules", "explain", "event.json", _RULE, folder=tmp_path)
    by_option = tapewatch("rules", "explain", "event.json", "--rules", _RULE, folder=tmp_path)

    assert by_path.code == 0, by_path
    assert by_path.out == by_option.out


def test_detect_asks_for_rules(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text("")
    answer = tapewatch("detect", "--events", "events.ndjson", folder=tmp_path)

    assert (answer.code, answer.error) == (2, "error: say which rules, by --rules\n")
