"""`tapewatch rules new`."""

import json
from pathlib import Path

import yaml

from tests.cli.command_line import RULES, tapewatch


def test_a_new_sigma_rule_is_good_and_tested_without_a_word_changed(tmp_path: Path) -> None:
    new = "my rules/administration/agent_added.yml"
    answer = tapewatch("rules", "new", new, "--action", "agent-added", folder=tmp_path)

    assert answer.code == 0, answer
    assert "tapewatch rules check --rules 'my rules/administration/agent_added.yml'" in answer.out
    check = tapewatch("rules", "check", "my rules", "--strict", folder=tmp_path)
    assert (check.code, check.out) == (0, "1 rule is good: 1 Sigma rule\n"), check
    tested = tapewatch("rules", "test", "my rules", "--strict", folder=tmp_path)
    assert tested.code == 0, tested
    assert "2 passed" in tested.out
    rule = yaml.safe_load((tmp_path / new).read_text())
    assert (rule["title"], rule["typology"]) == ("Agent added", "administration")


def test_a_new_correlator_rule_has_all_parameters_and_the_tests_of_ours(tmp_path: Path) -> None:
    answer = tapewatch(
        *("rules", "new", "layers", "--correlator", "layering", "--rules", RULES),
        *("--author", "Jane: O'Neil", "--json"),
        folder=tmp_path,
    )

    assert answer.code == 0, answer
    told = json.loads(answer.out)
    assert told["rule"] == "layers.yml"
    assert told["example"] == str(RULES / "layering" / "layering.yml")
    text = (tmp_path / "layers.yml").read_text()
    assert "  pull_window: 5s\n" in text
    words = " ".join(text.replace("#", "").split())
    assert "A duration of more than 0s and at most 1h, such as 5s; default: 30s " in words
    assert "  # minimum_notional: 0\n" in text
    assert yaml.safe_load(text)["author"] == "Jane: O'Neil"
    assert yaml.safe_load(text)["id"] == told["id"]
    tested = tapewatch("rules", "test", "layers.yml", "--strict", folder=tmp_path)
    assert tested.code == 0, tested


def test_every_new_rule_has_an_id_of_its_own(tmp_path: Path) -> None:
    ids = {
        json.loads(
            tapewatch(
                *("rules", "new", name, "--typology", "sanctions", "--json"), folder=tmp_path
            ).out
        )["id"]
        for name in ("one", "two")
    }

    assert len(ids) == 2


def test_without_our_rules_a_new_one_is_good_and_its_missing_test_is_told(tmp_path: Path) -> None:
    answer = tapewatch("rules", "new", "a", "--correlator", "novelty", folder=tmp_path)

    assert answer.code == 0, answer
    assert "without a test in which it alerts" in answer.out
    assert tapewatch("rules", "test", "a.yml", folder=tmp_path).code == 0


def test_nothing_is_overwritten_and_nothing_left_half_done(tmp_path: Path) -> None:
    (tmp_path / "a.test.yml").write_text("mine")

    answer = tapewatch("rules", "new", "a", "--typology", "sanctions", folder=tmp_path)

    assert answer.code == 2
    assert answer.error == "error: a.test.yml is there already, and is left as it is\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.test.yml"]
    assert (tmp_path / "a.test.yml").read_text() == "mine"


def test_what_would_be_no_good_rule_is_not_written(tmp_path: Path) -> None:
    answer = tapewatch("rules", "new", "spoofing/a.yml", "--title", "x" * 300, folder=tmp_path)
    assert answer.code == 2
    assert "a.yml:1:8: error: Sigma rule title length must not exceed 256" in answer.error
    assert list(tmp_path.iterdir()) == []


def test_what_was_probably_meant_is_told(tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        answer = tapewatch("rules", "new", *arguments, folder=tmp_path)
        assert (answer.code, answer.out) == (2, ""), answer
        return answer.error

    assert "did you mean layering?" in said("a", "--correlator", "layerin")
    mistyped = said("a", "--correlator", "layerin", "--typology", "spoofing")
    assert "did you mean layering?" in mistyped
    assert "did you mean agent-added?" in said("sanctions/a", "--action", "agent-aded")
    assert "did you mean sanctions?" in said("a", "--typology", "sanction")
    assert "did you mean spoofing?" in said("spoffing/a")
    assert "expected medium or lower" in said("a", "--correlator", "novelty", "--level", "high")
    assert "isn't the name of a rule's file" in said("sanctions/a.test.yml")
    assert "two kinds of rule" in said("a", "--correlator", "layering", "--action", "trade")
    assert list(tmp_path.iterdir()) == []


def test_an_example_that_is_wrong_is_passed_over(tmp_path: Path) -> None:
    for number, parameters in enumerate(("{pull_window: 5 weeks}", "[1]", "{colour: red}")):
        (tmp_path / f"odd{number}.yml").write_text(
            f"correlator: layering\nlevel: [x]\nparameters: {parameters}\n"
        )
        (tmp_path / f"odd{number}.test.yml").write_text("tests: [1, {alerts: [2]}, {alerts: 3}]")

    answer = tapewatch(
        "rules", "new", "a", "--correlator", "layering", "--rules", ".", folder=tmp_path
    )

    assert answer.code == 0, answer
    assert "without a test in which it alerts" in answer.out
