"""savedsearches.conf: read back as Splunk reads it, it holds what was written."""

import configparser
import re

import pytest

from delivery.build import elasticsearch_fields
from detections.conversion.export import Choices, export, written
from detections.conversion.saved_searches import conf
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from splunk.conf_file import app_conf
from tests.conversion.converting import correlation, items, rule
from tests.fixtures.shipped_rules import shipped_rules

#: The keys that Splunk's savedsearches.conf.spec has and we use.
KEYS = {
    *("description", "search", "cron_schedule", "enableSched", "disabled", "counttype"),
    *("relation", "quantity", "dispatch.earliest_time", "dispatch.latest_time"),
    *("dispatch.index_earliest", "dispatch.index_latest", "alert.track", "alert.severity"),
    *("alert.digest_mode", "alert.suppress", "alert.suppress.fields", "alert.suppress.period"),
}


def read(text: str) -> configparser.RawConfigParser:
    """A .conf file, strictly: a line that ends with a backslash goes on on the next one."""
    joined = text.replace("\\\n", "\x1f")
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = lambda optionstr: optionstr
    parser.read_string(joined)
    for section in parser.sections():
        for key, value in parser[section].items():
            parser[section][key] = value.replace(" \x1f", "\n")
    return parser


def searches(ruleset: RuleSet, *, alerts: bool = False) -> configparser.RawConfigParser:
    choices = Choices(format="savedsearches", alerts=alerts)
    return read(written(export(ruleset, choices), "savedsearches"))


def only(*documents: str) -> configparser.SectionProxy:
    found = searches(parse_rules("---\n".join(documents).encode()))
    (title,) = found.sections()
    return found[title]


@pytest.fixture(scope="module")
def ours() -> configparser.RawConfigParser:
    return searches(shipped_rules(), alerts=True)


def test_every_rule_of_ours_has_a_stanza_of_its_own(ours: configparser.RawConfigParser) -> None:
    ruleset = shipped_rules()
    loud = [one for one in (*ruleset.sigma, *ruleset.correlations) if not one.silent]
    assert len(ours.sections()) == len(loud) + len(ruleset.correlators)


def test_only_keys_that_splunk_has_are_used(ours: configparser.RawConfigParser) -> None:
    assert {key for section in ours.sections() for key in ours[section]} == KEYS


def test_every_field_and_macro_of_a_search_exists(ours: configparser.RawConfigParser) -> None:
    macros = set(app_conf("macros"))
    for section in ours.sections():
        search = ours[section]["search"]
        bare = re.sub(r'="(?:[^"\\\\]|\\\\.)*"|IN \([^)]*\)', "", search)
        names = re.findall(r"\b([a-z_]+(?:\.[a-z_]+)+)\b", bare)
        assert [name for name in names if name not in elasticsearch_fields()] == []
        assert set(re.findall(r"`(\w+)`", search)) <= macros


def test_an_event_search_is_scheduled_and_alerts_once_per_event() -> None:
    found = only(rule(items("event.action: trade")))
    assert found["search"] == (
        '`tapewatch_index` sourcetype="tapewatch:ecs" event.kind=event event.action="trade"\n'
        "| dedup event.id"
    )
    assert (found["cron_schedule"], found["dispatch.index_earliest"]) == ("*/5 * * * *", "-6m@m")
    assert (found["alert.severity"], found["disabled"]) == ("5", "0")
    assert found["alert.suppress.fields"] == "event.id"


def test_a_staged_rule_is_switched_off() -> None:
    assert only(rule(items("event.action: trade"), extra="staged: true\n"))["disabled"] == "1"


def test_a_correlation_alerts_once_per_group_and_bucket() -> None:
    body = (
        "  type: event_count\n  rules: [base]\n  timespan: 2h\n  group-by: [market.venue]\n"
        "  condition: {gte: 3}"
    )
    found = only(rule(items("event.action: trade")), correlation(body))
    assert found["cron_schedule"] == "0 * * * *"
    assert found["dispatch.earliest_time"] == "-181m@m"
    assert found["alert.suppress.fields"] == "_time,market.venue"
    assert "bin _time span=2h" in found["search"]


def test_titles_and_texts_can_not_break_the_file() -> None:
    head = rule(items("event.action: trade"))
    odd = head.replace("title: Rule 1", "title: 'a [b] = c'").replace(
        "description: For a test.", 'description: "ends with \\\\\\\\\\nsearch = x\\\\\\n[y]"'
    )
    found = searches(parse_rules(odd.encode()))
    assert found.sections() == ["Tapewatch: a  b  = c"]
    assert found["Tapewatch: a  b  = c"]["description"].startswith("ends with \\")
    assert "dedup event.id" in found["Tapewatch: a  b  = c"]["search"]


def test_equal_titles_are_told_apart() -> None:
    assert "[A]" in conf([("A", {}), ("A", {})])
    assert "[A (2)]" in conf([("A", {}), ("A", {})])
