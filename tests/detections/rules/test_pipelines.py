"""pySigma's processing pipelines make rules of other log sources fit our events, or ECS."""

from pathlib import Path
from typing import Any

import pytest

from detections.rules import RuleSet
from detections.rules.model import Comparison
from tests.detections.rules.documents import (
    base,
    folder,
    folder_problems,
    matches,
)

WINDOWS = """\
title: Foreign
name: foreign
logsource: {product: windows, category: process_creation}
detection:
  s: {CommandLine|contains: whoami}
  filter: {User: SYSTEM}
  condition: s and not filter
"""
MAPPING = """\
name: ECS
transformations:
  - id: fields
    type: field_name_mapping
    mapping: {CommandLine: process.command_line, User: user.name}
    rule_conditions: [{type: logsource, product: windows}]
"""


def piped(tmp_path: Path, rule: str, *pipelines: str, **more: str) -> RuleSet:
    files = {"rules/r.yml": rule, **more}
    return folder(tmp_path, files, pipelines=written(tmp_path, *pipelines))


def written(tmp_path: Path, *pipelines: str) -> list[Path]:
    paths = [tmp_path / f".pipelines/{number}.yml" for number, _ in enumerate(pipelines)]
    for path, text in zip(paths, pipelines, strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return paths


def test_fields_get_the_names_of_a_mapping(tmp_path: Path) -> None:
    found = piped(tmp_path, WINDOWS, MAPPING)
    event = {"process.command_line": "cmd /c whoami", "user.name": "joe"}
    assert matches(found, event)
    assert not matches(found, {**event, "user.name": "system"})
    assert not matches(found, {"CommandLine": "whoami"})


def test_a_pipeline_is_for_the_rules_that_it_fits(tmp_path: Path) -> None:
    found = piped(tmp_path, WINDOWS.replace("windows", "linux"), MAPPING)
    assert matches(found, {"CommandLine": "whoami"})


def test_a_rule_may_become_one_for_our_records(tmp_path: Path) -> None:
    rule = (
        "title: Transfers of a ledger\nlogsource: {product: ledger}\n"
        "detection:\n  s: {kind: move, units|gte: 5000}\n  condition: s\n"
    )
    pipeline = """\
transformations:
  - {type: field_name_mapping, mapping: {kind: event.action, units: token.amount}}
  - {type: map_string, mapping: {move: token-transfer}}
  - {type: change_logsource, product: tapewatch, service: chain}
"""
    found = piped(tmp_path, rule, pipeline)
    assert not found.sigma[0].foreign
    assert matches(found, {"event.action": "token-transfer", "token.amount": 5000})


def test_the_fields_of_such_a_rule_are_checked_as_they_are_then(tmp_path: Path) -> None:
    rule = (
        "title: A ledger\nlogsource: {product: ledger}\n"
        "detection:\n  s:\n    units|gte: 5000\n    sign: x\n  condition: s\n"
    )
    pipeline = """\
transformations:
  - {type: field_name_mapping, mapping: {units: token.symbol, sign: token.sign}}
  - {type: change_logsource, product: tapewatch}
"""
    files = {"rules/r.yml": rule}
    found = folder_problems(tmp_path, files, pipelines=written(tmp_path, pipeline))
    assert [(p.message, p.location.line) for p in found] == [
        ("token.symbol holds text, which can't be compared by size", 5),
        ('no event has a field "token.sign"', 6),
    ]


CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("{type: add_condition, conditions: {host.os: windows}}", {"CommandLine": "whoami"}, False),
    (
        "{type: add_condition, conditions: {host.os: windows}}",
        {"CommandLine": "whoami", "host.os": "Windows"},
        True,
    ),
    (
        "{type: add_condition, conditions: {host.os: windows}, negated: true}",
        {"CommandLine": "whoami", "host.os": "Windows"},
        False,
    ),
    (
        "{type: drop_detection_item, field_name_conditions: [{type: include_fields, "
        "fields: [User]}]}",
        {"CommandLine": "whoami", "User": "SYSTEM"},
        True,
    ),
    ("{type: field_name_prefix, prefix: 'winlog.'}", {"winlog.CommandLine": "whoami"}, True),
    ("{type: replace_string, regex: whoami, replacement: id}", {"CommandLine": "x id"}, True),
    (
        "{type: field_name_mapping, mapping: {CommandLine: [a, b]}}",
        {"b": "whoami"},
        True,
    ),
]


def test_a_misspelt_field_of_ours_that_a_pipeline_gives_is_a_warning(tmp_path: Path) -> None:
    slip = MAPPING.replace("process.command_line", "investor.adress")
    (problem,) = piped(tmp_path, WINDOWS, slip).warnings
    assert problem.message == (
        'neither our own events nor the Elastic Common Schema have a field "investor.adress"'
    )
    assert (problem.hint, problem.location.line) == ("investor.address", 5)
    assert piped(tmp_path, WINDOWS, MAPPING.replace("user.name", "vendor.user")).warnings == ()


@pytest.mark.parametrize(("transformation", "event", "expected"), CASES)
def test_transformations_of_pysigma(
    tmp_path: Path, transformation: str, event: dict[str, Any], expected: bool
) -> None:
    found = piped(tmp_path, WINDOWS, f"transformations:\n  - {transformation}\n")
    assert matches(found, event) is expected


