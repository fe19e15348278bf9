"""Rule sets that were kept by another version: what this one can't read is left out, and told."""

import pytest

from detections.rules.archived import rules_in
from detections.rules.readable import LeftOut, ReadableRules, readable_rules
from pipeline.bus.rule_archive import RuleFile, RuleFiles, rule_files
from pipeline.problems import ProblemsFound
from tests.detections.rules.documents import base
from tests.detections.samples import HEADER

LARGE = base("large", "token-transfer", "token.amount|gte: 1000")
MINT = base("mint", "token-transfer-refused")
OLD = (
    HEADER.replace("A rule", "Of an older version").strip()
    + "\nname: old\ncorrelator: gone_since\nparameters: {window: 1h}\n"
)
MANY = """\
title: Many
name: many
id: 5b0c9c6e-5a55-4a0b-8a0e-0f7c1d1c5d77
status: test
description: Many.
author: Tester
date: 2026-11-25
references: []
falsepositives: [none known]
typology: wash_trading
level: low
correlation:
  type: event_count
  rules: [large]
  group-by: [source.address]
  timespan: 2m
  condition: {gte: 3}
"""
EXCEPTION = """\
  - rules: [large, old]
    entities: [INV-0001]
    owner: jane@example.com
    reason: Agreed
    expires: 2027-01-31
"""


def kept(pipelines: str = "", **files: str) -> RuleFiles:
    named = {name.replace("_", ".") + ".yml": text.encode() for name, text in files.items()}
    return rule_files(named, [RuleFile("p.yml", pipelines.encode())] if pipelines else [])


def titles(found: ReadableRules) -> list[str]:
    return sorted(rule.title for rule in found.rules.rules)


def test_of_a_set_that_is_good_nothing_is_left_out() -> None:
    files = kept(large=LARGE, many=MANY)

    assert readable_rules(files) == ReadableRules(rules_in(files))


def test_a_rule_that_cannot_be_read_is_left_out_by_itself_and_told() -> None:
    files = kept(all=f"{LARGE}\n---\n{OLD}", mint=MINT)
    with pytest.raises(ProblemsFound):
        rules_in(files)

    found = readable_rules(files)

    assert found.rules.rules == rules_in(kept(all=LARGE, mint=MINT)).rules
    (old,) = found.left_out
    assert (old.id, old.title) == (
        "7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa",
        "Of an older version",
    )
    assert old.why.startswith("all.yml:")
    assert old.why.endswith('there is no correlator "gone_since"')


def test_what_counts_it_is_left_out_too_and_what_only_fed_that() -> None:
    # Of two base rules one can't be read. The other would alert by itself, at every large transfer.
    broken = MINT.replace("detection:", "detektion:")
    files = kept(many=f"{MANY.replace('[large]', '[large, mint]')}", large=LARGE, mint=broken)

    found = readable_rules(files)

    assert found.rules.rules == []
    assert [one.title for one in found.left_out if "Many" in one.title] == ["Many"]
    assert found.left_out[-1].why == "it only feeds a correlation that is left out"


def test_what_another_correlation_counts_as_well_stays_and_is_silent() -> None:
    other = MANY.replace("many", "old_many").replace("5b0c", "6b0c").replace("Many", "Old many")
    files = kept(many=MANY, large=LARGE, other=other.replace("timespan: 2m", "span: 2m"))

    found = readable_rules(files)

    assert titles(found) == sorted(["Many", *titles(readable_rules(kept(large=LARGE)))])
    assert [rule.title for rule in found.rules.alerting] == ["Many"]
    assert [one.title for one in found.left_out] == ["Old many"]


def test_an_exception_still_covers_the_rules_that_are_left() -> None:
    only_old = EXCEPTION.replace("[large, old]", "[old]").replace("INV-0001", "INV-0002")
    files = kept(large=LARGE, old=OLD, ours_exceptions=f"exceptions:\n{EXCEPTION}{only_old}")

    found = readable_rules(files)

    (exception,) = found.rules.exceptions
    assert exception.rules == (found.rules.rules[0].id,)
    assert exception.entities == {"inv-0001"}
    assert {one.title for one in found.left_out} == {
        "Of an older version",
        "ours.exceptions.yml, in part",
    }


def test_exceptions_of_nothing_else_go_with_their_rule() -> None:
    only_old = EXCEPTION.replace("[large, old]", "[old]")
    found = readable_rules(kept(large=LARGE, old=OLD, ours_exceptions=f"exceptions:\n{only_old}"))

    assert found.rules.exceptions == ()
    assert len(found.left_out) == 2


def test_text_that_is_no_yaml_any_more_is_left_out_as_a_file() -> None:
    found = readable_rules(kept(large=LARGE, broken=f"{MINT}\nmore: [\n"))

    assert titles(found) == titles(readable_rules(kept(large=LARGE)))
    assert [(one.id, one.title) for one in found.left_out] == [("", "broken.yml")]


def test_pipelines_that_cannot_be_read_leave_nothing_that_is_known() -> None:
    with pytest.raises(ProblemsFound):
        readable_rules(kept("name: p\nnothing: known\n", large=LARGE))


def test_each_is_told_once() -> None:
    worse = OLD.replace("level: high", "level: extreme")
    found = readable_rules(kept(large=LARGE, old=worse))

    assert [type(one) for one in found.left_out] == [LeftOut]
