"""Tests beside rules: `NAME.test.yml` has events in short form and the alerts that they must give.

    defaults: {event.action: token-transfer, token.symbol: ACME}
    tests:
      - name: the threshold itself alerts
        events:
          - {at: 5s, token.amount: 100000}
          - {at: 10s, repeat: 3, every: 1s, token.amount: 1, investor.source.id: "INV-{n}"}
        alerts:
          - {event.severity: 47, event.reason: "100,000 ACME moved*"}

An event has ECS names, dotted or nested, and `at` (after the test's beginning), `repeat` and
`every`; in a repeated one `{n}` in text is its number. Ids, times and whatever else its record
needs are filled in; its id is `event-N`, counted from 1. Of rules for others' log sources, any
document is an event. Events come in the order of their times, or, with `allowed_lateness`, in the
order of the file.

An alert names the fields that matter, and `rule` (its name, title or id) where there are several:
text may have the wildcards `*` and `?`, a group names the entries that matter, null is what isn't
there. The alerts, in any order, are all that may come.

A test may have `until` (event time moves on to then at the end, so that windows close), `as_of`
(when it begins; 2026-01-01 if it doesn't say), `rule` (the only one whose alerts are looked at) and
`exceptions` (whether they are in force: true beside exceptions, else false).

A test beside exceptions, `NAME.exceptions.test.yml`, says which alerts remain.

Every test runs again with its events shuffled, twice each, and in other batches: the alerts must
be the same. See `replays`.
"""

from detections.rule_testing.model import Result, RuleTest
from detections.rule_testing.planning import Plan, PlannedFile, chosen, plan
from detections.rule_testing.running import run_test_file, run_tests, run_text
from detections.rule_testing.subjects import Subject, rule_of, subject_of, test_files

__all__ = [
    "Plan",
    "PlannedFile",
    "Result",
    "RuleTest",
    "Subject",
    "chosen",
    "plan",
    "rule_of",
    "run_test_file",
    "run_tests",
    "run_text",
    "subject_of",
    "test_files",
]
