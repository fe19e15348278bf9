"""Expected alerts against those that came: which fit, and what is different about the others."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import msgspec
from sigma.types import SigmaString

from detections.rule_testing.model import Comparison, ExpectedAlert, FieldDifference, Unmet
from detections.sigma.texts import text_test
from normalizer.events import Alert

#: In an expected alert: the name, id or title of the rule that it comes from.
RULE = "rule"
_NEARLY = 1e-9
#: Beyond this many alerts of a test the nearest one isn't looked for: it would say nothing.
_MOST_COMPARED = 200
_ATTRIBUTES = {f.encode_name: f.name for f in msgspec.structs.fields(Alert)}


def compare(expected: Sequence[ExpectedAlert], alerts: Sequence[Alert]) -> Comparison:
    """Find for every expected alert one that fits, in any order; pair the others by likeness."""
    fields = [alert_fields(alert) for alert in alerts]
    partner = _assigned(expected, fields)
    met = {number: place for place, number in partner.items()}
    left = [place for place in range(len(alerts)) if place not in partner]
    unmet: list[Unmet] = []
    for number, wanted in enumerate(expected):
        if number in met:
            continue
        place, differences = _nearest(wanted, fields, left)
        if place is not None:
            left.remove(place)
        unmet.append(
            Unmet(
                expected=wanted,
                number=number + 1,
                nearest=None if place is None else alerts[place],
                differences=differences,
            )
        )
    return Comparison(
        met=tuple((expected[number], alerts[place]) for number, place in sorted(met.items())),
        unmet=tuple(unmet),
        unexpected=tuple(alerts[place] for place in left),
    )


def alert_fields(alert: Alert) -> dict[str, Any]:
    """An alert by ECS name, with what it has by default."""
    return {name: getattr(alert, attribute) for name, attribute in _ATTRIBUTES.items()}


def alert_field_names() -> Collection[str]:
    """What an alert can have."""
    return _ATTRIBUTES


def differences(wanted: ExpectedAlert, fields: Mapping[str, Any]) -> list[FieldDifference]:
    """The fields that aren't as expected; the rule first, if the alert is of another."""
    found: list[FieldDifference] = []
    if wanted.rules and fields["rule.id"] not in wanted.rules:
        found.append(FieldDifference(RULE, wanted.rule, fields["rule.name"]))
    found += [
        FieldDifference(name, value, fields.get(name))
        for name, value in wanted.fields.items()
        if not fits(value, fields.get(name))
    ]
    return found


def fits(wanted: Any, came: Any) -> bool:
    """Text may have `*` and `?`, groups name the entries that matter, null is what isn't there."""
    if isinstance(wanted, str) and isinstance(came, str):
        return text_test(SigmaString(wanted), cased=True)(came)
    if isinstance(wanted, dict) and isinstance(came, dict):
        entries = cast("dict[str, Any]", came)
        return all(
            fits(value, entries.get(name)) for name, value in cast("dict[str, Any]", wanted).items()
        )
    if isinstance(wanted, list) and isinstance(came, (list, tuple)):
        pair = cast("tuple[list[Any], list[Any]]", (wanted, came))
        return len(pair[0]) == len(pair[1]) and all(map(fits, *pair))
    if wanted is None:
        return came in (None, (), {})
    if isinstance(wanted, bool) or isinstance(came, bool):
        return wanted is came
    if isinstance(wanted, (int, float)) and isinstance(came, (int, float)):
        return abs(wanted - came) <= _NEARLY * max(1.0, abs(wanted))
    return bool(wanted == came)


def _assigned(
    expected: Sequence[ExpectedAlert], fields: Sequence[Mapping[str, Any]]
) -> dict[int, int]:
    """As many pairs as there can be, by alert: what fits anything must not take another's place."""
    partner: dict[int, int] = {}
    for number, wanted in enumerate(expected):
        fitting = [place for place, came in enumerate(fields) if not differences(wanted, came)]
        _pair(number, fitting, partner, expected, fields, set())
    return partner


def _pair(
    number: int,
    fitting: Sequence[int],
    partner: dict[int, int],
    expected: Sequence[ExpectedAlert],
    fields: Sequence[Mapping[str, Any]],
    tried: set[int],
) -> bool:
    """Give an expected alert a partner, moving others to another that fits them too."""
    for place in fitting:
        if place in tried:
            continue
        tried.add(place)
        holder = partner.get(place)
        if holder is None:
            partner[place] = number
            return True
        others = [p for p, came in enumerate(fields) if not differences(expected[holder], came)]
        if _pair(holder, others, partner, expected, fields, tried):
            partner[place] = number
            return True
    return False


def _nearest(
    wanted: ExpectedAlert, fields: Sequence[Mapping[str, Any]], left: Sequence[int]
) -> tuple[int | None, tuple[FieldDifference, ...]]:
    found = [(differences(wanted, fields[place]), place) for place in left[:_MOST_COMPARED]]
    if not found:
        return None, ()
    # An alert of another rule is the last to be taken for it.
    of_another = [any(one.name == RULE for one in found[i][0]) for i in range(len(found))]
    best = min(range(len(found)), key=lambda i: (of_another[i], len(found[i][0]), found[i][1]))
    return found[best][1], tuple(found[best][0])
