"""`tapewatch rules check`."""

import json
from pathlib import Path

from tests.cli.command_line import RULES, tapewatch

BAD = """\
title: Broken
id: 5a7e2f0e-3f4e-4f0e-8f53-3f4be2c9b0ab
status: test
level: hihg
description: A rule with mistakes.
author: Tester
date: 2026-01-31
logsource: {product: tapewatch}
detection:
  transfer:
    event.acton: token-transfer
  condition: transfer and nothing
falsepositives: []
references: []
typology: sanctions
"""


def test_the_rules_of_the_product_are_good(tmp_path: Path) -> None:
    answer = tapewatch("rules", "check", RULES, folder=tmp_path)

    assert answer.code == 0, answer
    assert "rules are good" in answer.out
    assert answer.error == ""


def test_good_rules_give_an_empty_list_for_machines(tmp_path: Path) -> None:
    answer = tapewatch("rules", "check", RULES, "--json", folder=tmp_path)

    assert (answer.code, json.loads(answer.out)) == (0, [])


def test_all_mistakes_are_told_with_place_and_what_was_probably_meant(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text(BAD)

    answer = tapewatch("rules", "check", "broken.yml", folder=tmp_path)

    assert answer.code == 2
    assert answer.out == ""
    assert "broken.yml:4:8: error:" in answer.error
    assert "did you mean high?" in answer.error
    assert "broken.yml:11:5: error:" in answer.error
    assert "did you mean event.action?" in answer.error
    assert "broken.yml:12:" in answer.error
    assert answer.error.rstrip().endswith("errors")


def test_mistakes_are_json_for_editors_and_ci(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text(BAD)

    answer = tapewatch("rules", "check", "broken.yml", "--json", folder=tmp_path)

    assert answer.code == 2
    rows = json.loads(answer.out)
    assert [row["location"]["line"] for row in rows] == sorted(
        row["location"]["line"] for row in rows
    )
    assert {row["location"]["file"] for row in rows} == {"broken.yml"}
    assert all(row["code"] and row["message"] for row in rows)


def test_without_a_path_the_folder_sigma_rules_is_checked(tmp_path: Path) -> None:
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "broken.yml").write_text(BAD)

    answer = tapewatch("rules", "check", folder=tmp_path)

    assert answer.code == 2
    assert "sigma_rules/broken.yml:4:8" in answer.error
