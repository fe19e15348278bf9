"""Labels that are good by their form, and about nothing: a name or an address with a slip in it."""

import re
from collections.abc import Iterable

from detections.backtest.labels import Label, Labels
from detections.typologies import TYPOLOGIES
from pipeline.problems import Problem, did_you_mean, shown

_WHOLE = re.compile(r"0x(?:[0-9a-f]{40}|[0-9a-f]{64})")
_NEARLY = range(36, 46)
_MOST = 20
_KEYS = {"typology": "typology", "rule": "name"}


def label_slips(labels: Labels) -> list[Problem]:
    """Warnings of labels that can't find an alert as they are written, each kind of slip once.

    A label about another rule or typology is none of them: files of labels are used with some of
    the rules.
    """
    found: dict[tuple[str, str], Problem] = {}
    for one in labels.left_out:
        for key, text, known in (
            ("typology", one.typology, TYPOLOGIES),
            ("rule", one.rule, labels.rule_names),
        ):
            if text is not None and text not in known and (hint := did_you_mean(text, known)):
                said = f"no rule here has the {_KEYS[key]} {shown(text)}"
                found.setdefault((key, text), _warning(one, said, hint=hint))
    for one in labels.used:
        for text in sorted(name for name in one.entities | one.events if "," in name):
            said = f"{shown(text)} is one name with a comma in it"
            expected = "spaces or semicolons between several"
            found.setdefault(("list", text), _warning(one, said, expected=expected))
        for text in _no_addresses(one.entities | one.events):
            said = f"{shown(text)} is no whole address"
            found.setdefault(("entity", text), _warning(one, said, expected="0x and 40 digits"))
    return list(found.values())[:_MOST]


def _no_addresses(names: Iterable[str]) -> list[str]:
    return sorted(
        name
        for name in names
        if name.startswith("0x") and len(name) in _NEARLY and not _WHOLE.fullmatch(name)
    )


def _warning(
    label: Label, said: str, *, hint: str | None = None, expected: str | None = None
) -> Problem:
    return Problem(
        location=label.location,
        code="backtest/label",
        message=said,
        severity="warning",
        hint=hint,
        expected=expected,
    )
