"""`tapewatch rules convert` as people use it."""

import json
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detections.conversion.export import Choices, export
from detections.rules.loading import parse_rules
from tests.cli.command_line import RULES, Answer, tapewatch
from tests.conversion.converting import items, rule
from tests.conversion.detection_engine import AnyRule

GOOD = rule(items("event.action: trade"))
REFUSED = rule(items("token.amount_raw|gt: 5"), number=2, name="refused")
LOSSY = rule(items(r"token.symbol|re: ^\d$"), number=3, name="lossy")


def convert(folder: Path, *arguments: str, **rules: str) -> Answer:
    for name, text in rules.items():
        (folder / f"{name}.yml").write_text(text)
    return tapewatch("rules", "convert", ".", *arguments, folder=folder)


def test_our_rules_become_rules_of_elastic_security(tmp_path: Path) -> None:
    answer = tapewatch(
        "rules", "convert", RULES, "--to", "elastic", "--alerts", "-o", "r.ndjson", folder=tmp_path
    )
    assert answer.code == 0, answer
    lines = (tmp_path / "r.ndjson").read_text().splitlines()
    for line in lines:
        msgspec.json.decode(line, type=AnyRule)
    assert f"wrote {len(lines)} of {len(lines)} rules to r.ndjson" in answer.error
    assert answer.out == ""


def test_what_is_refused_is_said_with_its_place_and_is_missing(tmp_path: Path) -> None:
    answer = convert(tmp_path, "--to", "elastic", "--format", "lucene", good=GOOD, refused=REFUSED)
    assert answer.code == 2
    assert 'event.action:"trade"' in answer.out
    assert "Rule 2" not in answer.out
    assert "refused.yml:" in answer.error
    assert "token.amount_raw is text in Elasticsearch" in answer.error
    assert "|     ^^^^^^^^^^^^^^^^^^^" in answer.error
    assert "wrote 1 of 2 rules (1 as Lucene); 1 refused and missing" in answer.error


def test_what_loses_meaning_is_warned_of_and_strictly_refused(tmp_path: Path) -> None:
    answer = convert(tmp_path, "--to", "elastic", lossy=LOSSY)
    assert answer.code == 0, answer
    assert "warning: Rule 3: Elasticsearch's form of the expression takes" in answer.error
    strict = convert(tmp_path, "--to", "elastic", "--strict", "-o", "r.ndjson")
    assert strict.code == 2
    assert "nothing was converted" in strict.error
    assert not (tmp_path / "r.ndjson").exists()


def test_nothing_is_half_written_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "r.ndjson").write_text("before")
    assert convert(tmp_path, "--to", "elastic", "-o", "r.ndjson", refused=REFUSED).code == 2
    assert (tmp_path / "r.ndjson").read_text() == "before"
    assert list(tmp_path.glob(".*")) == []


def test_the_report_for_machines_has_every_rule(tmp_path: Path) -> None:
    answer = convert(tmp_path, "--to", "splunk", "--json", good=GOOD, refused=REFUSED)
    assert answer.code == 2
    report: dict[str, Any] = json.loads(answer.out)
    assert (report["converted"], report["refused"]) == (1, 1)
    good, refused = report["rules"]
    assert (good["title"], good["converted_as"]) == ("Rule 1", "spl")
    assert good["query"] in report["output"].replace(" \\\n", "\n")
    assert (refused["converted_as"], refused["query"]) == (None, None)
    assert refused["problems"][0]["code"] == "convert/size-of-text"
    assert refused["problems"][0]["location"]["file"] == "refused.yml"


def test_mistakes_of_rules_are_said_as_by_a_check(tmp_path: Path) -> None:
    answer = convert(tmp_path, "--to", "elastic", bad=GOOD.replace("level: high", "level: hihg"))
    assert answer.code == 2
    assert "did you mean high?" in answer.error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "splunk", "--format", "lucene"), "isn't for splunk"),
        (("--to", "elastic", "--format", "spl"), "isn't for elastic"),
        (("--to", "qradar"), "qradar"),
        ((), "--to"),
        (("--to", "elastic", "-o", "no/such/folder/r.ndjson"), "can't write"),
    ],
)
def test_what_can_not_be_done_is_said(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    answer = convert(tmp_path, *arguments, good=GOOD)
    assert answer.code in (1, 2)
    assert said in answer.error


def test_it_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    tagged = rule(items("event.action: trade"), extra="tags: [attack.t1059, attack.execution]\n")
    for written in ("siem", "esql", "eql", "savedsearches"):
        (found,) = export(parse_rules(tagged.encode()), Choices(format=written))
        assert found.output is not None