def test_placeholders_are_filled_from_a_pipelines_variables(tmp_path: Path) -> None:
    rule = WINDOWS.replace("User: SYSTEM", "User|expand: '%admins%'")
    pipeline = "vars: {admins: [root, adm_*]}\ntransformations: [{type: value_placeholders}]\n"
    found = piped(tmp_path, rule, pipeline)
    assert matches(found, {"CommandLine": "whoami", "User": "joe"})
    assert not matches(found, {"CommandLine": "whoami", "User": "ADM_joe"})


def test_a_placeholder_that_no_pipeline_fills_is_told(tmp_path: Path) -> None:
    files = {"rules/r.yml": WINDOWS.replace("User: SYSTEM", "User|expand: '%amdins%'")}
    pipeline = "vars: {admins: [root]}\ntransformations: []\n"
    (problem,) = folder_problems(tmp_path, files, pipelines=written(tmp_path, pipeline))
    assert (problem.message, problem.hint) == ('there is no list "amdins"', "admins")


def test_pipelines_are_applied_by_priority(tmp_path: Path) -> None:
    late = "priority: 20\ntransformations: [{type: field_name_suffix, suffix: .keyword}]\n"
    early = MAPPING + "priority: 10\n"
    found = piped(tmp_path, WINDOWS, late, early)
    assert matches(found, {"process.command_line.keyword": "whoami"})


def test_a_pipeline_changes_filters_with_their_rules(tmp_path: Path) -> None:
    filter_ = """\
title: Filter
logsource: {product: windows}
filter:
  rules: [foreign]
  known: {User: joe}
  condition: not known
"""
    found = piped(tmp_path, WINDOWS, MAPPING, **{"rules/f.yml": filter_})
    assert matches(found, {"process.command_line": "whoami", "user.name": "jane"})
    assert not matches(found, {"process.command_line": "whoami", "user.name": "joe"})


def test_a_pipeline_renames_the_fields_of_correlations(tmp_path: Path) -> None:
    counting = """\
title: Many
correlation:
  type: value_count
  rules: [foreign]
  group-by: [User, who]
  aliases: {who: {foreign: User}}
  timespan: 1h
  condition: {field: CommandLine, gte: 3}
"""
    (found,) = piped(tmp_path, WINDOWS + "---\n" + counting, MAPPING).correlations
    assert found.correlation.group_by == ("user.name", "who")
    assert list(found.correlation.aliases["who"].values()) == ["user.name"]
    assert found.correlation.fields == ("process.command_line",)
    assert found.correlation.comparisons == (Comparison("gte", 3),)


def test_a_rule_that_a_pipeline_changes_is_another_version(tmp_path: Path) -> None:
    ours = base("ours")
    hashes = [
        [one.rule.hash for one in piped(tmp_path, WINDOWS + "---\n" + ours, *more).sigma]
        for more in ((), (MAPPING,), (MAPPING.replace("user.name", "user.id"),))
    ]
    assert len({foreign for foreign, _ in hashes}) == 3
    assert len({unchanged for _, unchanged in hashes}) == 1


@pytest.mark.parametrize(
    ("pipeline", "message", "hint"),
    [
        ("[1]", "this isn't a pipeline", None),
        ("transformation: []", 'a pipeline has no "transformation"', "transformations"),
        ("transformations: {a: b}", "these aren't transformations", None),
        ("transformations: [{type: field_name_maping}]",
         "Unknown transformation type 'field_name_maping'", None),
        ("transformations: [{type: field_name_mapping}]", None, None),
        ("transformations: [{type: command_placeholders, command: 'touch x'}]",
         "command_placeholders reads from outside, which rules may not", None),
        ("transformations: [{type: nest, items: [{type: http_placeholders, url: 'http://x'}]}]",
         "http_placeholders reads from outside, which rules may not", None),
        ("transformations: [{type: rule_failure, message: not for us}]",
         "a pipeline can't be applied: not for us", None),
        ("transformations: [{type: field_name_mapping, mapping: {CommandLine: 5}}]", None, None),
        ("priority: high", None, None),
    ],
)  # fmt: skip
def test_a_mistake_in_a_pipeline(
    tmp_path: Path, pipeline: str, message: str | None, hint: str | None
) -> None:
    files = {"rules/r.yml": WINDOWS}
    found = folder_problems(tmp_path, files, pipelines=written(tmp_path, pipeline))
    assert found
    assert message is None or [(p.message, p.hint) for p in found] == [(message, hint)]


def test_a_pipeline_that_isn_t_there(tmp_path: Path) -> None:
    (problem,) = folder_problems(
        tmp_path, {"rules/r.yml": WINDOWS}, pipelines=[tmp_path / "missing.yml"]
    )
    assert problem.message == "there is no such file"


def test_what_is_for_queries_is_passed_over_and_runs_nothing(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    (tmp_path / "evil.py").write_text(f"open({str(touched)!r}, 'w')\nvars = {{}}\n")
    pipeline = MAPPING + (
        f"finalizers:\n  - {{type: template, template: x, vars: {tmp_path / 'evil.py'}}}\n"
        "postprocessing:\n  - {type: embed, prefix: a, suffix: b}\n"
    )
    assert piped(tmp_path, WINDOWS, pipeline).warnings == ()
    assert not touched.exists()
