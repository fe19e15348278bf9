"""Whether a value can be what the reference data says of a party.

A filter for `market maker` is good YAML, and leaves nobody out: the label is `market_maker`.
"""

from typing import Any, NamedTuple, get_args

import msgspec

from detections.rules.country_codes import country_meant, is_country
from detections.rules.document import Reading
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.reference_records import Accreditation, Country, Label
from pipeline.yaml_nodes import ScalarNode

#: Labels that our own rules and collectors give or leave out, for what was probably meant.
LABELS = (
    *("market_maker", "custodian", "issuer", "issuer_affiliate", "treasury", "agent", "insider"),
    *("pool", "router", "exchange", "bridge", "mixer", "sanctioned", "stolen_funds", "scam"),
    *("darknet", "ransomware", "high_risk", "restricted", "trading_plan", "index_fund"),
)
ACCREDITATIONS: tuple[str, ...] = get_args(Accreditation)


class _Kind(NamedTuple):
    form: Any
    expected: str
    known: tuple[str, ...]


_KINDS = {
    "labels": _Kind(Label, "a label such as market_maker: no spaces", LABELS),
    "jurisdiction": _Kind(Country, "a country's two letters (ISO 3166-1 alpha-2), such as US", ()),
    "accreditation": _Kind(Accreditation, one_of(sorted(ACCREDITATIONS)), ACCREDITATIONS),
}


def check_party(reading: Reading, name: str, node: ScalarNode, listed: str | None = None) -> None:
    """Warn where no party can have this value in the field, or where a label looks like a slip.

    `listed` is a value of the list that the node names, if it names one.
    """
    first, _, last = name.rpartition(".")
    kind = _KINDS.get(last) if first.startswith("investor") else None
    text = node.text if listed is None else listed
    if kind is None or "*" in text or "?" in text:
        return
    among = "" if listed is None else f"in the list {node.text}: "
    # Values match in any case.
    has_form = _has_form(text.lower(), kind.form) or _has_form(text.upper(), kind.form)
    country = last == "jurisdiction"
    if not has_form or (country and not is_country(text.upper())):
        reading.report(
            node,
            "rule/value",
            f"{among}{name} is never {shown(text)}",
            severity="warning",
            expected=kind.expected,
            hint=country_meant(text) if country else did_you_mean(text, kind.known),
        )
    elif last == "labels" and (meant := label_meant(text)) is not None:
        reading.report(
            node,
            "rule/label",
            f"{among}{shown(text)} is none of the usual labels; it is taken as one of yours",
            severity="warning",
            hint=meant,
        )


def is_label(text: str) -> bool:
    """Whether the reference data can have such a label."""
    return _has_form(text, Label)


def _has_form(text: str, form: Any) -> bool:
    try:
        msgspec.convert(text, form)
    except msgspec.ValidationError:
        return False
    return True


def label_meant(text: str) -> str | None:
    """The usual label that differs in separators or one letter only: others are one's own."""
    word = text.lower()
    if word in LABELS or ":" in word:
        return None
    plain = _letters(word)
    for label in LABELS:
        other = _letters(label)
        if plain == other or (len(other) > 5 and _one_letter_apart(plain, other)):
            return label
    return None


def _letters(word: str) -> str:
    return "".join(c for c in word if c.isalnum())


def _one_letter_apart(a: str, b: str) -> bool:
    """Whether one letter was left out, put in, taken for another, or changed places."""
    if abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if start is None:
        return True
    rest, other = a[start:], b[start:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return other in (rest[1:], swapped) or rest in (other[1:],) or rest[1:] == other[1:]
