"""Commands about rules that name none are about the rules that the configuration names."""

from pathlib import Path

import msgspec
import pytest

from tests.cli.command_line import tapewatch, write_configuration
from tests.cli.test_rules_check import BAD
from tests.cli.test_rules_test import GOOD as TESTS
from tests.cli.test_rules_test import RULE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with good rules and their tests, and bad ones where rules lie without a word."""
    good = tmp_path / "mine"
    good.mkdir()
    (good / "large.yml").write_text(RULE)
    (good / "large.test.yml").write_text(TESTS)
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "broken.yml").write_text(BAD)
    return tmp_path


@pytest.mark.parametrize("command", ["check", "test"])
def test_the_configured_rules_are_taken_and_that_is_said(folder: Path, command: str) -> None:
    write_configuration(folder, detections={"rules": ["mine"]})
    answer = tapewatch("rules", command, folder=folder)
    assert answer.code == 0, answer
    assert answer.error == "rules: mine (detections.rules of pipeline.yaml)\n"


def test_so_they_are_where_one_is_explained_converted_promoted_or_calibrated(folder: Path) -> None:
    write_configuration(folder, detections={"rules": ["mine"]})
    (folder / "event.json").write_text('{"@timestamp":"2026-11-28T12:00:00Z"}')
    said = "rules: mine (detections.rules of pipeline.yaml)\n"
    explained = tapewatch("rules", "explain", "event.json", folder=folder)
    assert (explained.code, explained.error) == (0, said)
    converted = tapewatch("rules", "convert", "--to", "splunk", folder=folder)
    assert converted.code == 0, converted
    assert converted.error.startswith(said)
    promoted = tapewatch("rules", "promote", "large", folder=folder)
    assert promoted.code == 2
    assert promoted.error.startswith(said)
    assert "mine/large.yml" in promoted.error
    (folder / "out" / "alerts").mkdir(parents=True)
    calibrated = tapewatch("rules", "calibrate", "large", folder=folder)
    assert calibrated.code == 1
    assert "in mine/large.yml" in calibrated.error


@pytest.mark.parametrize("command", ["check", "test"])
def test_so_are_those_of_a_configuration_that_lies_elsewhere(folder: Path, command: str) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    path = write_configuration(elsewhere, detections={"rules": ["../mine"]})
    by_option = tapewatch("rules", command, "--config", path, folder=folder)
    by_variable = tapewatch("rules", command, folder=folder, TAPEWATCH_CONFIG=str(path))
    for answer in (by_option, by_variable):
        assert answer.code == 0, answer
        assert answer.error == f"rules: mine (detections.rules of {path})\n"


@pytest.mark.parametrize("command", ["check", "test"])
def test_what_the_command_line_names_comes_first(folder: Path, command: str) -> None:
    write_configuration(folder, detections={"rules": ["sigma_rules"]})
    for named in (("mine",), ("--rules", "mine")):
        answer = tapewatch("rules", command, *named, folder=folder)
        assert (answer.code, answer.error) == (0, "")


@pytest.mark.parametrize("command", ["check", "test"])
def test_without_a_configuration_it_is_the_folder(folder: Path, command: str) -> None:
    answer = tapewatch("rules", command, folder=folder)
    assert answer.code == 2
    assert answer.error.startswith("rules: sigma_rules (there is no pipeline.yaml here)\n")
    assert "sigma_rules/broken.yml:4:8" in answer.error


def test_so_it_is_where_the_one_that_lies_there_says_nothing_of_rules(folder: Path) -> None:
    (folder / "pipeline.yaml").write_text("stages: [build, test]\n")
    answer = tapewatch("rules", "check", folder=folder)
    assert answer.code == 2
    assert answer.error.startswith("rules: sigma_rules (pipeline.yaml names none)\n")


@pytest.mark.parametrize("command", ["check", "test"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("detections: {rules: [mine]\n", "pipeline.yaml:1:13: error: this bracket isn't closed"),
        ("detections: {rules: [nime]}\n", "pipeline.yaml:1:22: error: there is no "),
    ],
)
def test_no_other_rules_are_taken_for_those_of_one_that_is_not_good(
    folder: Path, command: str, text: str, said: str
) -> None:
    (folder / "sigma_rules" / "broken.yml").unlink()
    (folder / "mine").rename(folder / "sigma_rules" / "good")
    (folder / "pipeline.yaml").write_text(text)
    answer = tapewatch("rules", command, folder=folder)
    assert (answer.code, answer.out) == (2, "")
    assert answer.error.startswith(said)


def test_what_else_is_wrong_with_a_configuration_is_no_matter_of_its_rules(folder: Path) -> None:
    path = write_configuration(folder, detections={"rules": ["mine"]}, sinks=[{"type": "no such"}])
    for options in ((), ("--config", path)):
        answer = tapewatch("rules", "check", *options, "--json", folder=folder)
        assert (answer.code, answer.out) == (0, "[]\n")
        assert answer.error.startswith("rules: mine (detections.rules of ")


def test_one_that_is_named_must_be_good(folder: Path) -> None:
    answer = tapewatch("rules", "check", "-c", "nowhere.yaml", folder=folder)
    assert answer.code == 2
    assert "nowhere.yaml: error: there is no such file" in answer.error
    assert "sigma_rules" not in answer.error


def test_configured_pipelines_go_with_the_configured_rules(folder: Path) -> None:
    (folder / "acme.yml").write_text(
        "transformations:\n  - {type: field_name_mapping, mapping: {User: token.sybmol}}\n"
        "  - {type: change_logsource, product: tapewatch}\n"
    )
    (folder / "theirs").mkdir()
    (folder / "theirs" / "foreign.yml").write_text(
        "title: A\nlogsource: {product: other}\ndetection: {s: {User: x}, condition: s}\n"
    )
    write_configuration(folder, detections={"rules": ["theirs"], "pipelines": ["acme.yml"]})
    configured = tapewatch("rules", "check", folder=folder)
    assert configured.code == 2
    assert "did you mean token.symbol?" in configured.error
    assert tapewatch("rules", "check", "theirs", folder=folder).code == 0


# -- a backtest ------------------------------------------------------------------------------------


def test_a_backtest_tries_the_configured_rules_with_their_pipelines(folder: Path) -> None:
    (folder / "acme.yml").write_text(
        "transformations:\n  - {type: field_name_mapping, mapping: {Who: user.name}}\n"
    )
    (folder / "theirs").mkdir()
    (folder / "theirs" / "foreign.yml").write_text(
        "title: A\nlogsource: {product: other}\ndetection: {s: {Who: x}, condition: s}\n"
    )
    event = '{"@timestamp": "2026-01-31T00:00:00Z", "user": {"name": "x"}}\n'
    (folder / "events.ndjson").write_text(event)
    path = write_configuration(
        folder, detections={"rules": ["theirs"], "pipelines": ["acme.yml"]}
    ).relative_to(folder)
    asked = ("backtest", "--events", "events.ndjson", "--json", "-")
    for options in ((), ("--config", path), ("--pipeline", "acme.yml")):
        answer = tapewatch(*asked, *options, folder=folder)
        assert (answer.code, answer.error) == (0, f"rules: theirs (detections.rules of {path})\n")
        assert [one["alerts"] for one in msgspec.json.decode(answer.out)["rules"]] == [1]
    named = tapewatch(*asked, "--rules", "mine", folder=folder)
    assert named.error == ""
