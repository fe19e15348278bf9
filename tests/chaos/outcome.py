"""What a sink holds in the end, and how two of them differ."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field

from tests.end_to_end.pipeline_run import Installation, without_places


class Holding(Struct):
    """Documents of a sink: how often each id is there, and what each alert says, as a hash."""

    events: Counter[str] = field(default_factory=Counter[str])
    alerts: Counter[str] = field(default_factory=Counter[str])
    said: dict[str, str] = field(default_factory=dict[str, str])


class Differences(Struct):
    """Documents that are missing, that are there again, that say otherwise or never should be."""

    lost: int = 0
    doubled: int = 0
    changed: int = 0
    example: str = ""

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.changed)

    def count(self, wanted: Counter[Any], found: Counter[Any]) -> None:
        """Add what `found` lacks, has again, and has though nobody wants it."""
        more = found - wanted
        strange = sum(count for one, count in more.items() if one not in wanted)
        self.lost += (wanted - found).total()
        self.doubled += more.total() - strange
        self.changed += strange

    def words(self) -> str:
        """One line."""
        return f"{self.lost} lost, {self.doubled} doubled, {self.changed} changed {self.example}"


def holding(events: Iterable[dict[str, Any]], alerts: Iterable[dict[str, Any]]) -> Holding:
    """Of nested ECS documents. What an alert says is all of it, but for its places on the bus."""
    found = Holding(events=Counter(document["event"]["id"] for document in events))
    for alert in alerts:
        identifier = alert["event"]["id"]
        found.alerts[identifier] += 1
        text = json.dumps(without_places(alert), sort_keys=True)
        found.said[identifier] = hashlib.sha256(text.encode()).hexdigest()
    return found


def held_in_files(installation: Installation, sink: str = "out") -> Holding:
    """What the file sink of an installation holds."""
    return holding(installation.documents("events", sink), installation.documents("alerts", sink))


def compare(wanted: Holding, found: Holding, *, bytes_too: bool = True) -> Differences:
    """`bytes_too`: alerts must say the same, too, which needs the same times of receipt."""
    differences = Differences()
    for name in ("events", "alerts"):
        should, is_there = getattr(wanted, name), getattr(found, name)
        missing, more = should - is_there, is_there - should
        differences.count(should, is_there)
        for what, ids in (("missing", missing), ("too many", more)):
            if ids and not differences.example:
                differences.example = f"({name} {what}: {next(iter(ids))})"
    if bytes_too:
        others = [i for i, said in wanted.said.items() if found.said.get(i, said) != said]
        differences.changed += len(others)
        if others and not differences.example:
            differences.example = f"(alert changed: {others[0]})"
    return differences


__all__ = ["Differences", "Holding", "compare", "held_in_files", "holding"]
