"""Exceptions of rules that begin, change or end: noted for the audit log, with before and after."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from pipeline.bus.command_notes import CommandNote
from pipeline.units import SECOND

if TYPE_CHECKING:
    from detections.rules.model import ExceptionRule
    from detections.rules.rule_set import RuleSet


def exception_notes(before: "RuleSet | None", after: "RuleSet", why: str) -> list[CommandNote]:
    """One for each exception that is new, another, or gone, in the order of their ids."""
    old = _told(before)
    new = _told(after)
    return [
        CommandNote(
            action="exception",
            what=one,
            why=why,
            before=msgspec.Raw(old.get(one, b"null")),
            after=msgspec.Raw(new.get(one, b"null")),
        )
        for one in sorted(old.keys() | new.keys())
        if old.get(one) != new.get(one)
    ]


def _told(rules: "RuleSet | None") -> Mapping[str, bytes]:
    return {one.id: _content(one) for one in (() if rules is None else rules.exceptions)}


def _content(one: "ExceptionRule") -> bytes:
    """What it covers, whose it is, why and until when; where it stands in a file is no part."""
    ends = datetime.fromtimestamp(one.expires // SECOND, UTC)
    told = {
        "rules": one.rules,
        "entities": sorted(one.entities),
        "conditions": [str(condition) for condition in one.conditions],
        "owner": one.owner,
        "reason": one.reason,
        "before": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return msgspec.json.encode(told)
