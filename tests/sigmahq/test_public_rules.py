"""The public rule collection SigmaHQ/sigma: it loads, compiles, and matches what it says it does.

None of it is in this repository. Run with a clone of it:

    TAPEWATCH_SIGMAHQ=~/sigma .venv/bin/pytest tests/sigmahq
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError

from detections.engine.engine import Engine
from detections.rules.loading import load_rules, parse_rules
from pipeline.problems import ProblemsFound, render

CLONE = os.environ.get("TAPEWATCH_SIGMAHQ")
FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting", "rules-compliance")

pytestmark = pytest.mark.skipif(
    CLONE is None, reason="set TAPEWATCH_SIGMAHQ to a clone of SigmaHQ/sigma"
)


#: Lists that the collection's placeholders need; whoever uses its rules has to give them.
LISTS = b"lists:\n  known_cdcs: [dc-1.example.com]\n"


def rule_files() -> list[Path]:
    clone = Path(CLONE or "")
    return [path for folder in FOLDERS for path in sorted((clone / folder).rglob("*.yml"))]


def accepted_by_pysigma(path: Path) -> bool:
    try:
        collection = SigmaCollection.from_yaml(path.read_text("utf-8"))
        for rule in collection.rules:
            for condition in rule.detection.parsed_condition:  # type: ignore[union-attr]
                condition.parse()
    except SigmaError:
        return False
    return True


def test_every_rule_that_pysigma_accepts_compiles(tmp_path: Path) -> None:
    files = rule_files()
    lists = tmp_path / "placeholders.lists.yml"
    lists.write_bytes(LISTS)
    assert len(files) > 3_000
    refused: list[str] = []
    for path in files:
        if not accepted_by_pysigma(path):
            continue
        try:
            rules = load_rules([path, lists])
        except ProblemsFound as found:
            refused.append(render(found.problems))
            continue
        Engine(rules).process_documents([{"event.id": "1", "@timestamp": 0}])
    assert refused == []


def regression_tests() -> Iterator[tuple[str, Path, Path]]:
    """Rule id, the rule's file, and the event that it must match."""
    clone = Path(CLONE or "")
    by_id = {
        document["id"]: path
        for path in rule_files()
        for document in yaml.safe_load_all(path.read_text("utf-8"))
        if document and "id" in document
    }
    for info in sorted((clone / "regression_data").rglob("info.yml")):
        for rule in yaml.safe_load(info.read_text("utf-8"))["rule_metadata"]:
            for event in sorted(info.parent.glob("*.json")):
                if rule["id"] in by_id:
                    yield rule["id"], by_id[rule["id"]], event


def flat_event(event: Any) -> dict[str, Any]:
    """A Windows event as its rules name its fields: those of System and of EventData."""
    found: dict[str, Any] = {"event.id": "1", "@timestamp": 0}
    if "Event" not in event:
        return found | event
    for part in ("System", "EventData", "UserData"):
        for name, value in (event["Event"].get(part) or {}).items():
            if isinstance(value, dict):
                value = value.get("#text", value)
                if isinstance(value, dict):
                    found |= {f"{name}_{k}": v for k, v in value.get("#attributes", {}).items()}
                    inner = value.items() if part == "UserData" else ()
                    found |= {k: v for k, v in inner if not isinstance(v, dict)}
                    continue
            if value is not None:
                # The collection names Defender's fields without the spaces.
                found[name] = found[name.replace(" ", "")] = value
    return found


def test_the_regression_events_match() -> None:
    missed: list[str] = []
    checked = 0
    for rule_id, rule, path in regression_tests():
        text = path.read_text("utf-8-sig")
        decoder, at, events = json.JSONDecoder(), 0, list[Any]()
        while at < len(text):
            event, end = decoder.raw_decode(text, at)
            events += event if isinstance(event, list) else [event]
            at = end + len(text[end:]) - len(text[end:].lstrip())
        engine = Engine(parse_rules(rule.read_bytes(), name=str(rule)))
        documents = [{**flat_event(e), "event.id": str(n)} for n, e in enumerate(events)]
        alerts = engine.process_documents(documents)
        assert engine.take_problems() == []
        checked += 1
        if not any(alert.rule_id == rule_id for alert in alerts):
            missed.append(f"{path}: {rule}")
    assert checked > 150
    assert missed == []
